<?php
$words = [];
for ($i = 0; $i < 1000; $i++) $words[] = "word" . ($i * 7919 % 1000);
$c = [];
for ($r = 0; $r < 9000; $r++) {
    foreach ($words as $w) $c[$w] = ($c[$w] ?? 0) + 1;
}
$s = 0;
foreach ($c as $k => $v) $s += $v;
echo count($c), " ", $s, "\n";
