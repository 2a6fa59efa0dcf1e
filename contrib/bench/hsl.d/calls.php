<?php
function add($a, $b) { return $a + $b; }
$s = 0;
for ($i = 0; $i < 20000000; $i++) $s = add($s, $i);
echo $s, "\n";
