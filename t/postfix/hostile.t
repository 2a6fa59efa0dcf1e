#!/usr/bin/perl
# Unusual and hostile mail against a real Postfix: what is held, copied, released and delivered is
# the same bytes; edits hit the header that is meant; the log and the command stay readable.
use strict;
use warnings;
use JSON::PP;
use Penstock;
use Test::More;

# Edits of one message: name, script, the header block that comes of it.
my $edited = "Received: from a.example (a.example [192.0.2.1])\r\n\tby b.example; Sun, 22 Nov 2026 01:00:00 +0000\r\nReceived: from c.example by a.example; Sun, 22 Nov 2026 00:59:00 +0000\r\n"
    . "Subject:no blank\r\nX-Fold: a\r\n\tb\r\n  c\r\nX-Empty:\r\nX-Dup: 1\r\nX-Mid: m\r\nx-dup:2\r\nX-DUP:  3\r\nX-Enc: =?utf-8?Q?caf=C3=A9?=\r\nX-Raw: caf\xe9\r\nDate: Sun, 22 Nov 2026 01:00:00 +0000\r\nFrom: ann\@example.org\r\n";
sub but { my ($from, $to) = @_; my $h = $edited; $h =~ s/\Q$from\E/$to/ or die "$from is not there"; return $h }
my @edits = (
    ['SetHeader: the topmost gets the value, the others go', 'SetHeader("x-Dup", "new");', but("X-Dup: 1\r\nX-Mid: m\r\nx-dup:2\r\nX-DUP:  3\r\n", "X-Dup: new\r\nX-Mid: m\r\n")],
    ['DelHeader: all of them', 'DelHeader("X-dUP");', but("X-Dup: 1\r\nX-Mid: m\r\nx-dup:2\r\nX-DUP:  3\r\n", "X-Mid: m\r\n")],
    ["DelHeader of Received: not Postfix's own", 'DelHeader("Received");', $edited =~ s/Received: from a.*(?=Subject:)//sr],
    ['PrependHeader without a blank behind the colon', 'PrependHeader("Subject", "[SPAM] ");', but('Subject:no blank', 'Subject: [SPAM] no blank')],
    ['AppendHeader to an empty value', 'AppendHeader("X-Empty", "full");', but('X-Empty:', 'X-Empty: full')],
    ['PrependHeader to a folded value', 'PrependHeader("X-Fold", "0 ");', but('X-Fold: a', 'X-Fold: 0 a')],
    ['AppendHeader to a folded value', 'AppendHeader("X-Fold", " d");', but("  c\r\n", "  c d\r\n")],
    ['PrependHeader to an encoded value', 'PrependHeader("X-Enc", "le ");', but('X-Enc: ', 'X-Enc: le ')],
    ['AddHeader: the last one is on top', 'AddHeader("X-New", "1"); AddHeader("X-New", "2"); AddHeader("X-Dup", "0");', "X-Dup: 0\r\nX-New: 2\r\nX-New: 1\r\n$edited"],
    ['edits of one header after each other', 'SetHeader("X-Mid", "a"); PrependHeader("X-Mid", "b"); AppendHeader("X-Mid", "c");', but('X-Mid: m', 'X-Mid: bac')],
    ['deleted, then added', 'DelHeader("X-Dup"); AddHeader("X-Dup", "again");', "X-Dup: again\r\n" . but("X-Dup: 1\r\nX-Mid: m\r\nx-dup:2\r\nX-DUP:  3\r\n", "X-Mid: m\r\n")],
    ['added, then set', 'AddHeader("X-Dup", "0"); SetHeader("X-Dup", "only");', "X-Dup: only\r\n" . but("X-Dup: 1\r\nX-Mid: m\r\nx-dup:2\r\nX-DUP:  3\r\n", "X-Mid: m\r\n")],
    ['added, then deleted', 'AddHeader("X-New", "1"); DelHeader("X-New");', $edited],
    ['set to what it was', 'SetHeader("X-Mid", "x"); SetHeader("X-Mid", "m");', $edited],
    ['all of it at once', 'DelHeader("X-Dup"); SetHeader("X-Fold", "flat"); AddHeader("X-Dup", "n"); SetHeader("X-Mid", "n"); DelHeader("Received"); AddHeader("Received", "from script");',
        "Received: from script\r\nX-Dup: n\r\nSubject:no blank\r\nX-Fold: flat\r\nX-Empty:\r\nX-Mid: n\r\nX-Enc: =?utf-8?Q?caf=C3=A9?=\r\nX-Raw: caf\xe9\r\nDate: Sun, 22 Nov 2026 01:00:00 +0000\r\nFrom: ann\@example.org\r\n"],
    ['the folding of the script', 'SetHeader("X-Mid", "one\r\n\ttwo\n three", false);', but('X-Mid: m', "X-Mid: one\r\n\ttwo\r\n three")],
    ['a value that begins with blanks', 'SetHeader("X-Mid", "  lead", false);', but('X-Mid: m', 'X-Mid:   lead')],
);
my $switch = join '', map { "    case \"edit$_\": $edits[$_][1] Deliver(); break;\n" } 0 .. $#edits;

my $gw = Penstock->new(
    recipient => "Accept();\n",
    mail => <<"HSL",
switch (\$senderlocalpart) {
    case "allbut": if (\$recipientlocalpart != "plain") Delete(); Deliver();
    case "copying": if (\$recipientlocalpart != "plain") AddHeader("X-Marked", "yes"); Deliver();
    case "holding": if (\$recipientlocalpart != "plain") Quarantine("mailquarantine:1"); Deliver();
    case "rejecting": if (\$recipientlocalpart != "plain") Reject("not wanted"); Deliver();
    case "dealing":
        if (\$recipientlocalpart =~ "^h") Quarantine("mailquarantine:1");
        if (\$recipientlocalpart =~ "^m") AddHeader("X-Marked", "yes");
        if (\$recipientlocalpart =~ "^r") Reject("not \$recipientlocalpart");
        if (\$recipientlocalpart =~ "^x") Delete();
        Deliver();
}
switch (\$recipientlocalpart) {
    case "hold": Quarantine("mailquarantine:1"); break;
    case "marked": AddHeader("X-Marked", "yes"); Deliver(); break;
$switch}
HSL
    # Postfix is to hand on what it gets, so that bytes can be compared.
    main => { local_header_rewrite_clients => '', smtp_line_length_limit => 0, disable_mime_output_conversion => 'yes' },
);
$gw->start;

# Without the Received header in front, which the last smtpd added, and the header of the flow.
sub original {
    my ($m) = @_;
    my $data = $m ? $m->{data} : return;
    $data =~ s/\AReceived: .*?\r\n(?![ \t])//s;
    $data =~ s/\AX-Marked: yes\r\n//;
    return $data;
}

# is() for long bytes: says where they begin to differ.
sub same {
    my ($got, $want, $name) = @_;
    return fail($name) if !defined $got || !defined $want;
    return pass($name) if $got eq $want;
    my ($at) = ($got ^ $want) =~ /\A(\0*)/ ? length $1 : 0;
    fail($name);
    diag sprintf 'lengths %d and %d, first difference at %d: got %s, want %s', length $got, length $want, $at,
        map { my $p = substr $_, ($at > 30 ? $at - 30 : 0), 80; $p =~ s/([^ -~])/sprintf '\\x%02x', ord $1/ge; "\"$p\"" } $got, $want;
}

# --- bytes ------------------------------------------------------------------------------------
my $head = "Date: Sun, 22 Nov 2026 01:00:00 +0000\r\nMessage-Id: <1\@example.org>\r\nFrom: ann\@example.org\r\nSubject: x\r\n";
my @cases = (
    # name, as sent before dots are doubled, as Postfix delivers it (left out: the same; undef: not
    # compared), as it is held (left out: as it is delivered)
    ['8-bit bytes in header and body', "$head" . "X-Raw: \xff\xfe caf\xc3\xa9\r\n\r\n" . join('', map { chr } 128 .. 255) . "\r\n"],
    ['all control bytes in the body', "$head\r\n" . join('', map { chr } grep { $_ != 10 && $_ != 13 } 0 .. 31) . "\x7f\r\n"],
    ['lines of 998 and 2047 to 2049 bytes', "$head\r\n" . join("\r\n", map { 'l' x $_ } 998, 999, 2047, 2048, 2049, 4096) . "\r\n"],
    ['a line of 100,000 bytes', "$head\r\n" . ('0123456789' x 10000) . "\r\nend\r\n"],
    ['lines that begin with dots', "$head\r\n.\r\n..\r\n.x\r\n...\r\nx.\r\n"],
    ['an empty body', "$head\r\n"],
    ['bare CR, which Postfix turns into a blank', "$head" . "X-A: a\rb\r\n\r\na\rb\r.\r\n", "$head" . "X-A: a b\r\n\r\na b .\r\n"],
    ['empty lines at the end', "$head\r\nx\r\n\r\n\r\n\r\n"],
    ['odd folding', "$head" . "X-Fold: a\r\n\tb\r\n  c\r\n \r\n\t\t d\r\nX-Next:\r\n only below\r\nX-Tab:\tt\t \r\n\r\nb\r\n"],
    ['no blank behind the colon, empty values', "X-A:a\r\nX-B:\r\nX-C: \r\nX-D:\t\r\n$head\r\nb\r\n"],
    ['blank before the colon, which Postfix removes', "X-A : a\r\nSubject\t: first\r\n$head\r\nb\r\n", "X-A: a\r\nSubject: first\r\n$head\r\nb\r\n"],
    ['odd case, doubles', "sUBJECT: one\r\n$head" . "SUBJECT: two\r\nsubject: three\r\n\r\nb\r\n"],
    ['no From, no Date', "Subject: bare\r\n\r\nb\r\n"],
    ['a body that looks like headers', "$head\r\nSubject: no\r\nX-Penstock-End: no\r\n\r\nb\r\n"],
    ['our own header names in the message', "X-Penstock-Format: 1; offset=0000000001; size=000000000000000001; sha256=0\r\nX-Penstock-End: the original message follows\r\n$head\r\nb\r\n"],
    ['500 headers', join('', map { "X-H$_: value $_\r\n" } 1 .. 500) . "$head\r\nb\r\n"],
    ['a header of 60,000 bytes', "X-Long: " . join("\r\n ", map { 'w' x 70 } 1 .. 830) . "\r\n$head\r\nb\r\n"],
    ['a header of 100,000 bytes, of which Postfix cuts off the end', "X-Long: " . join("\r\n ", map { 'w' x 70 } 1 .. 1380) . "\r\n$head\r\nb\r\n", undef],
    ['MIME with a message inside', "$head" . "MIME-Version: 1.0\r\nContent-Type: multipart/mixed; boundary=b\r\n\r\n--b\r\nContent-Type: message/rfc822\r\n\r\nSubject: inner\r\n\r\nx\r\n--b--\r\n"],
    ['a From_ line in front', "From ann Sun Nov 22 01:00:00 2026\r\n$head\r\nb\r\n", undef],
    ['no header at all', "just text\r\nmore\r\n", "\r\njust text\r\nmore\r\n"],
    # No milter is told whether there was an empty line behind the headers of a message without body.
    ['headers only', $head, undef, "$head\r\n"],
    ['nothing at all', '', undef, "\r\n"],
);
for my $case (@cases) {
    my ($name, $sent, $want, $kept) = @$case;
    $want = $sent if @$case < 3;
    (my $wire = $sent) =~ s/(\A|\r\n)\./$1../g;
    $gw->clear_mail;
    my %before = map { $_->{id} => 1 } $gw->held;
    my $r = $gw->send(from => 'ann@example.org', to => [map { "$_\@example.com" } qw(plain other hold marked)], data => $wire, raw => 1);
    like($r->{final}, qr/^250 /, "$name: accepted") or next;
    $gw->wait_mail(2);
    my %m = map { my $m = $_; map { $_ => $m } @{ $m->{to} } } $gw->mail;
    my $plain = original($m{'plain@example.com'});
    same($plain, $want, "$name: delivered as sent") if defined $want;
    $kept //= $plain;
    same(original($m{'marked@example.com'}), $kept, "$name: the copy is the same");
    like($m{'marked@example.com'}{head} // '', qr/^X-Marked: yes\r$/m, "$name: ... but for its header");
    my ($id) = grep { !$before{$_} } map { $_->{id} } $gw->held;
    same($id && $gw->held_bytes($id), $kept, "$name: held is the same");
    $gw->clear_mail;
    my ($code, $out, $err) = $gw->ctl('quarantine', 'release', $id // 'none');
    is($code, 0, "$name: released") or diag $out, $err;
    $gw->wait_mail(1);
    same(original(($gw->mail)[0]), $kept, "$name: released is the same");
}

# --- edits ------------------------------------------------------------------------------------
for my $i (0 .. $#edits) {
    my ($name, undef, $want) = @{ $edits[$i] };
    $gw->clear_mail;
    $gw->send(from => 'ann@example.org', to => ["edit$i\@example.com"], data => "$edited\r\nbody\r\n", raw => 1);
    $gw->send(from => 'ann@example.org', to => ['plain@example.com', 'other@example.com', "edit$i\@example.com"], data => "$edited\r\nbody\r\n", raw => 1);
    $gw->wait_mail($want eq $edited ? 2 : 3);
    $gw->wait_queue_empty;
    my @m = grep { grep { /^edit/ } @{ $_->{to} } } $gw->mail;
    same(original($_), "$want\r\nbody\r\n", "$name" . ($_ == $m[1] ? ', in a copy' : '')) for @m[0, 1];
    my ($plain) = grep { grep { /^plain/ } @{ $_->{to} } } $gw->mail;
    same(original($plain), "$edited\r\nbody\r\n", "$name: the others get it unchanged");
}

# --- recipients -------------------------------------------------------------------------------
my $small = "${head}\r\nsmall\r\n";

# What the sink has got by now, Postfix's queue being empty.
sub arrived { my ($n) = @_; $gw->wait_mail($n); $gw->wait_queue_empty; return $gw->mail }

sub new_held { my ($old) = @_; my @n = grep { !$old->{ $_->{id} } } $gw->held; return @n }
sub known_held { return { map { $_->{id} => 1 } $gw->held } }

{
    $gw->clear_mail;
    my $old = known_held();
    my @to = map { my $n = $_; map { "$_$n\@example.com" } qw(d h m r x) } 1 .. 40;
    my $r = $gw->send(from => 'dealing@example.org', to => \@to, data => $small, raw => 1);
    like($r->{final}, qr/^250 /, '200 recipients, five fates: 250');
    my @m = arrived(3);
    my %got;
    for my $m (@m) { push @{ $got{ $m->{from} eq '' ? 'report' : $m->{head} =~ /^X-Marked/m ? 'marked' : 'plain' } }, @{ $m->{to} } }
    is_deeply([sort @{ $got{plain} // [] }], [sort map { "d$_\@example.com" } 1 .. 40], '... delivered');
    is_deeply([sort @{ $got{marked} // [] }], [sort map { "m$_\@example.com" } 1 .. 40], '... copied');
    is_deeply($got{report}, ['dealing@example.org'], '... one report');
    my ($report) = grep { $_->{from} eq '' } @m;
    is_deeply([sort $report->{body} =~ /^Final-Recipient: rfc822; (\S+)\r$/gm], [sort map { "r$_\@example.com" } 1 .. 40], '... about all that were rejected');
    is(scalar(() = $report->{body} =~ /^Diagnostic-Code: smtp; 550 5\.7\.1 not r\d+\r$/gm), 40, '... each with its reason');
    is_deeply([sort map { $_->{recipient} } new_held($old)], [sort map { "h$_\@example.com" } 1 .. 40], '... held');
}

my @odd = (
    ['"john smith"@example.com'], ['"a@b"@example.com'], ['"x>y"@example.com'], ['"q\\"d"@example.com'], ['user+ext@example.com'], ['UPPER@EXAMPLE.COM'],
    ['@relay.example,@other.example:routed@example.com'], ['a b@example.com'], ["|id;x'\$(y)\@example.com"], ["caf\xc3\xa9\@example.com", 'SMTPUTF8'], ['...dots@example.com'],
    ['%41%s@example.com'], ['-flag@example.com'],
);
my %refused = map { $_ => 1 } ('"a@b"@example.com', 'a b@example.com', "|id;x'\$(y)\@example.com", '%41%s@example.com', '-flag@example.com');
for my $case (@odd) {
    my ($to, $params) = @$case;
    my $send = sub {
        my ($from) = @_;
        $gw->clear_mail;
        return $gw->send(from => "$from\@example.org", mail_params => $params, to => ['plain@example.com', 'plain@example.net', $to], data => $small, raw => 1);
    };
    my ($name) = map { s/[^ -~]/?/gr } $to;
    my $r = $send->('direct');
    if ($refused{$to}) { like($r->{rcpt}[2], qr/^5(?:01 5\.1\.3|54 5\.7\.1)/, "$name: Postfix takes it from nobody"); next }
    like($r->{rcpt}[2], qr/^250/, "$name: taken");
    my %direct = map { $_ => 1 } map { @{ $_->{to} } } arrived(1);
    delete @direct{qw(plain@example.com plain@example.net)};
    my ($direct) = keys %direct;
    like($send->('allbut')->{final}, qr/^250 /, "$name: to be deleted: 250");
    is_deeply([sort map { @{ $_->{to} } } arrived(1)], [qw(plain@example.com plain@example.net)], '... and not delivered');
    like($send->('copying')->{final}, qr/^250 /, "$name: to get a copy: 250");
    my ($copy) = grep { $_->{head} =~ /^X-Marked/m } arrived(2);
    is_deeply($copy->{to}, [$direct], '... which goes where the message would');
    my $old = known_held();
    like($send->('holding')->{final}, qr/^250 /, "$name: to be held: 250");
    is(scalar(map { @{ $_->{to} } } arrived(1)), 2, '... and not delivered');
    my @held = new_held($old);
    is(scalar @held, 1, '... held once');
    $gw->clear_mail;
    my ($code, $out, $err) = $gw->ctl('quarantine', 'release', $held[0]{id} // 'none');
    is($code, 0, '... released') or diag $out, $err;
    is_deeply([map { @{ $_->{to} } } arrived(1)], [$direct], '... to where the message would have gone');
    like($send->('rejecting')->{final}, qr/^250 /, "$name: to be rejected: 250");
    my ($report) = grep { $_->{from} eq '' } arrived(2);
    is_deeply($report && $report->{to}, ['rejecting@example.org'], '... the sender gets a report');
}

$gw->stop;
done_testing;
