#!/usr/bin/perl
# The re-injection listener in trouble, for copies, for reports, for released mail: the client is
# told to come again, nothing is lost, nothing comes twice, and the log says why.
use strict;
use warnings;
use IO::Select;
use IO::Socket::INET;
use Penstock;
use Test::More;

my $gw = Penstock->new(
    inject_port => Penstock::free_port(),
    recipient => "Accept();\n",
    mail => <<'HSL',
if ($recipientlocalpart =~ "^copy") AddHeader("X-Copy", $recipientlocalpart);
if ($recipientlocalpart =~ "^hold") Quarantine("mailquarantine:1");
if ($recipientlocalpart =~ "^reject") Reject("not wanted");
if ($recipientlocalpart == "archived") CopyMail("archive@example.com");
if ($recipientlocalpart == "twofold") { CopyMail("archive@example.com"); AddHeader("X-Copy", "archive"); CopyMail("archive@example.com"); DelHeader("X-Copy"); }
Deliver();
HSL
    conf => "reinject_timeout = 3\n",
);
$gw->start;

# --- a listener that does what it is told. %do has answers by verb ("dot": that to the message; undef:
# it hangs up; a function is called with the socket), or "middle": after so many bytes of the message it hangs up. With
# none of that, all is handed through to Postfix, except recipients that fit the pattern "refuse".
my $listener;

sub serve {
    my (%do) = @_;
    close_listener();
    my $listen = IO::Socket::INET->new(Listen => 50, LocalAddr => '127.0.0.1', LocalPort => $gw->{inject_port}, ReuseAddr => 1) or die "listen: $!";
    $listener = fork // die "fork: $!";
    return close $listen if $listener;
    $SIG{TERM} = 'DEFAULT';
    $SIG{CHLD} = 'IGNORE';
    while (1) {
        my $s = $listen->accept or next;
        next if fork;
        close $listen;
        !%do || $do{refuse} ? pass_through($s, $do{refuse}) : converse($s, %do);
        POSIX::_exit(0);
    }
}

sub close_listener {
    return if !$listener;
    kill 'KILL', $listener;
    waitpid $listener, 0;
    undef $listener;
}
END { local $?; close_listener() if $listener }

sub converse {
    my ($s, %do) = @_;
    my $data;
    my $say = sub { POSIX::_exit(0) if !defined $_[0]; syswrite $s, "$_[0]\r\n" };
    $say->(exists $do{greeting} ? $do{greeting} : '220 odd.test');
    while (defined(my $line = <$s>)) {
        if (defined $data) {
            $data .= $line;
            POSIX::_exit(0) if $do{middle} && length $data > $do{middle};
            next if $line ne ".\r\n";
            $say->(exists $do{dot} ? $do{dot} : '250 2.0.0 ok');
            undef $data;
            next;
        }
        my ($verb) = uc($line) =~ /^(\w+)/;
        my $r = exists $do{$verb} ? $do{$verb} : { DATA => '354 go on', QUIT => '221 bye' }->{$verb} // '250 ok';
        $r = $r->($s) if ref $r;
        $data = '' if defined $r && $r =~ /^354/;
        $say->($r);
        last if $verb eq 'QUIT';
    }
}

# The client waits for each answer, so a command is in a packet of its own.
sub pass_through {
    my ($s, $refuse) = @_;
    my $p = IO::Socket::INET->new(PeerAddr => '127.0.0.1', PeerPort => $gw->{reinject_port}) or return;
    my $sel = IO::Select->new($s, $p);
    while (1) {
        for my $from ($sel->can_read) {
            sysread $from, my $buf, 65536 or return;
            my $refused = $refuse && $from == $s && $buf =~ /^RCPT/i && $buf =~ $refuse;
            $refused ? syswrite $s, "450 4.2.0 not this one\r\n" : syswrite $from == $s ? $p : $s, $buf;
        }
    }
}

# --- sending and looking
my $n = 0;
my $text;

sub new_text { $n++; return $text = "Date: Sun, 22 Nov 2026 01:00:00 +0000\nMessage-Id: <$n\@example.org>\nFrom: ann\@example.org\nSubject: n$n\n\n" . ("body of $n\n" x 200) }

sub to { my (@local) = @_; return $gw->send(from => 'ann@example.org', to => [map { "$_\@example.com" } @local], data => $text) }

# What came of the present message: "who" or "who: X-Copy", sorted; a report is "report".
sub got {
    my ($count) = @_;
    $gw->wait_mail($count) if $count;
    $gw->wait_queue_empty;
    my @got;
    for my $m ($gw->mail) {
        if ($m->{from} eq '') { push @got, 'report' if $m->{body} =~ /^Subject: n$n\r$/m; next }
        next if $m->{head} !~ /^Subject: n$n\r$/m;
        my $mark = $m->{head} =~ /^X-Copy: (\S+)\r$/m ? ": $1" : '';
        push @got, map { s/@.*//r . $mark } @{ $m->{to} };
    }
    return [sort @got];
}

sub held { return scalar grep { $_->{subject} eq "n$n" } $gw->held }

my $seen = 0;

# The records of level warning and worse since the last call.
sub new_troubles {
    my @r = $gw->log_records;
    my @new = @r[$seen .. $#r];
    $seen = @r;
    return grep { $_->{level} =~ /^(err|warning|crit|alert|emerg)$/ } @new;
}

my @troubles = (
    # name, what the listener does (undef: nobody listens), what the log says
    ['nobody listens', undef, qr/127\.0\.0\.1:\d+: .*(refused|connect)/i],
    ['it greets with 421', { greeting => '421 4.3.2 going down' }, qr/421|4\.3\.2/],
    ['it greets with 554', { greeting => '554 5.3.2 go away' }, qr/554|5\.3\.2/],
    ['it hangs up at once', { greeting => undef }, qr/127\.0\.0\.1:\d+: \S/],
    ['MAIL is answered 451', { MAIL => '451 4.3.0 mail later' }, qr/said: 451 4\.3\.0 mail later/],
    ['RCPT is answered 450', { RCPT => '450 4.2.0 rcpt later' }, qr/said: 450 4\.2\.0 rcpt later/],
    ['RCPT is answered 550', { RCPT => '550 5.1.1 nobody' }, qr/said: 550 5\.1\.1 nobody/],
    ['DATA is answered 554', { DATA => '554 5.5.1 no data' }, qr/said: 554 5\.5\.1 no data/],
    ['it hangs up in the middle of the message', { middle => 500 }, qr/127\.0\.0\.1:\d+: \S/],
    ['the message is answered 452', { dot => '452 4.3.1 full' }, qr/said: 452 4\.3\.1 full/],
    ['the message is answered 554', { dot => '554 5.6.0 bad' }, qr/said: 554 5\.6\.0 bad/],
    ['it hangs up instead of an answer', { dot => undef }, qr/127\.0\.0\.1:\d+: \S/],
);

# --- copies and reports: the whole message waits, with what was held for it
for my $case (@troubles) {
    my ($name, $do, $log) = @$case;
    for my $kind ('copy', $name =~ /nobody|550|452|instead/ ? 'reject' : ()) {
        new_text();
        $do ? serve(%$do) : close_listener();
        new_troubles();
        like(to('plain', 'other', $kind, 'hold')->{final}, qr/^451 4\.3\.0 /, "$kind, $name: 451");
        my @t = new_troubles();
        ok((grep { $_->{text} =~ /^the message is deferred: / && $_->{text} =~ $log } @t), '... the log says why') or diag map { "$_->{text}\n" } @t;
        is(scalar(grep { $_->{text} =~ /may come twice/ } @t), $name =~ /instead/ ? 1 : 0, '... and whether it may come twice') if !$do || !$do->{middle};
        is(held(), 0, '... nothing is held');
        serve();
        like(to('plain', 'other', $kind, 'hold')->{final}, qr/^250 /, '... it comes again: 250');
        is_deeply(got(2), $kind eq 'copy' ? ['copy: copy', 'other', 'plain'] : ['other', 'plain', 'report'], '... all have it, once');
        is(held(), 1, '... it is held, once');
    }
}

# --- a listener that never answers: by reinject_timeout it is over
new_text();
serve(MAIL => sub { IO::Select->new($_[0])->can_read; '250 ok' });
my $start = time;
like(to('plain', 'other', 'copy')->{final}, qr/^451 /, 'it does not answer: 451');
cmp_ok(time - $start, '<', 20, '... before long');
is_deeply(got(), [], '... and nothing is delivered');

# --- what worked before the trouble is not done again
new_text();
serve(refuse => qr/copy2/);
like(to('plain', 'other', 'copy1', 'copy2', 'copy3', 'reject', 'hold')->{final}, qr/^451 /, 'the second of three copies fails: 451');
is_deeply(got(1), ['copy1: copy1'], '... the first has gone out');
is(held(), 0, '... what was held is withdrawn');
serve();
like(to('plain', 'other', 'copy1', 'copy2', 'copy3', 'reject', 'hold')->{final}, qr/^250 /, '... it comes again: 250');
is_deeply(got(5), ['copy1: copy1', 'copy2: copy2', 'copy3: copy3', 'other', 'plain', 'report'], '... all have it, once');
is(held(), 1, '... it is held, once');

new_text();
serve(refuse => qr/ann\@example\.org/);
like(to('plain', 'other', 'copy1', 'reject')->{final}, qr/^451 /, 'the report fails behind a copy: 451');
serve();
like(to('plain', 'other', 'copy1', 'reject')->{final}, qr/^250 /, '... it comes again: 250');
is_deeply(got(3), ['copy1: copy1', 'other', 'plain', 'report'], '... all have it, once');

# the same, but the milter is another one by then
new_text();
serve(refuse => qr/copy2/);
like(to('plain', 'other', 'copy1', 'copy2')->{final}, qr/^451 /, 'a copy fails: 451');
$gw->kill_daemon('penstock-milter', 'KILL');
$gw->start_milter;
serve();
like(to('plain', 'other', 'copy1', 'copy2')->{final}, qr/^250 /, '... it comes again to a new milter: 250');
is_deeply(got(3), ['copy1: copy1', 'copy2: copy2', 'other', 'plain'], '... all have it, once');

# One address in two copies of one message: that the first has gone out says nothing about the
# second. (The journal knew copies by their address alone, and the second was lost.)
new_text();
serve(refuse => qr/copy2/);
like(to('plain', 'other', 'twofold', 'copy2')->{final}, qr/^451 /, 'one address gets two different copies, another fails: 451');
serve();
like(to('plain', 'other', 'twofold', 'copy2')->{final}, qr/^250 /, '... it comes again: 250');
is_deeply(got(3), ['archive', 'archive: archive', 'copy2: copy2', 'other', 'plain', 'twofold'], '... both copies are there, once');

# A client may send one message in several transactions, for some recipients each. (The journal
# took the next one for the first coming again, and forgot that with its answer.)
new_text();
serve(refuse => qr/copy2/);
like(to('plain', 'other', 'copy1', 'copy2')->{final}, qr/^451 /, 'a message for some recipients: 451');
serve();
like(to('third', 'copy3', 'fourth')->{final}, qr/^250 /, '... the same for others: 250');
like(to('plain', 'other', 'copy1', 'copy2')->{final}, qr/^250 /, '... and again for the first: 250');
is_deeply(got(4), ['copy1: copy1', 'copy2: copy2', 'copy3: copy3', 'fourth', 'other', 'plain', 'third'], '... all have it, once');

# --- released mail
serve();
for my $case (@troubles) {
    my ($name, $do, $log) = @$case;
    new_text();
    like(to('hold')->{final}, qr/^250 /, "release, $name: held");
    my ($id) = map { $_->{id} } grep { $_->{subject} eq "n$n" } $gw->held;
    $do ? serve(%$do) : close_listener();
    my ($code, undef, $err) = $gw->ctl('quarantine', 'release', $id);
    is($code, 69, '... EX_UNAVAILABLE');
    like($err, $log, '... which says why');
    my ($r) = grep { $_->{id} eq $id } $gw->held('--state', 'all');
    is($r->{state}, 'held', '... it is held as before');
    is($r->{note} =~ /may have been delivered/ ? 1 : 0, $name =~ /instead/ ? 1 : 0, '... with a note if that is not certain') if !$do || !$do->{middle};
    serve();
    ($code) = $gw->ctl('quarantine', 'release', $id);
    is($code, 0, '... then it is released');
    is_deeply(got(1), ['hold'], '... once');
}

my ($code, $out) = $gw->ctl('quarantine', 'check');
is($code, 0, 'quarantine check is content') or diag $out;
close_listener();
$gw->stop;
done_testing;
