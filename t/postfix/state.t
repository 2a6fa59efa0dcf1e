#!/usr/bin/perl
# A gateway whose shared state penstock-policyd keeps: limits outlive a restart of the milter, and
# without the daemon mail goes on.
use strict;
use warnings;
use Penstock;
use Test::More;

my $gw = Penstock->new(quarantined => 0,
    recipient => 'if ($recipientlocalpart == "barrier") { try { barrier "b" => $n { $n = ($n ?? 0) + 1; Reject("number $n"); } } catch ($e) { Defer($e->message()); } }'
        . 'if (rate("to", $recipient, 2, 3600) == false) Reject("too many");'
        . 'if ($recipientlocalpart == "memory") Reject("count " . (memory_inc("n") ?? "none"));'
        . 'for ($i = 0; $i < 50000; $i++) {} Accept();',
    mail => 'Deliver();');
$gw->{conf} = "state_socket = \"unix:$gw->{dir}/run/state\"\nrecipient_limits = \"max_time=2.9\"\n";
$gw->write_conf;
$gw->start_policyd;
$gw->start;

sub to { my ($local) = @_; my $r = $gw->send(from => 'a@example.org', to => ["$local\@example.com"], data => "Subject: x\n\nx\n"); return $r->{rcpt}[0] }

like(to('bob'), qr/^250/, 'first');
like(to('bob'), qr/^250/, 'second');
like(to('bob'), qr/^5.*too many/s, 'third');
like(to('memory'), qr/count 1/, 'a key');
like(to('barrier'), qr/number 1/, 'a barrier whose block ends the script');
$gw->kill_daemon('penstock-milter');
$gw->start_milter;
like(to('bob'), qr/^5.*too many/s, 'a new milter knows of them');
like(to('memory'), qr/count 2/, '... of keys');
like(to('barrier'), qr/number 2/, '... and of values of barriers');
my ($code, $out) = $gw->ctl('rate', 'show', 'to', 'bob@example.com');
is($out, "2 in 3600 s  to  bob\@example.com\n", 'so does the administrator');

# A run waited 3 seconds for a daemon that hangs, also if it had less in all: it ended, and nothing was
# accepted any more.
kill 'STOP', $gw->{pids}{'penstock-policyd'};
like(to('bob'), qr/^250/, 'when the daemon hangs nothing is limited');
sleep 6;
like(to('barrier'), qr/^4/, '... and a barrier is not entered');
kill 'CONT', $gw->{pids}{'penstock-policyd'};
ok(Penstock::wait_until(10, sub { to('bob') =~ /^5.*too many/s }), '... and again when it goes on');

$gw->kill_daemon('penstock-policyd', 'KILL');
like(to('bob'), qr/^250/, 'without the daemon nothing is limited');
like(to('memory'), qr/count none/, 'nothing is stored');
like(to('barrier'), qr/^4.*barrier b: shared state cannot be reached/s, 'a barrier throws');
my @told = grep { ($_->{text} // '') =~ /shared state cannot be reached, it does not limit/ } $gw->log_records;
is(scalar @told, 1, 'the log says so, once');
$gw->start_policyd;
Penstock::wait_until(5, sub { to('barrier') =~ /number/ });
like(to('bob'), qr/^5.*too many/s, 'and again when it is back');
$gw->stop;
done_testing;
