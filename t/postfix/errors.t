#!/usr/bin/perl
# What a script error, a limit, or a broken configuration does to mail: the fallbacks of each flow.
use strict;
use warnings;
use Penstock;
use Test::More;

my $gw = Penstock->new(
    access => "if (\$senderip == \"127.0.0.9\") { \$x = 1 / 0; }\nAllow();\n",
    recipient => "if (\$recipientlocalpart == \"bad\") { echo \$nope; }\nif (\$recipientlocalpart == \"endless\") { while (true) {} }\nAccept();\n",
    mail => "AddHeader(\"X-C\", \"1\");\nif (\$recipientlocalpart == \"oops\") echo \$nope;\nDeliver();\n",
    conf => "max_instructions = 100000\n",
);
$gw->start;
my $text = "Subject: x\n\nbody\n";

sub errors_of { my ($flow) = @_; return grep { ($_->{level} // '') eq 'err' && ($_->{text} // '') =~ /^\Q$flow\E: / } $gw->log_records }

my $r = $gw->send(src => '127.0.0.9', from => 'a@b.org', to => ['u@example.com'], data => $text);
like($r->{final}, qr/^250 /, 'error in the access flow: allowed');
my ($e) = errors_of('access');
is($e && $e->{text}, 'access: access.hsl:1:40: division by zero; falling back to Allow()', '... and logged with its place');

$r = $gw->send(from => 'a@b.org', to => ['bad@example.com', 'endless@example.com', 'good@example.com'], data => $text);
like($r->{rcpt}[0], qr/^450 4\.7\.1 .*Temporary failure, try again later$/, 'error in the recipient flow: 450, without the error');
like($r->{rcpt}[1], qr/^450 4\.7\.1 /, 'endless loop: 450');
like($r->{rcpt}[2], qr/^250 /, 'the others go on');
my @e = errors_of('rcpt');
is($e[0] && $e[0]{text}, 'rcpt: recipient.hsl:1:42: undefined variable $nope; falling back to Defer()', '... logged');
like($e[1] && $e[1]{text}, qr/^rcpt: recipient\.hsl:2:\d+: limit: instruction budget \(100000\) exceeded; falling back to Defer\(\)$/, '... logged with the limit');

$gw->wait_queue_empty;
$gw->clear_mail;
$r = $gw->send(from => 'a@b.org', to => ['oops@example.com'], data => $text);
like($r->{final}, qr/^250 /, 'error in the mail flow: delivered');
$gw->wait_mail(1);
my ($m) = $gw->mail;
unlike($m->{head}, qr/^X-C:/m, '... without what the run had recorded');
($e) = errors_of('mail');
is($e && $e->{text}, 'mail: mail.hsl:2:41: undefined variable $nope; falling back to Deliver()', '... and logged');

# five mistakes of five kinds
my $conf = "$gw->{dir}/etc/penstock.conf";
my $good = Penstock::read_file($conf);
(my $bad = $good) =~ s/^max_instructions = \d+/max_instruktions = 5\nmax_call_depth = 3/m;
$bad =~ s/mailtransport:1"\n/mailtransport:9"\n/;
Penstock::write_file($conf, $bad);
Penstock::write_file("$gw->{dir}/flows/mail.hsl", "if (1) { echo 2\n}\n");
Penstock::write_file("$gw->{dir}/flows/recipient.hsl", "Acept();\n");
my ($code, $out, $err) = $gw->ctl('check');
is($code, 78, 'penstock check: EX_CONFIG');
my $all = $out . $err;
for my $want (
    [qr/penstock\.conf:\d+:\d+: .*max_instruktions.*max_instructions/, 'unknown parameter, with the nearest one'],
    [qr/penstock\.conf:\d+:\d+: .*max_call_depth.*10/, 'out of range, with the range'],
    [qr/penstock\.conf:\d+:\d+: .*mailtransport 9/, 'section that does not exist'],
    [qr/recipient\.hsl:1:1: unknown function Acept/, 'unknown function'],
    [qr/mail\.hsl:2:1: syntax error, unexpected \}.*;/, 'syntax error'],
) {
    like($all, $want->[0], "check names it: $want->[1]");
}

kill 'HUP', $gw->pid('penstock-milter');
ok(Penstock::wait_until(10, sub { grep { ($_->{text} // '') =~ /Acept|max_instruktions/ } $gw->log_records }), 'the running milter logs why it keeps what it has');
$r = $gw->send(from => 'a@b.org', to => ['bad@example.com', 'good@example.com'], data => $text);
like($r->{rcpt}[0], qr/^450 /, '... and keeps deciding as before');
like($r->{final}, qr/^250 /, '... delivering too');
(undef, $out, $err) = $gw->ctl("status");
like($out, qr/max_instruktions|Acept/, 'status shows the error');

# the same at start-up: the last revision that loaded is used
$gw->kill_daemon('penstock-milter');
$gw->start_milter;
$r = $gw->send(from => 'a@b.org', to => ['bad@example.com', 'good@example.com'], data => $text);
like($r->{rcpt}[0], qr/^450 /, 'started with a broken configuration: the last good revision decides');
like($r->{final}, qr/^250 /, '... and mail flows');
ok((grep { ($_->{level} // '') =~ /^(err|crit|alert)$/ && ($_->{text} // '') =~ /revision/i } $gw->log_records), '... loudly');

$gw->stop;
done_testing;
