#!/usr/bin/perl
# What clients do: vanish at every point, begin anew, send many messages at once, use every extension
# of SMTP that Postfix has. Each message is delivered, copied and held as often as it was accepted.
use strict;
use warnings;
use Penstock;
use Test::More;

my $gw = Penstock->new(
    recipient => "Accept();\n",
    mail => <<'HSL',
if ($recipientlocalpart =~ "^copy") AddHeader("X-Copy", $recipientlocalpart);
if ($recipientlocalpart =~ "^hold") Quarantine("mailquarantine:1");
if ($recipientlocalpart =~ "^reject") Reject("not wanted");
if ($recipientlocalpart =~ "^other") { SetRecipient("else@example.net"); Deliver(); }
if ($recipientlocalpart =~ "^archived") CopyMail("archive@example.com");
if ($senderlocalpart == "verp") SetSender("bounces@example.net");
Deliver();
HSL
    conf => "max_connections = 60\n",
    main => { smtpd_recipient_limit => 2000, default_destination_recipient_limit => 5000 },
);
$gw->start;
my $milter = $gw->pid('penstock-milter');

my $n = 0;
sub text { $n++; return "Date: Sun, 22 Nov 2026 01:00:00 +0000\r\nMessage-Id: <$n\@example.org>\r\nFrom: ann\@example.org\r\nSubject: n$n\r\n\r\nbody of $n\r\n" }

# What arrived of message [k] (the present one), as "recipient" or "recipient: X-Copy"; reports to whom.
sub got {
    my ($count, $k) = @_;
    $k //= $n;
    $gw->wait_mail($count) if $count;
    $gw->wait_queue_empty;
    my @got;
    for my $m ($gw->mail) {
        my $report = $m->{from} eq '';
        next if ($report ? $m->{body} : $m->{head}) !~ /^Subject: n$k\r$/m;
        my $mark = $m->{head} =~ /^X-Copy: (\S+)\r$/m ? ": $1" : $report ? ': report' : '';
        push @got, map { s/@.*//r . $mark } @{ $m->{to} };
    }
    return [sort @got];
}

sub held { my ($k) = @_; $k //= $n; return scalar grep { $_->{subject} eq "n$k" } $gw->held }

# Sends lines without waiting for anything, then reads [replies] replies.
sub burst {
    my ($s, $lines, $replies) = @_;
    print $s $lines;
    my @r;
    while (@r < $replies && defined(my $line = <$s>)) {
        $line =~ s/\r?\n\z//;
        push @r, $line if $line !~ /^\d{3}-/;
    }
    return @r;
}

# --- vanishing
my @steps = ("EHLO c.test\r\n", "MAIL FROM:<ann\@example.org>\r\n", "RCPT TO:<plain\@example.com>\r\n", "RCPT TO:<copy1\@example.com>\r\n", "RCPT TO:<hold1\@example.com>\r\n", "DATA\r\n");
for my $at (0 .. @steps) {
    my $name = $at ? "after \"" . $steps[$at - 1] =~ s/\r\n//r . '"' : 'after connecting';
    my $s = $gw->connect_client;
    burst($s, '', 1);
    burst($s, $_, 1) for @steps[0 .. $at - 1];
    if ($at == @steps) {
        my $t = text();
        print $s substr $t, 0, length($t) - 10;
        $s->flush;
        $name = 'in the middle of the message';
    }
    close $s;
    is_deeply(got(), [], "vanished $name: nothing is delivered");
    is(held(), 0, '... nothing is held') if $at == @steps;
}
# Vanished behind the dot: nobody knows whether Postfix took it, but it is all or nothing.
for my $how (qw(at_once after_a_while)) {
    my $s = $gw->connect_client;
    burst($s, '', 1);
    burst($s, $_, 1) for @steps;
    print $s text() . ".\r\n";
    $s->flush;
    select undef, undef, undef, 0.05 if $how eq 'after_a_while';
    close $s;
    ok(Penstock::wait_until(20, sub { held() }), "vanished behind the dot, $how: it is held");
    is_deeply(got(2), ['copy1: copy1', 'plain'], '... and delivered, once');
    is(held(), 1, '... and held once');
}

# --- beginning anew
{
    $gw->clear_mail;
    my ($s, $say) = $gw->dialogue;
    $say->();
    $say->('EHLO c.test');
    $say->($_) for 'MAIL FROM:<ann@example.org>', 'RCPT TO:<copy1@example.com>', 'RSET', 'MAIL FROM:<ann@example.org>', 'RCPT TO:<hold1@example.com>', 'EHLO c.test', 'RSET', 'NOOP';
    $say->($_) for 'MAIL FROM:<ann@example.org>', 'RCPT TO:<plain@example.com>', 'RCPT TO:<plain@example.com>', 'RCPT TO:<PLAIN@example.com>', 'RCPT TO:<copy2@example.com>', 'RCPT TO:<copy2@example.com>', 'RCPT TO:<hold2@example.com>', 'RCPT TO:<hold2@example.com>', 'DATA';
    print $s text();
    like($say->('.'), qr/^250 /, 'RSET and EHLO between, recipients twice: accepted');
    is_deeply(got(2), ['copy2: copy2', 'plain'], '... for whom it was at last, once');
    is(held(), 1, '... and held once');
    $say->('RSET');
    like($say->('QUIT'), qr/^221/, '... and the connection ends well');
}

# --- many messages on one connection, by one packet each
{
    $gw->clear_mail;
    my $s = $gw->connect_client;
    burst($s, '', 1);
    burst($s, "EHLO c.test\r\n", 1);
    my $first = $n + 1;
    my @final;
    for my $i (1 .. 30) {
        my $to = $i % 3 == 0 ? 'hold1' : $i % 3 == 1 ? 'plain' : 'copy1';
        my @r = burst($s, "MAIL FROM:<ann\@example.org>\r\nRCPT TO:<$to\@example.com>\r\nRCPT TO:<second\@example.com>\r\nDATA\r\n", 4);
        is($r[3] =~ /^354/ ? 1 : 0, 1, "message $i is begun") if $i == 1;
        push @final, burst($s, text() . ".\r\n", 1);
    }
    is(scalar(grep { /^250 / } @final), 30, '30 messages on one connection, pipelined: all accepted');
    $gw->wait_mail(40);
    my %want = (0 => ['second'], 1 => ['plain', 'second'], 2 => ['copy1: copy1', 'second']);
    is(scalar(grep { is_same(got(0, $first + $_ - 1), $want{ $_ % 3 }) } 1 .. 30), 30, '... each delivered as it should be');
    is(scalar(grep { $_->{subject} =~ /^n(\d+)$/ && $1 >= $first } $gw->held), 10, '... or held');
}
sub is_same { my ($x, $y) = @_; return "@$x" eq "@$y" }

# --- BDAT, in pieces, and a client that goes between two of them
{
    $gw->clear_mail;
    my $s = $gw->connect_client;
    burst($s, '', 1);
    print $s "EHLO c.test\r\n";
    my $ehlo = '';
    while (defined(my $l = <$s>)) { $ehlo .= $l; last if $l =~ /^250 / }
    like($ehlo, qr/^250.CHUNKING/m, 'Postfix offers CHUNKING');
    my $t = text() . ".\r\n..\r\nend\r\n";
    my @piece = (substr($t, 0, 70), substr($t, 70, 50), substr $t, 120);
    my @r = burst($s, "MAIL FROM:<ann\@example.org>\r\nRCPT TO:<plain\@example.com>\r\nRCPT TO:<copy1\@example.com>\r\nRCPT TO:<hold1\@example.com>\r\n"
        . 'BDAT ' . length($piece[0]) . "\r\n$piece[0]BDAT " . length($piece[1]) . "\r\n$piece[1]BDAT " . length($piece[2]) . " LAST\r\n$piece[2]", 7);
    like($r[6] // '', qr/^250 /, 'BDAT in three pieces: accepted') or diag @r;
    is_deeply(got(2), ['copy1: copy1', 'plain'], '... delivered, once');
    is(scalar(grep { $_->{body} =~ /\r\n\.\r\n\.\.\r\nend\r\n\z/ } $gw->mail), 2, '... with its dots');
    my ($id) = map { $_->{id} } grep { $_->{subject} eq "n$n" } $gw->held;
    is($gw->held_bytes($id // 'none'), $t, '... held, byte for byte');
    burst($s, "MAIL FROM:<ann\@example.org>\r\nRCPT TO:<hold2\@example.com>\r\nBDAT 30\r\n" . substr(text(), 0, 30), 3);
    close $s;
    is_deeply(got(), [], 'vanished between two BDAT: nothing');
    is(held(), 0, '... held');
}

# --- 50 at the same time
{
    $gw->clear_mail;
    my $first = $n + 1;
    $n += 50;
    my @pids = map {
        my $k = $_;
        my $pid = fork // die "fork: $!";
        if (!$pid) {
            $n = $k - 1;
            my $r = $gw->send(from => 'ann@example.org', to => [map { "$_\@example.com" } qw(plain copy1 hold1)], data => text());
            POSIX::_exit(($r->{final} // '') =~ /^250 / ? 0 : 1);
        }
        $pid;
    } $first .. $n;
    my $failed = grep { waitpid $_, 0; $? } @pids;
    is($failed, 0, '50 clients at the same time: all accepted');
    $gw->wait_mail(100, 60);
    $gw->wait_queue_empty;
    my %got;
    for my $m ($gw->mail) { $got{ ($m->{head} =~ /^Subject: (n\d+)\r$/m)[0] . " $m->{to}[0]" }++ }
    is(scalar(grep { ($got{"n$_ plain\@example.com"} // 0) == 1 && ($got{"n$_ copy1\@example.com"} // 0) == 1 } $first .. $n), 50, '... each delivered and copied, once');
    is(scalar(keys %got), 100, '... and nothing else');
    my %held;
    $held{ $_->{subject} }++ for $gw->held;
    is(scalar(grep { ($held{"n$_"} // 0) == 1 } $first .. $n), 50, '... and held, once');
}

# --- the null sender
{
    $gw->clear_mail;
    my $r = $gw->send(from => '', to => [map { "$_\@example.com" } qw(plain copy1 hold1 reject1)], data => text());
    like($r->{final}, qr/^250 /, 'from the null sender: accepted');
    $gw->wait_mail(2);
    $gw->wait_queue_empty;
    is_deeply([sort map { "$_->{from} @{ $_->{to} }" } $gw->mail], [' copy1@example.com', ' plain@example.com'], '... delivered from it; nobody is told of the rejected one');
    ok((grep { ($_->{text} // '') =~ /no report about <reject1\@example\.com> is sent: the sender is null/ } $gw->log_records), '... but the log is');
    my ($h) = grep { $_->{subject} eq "n$n" } $gw->held;
    is($h->{sender} // '', '', '... held with it');
    $gw->clear_mail;
    my ($code) = $gw->ctl('quarantine', 'release', $h->{id});
    is($code, 0, '... released');
    $gw->wait_mail(1);
    is_deeply([map { "$_->{from} @{ $_->{to} }" } $gw->mail], [' hold1@example.com'], '... from it, too');
}

# --- 1000 recipients, 200 of them by a copy
{
    $gw->clear_mail;
    my $s = $gw->connect_client;
    burst($s, '', 1);
    burst($s, "EHLO c.test\r\n", 1);
    my @to = map { ($_ % 5 ? 'u' : 'copy') . "$_\@example.com" } 1 .. 1000;
    my @r = burst($s, join('', "MAIL FROM:<ann\@example.org>\r\n", map { "RCPT TO:<$_>\r\n" } @to), 1001);
    is(scalar(grep { /^250 / } @r), 1001, '1000 recipients: all accepted');
    burst($s, "DATA\r\n", 1);
    my ($final) = burst($s, text() . ".\r\n", 1);
    like($final, qr/^250 /, '... and the message, with 200 copies that differ');
    ok($gw->wait_mail(201, 60), '... which all come') or diag $gw->mail_count;
    $gw->wait_queue_empty(60);
    my %got;
    for my $m ($gw->mail) { $got{$_}++ for @{ $m->{to} } }
    is(scalar(grep { ($got{$_} // 0) == 1 } @to), 1000, '... once each');
}

# --- DSN parameters, end to end: those of recipients that keep the message, or get it under another
# address, are Postfix's to pass on; a copy cannot have them (libcurl), so it has none.
{
    $gw->clear_mail;
    my $r = $gw->send(
        from => 'ann@example.org', mail_params => 'RET=HDRS ENVID=QQ+2B314159 BODY=8BITMIME',
        to => ['<plain@example.com> NOTIFY=SUCCESS,FAILURE ORCPT=rfc822;plain+2Bx@example.com', '<other@example.com> NOTIFY=NEVER ORCPT=rfc822;other@example.com', '<hold1@example.com>'],
        data => text() . "\xc3\xa4\r\n",
    );
    like($r->{final}, qr/^250 /, 'with DSN parameters: accepted');
    $gw->wait_mail(1);
    $gw->wait_queue_empty;
    my @m = grep { $_->{from} ne '' } $gw->mail;
    is(scalar(grep { $_->{from_params} =~ /\bRET=HDRS\b/ && $_->{from_params} =~ /\bENVID=QQ\+2B314159\b/ } @m), scalar @m, '... RET and ENVID arrive') or diag map { "$_->{from_params}\n" } @m;
    is(scalar(grep { $_->{from_params} =~ /\bBODY=8BITMIME\b/ } @m), scalar @m, '... BODY=8BITMIME, too');
    my %p = map { my $m = $_; map { $m->{to}[$_] => join ' ', sort split ' ', $m->{to_params}[$_] } 0 .. $#{ $m->{to} } } @m;
    is($p{'plain@example.com'}, 'NOTIFY=SUCCESS,FAILURE ORCPT=rfc822;plain+2Bx@example.com', '... NOTIFY and ORCPT of a recipient');
    is($p{'else@example.net'}, 'NOTIFY=NEVER ORCPT=rfc822;other@example.com', '... and of one that was sent elsewhere');

    # the sender is set anew: what he asked for stays
    $gw->clear_mail;
    $r = $gw->send(from => 'verp@example.org', mail_params => 'RET=FULL ENVID=abc', to => ['<plain@example.com> NOTIFY=DELAY'], data => text());
    $gw->wait_mail(1);
    my ($m) = $gw->mail;
    is($m->{from}, 'bounces@example.net', 'SetSender');
    is_deeply([sort split ' ', $m->{from_params} =~ s/SIZE=\d+//r], ['ENVID=abc', 'RET=FULL'], '... keeps RET and ENVID');
    is($m->{to_params}[0], 'ORCPT=rfc822;plain@example.com NOTIFY=DELAY', '... and NOTIFY');

    # reports
    $gw->clear_mail;
    $r = $gw->send(
        from => 'ann@example.org', mail_params => 'ENVID=QQ+2B31+3D4',
        to => ['<plain@example.com>', '<reject1@example.com> ORCPT=rfc822;rej+2Bect+3D@example.com', '<reject2@example.com> NOTIFY=NEVER', '<reject3@example.com> NOTIFY=SUCCESS', '<reject4@example.com> NOTIFY=DELAY,FAILURE'],
        data => text(),
    );
    like($r->{final}, qr/^250 /, 'some are rejected: accepted');
    $gw->wait_mail(2);
    $gw->wait_queue_empty;
    my ($report) = grep { $_->{from} eq '' } $gw->mail;
    is_deeply([$report->{body} =~ /^Final-Recipient: rfc822; ([^@]+)/gm], ['reject1', 'reject4'], '... the sender hears of those he wants to hear of');
    # Both were put into the report as they came, in xtext.
    is(($report->{body} =~ /^Original-Recipient: (.*)\r$/m)[0], 'rfc822;rej+ect=@example.com', '... under the names he knows (RFC 3461 4.2: not xtext)');
    is(($report->{body} =~ /^Original-Envelope-Id: (.*)\r$/m)[0], 'QQ+31=4', '... with his id');
}

# --- SMTPUTF8
{
    my $from = "\xc3\xa4nn\@example.org";
    $gw->clear_mail;
    my $r = $gw->send(
        from => $from, mail_params => 'SMTPUTF8 BODY=8BITMIME', to => ["pl\xc3\xa4in\@example.com", 'copy1@example.com', 'hold1@example.com', 'reject1@example.com'],
        data => text() =~ s/From: ann/From: \xc3\xa4nn/r,
    );
    like($r->{final}, qr/^250 /, 'SMTPUTF8: accepted') or diag join "\n", @{ $r->{all} };
    $gw->wait_mail(3);
    $gw->wait_queue_empty;
    my %m = map { $_->{to}[0] => $_ } $gw->mail;
    is_deeply([sort keys %m], [sort "pl\xc3\xa4in\@example.com", 'copy1@example.com', $from], '... delivered, copied and reported');
    is($m{$_}{from}, $_ eq $from ? '' : $from, '... from whom it was') for sort keys %m;
    like($m{$from}{body} // '', qr/^Final-Recipient: rfc822; reject1\@example\.com\r$/m, '... the report is about the right one');
    my ($h) = grep { $_->{subject} eq "n$n" } $gw->held;
    $gw->clear_mail;
    my ($code, undef, $err) = $gw->ctl('quarantine', 'release', $h->{id});
    is($code, 0, '... released') or diag $err;
    $gw->wait_mail(1);
    is(($gw->mail)[0]{from}, $from, '... from whom it was');
}

is(waitpid($milter, POSIX::WNOHANG), 0, 'all by one milter');
ok(Penstock::wait_until(10, sub { my $n = $gw->descriptors('penstock-milter'); $n > 0 && $n < 60 }), '... which has closed what it opened') or diag $gw->descriptors('penstock-milter');
my ($code, $out) = $gw->ctl('quarantine', 'check');
is($code, 0, 'quarantine check is content') or diag $out;
$gw->stop;
done_testing;
