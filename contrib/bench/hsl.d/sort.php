<?php
$s = 0;
for ($r = 0; $r < 40; $r++) {
    $a = [];
    $x = 12345;
    for ($i = 0; $i < 10000; $i++) { $x = ($x * 1103 + 12345) % 1000003; $a[] = $x; }
    usort($a, function ($p, $q) { return $p <=> $q; });
    foreach ($a as $v) { $s += $v; break; }
}
echo $s, "\n";
