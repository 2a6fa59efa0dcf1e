#!/usr/bin/perl
# Settings as mail feels them: every parameter of penstock.conf(5) that changes an answer and has no
# test of a whole run elsewhere; over a TCP milter socket.
use strict;
use warnings;
use Penstock;
use Test::More;

my %script = (
    access => "if (\$senderip == \"127.0.0.9\") { \$x = 1 / 0; }\nif (\$senderip == \"127.0.0.8\") Block(\"go away\");\nif (\$senderip == \"127.0.0.7\") Defer(\"later\");\nAllow();\n",
    recipient => <<'HSL',
switch ($recipientlocalpart) {
    case "bad": echo $nope; break;
    case "silent": break;
    case "listed": if (count(in_file("listed", "file:1", ":")) == 2) Accept(); break;
    case "slow": sleep(3); Accept(); break;
    case "long": $s = "x"; while (true) $s = $s . $s; break;
    case "big": $a = []; while (true) $a[] = 1; break;
    case "fat": $a = []; while (true) $a[] = "0123456789$recipient" . count($a); break;
    case "deep": function f($n) { return f($n + 1); } f(0); break;
    case "regex": if ("aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa!" =~ "^(a+)+\$") Accept(); break;
    default: Accept();
}
HSL
    mail => <<'HSL',
switch ($recipientlocalpart) {
    case "oops": AddHeader("X-C", "1"); echo $nope; break;
    case "reject": Reject("not wanted"); break;
    case "defer": Defer("not now"); break;
    case "hold": Quarantine("mailquarantine:1"); break;
    case "marked": AddHeader("X-Marked", "yes"); Deliver(); break;
    case "chatty": for ($i = 0; $i < 20; $i++) echo "chat $i"; Deliver(); break;
    case "hugemeta": $m = []; for ($i = 0; $i < 300; $i++) $m["k$i"] = str_repeat("m", 5000); Quarantine("mailquarantine:1", ["metadata" => $m]); break;
    case "hugereason": Quarantine("mailquarantine:1", ["reason" => str_repeat("ä", 150000)]); break;
    case "own": Quarantine(); break;
    case "ownreject": Quarantine(["reject" => true, "reason" => "held and refused"]); break;
    case "slowmail": sleep(3); Deliver(); break;
    default: Deliver();
}
HSL
);

my $gw = Penstock->new(milter_spec => 'inet', %script, data => { listed => "listed:yes\n" }, conf => '');
my $std = "file 1 {\n    path = \"listed\"\n}\n";
$gw->{conf} = $std;
$gw->write_conf;
$gw->start;

# The gateway with other settings from here on: reload checks and loads.
sub with {
    my ($conf, %scripts) = @_;
    $gw->{conf} = $std . $conf;
    $gw->{$_} = $scripts{$_} // $script{$_} for keys %script;
    $gw->write_conf;
    my ($code, $out, $err) = $gw->ctl('reload');
    is($code, 0, 'with ' . $conf =~ s/\n(?=.)/, /gr =~ s/\n//r) or diag $out, $err;
}

my $text = "Date: Sun, 22 Nov 2026 01:00:00 +0000\nMessage-Id: <1\@example.org>\nFrom: ann\@example.org\nSubject: x\n\nbody\n";

sub to { my (@local) = @_; $gw->clear_mail; return $gw->send(from => 'ann@example.org', to => [map { "$_\@example.com" } @local], data => $text) }
sub from { my ($src, @local) = @_; return $gw->send(src => $src, from => 'ann@example.org', to => [map { "$_\@example.com" } @local], data => $text) }
sub arrived { my ($n) = @_; $gw->wait_mail($n) if $n; $gw->wait_queue_empty; return $gw->mail }
sub held { return scalar(my @h = $gw->held) }
sub records { return grep { ($_->{text} // '') =~ $_[0] } $gw->log_records }

# --- as it is without settings, over TCP
like(to('plain', 'marked', 'hold', 'reject')->{final}, qr/^250 /, 'over a TCP socket: four verdicts, 250');
is_deeply([sort map { @{ $_->{to} } } arrived(3)], ['ann@example.org', 'marked@example.com', 'plain@example.com'], '... delivered, copied, reported');
is(held(), 1, '... held');
like(to('listed')->{rcpt}[0], qr/^250 /, 'file 1 { path }');

# --- verdicts
with("mixed_verdicts = reject\n");
like(to('plain', 'reject')->{final}, qr/^550 5\.7\.1 .*not wanted$/, 'one rejected: 550 for all');
like(to('hold', 'reject')->{final}, qr/^550 /, '... also for one to be held');
like(to('plain', 'defer', 'reject')->{final}, qr/^451 .*not now/, '... but a deferred one defers all');
is_deeply([arrived()], [], '... nobody got anything');
is(held(), 1, '... and nothing was held');
like(to('plain', 'hold')->{final}, qr/^250 /, '... without a rejected one as ever');
is_deeply([map { @{ $_->{to} } } arrived(1)], ['plain@example.com'], '... delivered');
is(held(), 2, '... and held');

with("quarantine_reject_default = yes\n");
like(to('hold')->{final}, qr/^550 /, 'Quarantine() without an option: 550');
is(held(), 3, '... and held');

for my $case ([0, qr/\A(?:Received: (?:[^\r]|\r\n[ \t])*\r\n)?X-Marked: yes\r\nReceived:/, 'above'], [1, qr/\AReceived: (?:[^\r]|\r\n[ \t])*\r\n(?:Received: (?:[^\r]|\r\n[ \t])*\r\n)?X-Marked: yes\r\n/, 'below']) {
    my ($position, $want, $where) = @$case;
    with("add_header_position = $position\n");
    to('marked');
    like((arrived(1))[0]{head}, $want, "... a new header is $where Postfix's own Received line");
}

# --- the access flow
with("access_reply = rcpt\n");
my $r = from('127.0.0.8', 'plain');
like($r->{greeting}, qr/^220 /, 'Block: the greeting is 220');
like($r->{rcpt}[0], qr/^554 5\.7\.1 .*go away$/, '... each recipient gets it');
like(from('127.0.0.7', 'plain')->{rcpt}[0], qr/^4\d\d 4\.\d\.\d .*later$/, 'Defer: also');
like(from('127.0.0.9', 'plain')->{final}, qr/^250 /, 'an error: allowed');
with("access_on_error = block\n");
like(from('127.0.0.9', 'plain')->{greeting}, qr/^554 /, 'an error in the access flow: 554');
like(from('127.0.0.1', 'plain')->{final}, qr/^250 /, '... only there');
with("access_on_error = defer\n");
like(from('127.0.0.9', 'plain')->{greeting}, qr/^421 /, 'an error in the access flow: 421');
with("access_on_error = block\naccess_reply = rcpt\n");
like(from('127.0.0.9', 'plain')->{rcpt}[0], qr/^554 /, 'an error in the access flow: 554 at RCPT TO');

# --- the recipient flow
with("rcpt_on_error = accept\n");
like(to('bad')->{final}, qr/^250 /, 'an error in the recipient flow: accepted');
with("rcpt_on_error = reject\n");
$r = to('bad', 'plain');
like($r->{rcpt}[0], qr/^554 5\.7\.1 /, 'an error in the recipient flow: 554');
like($r->{final}, qr/^250 /, '... for this one only');
for my $case (['auto', qr/^554 /], ['accept', qr/^250 /], ['reject', qr/^554 /], ['defer', qr/^450 /]) {
    with("rcpt_implicit = $case->[0]\n");
    like(to('silent')->{rcpt}[0], $case->[1], '... a flow that ends without an answer');
}

# --- the mail flow
with("mail_on_error = reject\n");
like(to('oops')->{final}, qr/^550 5\.7\.1 /, 'an error in the mail flow: 550');
with("mail_on_error = defer\n");
like(to('oops', 'plain')->{final}, qr/^451 4\.7\.1 /, 'an error in the mail flow: 451 for all');
is_deeply([arrived()], [], '... nobody got anything');

# --- limits
with("max_message_size = 20K\n");
my $long = $text . ('x' x 70 . "\n") x 400;
$r = $gw->send(from => 'ann@example.org', to => ['plain@example.com'], data => $long);
like($r->{final}, qr/^552 5\.3\.4 /, 'a message of 28 kB where the scripts need the body: 552');
like(to('plain')->{final}, qr/^250 /, '... a small one is taken');
with("max_message_size = 20K\n", mail => "if (\$recipientlocalpart == \"reject\") Reject(\"no\");\n");
$r = $gw->send(from => 'ann@example.org', to => ['plain@example.com'], data => $long);
like($r->{final}, qr/^250 /, 'where they do not, the bound is that of Postfix');

with("max_time = 1\nmax_sleep = 10\nmax_string = 100K\nmax_array = 1000\nmax_call_depth = 50\npcre_match_limit = 10000\n");
for my $case (['slow', qr/limit: .*time/i], ['long', qr/limit: .*string/i], ['big', qr/limit: .*array/i], ['deep', qr/limit: .*(call|depth|nest)/i]) {
    my $before = records($case->[1]);
    like(to($case->[0])->{rcpt}[0], qr/^450 4\.7\.1 /, "... $case->[0]: deferred");
    cmp_ok(scalar records($case->[1]), '>', $before, '... and logged') or diag join "\n", map { $_->{text} } records(qr/limit/);
}
my $before = records(qr/regular|pcre|match|backtrack/i);
to('regex');
cmp_ok(scalar records(qr/regular|pcre|match|backtrack/i), '>', $before, '... regex: the limit is logged');
with("max_memory = 1M\n");
like(to('fat')->{rcpt}[0], qr/^450 4\.7\.1 /, '... fat: deferred');
ok(scalar records(qr/limit: .*memory/i), '... and logged');

with("max_message_time = 1\nmax_sleep = 10\n");
like(to('slowmail')->{final}, qr/^250 /, 'a mail flow that takes too long: its fallback');
ok(scalar records(qr/^mail: .*limit: .*time.*falling back to Deliver/i), '... and logged');

$before = records(qr/chat \d/);
with("max_echo_records = 5\necho_priority = notice\n");
to('chatty');
is(scalar(records(qr/chat \d/)) - $before, 5, '... so many records');
is((records(qr/chat \d/))[-1]{level}, 'notice', '... of that level');
with("log_level = warning\n");
$before = () = $gw->log_records;
like(to('chatty')->{final}, qr/^250 /, 'delivered');
is(scalar(() = $gw->log_records), $before, '... and nothing is logged');

with("max_connections = 3\n");
my @open = map { my ($s, $say) = $gw->dialogue; [$s, $say->(), $say] } 1 .. 3;
is(scalar(grep { $_->[1] =~ /^220 / } @open), 3, '... three are served');
like($gw->send(from => 'ann@example.org', to => ['plain@example.com'], data => $text)->{greeting}, qr/^421 4\.7\.0 |^421 /, '... the fourth gets 421');
$_->[2]->('QUIT'), close $_->[0] for @open;
ok(Penstock::wait_until(10, sub { ($gw->send(from => 'ann@example.org', to => ['plain@example.com'], data => $text)->{final} // '') =~ /^250 / }), '... and is served when one has gone');

# What a script writes with a message that is to be held is no reason to turn it away: it was deferred
# as long as the client came again.
with('');
for my $who ('hugemeta', 'hugereason') {
    my $held = held();
    like(to($who)->{final}, qr/^250 /, "$who: accepted");
    is(held(), $held + 1, '... and held');
}
ok(scalar records(qr/only 11 of 300 pairs of metadata fit in the quarantine/), '... the log says what was left out') or diag map { "$_->{text}\n" } records(qr/metadata/);

# The quarantine of a domain could be configured but not be used.
my $own = held();
like(to('own')->{final}, qr/^250 /, 'Quarantine() without an id: accepted');
like(to('ownreject')->{final}, qr/^550 5\.7\.1 .*held and refused$/, '... with options alone: refused');
is(held(), $own + 2, '... both are held in the quarantine of the listener');

# --- several listeners, domains, quarantines
{
    my $other = "$gw->{dir}/elsewhere";
    my $conf = "$gw->{dir}/etc/penstock.conf";
    with('');
    my $all = Penstock::read_file($conf);
    $all =~ s/^mailserver 1 \{.*//ms;
    $all =~ s/^mailquarantine 1 \{ \}/mailquarantine 1 { }\nmailquarantine 2 {\n    directory = "$other"\n    retention = 2h\n}/m;
    Penstock::write_file("$gw->{dir}/flows/held.hsl", "Quarantine();\n");
    Penstock::write_file("$gw->{dir}/flows/id.hsl", "AddHeader(\"X-Server\", \$serverid);\nDeliver();\n");
    my $server = "    quarantine = \"mailquarantine:1\"\n    domain \"example.com\" {\n        mail_flow = \"id.hsl\"\n    }\n    domain \"example.net\" {\n        mail_flow = \"held.hsl\"\n        quarantine = \"mailquarantine:2\"\n    }\n";
    my %by = (address => "address = \"127.0.0.1\"\n", port => "port = $gw->{port}\n", daemon_name => "daemon_name = \"inner\"\n");
    run_postconf('milter_macro_daemon_name=inner');
    for my $how (sort keys %by) {
        Penstock::write_file($conf, "${all}mailserver any {\n}\nmailserver 7 {\n    $by{$how}$server}\n");
        my ($code, $out, $err) = $gw->ctl('reload');
        is($code, 0, "a listener known by its $how") or diag $out, $err;
        $gw->clear_mail;
        my $id = Penstock::wait_until(5, sub { $r = $gw->send(from => 'ann@example.org', to => ['u@example.com', 'h@example.net', 'x@example.org'], data => $text); ($r->{rcpt}[2] // '') =~ /^554/ });
        is_deeply([map { substr $_ // '', 0, 3 } @{ $r->{rcpt} }], [250, 250, 554], '... takes its domains and no others');
        like($r->{final}, qr/^250 /, '... accepted');
        my ($m) = arrived(1);
        is_deeply($m->{to}, ['u@example.com'], '... delivered');
        like($m->{head}, qr/^X-Server: mailserver:7\r$/m, '... by its flow');
    }
    my @h = grep { ($_->{quarantine} // '') eq 'mailquarantine:2' } $gw->held;
    is(scalar @h, 3, 'what the other domain got is in its quarantine');
    is(scalar(() = glob "$other/incoming/*.eml $other/held/*/*.eml"), 3, '... in its folder');
}
sub run_postconf { my (@set) = @_; Penstock::run('postconf', 'postconf', '-c', "$gw->{dir}/postfix", @set); Penstock::run('reload', 'postfix', '-c', "$gw->{dir}/postfix", 'reload') }

$gw->stop;
done_testing;
