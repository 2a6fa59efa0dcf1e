<?php
$total = 0;
for ($r = 0; $r < 40; $r++) {
    $s = "";
    for ($i = 0; $i < 50000; $i++) {
        $name = "user$i";
        $s .= "<$name@example.com>, ";
    }
    $total += strlen($s);
}
echo $total, "\n";
