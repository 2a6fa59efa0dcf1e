#!/usr/bin/perl
# Shared state in the real daemon: it outlives kill -9, callers cannot get past a limit, clients that
# end give up what they hold, and nonsense harms nobody.
use strict;
use warnings;
use FindBin;
use lib "$FindBin::Bin";
use POSIX ();
use State;
use Test::More;
use Time::HiRes qw(sleep time);

my $gw = state_start(conf => "rate_ipv6_prefix = 64\nstate_clients = 300\n");
my $c = state_connect($gw) or BAIL_OUT("no state socket: " . $gw->errors('penstock-policyd'));

# --- what there is
is(join(',', map { rate($c, 'n', 'e', 3) } 1 .. 4), '1,1,1,0', 'three of three events');
is(rate($c, 'n', 'e', 0), 3, 'counted');
is(rate($c, 'n', '2001:db8::1', 2) . rate($c, 'n', '2001:db8:0:0:ffff::', 2) . rate($c, 'n', '2001:db8::3', 2), '110', 'one /64 is one entry');
is(ask($c, 'add', key => 'k', n => 5, remove => 0)->{result}, 5, 'a key');
is(ask($c, 'change', key => 'plain', when => 'always', version => 0, value => "t\n\0%")->{status}, 'ok', 'another');
is_deeply(ask($c, 'enter', name => 'b', wait => 1), { status => 'ok' }, 'a barrier');
is(ask($c, 'leave', name => 'b', keep => 'store', value => 'd12345678')->{status}, 'ok', '... with a value');

# --- the command
my ($code, $out, $err) = $gw->ctl('rate', 'list');
is($code, 0, 'penstock rate list') or diag $err;
like($out, qr/^3 in 3600 s  n  e$/m, 'each window');
like($out, qr{^2 in 3600 s  n  2001:db8::/64$}m, 'networks as such');
($code, $out) = $gw->ctl('rate', 'list', '-n', 'other');
is("$code$out", '0', 'another namespace');
($code, $out) = $gw->ctl('rate', 'show', 'n', 'e', '--json');
is($out, qq({"namespace":"n","entry":"e","events":"3","interval":"3600"}\n), 'penstock rate show, as JSON');
# An address was not found under itself, only as the network it counts as.
is(($gw->ctl('rate', 'show', 'n', '2001:db8::77'))[1], "2 in 3600 s  n  2001:db8::/64\n", 'an address of a network');
is(join('', ($gw->ctl('rate', 'reset', 'n', '2001:db8::77'))[0, 1]), "0reset: 1\n", '... to be reset');
# All IPv4 clients whose addresses are written as IPv6 ones were one.
is(join('', map { rate($c, 'mapped', $_, 1) } '::ffff:192.0.2.1', '::ffff:192.0.2.2', '192.0.2.1'), '110', 'IPv4 addresses as such');
# Every interval with a fraction was one of "less than a second".
rate($c, 'half', 'e', 9, $_) for 0.1, 1.5;
($code, $out) = $gw->ctl('rate', 'list', '-n', 'half');
is(join('', sort split /^/, $out), "1 in 0.1 s  half  e\n1 in 1.5 s  half  e\n", 'parts of a second');
($code, $out, $err) = $gw->ctl('rate', 'show', 'n', 'nobody');
is($code, 66, 'of nobody') or diag $out;
like($err, qr/nothing is counted there/, 'with a word');
is(rate($c, 'r', 'x', 1) . rate($c, 'r', 'x', 1), '10', 'over a limit');
($code, $out) = $gw->ctl('rate', 'reset', 'r', 'x');
is("$code$out", "0reset: 1\n", 'penstock rate reset');
# Windows that count nothing went into the number.
($code, $out) = $gw->ctl('rate', 'reset', 'r', 'x');
is("$code$out", "66reset: 0\n", '... of what counts nothing');
is(rate($c, 'r', 'x', 1), 1, 'lets it in again');
($code, $out) = $gw->ctl('status');
like($out, qr/^policyd:\n  uptime: /m, 'penstock status shows the daemon');

# --- kill -9: what is older than a second is there again
sleep 3;
$gw->kill_daemon('penstock-policyd', 'KILL');
is(rate($c, 'n', 'e', 3), undef, 'gone');
$gw->start_policyd;
$c = state_connect($gw);
is(rate($c, 'n', 'e', 0), 3, 'windows outlive kill -9');
is(rate($c, 'n', 'e', 3), 0, '... and limit');
is(rate($c, 'r', 'x', 0), 1, '... also one that was set back');
is(ask($c, 'get', key => 'plain')->{value}, "t\n\0%", 'keys');
is(ask($c, 'enter', name => 'b', wait => 1)->{value}, 'd12345678', 'values of barriers');
is(ask($c, 'leave', name => 'b', keep => 'remove')->{status}, 'ok', 'removed');
is(ask($c, 'change', key => 'plain', when => 'always', version => 0)->{value}, "t\n\0%", 'removed, too');

# --- an orderly stop forgets nothing
is(rate($c, 'late', 'e', 9), 1, 'just before the end');
is($gw->kill_daemon('penstock-policyd'), 0, 'ends well');
$gw->start_policyd;
$c = state_connect($gw);
is(rate($c, 'late', 'e', 0), 1, 'nothing is forgotten');
is(ask($c, 'get', key => 'plain')->{value}, undef, 'what was removed stays so');
is_deeply(ask($c, 'enter', name => 'b', wait => 1), { status => 'ok' }, 'also values of barriers');

# --- a client that ends gives up what it holds
my $d = state_connect($gw);
my $start = time;
is(ask($d, 'enter', name => 'b', wait => 0.3)->{status}, 'timeout', 'held by another');
ok(time - $start < 2, 'in time');
close $c;
is(ask($d, 'enter', name => 'b', wait => 5)->{status}, 'ok', 'given up when its client ends');
$gw->kill_daemon('penstock-policyd', 'KILL');
$gw->start_policyd;
$c = state_connect($gw);
is(ask($c, 'enter', name => 'b', wait => 1)->{status}, 'ok', 'a new daemon knows of no lock');
close $c;

# --- 200 callers at once
my @pids;
for my $n (1 .. 200) {
    my $pid = fork // die "fork: $!";
    if (!$pid) {
        my $mine = state_connect($gw) or POSIX::_exit(255);
        my $yes = 0;
        for (1 .. 10) { my $one = rate($mine, 'many', 'one', 777); POSIX::_exit(254) if !defined $one; $yes += $one }
        POSIX::_exit($yes);
    }
    push @pids, $pid;
}
my ($yes, $bad) = (0, 0);
for (@pids) { waitpid $_, 0; my $got = $? >> 8; $got > 10 ? $bad++ : ($yes += $got) }
is("$yes $bad", '777 0', '200 callers get 777 events of 777');

# --- kill -9 while callers count: no more than the last second is forgotten
my @callers;
for my $n (1 .. 4) {
    pipe my $from, my $to or die "pipe: $!";
    my $pid = fork // die "fork: $!";
    if (!$pid) {
        close $from;
        my $mine = state_connect($gw) or POSIX::_exit(255);
        while (rate($mine, 'load', 'one', 1e9)) { syswrite $to, pack 'd', time }
        POSIX::_exit(0);
    }
    close $to;
    push @callers, [$pid, $from];
}
sleep 2.5;
my $killed = time;
$gw->kill_daemon('penstock-policyd', 'KILL');
my @counted;
for (@callers) {
    my ($pid, $from) = @$_;
    push @counted, unpack 'd*', do { local $/; <$from> };
    waitpid $pid, 0;
}
$gw->start_policyd;
$c = state_connect($gw);
my $kept = rate($c, 'load', 'one', 0);
my $due = grep { $_ < $killed - 1 } @counted;
cmp_ok($due, '>', 100, "they were at work: $due events until a second before");
cmp_ok($kept, '>=', $due, "those are there again: $kept");
cmp_ok($kept, '<=', @counted + @callers, 'and none that nobody counted: ' . @counted);

# --- nonsense
sub nonsense {
    my ($text) = @_;
    my $s = state_connect($gw) or return 'no connection';
    local $SIG{PIPE} = 'IGNORE';
    syswrite $s, $text;
    $s->shutdown(1);
    local $/;
    return readline($s) // '';
}
srand 7;
my $wrong = 0;
for (1 .. 200) {
    my $text = join '', map { chr int rand 256 } 1 .. 1 + rand 400;
    $text = substr("request=enter\nname=a\nwait=0\n\nrequest=leave\nname=a\nkeep=store\nvalue=x\n\n", int rand 60) . $text if rand() < 0.5;
    my $answer = nonsense($text);
    $wrong++ if $answer !~ /\A(status=(ok|timeout|full|error)\n(.*\n)*?\n)*\z/;
}
is($wrong, 0, 'bytes that mean nothing get an answer or none');
like(nonsense("request=rate\nspace=" . 'x' x 5_000_000 . "\n"), qr/\A(status=error\n.*\n\n)?\z/, 'a line that does not end');
like(nonsense("a=b\n" x 1000), qr/\Astatus=error\ntext=attribute list: too many attributes\n\n\z/, 'a list that does not end');
$c = state_connect($gw);
my $answer;
for my $n (1 .. 33) { $answer = ask($c, 'enter', name => "held $n", wait => 0) }
is($answer->{status}, 'error', 'a client may hold 32 barriers, no more');
$c = state_connect($gw);
is(rate($c, 'n', 'after', 0), 0, 'the daemon serves on');
my @idle = map { state_connect($gw) } 1 .. 320;
my $refused = 0;
for (@idle) { my $line = ''; vec(my $in = '', fileno $_, 1) = 1; $refused++ if select $in, undef, undef, 0.01 }
ok($refused >= 20 && $refused <= 30, "no more than 300 clients ($refused are told)");
is(rate($c, 'n', 'after', 0), 0, 'who was there before is served');
@idle = ();
ok(Penstock::wait_until(5, sub { my $s = state_connect($gw); $s && defined rate($s, 'n', 'after', 0) }), 'then there is room again');
is($gw->kill_daemon('penstock-policyd'), 0, 'ends well');
unlike($gw->errors('penstock-policyd'), qr/Sanitizer|runtime error/, 'nothing is reported');
done_testing;
