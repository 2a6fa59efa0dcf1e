<?php
class Account {
    private $sum = 0;
    function add($x) { $this->sum += $x; return $this; }
    function get() { return $this->sum; }
}
$a = new Account();
for ($i = 0; $i < 10000000; $i++) $a->add($i);
echo $a->get(), "\n";
