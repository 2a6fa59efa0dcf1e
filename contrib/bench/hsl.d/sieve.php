<?php
for ($round = 0; $round < 15; $round++) {
    $n = 500000;
    $p = [];
    for ($i = 0; $i <= $n; $i++) $p[$i] = true;
    for ($i = 2; $i * $i <= $n; $i++) {
        if ($p[$i]) for ($j = $i * $i; $j <= $n; $j += $i) $p[$j] = false;
    }
    $count = 0;
    for ($i = 2; $i <= $n; $i++) if ($p[$i]) $count++;
}
echo $count, "\n";
