#!/usr/bin/perl
# SIGHUP under load: no message is lost or answered by a mixture; a connection ends on the program
# it began with.
use strict;
use warnings;
use Penstock;
use Test::More;

sub mail_flow { my ($n) = @_; return "AddHeader(\"X-Revision\", \"$n\");\nDeliver();\n" }

my $gw = Penstock->new(mail => mail_flow(1), recipient => "Accept();\n");
$gw->start;

# a connection that stays open over the reload
my $slow = $gw->connect_client;
my $say = sub { my ($cmd, $want) = @_; print $slow "$cmd\r\n" if defined $cmd; my $l; do { $l = <$slow> // '' } while $l =~ /^\d+-/; return $l };
$say->();
like($say->('EHLO slow.test'), qr/^250/, 'a connection is open before the reload');
like($say->('MAIL FROM:<slow@example.org>'), qr/^250/, '... in the middle of a message');
like($say->('RCPT TO:<slow@example.com>'), qr/^250/, '... with a recipient');

my @clients;
for my $c (1 .. 4) {
    my $pid = fork // die;
    if (!$pid) {
        my $bad = 0;
        for (1 .. 50) {
            my $r = $gw->send(from => "c$c\@example.org", to => ["u\@example.com"], data => "Subject: $c-$_\n\nx\n");
            $bad++ if ($r->{final} // '') !~ /^250 /;
        }
        POSIX::_exit($bad > 250 ? 250 : $bad);
    }
    push @clients, $pid;
}
for my $n (2 .. 11) {
    select undef, undef, undef, 0.15;
    Penstock::write_file("$gw->{dir}/flows/mail.hsl", mail_flow($n));
    kill 'HUP', $gw->pid('penstock-milter');
}
my $failed = 0;
for (@clients) { waitpid $_, 0; $failed += $? & 127 ? 1 : $? >> 8 }
is($failed, 0, '200 messages during ten reloads: all answered 250');
like($say->('DATA'), qr/^354/, 'the old connection goes on');
like($say->("Subject: slow\r\n\r\nx\r\n."), qr/^250/, '... and delivers');
$say->('QUIT');
ok($gw->wait_mail(201, 60), 'all arrived') or diag $gw->mail_count;
my @m = $gw->mail;
is(scalar @m, 201, '... once each');
is(scalar(grep { my @r = $_->{head} =~ /^X-Revision:(.*)$/gm; @r == 1 && $r[0] =~ /^ (?:[1-9]|1[01])\r$/ } @m), 201, 'each was decided by one revision');
my ($s) = grep { $_->{to}[0] eq 'slow@example.com' } @m;
like($s->{head}, qr/^X-Revision: 1\r$/m, 'the old connection finished on its program');
Penstock::wait_until(10, sub { $gw->clear_mail; $gw->send(from => 'z@example.org', to => ['z@example.com'], data => "Subject: z\n\nz\n"); $gw->wait_mail(1); my ($z) = $gw->mail; $z && $z->{head} =~ /^X-Revision: 11\r$/m });
my ($z) = $gw->mail;
like($z->{head}, qr/^X-Revision: 11\r$/m, 'new connections are on the newest');
$gw->stop;
done_testing;
