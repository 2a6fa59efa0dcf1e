#!/usr/bin/perl
# penstock quarantine list, show, view, delete, check, reindex: what they print and how they end.
use strict;
use warnings;
use FindBin;
use lib "$FindBin::Bin";
use Held;
use Test::More;

my $gw = held_start();

my ($code, $out, $err) = $gw->ctl('quarantine', 'list');
is($code, 0, 'list of nothing');
is($out, '', '... prints nothing');

my $first = put_mail($gw, reason => "two\nlines \e[31m");
my $second = put_mail($gw, from => '', to => 'carol@Example.NET', data => "Subject: =?utf-8?q?caf=C3=A9?= \e]0;x\x07\x00 end\n\nx");
my $third = put_mail($gw, to => 'bob@example.com', data => "\r\nno headers\r\n");
my @held = $gw->held;
is_deeply([map { $_->{id} } @held], [$first, $second, $third], 'list --json: oldest first');
is_deeply({ map { $_ => $held[0]{$_} } qw(sender recipient subject from reason flow client helo queue message session transport state quarantine) },
    { sender => 'ann@example.org', recipient => 'bob@example.com', subject => "hello\tworld", from => 'Ann <ann@example.org>',
        reason => "two\nlines \e[31m", flow => 'mail.hsl:3', client => '192.0.2.1', helo => 'client.test', queue => '4Q', message => 'm1',
        session => 's1', transport => 'mailtransport:1', state => 'held', quarantine => 'mailquarantine:1' }, '... with all that is known');
is($held[0]{size}, length $mail, '... and the size of the original');
like($held[0]{stored}, qr/^\d{4}-\d\d-\d\dT[\d:.]+Z$/, '... and when');

($code, $out) = $gw->ctl('quarantine', 'list');
is(scalar(() = $out =~ /\n/g), 3, 'list: a line a message');
unlike($out, qr/[\x00-\x09\x0b-\x1f]/, '... without control bytes');
like($out, qr/^$second .*<> -> <carol\@Example.NET>  =\?utf-8\?q\?caf=C3=A9\?= \\x1b\]0;x\\x07\? end$/im, '... but their escapes');

my @filters = (
    [1, '--recipient', 'CAROL@example.net'], [2, '--recipient', '@EXAMPLE.com'], [0, '--recipient', 'carol'],
    [1, '--sender', '<>'], [2, '--sender', '@example.org'], [1, '--subject', 'HELLO'], [0, '--subject', 'none'],
    [3, '--since', '1h'], [0, '--until', '1h'], [3, '--until', '2999-01-01'], [0, '--since', '2999-01-01T00:00Z'],
    [3, '--state', 'all'], [0, '--state', 'released'], [1, '--recipient', 'bob@example.com', '--subject', 'hello', '--sender', 'ann@example.org'],
);
for (@filters) {
    my ($want, @args) = @$_;
    is(scalar $gw->held(@args), $want, "list @args");
}
($code, undef, $err) = $gw->ctl('quarantine', 'list', '--since', 'yesterday');
is($code, 64, 'a time that is none: EX_USAGE');
like($err, qr/2024-02-29/, '... and how to write it');
($code, undef, $err) = $gw->ctl('quarantine', 'list', '--state', 'eaten');
is($code, 69, 'a state that is none is refused');
like($err, qr/held, releasing, released, deleted or all/, '... and which there are');

($code, $out) = $gw->ctl('quarantine', 'show', $first);
is($code, 0, 'show');
unlike($out, qr/[\x00-\x09\x0b-\x1f]/, '... without control bytes');
like($out, qr/^$_$/m, "... $_") for 'id +' . $first, 'reason +two\\\\x0Alines \\\\x1B\[31m', 'metadata +score=7', 'metadata +list=a\\\\x0Ab',
    'header +Subject: hello', 'header +\\\\x09world', 'header +X-Penstock-Recipient: evil@example.com', 'recipient +bob@example.com';
unlike($out, qr/header +X-Penstock-(Id|Format)/, '... but not our own headers');

($code, $out) = $gw->ctl('quarantine', 'view', $first);
is($code, 0, 'view');
ok($out eq $mail, '... the original, byte for byte');
my ($file) = grep { /$first/ } files($gw, 'held');
my ($offset, $sha) = (Penstock::read_file($file) // '') =~ /\AX-Penstock-Format: 1; offset=0*(\d+); size=\d+; sha256=(\w+)\r\n/;
ok(`tail -c +@{[ $offset + 1 ]} '$file'` eq $mail, 'the file: the original is at the offset, for any tool');
is(`tail -c +140 '$file' | sha256sum` =~ s/ .*//sr, $sha, '... and the digest is that of all behind the first line');
my $big = join '', map { chr($_ * 7 % 256) } 0 .. 299_999;
my $fourth = put_mail($gw, data => $big);
($code, $out) = $gw->ctl('quarantine', 'view', $fourth);
ok($out eq $big, 'view: 300 kB with every byte');

for my $id ('01HZZZZZZZ0123456789ABCDEF', '../../../etc/passwd', '', 'x' x 3000) {
    for my $what (qw(show view release delete)) {
        ($code, undef, $err) = $gw->ctl('quarantine', $what, $id);
        is($code, 66, "$what of a message that is not there: EX_NOINPUT");
    }
    like($err, qr/there is no message/, '... and says so');
}

($code, $out) = $gw->ctl('quarantine', 'check');
is($code, 0, 'check') or diag $out;
like($out, qr/^4 files verified, 0 problems$/m, '... says what it did');
($code, $out) = $gw->ctl('quarantine', 'delete', $third, $fourth);
is($code, 0, 'delete');
like($out, qr/^$third: deleted by root$/m, '... says what it did');
is(scalar files($gw, 'held'), 2, '... the files are gone');
($code, $out) = $gw->ctl('quarantine', 'delete', $third);
is($code, 0, 'delete again');
like($out, qr/nothing done, it was deleted before by root/, '... does nothing');
is_deeply([map { "$_->{id} $_->{state} $_->{by}" } $gw->held('--state', 'deleted')], ["$third deleted root", "$fourth deleted root"], 'list --state deleted');
($code, undef, $err) = $gw->ctl('quarantine', 'view', $third);
is($code, 69, 'view of a deleted one');
like($err, qr/was deleted by root/, '... says why not');
($code, undef, $err) = $gw->ctl('quarantine', 'release', $third);
is($code, 69, 'release of a deleted one');
like($err, qr/was deleted by root/, '... says why not');
is(scalar $gw->mail, 0, '... and sends nothing');

ok(withdraw($gw, $second), 'the milter takes one back');
is_deeply([map { $_->{id} } $gw->held('--state', 'all')], [$first, $third, $fourth], '... and it is forgotten');
my $fifth = put_mail($gw);
ok(withdraw($gw, $fifth), 'one that may not have been indexed yet');
is(scalar $gw->held, 1, '... too');
is(scalar files($gw, 'incoming'), 0, '... without a trace in incoming/');
($code, $out) = $gw->ctl('quarantine', 'check');
is($code, 0, 'check is content') or diag $out;

my @events = map { "$_->{event} $_->{id}" . ($_->{event} eq 'deleted' ? " $_->{by} $_->{way}" : '') } audit($gw);
is_deeply([grep { /deleted|withdrawn/ } @events], ["deleted $third root command", "deleted $fourth root command", "withdrawn $second", "withdrawn $fifth"],
    'the audit log says who did what');

# reindex builds the same again
my @before = $gw->held('--state', 'all');
($code, $out) = $gw->ctl('quarantine', 'reindex');
is($code, 0, 'reindex') or diag $out;
like($out, qr/built again: 3 messages, 0 problems/, '... says what it did');
my @after = $gw->held('--state', 'all');
delete $_->{changed} for @before, @after;
is_deeply(\@after, \@before, '... the same list as before');

($code, $out) = $gw->ctl('status');
like($out, qr/^quarantined:\n(?:  .*\n)*  held: 1\n(?:  .*\n)*  deleted: 2\n/m, 'penstock status counts');

# reload: another quarantine
$gw->{conf} = "mailquarantine two { retention = 5d }";
$gw->write_conf;
kill 'HUP', $gw->pid('penstock-quarantined');
ok(Penstock::wait_until(10, sub { -d "$gw->{dir}/state/quarantine/two/incoming" }), 'SIGHUP: a new quarantine is opened');
my $other = put_mail($gw, directory => "$gw->{dir}/state/quarantine/two");
is_deeply([map { $_->{quarantine} } grep { $_->{id} eq $other } $gw->held], ['mailquarantine:two'], '... and taken from');
$gw->{conf} = "mailquarantine two { retention = banana }";
$gw->write_conf;
kill 'HUP', $gw->pid('penstock-quarantined');
ok(Penstock::wait_until(10, sub { grep { $_->{text} =~ /not loaded.*:\d+:.*banana/ } $gw->log_records }), 'a broken configuration is told');
$gw->{conf} = '';
$gw->write_conf;
is(scalar(grep { $_->{id} eq $other } $gw->held), 1, '... and not used');
(undef, $out) = $gw->ctl('status');
like($out, qr/reload_error: .*banana/, '... and penstock status shows it');
kill 'HUP', $gw->pid('penstock-quarantined');
ok(Penstock::wait_until(10, sub { my (undef, $text) = $gw->ctl('status'); $text !~ /mailquarantine:two/ }), 'a quarantine that is no longer configured');
($code, undef, $err) = $gw->ctl('quarantine', 'view', $other);
is($code, 69, '... cannot be looked into');
like($err, qr/mailquarantine:two is no longer in the configuration/, '... and says so');

# down
is($gw->kill_daemon('penstock-quarantined'), 0, 'SIGTERM: ends with 0');
for (['list'], ['show', $first], ['check'], ['reindex']) {
    ($code, undef, $err) = $gw->ctl('quarantine', @$_);
    is($code, 69, "down: @$_ says EX_UNAVAILABLE");
    like($err, qr/penstock-quarantined/, '... and what to start');
}
$gw->stop;
done_testing;
