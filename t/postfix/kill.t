#!/usr/bin/perl
# The milter killed with SIGKILL in the middle of 500 messages: Postfix says 4xx, the clients come
# back, and every message is delivered or held exactly once.
use strict;
use warnings;
use Penstock;
use Test::More;
use Time::HiRes qw(sleep time);

my $count = 500;
my $gw = Penstock->new(
    recipient => "Accept();\n",
    mail => <<'HSL',
if ($recipientlocalpart == "hold") Quarantine("mailquarantine:1");
if ($recipientlocalpart == "marked") AddHeader("X-Marked", "yes");
Deliver();
HSL
);
$gw->start;

# message n: to plain alone, to hold alone, or to plain and hold
sub recipients { my ($n) = @_; return (['plain'], ['hold'], ['plain', 'hold'])[$n % 3] }

my @clients;
for my $c (0 .. 3) {
    my $pid = fork // die;
    if (!$pid) {
        my $refused = 0;
        for (my $n = $c; $n < $count; $n += 4) {
            my $end = time + 60;
            while (time < $end) {
                my $r = $gw->send(from => "s$n\@example.org", to => [map { "$_\@example.com" } @{ recipients($n) }], data => "Subject: n$n\nMessage-Id: <n$n\@example.org>\n\nbody $n\n");
                last if ($r->{final} // '') =~ /^250 /;
                $refused++;
                sleep 0.1;
            }
            POSIX::_exit(255) if time >= $end;
        }
        POSIX::_exit($refused > 200 ? 200 : $refused);
    }
    push @clients, $pid;
}
for (1 .. 6) {
    sleep 0.4 + rand 0.4;
    $gw->kill_daemon('penstock-milter', 'KILL');
    sleep 0.1;
    $gw->start_milter;
}
my $refused = 0;
for (@clients) { waitpid $_, 0; my $s = $? >> 8; ok(!($? & 127) && $s != 255, 'a client got through in the end'); $refused += $s }
ok($refused > 0, "the kills were noticed: $refused tries were told to come back");

my $want = 0;
my %want;
for my $n (0 .. $count - 1) { $want{"n$n $_"} = 1 for @{ recipients($n) } }
ok($gw->wait_queue_empty(60), 'Postfix has delivered all it took');
my %got;
for my $m ($gw->mail) {
    my ($s) = $m->{head} =~ /^Subject: (n\d+)\r$/m;
    $got{"$s " . s/@.*//r}++ for @{ $m->{to} };
}
my ($code, $out, $err) = $gw->ctl('quarantine', 'check');
is($code, 0, 'quarantine check is content') or diag $out, $err;
for my $h ($gw->held) { $got{"$h->{subject} " . $h->{recipient} =~ s/@.*//r}++ }
my @lost = grep { !$got{$_} } sort keys %want;
my @twice = grep { $got{$_} > 1 } sort keys %got;
is("@lost", '', 'nothing is lost');
is("@twice", '', 'nothing is there twice');
is(scalar keys %got, scalar keys %want, 'nothing else came');
$gw->stop;
done_testing;
