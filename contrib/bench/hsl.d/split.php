<?php
$line = "alpha,beta,gamma,delta,epsilon,zeta,eta,theta,iota,kappa";
$n = 0;
for ($i = 0; $i < 800000; $i++) {
    $parts = explode(",", $line);
    $n += strlen(implode(";", $parts)) + count($parts);
}
echo $n, "\n";
