<?php
function add($a, $b) { return $a + $b; }
$s = 0;
for ($i = 0; $i < 5000000; $i++) $s = add($s, $i);
echo $s, "\n";
