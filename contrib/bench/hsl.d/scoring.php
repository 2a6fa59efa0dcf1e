<?php
$rules = [["Subject", "free", 2], ["Subject", "winner", 3], ["From", "noreply", 1], ["X-Mailer", "bulk", 2], ["List-Id", "", -1]];
function score($h, $rules) {
    $s = 0;
    foreach ($rules as [$name, $word, $points]) {
        $v = $h[$name] ?? null;
        if ($v !== null and ($word == "" or strpos(strtolower($v), $word) !== false)) $s += $points;
    }
    return $s;
}
$t = 0;
for ($i = 0; $i < 600000; $i++) {
    $h = ["Subject" => "Get it FREE today $i", "From" => "noreply@example.org", "To" => "ann@example.com", "Date" => "now"];
    $t += score($h, $rules);
}
echo $t, "\n";
