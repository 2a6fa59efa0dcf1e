<?php
function counter() { $n = 0; return function () use (&$n) { $n += 1; return $n; }; }
$s = 0;
for ($i = 0; $i < 80000; $i++) {
    $c = counter();
    for ($j = 0; $j < 100; $j++) $s += $c();
}
echo $s, "\n";
