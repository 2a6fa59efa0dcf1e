<?php
$list = ["Ann Other <ann@example.org>", "bob@example.com", "\"Carol, C.\" <carol@sub.example.net>", "<dave@example.org>"];
$n = 0;
for ($i = 0; $i < 1200000; $i++) {
    $a = $list[$i % 4];
    $lt = strpos($a, "<");
    if ($lt !== false) $a = substr($a, $lt + 1, -1);
    [$local, $domain] = explode("@", $a);
    $labels = explode(".", $domain);
    $n += strlen($local) + count($labels);
    if ($labels[count($labels) - 1] == "org") $n += 1;
}
echo $n, "\n";
