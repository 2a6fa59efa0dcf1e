<?php
$s = 0;
for ($i = 1; $i <= 12000; $i++) {
    for ($j = 1; $j <= 2000; $j++) {
        if ($j % 7 == 3) $s += $i * $j;
        else $s -= $j;
    }
}
echo $s, "\n";
