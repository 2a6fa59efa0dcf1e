#!/usr/bin/perl
# Release: byte for byte, once, whatever the listener answers and wherever a crash comes.
use strict;
use warnings;
use FindBin;
use lib "$FindBin::Bin";
use Held;
use IO::Socket::INET;
use Test::More;

my $gw = held_start();
my ($code, $out, $err);

my $id = put_mail($gw, from => 'ann+tag@example.org', to => '"bob b"@example.com');
($code, $out, $err) = $gw->ctl('quarantine', 'release', $id);
is($code, 0, 'release') or diag $err;
like($out, qr/^$id: released by root: 250 2\.0\.0 kept as 1$/m, '... says by whom and what the server said');
my ($m) = $gw->mail;
is_deeply([$m->{from}, $m->{to}], ['ann+tag@example.org', ['"bob b"@example.com']], '... with its envelope');
ok($m->{data} eq $mail, '... byte for byte');
is(scalar files($gw, 'held'), 0, '... its file is removed');
is_deeply([map { "$_->{id} $_->{by} $_->{note}" } $gw->held('--state', 'released')], ["$id root 250 2.0.0 kept as 1"], '... its record is not');
($code, $out) = $gw->ctl('quarantine', 'release', $id);
is($code, 0, 'released again');
like($out, qr/nothing done, it was released before by root/, '... says so');
is(scalar(my @all = $gw->mail), 1, '... and sends nothing');
is_deeply([map { "$_->{by} $_->{way} $_->{note} $_->{recipient}" } grep { $_->{event} eq 'released' } audit($gw)],
    ['root command 250 2.0.0 kept as 1 "bob b"@example.com'], 'one line in the audit log');

my $big = join '', map { sprintf "line %d %s\r\n", $_, '.' x ($_ % 50) } 1 .. 30_000;
my ($null, $empty) = (put_mail($gw, from => '', data => "Subject: 8bit \xff\xfe\r\n\r\n$big"), put_mail($gw, data => "\r\n"));
$gw->clear_mail;
($code, $out, $err) = $gw->ctl('quarantine', 'release', $null, $empty);
is($code, 0, 'two at once, from the null sender and with no text') or diag $err;
@all = $gw->mail;
is($all[0]{from}, '', 'null sender');
ok($all[0]{data} eq "Subject: 8bit \xff\xfe\r\n\r\n$big", 'a megabyte, byte for byte');
is($all[1]{data}, "\r\n", 'no text');

# what would smuggle is not sent
$id = put_mail($gw, data => "Subject: x\r\n\r\na\n.\nMAIL FROM:<evil\@example.com>\r\n");
($code, undef, $err) = $gw->ctl('quarantine', 'release', $id);
is($code, 69, 'a bare LF with a dot behind it is not sent');
is(scalar $gw->held, 1, '... but still held');

# two at the same time: sent once
$gw->clear_mail;
$id = put_mail($gw, to => 'twice@example.com');
my @pids = map {
    my $pid = fork;
    if (!$pid) { POSIX::_exit(($gw->ctl('quarantine', 'release', $id))[0]) }
    $pid;
} 1 .. 4;
my @ends = map { waitpid $_, 0; $? } @pids;
ok((grep { $_ == 0 } @ends) && !(grep { $_ & 127 } @ends), 'released by four at the same time') or diag "@ends";
is(scalar(@all = $gw->mail), 1, '... sent once');

# --- a listener that does what it is told
$gw->kill_daemon('sink', 'KILL');
my $listen = IO::Socket::INET->new(Listen => 10, LocalAddr => '127.0.0.1', LocalPort => $gw->{sink_port}, ReuseAddr => 1) or die "listen: $!";

# Serves one conversation in the background. %reply: answers by verb, "dot" is that to the message;
# a function is called for it; undef hangs up.
sub serve {
    my (%reply) = @_;
    my $pid = fork // die;
    return $pid if $pid;
    $SIG{ALRM} = 'DEFAULT';
    alarm 60;
    my $s = $listen->accept;
    my $say = sub { syswrite $s, "$_[0]\r\n" };
    $say->('220 odd.test');
    my $data;
    while (defined(my $line = <$s>)) {
        if (defined $data) {
            $data .= $line;
            next if $line ne ".\r\n";
            my $r = exists $reply{dot} ? $reply{dot} : '250 ok';
            POSIX::_exit(0) if !defined $r;
            $say->(ref $r ? $r->() : $r);
            undef $data;
            next;
        }
        my ($verb) = uc($line) =~ /^(\w+)/;
        my $r = $reply{$verb} // { DATA => '354 go on', QUIT => '221 bye' }->{$verb} // '250 ok';
        $r = $r->() if ref $r;
        $data = '' if $r =~ /^354/;
        $say->($r);
        last if $verb eq 'QUIT';
    }
    POSIX::_exit(0);
}

sub state_of { my ($which) = @_; my ($r) = grep { $_->{id} eq $which } $gw->held('--state', 'all'); return $r }

my @answers = (
    ['RCPT refused for now', { RCPT => '450 4.2.0 later' }, qr/450 4\.2\.0 later/],
    ['RCPT refused', { RCPT => '550 5.1.1 nobody' }, qr/550 5\.1\.1 nobody/],
    ['message refused', { dot => "554 5.6.0 \e[31mno" }, qr/554 5\.6\.0 .*no/],
    ['no answer to the message', { dot => undef }, qr/may have been delivered all the same/],
);
for (@answers) {
    my ($name, $reply, $want) = @$_;
    $id = put_mail($gw, to => 'odd@example.com');
    my $pid = serve(%$reply);
    ($code, undef, $err) = $gw->ctl('quarantine', 'release', $id);
    waitpid $pid, 0;
    is($code, 69, "$name: EX_UNAVAILABLE");
    like($err, $want, '... says why');
    my $r = state_of($id);
    is($r->{state}, 'held', '... still held');
    like($r->{note}, $want, '... with a note why');
    is_deeply([map { $_->{event} } grep { $_->{id} eq $id } audit($gw)], ['stored', 'release-failed'], '... and a line in the audit log');
}
my $pid = serve(dot => '250 2.0.0 at last');
($code, $out) = $gw->ctl('quarantine', 'release', $id);
waitpid $pid, 0;
is($code, 0, 'and then it can be released') or diag $out;

# --- killed while it waits for the answer, and before all is sent
for my $when (qw(dot RCPT)) {
    $id = put_mail($gw, to => "$when\@example.com");
    my $daemon = $gw->pid('penstock-quarantined');
    $pid = serve($when => sub { kill 'KILL', $daemon; sleep 1; '250 too late' });
    ($code) = $gw->ctl('quarantine', 'release', $id);
    waitpid $pid, 0;
    isnt($code, 0, "killed at $when: the client is told that it failed");
    $gw->kill_daemon('penstock-quarantined');
    $gw->start_quarantined;
    my $r = state_of($id);
    is($r->{state}, 'held', '... held again after the restart');
    like($r->{note}, $when eq 'dot' ? qr/it may have been delivered/ : qr/it was not delivered/, '... with a note that is true');
    ($code, $out) = $gw->ctl('quarantine', 'check');
    is($code, 0, '... and check is content') or diag $out;
}

# the listener is not there
close $listen;
($code, undef, $err) = $gw->ctl('quarantine', 'release', $id);
is($code, 69, 'nobody listens: EX_UNAVAILABLE');
like($err, qr/still held/, '... still held');
is(state_of($id)->{state}, 'held', '... is true');

# a damaged file is not sent
$gw->start_sink;
$gw->clear_mail;
my ($file) = grep { /$id/ } files($gw, 'held');
my $text = Penstock::read_file($file);
substr $text, -3, 1, 'X';
Penstock::write_file($file, $text);
($code, undef, $err) = $gw->ctl('quarantine', 'release', $id);
is($code, 69, 'a damaged message is not released');
like($err, qr/damaged/, '... and says so');
is(scalar(@all = $gw->mail), 0, '... indeed');
$gw->stop;
done_testing;
