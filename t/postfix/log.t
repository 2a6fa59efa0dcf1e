#!/usr/bin/perl
# The log: every line of a varied run is one JSON object with the fields that are documented; no bytes
# from outside, out of envelope, headers or scripts, break a line, a field or a terminal. The sinks.
use strict;
use warnings;
use Encode qw(decode encode FB_CROAK);
use IO::Socket::UNIX;
use JSON::PP;
use Penstock;
use Socket;
use Test::More;

# What a terminal must not get: all control bytes but LF, and the C1 controls, alone or as UTF-8.
my $control = qr/[\x00-\x09\x0b-\x1f\x7f]|\xc2[\x80-\x9f]/;
my $evil = "\e]0;title\a\e[31mred\r\n{\"level\":\"emerg\",\"text\":\"forged\"}\n\x00\x08\x7f\xc2\x9b2J\xff\xfe\xe2\x80\xae";
my $hsl_evil = join '', map { sprintf '\\x%02x', ord } split //, $evil;

my $gw = Penstock->new(
    access => "if (\$senderip == \"127.0.0.8\") Block(\"no $hsl_evil\");\nif (\$senderip == \"127.0.0.9\") { echo \$senderhelo; \$x = 1 / 0; }\nAllow();\n",
    recipient => <<"HSL",
echo "rcpt " . \$senderhelo . " " . \$sender . " " . \$recipient;
switch (\$recipientlocalpart) {
    case "norcpt": Reject("no $hsl_evil"); break;
    case "later": Defer("later $hsl_evil"); break;
    case "bad": throw_it("$hsl_evil"); break;
    default: Accept();
}
function throw_it(\$what) { \$f = "x" . \$what; return \$f(1); }
HSL
    mail => <<"HSL",
echo GetHeader("Subject");
echo "$hsl_evil";
switch (\$recipientlocalpart) {
    case "reject": Reject("no $hsl_evil"); break;
    case "defer": Defer("no $hsl_evil"); break;
    case "hold": Quarantine("mailquarantine:1", ["reason" => "held $hsl_evil", "metadata" => ["k$hsl_evil" => "v$hsl_evil"]]); break;
    case "delete": Delete(); break;
    case "marked": AddHeader("X-Marked", "m"); Deliver(); break;
    case "oops": echo \$nope; break;
}
Deliver();
HSL
    main => { smtpd_helo_required => 'no', strict_rfc821_envelopes => 'no', smtputf8_enable => 'yes' },
);
$gw->start;

my @helo = ('client.test', "\e[2Jhelo", "h\x01\x7f\"\\", "\xff\xfe\xc2\x9b31m", "{\"level\":\"emerg\"}", 'x' x 500);
my @sender = ('ann@example.org', '"a\\"b{}"@example.org', "\xc3\xa4\@example.org", "x\x9by\@example.org", '%s%n@example.org', '');
my @subject = ('plain', $evil =~ s/[\r\n]//gr, "=?utf-8?B?G1szMW0=?= =?utf-8?Q?=0A{=22level=22:=22emerg=22}?=", "\x1b[31mfolded\r\n \x1b[0m", ('s' x 5000), "\xff" x 100);
my $sent = 0;
for my $i (0 .. 5) {
    for my $to ([qw(plain hold)], [qw(norcpt later bad plain)], [qw(reject plain marked)], ['defer'], [qw(delete reject)], ['oops'], ['hold']) {
        my $r = $gw->send(helo => $helo[$i], from => $sender[$i], mail_params => $i == 2 ? 'SMTPUTF8' : undef, to => [map { "$_\@example.com" } @$to], data => "From: x\r\nSubject: $subject[$i]\r\n\r\nx\r\n", raw => 1);
        $sent++ if $r->{final};
    }
}
$gw->send(src => $_, from => 'ann@example.org', to => ['plain@example.com'], data => "x\n") for '127.0.0.8', '127.0.0.9';
cmp_ok($sent, '>=', 30, 'mail of every kind was sent') or diag $sent;
$gw->wait_queue_empty;
my ($id) = map { $_->{id} } $gw->held;
$gw->ctl('quarantine', 'release', $id);
my ($second) = map { $_->{id} } grep { $_->{id} ne $id } $gw->held;
$gw->ctl('quarantine', 'delete', $second);
$gw->ctl('quarantine', 'release', "$id\e[31m");
$gw->ctl('reload');

# --- the file
my $raw = Penstock::read_file("$gw->{dir}/log/penstock.json");
is(substr($raw, -1), "\n", 'the log ends with a line end');
my @lines = split /\n/, $raw;
cmp_ok(scalar @lines, '>', 200, scalar(@lines) . ' records');
my %kinds = map { $_ => 1 } qw(emerg alert crit err warning notice info debug);
my (@broken, @bytes, @fields, @levels, @types);
my %verdicts;
my @names = qw(session client message queue sender recipient flow script line verdict reason outcome server target transport quarantine held metadata action size ms code);
my %number = map { $_ => 1 } qw(line action size ms code);
for my $line (@lines) {
    my $r = eval { decode_json($line) };
    if (!$r || ref $r ne 'HASH') { push @broken, $line; next }
    push @bytes, $line if $line =~ $control || !eval { decode('UTF-8', my $copy = $line, FB_CROAK); 1 };
    push @fields, $line if grep { !defined $r->{$_} || $r->{$_} eq '' } qw(time level program text);
    push @levels, $line if !$kinds{ $r->{level} // '' } || $r->{level} eq 'emerg';
    push @bytes, $line if grep { encode('UTF-8', $_ // '') =~ /$control|\n/ } map { ref ? () : $_ } values %$r;
    next if !$r->{verdict};
    $verdicts{ $r->{verdict} }++;
    my %known = map { $_ => 1 } @names, qw(time level program text pid);
    push @fields, $line if grep { !$known{$_} } keys %$r;
    push @fields, $line if grep { !defined $r->{$_} } qw(session client flow outcome);
    push @types, $line if grep { exists $number{$_} && $line !~ /"$_":-?\d/ } keys %$r;
}
is("@broken[0 .. ($#broken > 2 ? 2 : $#broken)]", '', 'every line is one JSON object');
is(scalar @bytes, 0, '... in UTF-8, without control characters') or diag $bytes[0] =~ s/([^ -~])/sprintf '\\x%02x', ord $1/ger;
is(scalar @fields, 0, '... with the fields that are documented, and no others') or diag $fields[0];
is(scalar @levels, 0, '... of a known level; nobody forged one') or diag $levels[0];
is(scalar @types, 0, '... numbers are numbers') or diag $types[0];
is_deeply([sort keys %verdicts], [sort qw(Block Defer Delete Deliver Quarantine Reject)], 'a summary for every verdict');

# --- what the command prints
for my $cmd (['log'], ['log', '--json'], ['log', 'plain@example.com'], ['quarantine', 'list'], ['quarantine', 'list', '--json'], ['quarantine', 'show', map { $_->{id} } $gw->held]) {
    my ($code, $out, $err) = $gw->ctl(@$cmd);
    is($code, 0, "penstock @$cmd[0 .. ($#$cmd > 1 ? 1 : $#$cmd)]") or diag $err;
    my ($bad) = "$out$err" =~ /(.{0,30}(?:$control).{0,30})/s;
    is($bad && $bad =~ s/([^ -~])/sprintf '\\x%02x', ord $1/ger, undef, '... prints no control characters');
    cmp_ok(length $out, '>', 20, '... but something');
}
my ($code, $out, $err) = $gw->ctl('quarantine', 'release', "no\e[31mid");
isnt($code, 0, 'an id with an escape sequence');
unlike("$out$err", $control, '... is not printed as it is');
($code, $out, $err) = $gw->ctl('log', "/\e[31m(/");
unlike("$out$err", $control, 'nor a pattern');
# view is for the bytes; on a terminal it must not do harm
my $held = ($gw->held)[0]{id};
my $pen = Penstock::program('penstock');
for my $h ($gw->held) {
    $out = `script -qec "'$pen' -c '$gw->{dir}/etc/penstock.conf' quarantine view $h->{id}" /dev/null </dev/null`;
    like($out, qr/^Subject: .*x\r?\n\z/ms, 'quarantine view on a terminal prints the message');
    unlike($out =~ s/\r\n/\n/gr, $control, '... with its control characters escaped');
}
(undef, $out) = $gw->ctl('quarantine', 'view', $held);
is($out, $gw->held_bytes($held), '... into a pipe: byte for byte');
$gw->stop;

# --- the journal: a socket in the place of systemd-journald's, in a mount namespace of its own
{
    my $dir = "$gw->{dir}-journal";
    mkdir $dir;
    my $sock = IO::Socket::UNIX->new(Type => SOCK_DGRAM, Local => "$dir/socket") or die "socket: $!";
    my $j = Penstock->new(quarantined => 0, recipient => "echo \"to the journal $hsl_evil\";\nAccept();\n");
    my $conf = "$j->{dir}/etc/penstock.conf";
    Penstock::write_file($conf, Penstock::read_file($conf) =~ s/^log = .*/log = "journal"/mr);
    my $pid = $j->spawn('penstock-milter', 'unshare', '-m', 'sh', '-c', 'mkdir -p /run/systemd && mount -t tmpfs none /run/systemd && mkdir /run/systemd/journal && mount --bind "$1" /run/systemd/journal && shift && exec "$@"',
        'sh', $dir, Penstock::program('penstock-milter'), '-f', '-c', $conf);
    ok(Penstock::wait_until(20, sub { $j->milter_answers }), 'a milter that logs to the journal') or diag $j->errors('penstock-milter');
    $j->{milter_use} = $j->milter_endpoint;
    $j->start;
    $j->send(from => 'ann@example.org', to => ['plain@example.com'], data => "x\n");
    my @entries;
    IO::Socket::blocking($sock, 0);
    ok(Penstock::wait_until(10, sub { push @entries, $_ while defined($sock->recv($_, 1 << 20)) && length; grep { /to the journal/ } @entries }), '... does so');
    my ($e) = grep { /to the journal/ } @entries;
    like($e // '', qr/^PRIORITY=6$/m, '... with a priority');
    like($e // '', qr/^SYSLOG_IDENTIFIER=penstock-milter$/m, '... a name');
    like($e // '', qr/^PENSTOCK_SESSION=[0-9a-f]{16}$/m, '... and fields') or diag $e;
    unlike($e // '', $control, '... and nothing that breaks an entry');
    $j->stop;
    unlink "$dir/socket";
    rmdir $dir;
}
done_testing;
