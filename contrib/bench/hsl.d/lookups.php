<?php
$white = [];
for ($i = 0; $i < 2000; $i++) $white["user$i@example.org"] = "list" . ($i % 10);
$hits = 0;
for ($i = 0; $i < 3000000; $i++) {
    $a = "user" . ($i % 4000) . "@example.org";
    if (isset($white[$a]) and $white[$a] == "list3") $hits++;
}
echo $hits, "\n";
