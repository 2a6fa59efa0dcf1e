#!/usr/bin/perl
# Every verdict of the three flows, alone and mixed, as a client, the sink and the quarantine see it.
use strict;
use warnings;
use Penstock;
use Test::More;

my $gw = Penstock->new(
    access => <<'HSL',
if (in_network($senderip, "127.0.0.66")) Block("554 not from there");
if ($senderip == "127.0.0.67") Block("421 busy");
if ($senderip == "127.0.0.68") Defer("slow down");
Allow();
HSL
    recipient => <<'HSL',
switch ($recipientlocalpart) {
    case "norcpt": Reject("no such user: $recipient"); break;
    case "lines": Reject(["first", "second"]); break;
    case "percent": Reject("100% sure"); break;
    case "digits": Reject("404 gone"); break;
    case "codes": Reject("x", ["reply_codes" => ["code" => 550, "enhanced" => [5, 1, 1]]]); break;
    case "later": Defer("come back"); break;
    case "nothing": break;
    default: Accept();
}
HSL
    mail => <<'HSL',
switch ($recipientlocalpart) {
    case "reject": Reject("the message is not wanted"); break;
    case "defer": Defer("try again"); break;
    case "delete": Delete(); break;
    case "hold": Quarantine("mailquarantine:1"); break;
    case "holdreject": Quarantine("mailquarantine:1", ["reject" => true, "reason" => "held and refused"]); break;
    case "marked": AddHeader("X-Marked", "yes"); Deliver(); break;
    case "edited":
        SetHeader("X-A", "1");
        SetHeader("x-a", "2");
        PrependHeader("Subject", "[SPAM] ");
        AppendHeader("X-Tail", " end");
        DelHeader("X-Gone");
        AddHeader("X-B", "ü");
        Deliver();
        break;
    case "other": SetRecipient("else@example.net"); Deliver(); break;
    case "from": SetSender("bounces@example.net"); Deliver(); break;
    case "copy": CopyMail("archive@example.com"); Deliver(); break;
    case "done": Done(); break;
    case "read":
        echo count(GetHeaders("Received")) . " " . GetHeader("subject") . " " . $sender . " " . $senderip . " " . $senderhelo . " " . $serverid;
        Deliver();
        break;
}
HSL
);
$gw->start;

# Complete, since cleanup adds Date and Message-Id for local clients where they are missing.
my $text = "Date: Sun, 22 Nov 2026 01:00:00 +0000\nMessage-Id: <1\@example.org>\nFrom: Ann <ann\@example.org>\nSubject: hello\nX-Gone: 1\nX-Gone: 2\nX-Tail: the\nX-A: 0\n\nbody\n.dot\n";

sub try_to {
    my (@local) = @_;
    $gw->clear_mail;
    my $r = $gw->send(from => 'ann@example.org', to => [map { "$_\@example.com" } @local], data => $text);
    return $r;
}

sub arrived { my ($n) = @_; $gw->wait_mail($n); $gw->wait_queue_empty; return $gw->mail }

# access flow
like($gw->send(src => '127.0.0.66', from => 'a@b.c', to => ['ok@example.com'], data => $text)->{greeting}, qr/^554 /, 'Block: greeting 554');
like($gw->send(src => '127.0.0.67', from => 'a@b.c', to => ['ok@example.com'], data => $text)->{greeting}, qr/^421 /, 'Block("421 busy"): 421');
like($gw->send(src => '127.0.0.68', from => 'a@b.c', to => ['ok@example.com'], data => $text)->{greeting}, qr/^421 /, 'Defer at connect: 421');

# recipient flow
for my $case (
    [norcpt => qr/^554 5\.7\.1 .*no such user: norcpt\@example\.com$/], [lines => qr/^554-5\.7\.1 .*first\n554 5\.7\.1 .*second$/],
    [percent => qr/^554 5\.7\.1 .*100% sure$/], [digits => qr/^554 5\.7\.1 .*404 gone$/], [codes => qr/^550 5\.1\.1 .*x$/],
    [later => qr/^450 4\.7\.1 .*come back$/], [nothing => qr/^554 5\.7\.1 .*Recipient rejected$/], [anybody => qr/^250 /],
) {
    my ($to, $want) = @$case;
    like(try_to($to)->{rcpt}[0], $want, "recipient flow: $to");
}
arrived(1);

# mail flow, one recipient
like(try_to('reject')->{final}, qr/^550 5\.7\.1 .*the message is not wanted$/, 'Reject');
like(try_to('defer')->{final}, qr/^451 4\.7\.1 .*try again$/, 'Defer');
like(try_to('done')->{final}, qr/^451 /, 'Done without an action: 451');
like(try_to('delete')->{final}, qr/^250 /, 'Delete: 250');
$gw->wait_queue_empty;
is($gw->mail_count, 0, 'nothing of all that arrived');

like(try_to('plain')->{final}, qr/^250 /, 'falling off the end: 250');
my ($m) = arrived(1);
is_deeply([$m->{from}, @{ $m->{to} }], ['ann@example.org', 'plain@example.com'], 'delivered with its envelope');
is($m->{body}, "body\r\n.dot\r\n", 'body is as it was sent');

like(try_to('hold')->{final}, qr/^250 /, 'Quarantine: 250');
my @held = $gw->held;
is(scalar @held, 1, 'one message is held');
is_deeply([@{ $held[0] }{qw(sender recipient subject state)}], ['ann@example.org', 'hold@example.com', 'hello', 'held'], 'the list says which');
my (undef, $view) = $gw->ctl('quarantine', 'view', $held[0]{id});
(my $sent = $text) =~ s/\n/\r\n/g;
like($view, qr/\Q$sent\E\z/, 'it is kept as it was sent');
is($gw->mail_count, 0, 'and was not delivered');

like(try_to('holdreject')->{final}, qr/^550 5\.7\.1 .*held and refused$/, 'Quarantine with reject: 550');
is(scalar $gw->held, 2, 'and held');

like(try_to('marked')->{final}, qr/^250 /, 'AddHeader: 250');
($m) = arrived(1);
like($m->{head}, qr/^X-Marked: yes\r$/m, 'the header is there');
like($m->{head}, qr/\AReceived:/, "below Postfix's own Received line");

try_to('edited');
($m) = arrived(1);
is_deeply([$m->{head} =~ /^(x-a: .*?)\r$/gim], ['X-A: 2'], 'SetHeader: one left with the last value');
like($m->{head}, qr/^Subject: \[SPAM\] hello\r$/m, 'PrependHeader');
like($m->{head}, qr/^X-Tail: the end\r$/m, 'AppendHeader');
unlike($m->{head}, qr/^X-Gone/m, 'DelHeader removes all');
like($m->{head}, qr/^X-B: =\?utf-8\?[QB]\?.*\?=\r$/im, 'bytes outside ASCII become an encoded word');

try_to('other');
($m) = arrived(1);
is_deeply($m->{to}, ['else@example.net'], 'SetRecipient');
try_to('from');
($m) = arrived(1);
is($m->{from}, 'bounces@example.net', 'SetSender');
try_to('copy');
my @both = sort map { @{ $_->{to} } } arrived(1);
@both = sort map { @{ $_->{to} } } arrived(2) if @both < 2;
is_deeply(\@both, ['archive@example.com', 'copy@example.com'], 'CopyMail: both get it');

try_to('read');
arrived(1);
ok((grep { ($_->{text} // '') =~ /0 hello ann\@example\.org 127\.0\.0\.1 client\.test mailserver:1$/ } $gw->log_records), 'echo of header and envelope is in the log');

# several recipients, several verdicts
like(try_to('a', 'b')->{final}, qr/^250 /, 'all deliver');
is_deeply([map { sort @{ $_->{to} } } arrived(1)], ['a@example.com', 'b@example.com'], '... as one message');

like(try_to('a', 'delete')->{final}, qr/^250 /, 'Deliver + Delete: 250');
is_deeply([map { @{ $_->{to} } } arrived(1)], ['a@example.com'], '... only one gets it');

my $held = $gw->held;
like(try_to('a', 'defer', 'hold')->{final}, qr/^451 /, 'Deliver + Defer + Quarantine: 451');
$gw->wait_queue_empty;
is($gw->mail_count, 0, '... nothing delivered');
is(scalar $gw->held, $held, '... nothing held');

like(try_to('a', 'marked')->{final}, qr/^250 /, 'two kinds of Deliver: 250');
$gw->wait_mail(2);
my %by = map { $_->{to}[0] => $_ } arrived(2);
is_deeply([sort keys %by], ['a@example.com', 'marked@example.com'], '... two messages');
unlike($by{'a@example.com'}{head} // '', qr/X-Marked/, '... one without the header');
like($by{'marked@example.com'}{head} // '', qr/^X-Marked: yes\r$/m, '... one with it');
is($by{'marked@example.com'}{body}, $by{'a@example.com'}{body}, '... same body');

like(try_to('a', 'hold', 'reject')->{final}, qr/^250 /, 'delivered, held and rejected: 250');
is(scalar $gw->held, $held + 1, '... held before the answer');
$gw->wait_mail(2);
%by = map { $_->{to}[0] => $_ } arrived(2);
is_deeply([sort keys %by], ['a@example.com', 'ann@example.org'], '... one arrives, the sender gets a report');
my $report = $by{'ann@example.org'};
is($report->{from}, '', '... from the null sender');
like($report->{head}, qr{^Content-Type: multipart/report;.*report-type="?delivery-status}ims, '... a delivery status notification');
like($report->{body}, qr/^Final-Recipient: rfc822; ?reject\@example\.com\r$/im, '... about the rejected recipient');
like($report->{body}, qr/^Status: 5\.7\.1\r$/im, '... with its status');
like($report->{body}, qr/the message is not wanted/, '... and the reason');

my @summary = grep { $_->{verdict} && ($_->{recipient} // '') =~ /^(a|hold|reject)\@example\.com$/ && $_->{queue} } $gw->log_records;
my %last = map { $_->{recipient} => $_ } @summary;
for my $case (['a@example.com', 'Deliver'], ['hold@example.com', 'Quarantine'], ['reject@example.com', 'Reject']) {
    my $rec = $last{ $case->[0] } // {};
    is($rec->{verdict}, $case->[1], "summary of $case->[0]: verdict");
    like($rec->{message} // '', qr/^[0-9a-f-]{36}$/, '... message id');
    like($rec->{queue} // '', qr/^\w+$/, '... queue id');
}
is($last{'reject@example.com'}{script}, 'mail.hsl', 'summary names the script');
is($last{'reject@example.com'}{line}, 2, '... and the line');
like($last{'reject@example.com'}{reason}, qr/the message is not wanted/, '... and the reason');

like(try_to('reject', 'norcpt')->{final}, qr/^550 /, 'all that are left reject: 550');
like(try_to('hold', 'delete')->{final}, qr/^250 /, 'all removed: 250');
$gw->wait_queue_empty;
is($gw->mail_count, 0, '... and nothing goes out');

# release: byte for byte
$gw->clear_mail;
my ($code, $out, $err) = $gw->ctl('quarantine', 'release', $held[0]{id});
is($code, 0, 'release') or diag $out, $err;
($m) = arrived(1);
is_deeply([$m->{from}, @{ $m->{to} }], ['ann@example.org', 'hold@example.com'], '... with its envelope');
like($m->{data}, qr/\r\n\Q$sent\E\z/, '... byte for byte behind the trace lines') or diag $m->{data};
($code) = $gw->ctl('quarantine', 'release', $held[0]{id});
sleep 1;
is($gw->mail_count, 1, 'a second release sends nothing');
($code) = $gw->ctl('quarantine', 'check');
is($code, 0, 'quarantine check is content');

$gw->stop;
done_testing;
