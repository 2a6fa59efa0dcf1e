#!/usr/bin/perl
# ports.t - the ports of the tests' own servers. A test of DNS once failed since the TCP port with the
# number of its UDP port was another test's connection, and so may any that starts a server again.
use strict;
use warnings;
use IO::Socket::INET;
use Penstock;
use Test::More;

my @ports = map { Penstock::free_port() } 1 .. 200;
my %seen = map { $_ => 1 } @ports;
is(scalar keys %seen, 200, 'each is given once');
is(scalar(grep { $_ >= 32768 } @ports), 0, 'none that Linux gives to a connection');
is(scalar(grep { !IO::Socket::INET->new(Listen => 1, LocalAddr => '127.0.0.1', LocalPort => $_) } @ports), 0, 'free for TCP');
is(scalar(grep { !IO::Socket::INET->new(Proto => 'udp', LocalAddr => '127.0.0.1', LocalPort => $_) } @ports), 0, '... and UDP');
my ($code, $out, $err) = Penstock::call($^X, '-MPenstock', '-e', 'print join " ", map { Penstock::free_port() } 1 .. 500');
is($code, 0, "another test at the same time $err");
my @others = split ' ', $out;
is(scalar @others, 500, '... gets ports, too');
is(scalar(grep { $seen{$_} } @others), 0, '... and others');
done_testing;
