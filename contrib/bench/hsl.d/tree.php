<?php
function node($depth) {
    if ($depth == 0) return ["name" => "leaf", "value" => 1];
    return ["name" => "node$depth", "left" => node($depth - 1), "right" => node($depth - 1)];
}
function total($t) { return isset($t["value"]) ? $t["value"] : total($t["left"]) + total($t["right"]); }
$s = 0;
for ($i = 0; $i < 100; $i++) $s += total(node(13));
echo $s, "\n";
