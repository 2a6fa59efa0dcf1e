#!/usr/bin/perl
# Runs contrib/bench/library with servers of its own on loopback: penstock-policyd, which keeps what
# it counts in its file as always, a DNS server, a web server.
#
#   library.pl [--rounds N]
use strict;
use warnings;
use Getopt::Long;
use Penstock;
use Server;

my $rounds = 7;
GetOptions('rounds=i' => \$rounds) or exit 64;
my $s = Server->new;
my $dns = $s->knot('bench.test' => "host A 192.0.2.1\n");
my $web = $s->nginx('access_log off;');
$s->write('www/hello', "hello\n");
$s->write('library.conf', "dns_servers = \"127.0.0.1:$dns\"\n");
my $gw = Penstock->new(milter => 0, sink => 0);
my $socket = "unix:$gw->{dir}/run/state";
$gw->{conf} = "state_socket = \"$socket\"\n";
$gw->write_conf;
$gw->start_policyd or die $gw->errors('penstock-policyd');
print "median of $rounds rounds of 0.25 s\n";
my $status = system Penstock::build_dir() . '/contrib/bench/library_calls', $socket, "$s->{dir}/library.conf",
    "http://127.0.0.1:$web/hello", $rounds;
$gw->stop;
$s->stop;
exit($status == 0 ? 0 : 1);
