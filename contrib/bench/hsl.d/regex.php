<?php
$lines = ["Received: from mail.example.org (mail.example.org [192.0.2.9])", "Subject: Re: your invoice 4711 of 2026-11-22", "From: \"Ann Other\" <ann.other@example.org>", "X-Mailer: nothing special at all, version 7"];
$n = 0;
for ($i = 0; $i < 800000; $i++) {
    $l = $lines[$i % 4];
    if (preg_match('/\[(\d+)\.(\d+)\.(\d+)\.(\d+)\]/', $l)) $n += 1;
    if (preg_match('/<([^@>]+)@([^>]+)>/', $l, $m)) $n += strlen($m[1]);
    $n += strlen(preg_replace('/\d+/', "#", $l));
}
echo $n, "\n";
