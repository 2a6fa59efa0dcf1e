#!/usr/bin/perl
# dovecot.t - dovecot_lookup_auth() against Dovecot's own auth server, and against servers that are
# down, silent, or answer rubbish (library §12).
use strict;
use warnings;
use Flow;
use IO::Socket::UNIX;
use Server;
use Test::More;
use Time::HiRes qw(sleep time);

my $s = Server->new;
my $port = $s->dovecot(
    joe => '{PLAIN}right horse', 'ann@example.com' => "{PLAIN}t\xc3\xa4b here %d=&", crypted => '{CRYPT}' . crypt('crypted!', '$6$salt$'),
    net => '{PLAIN}pw::::::allow_nets=192.0.2.0/24', gone => '{PLAIN}pw::::::nologin=y reason=on_leave', long => '{PLAIN}' . 'x' x 3000,
);
my $nobody = Penstock::free_port();
my $unix = "[\"unix_socket_path\" => \"$s->{dir}/auth\"]";
my $tcp = "[\"host\" => \"127.0.0.1\", \"port\" => $port]";

# A server that says HELLO, then [answer] to the AUTH line. The lines it got stand in NAME.heard.
my $hello = "VERSION\t1\t2\nMECH\tPLAIN\tplaintext\nMECH\tLOGIN\tplaintext\nSPID\t1\nCUID\t1\nCOOKIE\t00\nDONE\n";
sub fake {
    my ($name, $greeting, $answer) = @_;
    my $p = $s->tcp($name, sub {
        my ($c) = @_;
        syswrite $c, $greeting;
        my $in = '';
        while ($in !~ /^AUTH.*\n/m) { sysread $c, $in, 8192, length $in or return }
        Penstock::write_file("$s->{dir}/$name.heard", $in);
        ref $answer ? $answer->($c) : syswrite $c, $answer;
    });
    return "[\"host\" => \"127.0.0.1\", \"port\" => $p, \"timeout\" => 2]";
}
sub at { my ($p, $timeout) = @_; return "[\"host\" => \"127.0.0.1\", \"port\" => $p, \"timeout\" => " . ($timeout // 1) . ']' }

my $mute = at($s->mute('mute'));
my $counted = $s->mute('counted');
my $count = at($counted);
my %fake = (
    'an empty greeting' => fake(silent => "\n", ''),
    'another version' => fake(version => $hello =~ s/1\t2/2\t0/r, "OK\t1\tuser=joe\n"),
    'no VERSION' => fake(noversion => "MECH\tPLAIN\nDONE\n", "OK\t1\tuser=joe\n"),
    'no PLAIN' => fake(noplain => $hello =~ s/MECH\tPLAIN.*\n/MECH\tPLAINER\n/r, "OK\t1\tuser=joe\n"),
    'no DONE' => fake(nodone => $hello =~ s/DONE\n//r, ''),
    'CONT' => fake(cont => $hello, "CONT\t1\tbW9yZQ==\n"),
    'FAIL temp' => fake(temp => $hello, "FAIL\t1\tuser=joe\ttemp\n"),
    'FAIL code=temp_fail' => fake(tempfail => $hello, "FAIL\t1\tuser=joe\tcode=temp_fail\n"),
    'closing after the greeting' => fake(half => $hello, sub { close $_[0] }),
    'closing in the middle of a line' => fake(middle => $hello, "OK\t"),
    'an answer to another question' => fake(other => $hello, "OK\t2\tuser=joe\nOK\nOK\t11\n\n\t1\nFAIL"),
    'a NUL byte in the verb' => fake(nul => $hello, "O\0K\t1\tuser=joe\n"),
    'a line without end' => fake(endless => $hello, sub { my ($c) = @_; while (syswrite $c, 'x' x 4096) { } }),
    'lines without end' => fake(lines => $hello, sub { my ($c) = @_; while (syswrite $c, "NOTHING\tx\n" x 100) { } }),
    'dribbling' => fake(drip => $hello, sub { my ($c) = @_; for (split //, "FAIL\t1\tuser=joe" . 'e' x 100) { syswrite $c, $_ or last; sleep 0.1 } }),
    'rubbish' => at($s->rubbish('rubbish'), 2),
    'nothing' => $mute,
    'nobody' => at($nobody),
    'a missing socket' => "[\"unix_socket_path\" => \"$s->{dir}/none\"]",
    'a file' => "[\"unix_socket_path\" => \"$s->{dir}/users\"]",
    'a host that is none' => "[\"host\" => \"no.such.host.invalid\", \"port\" => 1]",
);
my $good = fake(good => "VERSION\t1\t9\nFUTURE\tx\nMECH\tPLAIN\nDONE\n", "NEWS\t1\nFAIL\t2\nOK\t1\tuser=joe\n");
my $plain_refusal = fake(refusal => $hello, "FAIL\t1\tuser=joe\tcode=pass_expired\ttemporary=no\n");

my $ann = '"ann@example.com", "t\xc3\xa4b here %d=&"';
my @rows = (
    [qq{$unix, "joe", "right horse"}, 1],
    [qq{$tcp, "joe", "right horse"}, 1],
    [qq{["host" => "localhost", "port" => "$port"], "joe", "right horse"}, 1],
    [qq{["host" => "127.0.0.1", "port" => $nobody, "unix_socket_path" => "$s->{dir}/auth"], "joe", "right horse"}, 1],
    [qq{$unix, "joe", "wrong horse"}, 0],
    [qq{$tcp, "joe", "right hors"}, 0],
    [qq{$unix, "jim", "right horse"}, 0],
    [qq{$unix, $ann}, 1],
    [qq{$unix, "ann\@example.com", "t\\xc3\\xa4b\\there %d=&"}, 0],
    [qq{$unix, "crypted", "crypted!"}, 1],
    [qq{$unix, "crypted", "crypted"}, 0],
    [qq{$unix, "gone", "pw"}, 1],
    [qq{$unix, "long", str_repeat("x", 3000)}, 1],
    [qq{$unix, "jo\\te", "right horse"}, 0],
    [qq{$unix, "jo\\ne", "right\\nhorse"}, 0],
    [qq{$unix, "joe\\tresp=", "right horse"}, 0],
    [qq{$unix, "joe", "pw\\nAUTH\\t2\\tPLAIN"}, 0],
    [qq{$unix, 5, true}, 0],
    [qq{["unix_socket_path" => "$s->{dir}/auth", "rip" => "192.0.2.9"], "net", "pw"}, 1],
    [qq{["unix_socket_path" => "$s->{dir}/auth", "rip" => "198.51.100.9"], "net", "pw"}, 0],
    [qq{$unix, "joe\@broken.test", "pw"}, -1],
    [qq{$good, "joe", "pw"}, 1],
    [qq{$plain_refusal, "joe", "pw"}, 0],
    # what no connection is made for
    [qq{$count, "", "pw"}, 0],
    [qq{$count, none, "pw"}, 0],
    [qq{$count, "joe", ""}, 0],
    [qq{$count, "joe", none}, 0],
    [qq{$count, "jo\\x00e", "pw"}, 0],
    [qq{$count, "joe", "p\\x00w"}, 0],
    [qq{$count, "joe", str_repeat("x", 9000)}, 0],
    [qq{$count, str_repeat("x", 10000000), "pw"}, 0],
    (map { [qq{$fake{$_}, "joe", "secret-horse"}, -1, $_] } sort keys %fake),
);
my ($out, $err) = $s->hsl(join('', map { "echo dovecot_lookup_auth($_->[0]);\n" } @rows), '--limits', 'max_sockets=1000,max_time=60');
my @got = split /\n/, $out;
is(shift @got, $_->[1], $_->[2] // substr($_->[0] =~ s/\Q$s->{dir}\E|127\.0\.0\.1|\d{4,}//gr, 0, 100)) for @rows;
is($s->connections('counted'), 0, 'what PLAIN cannot carry is refused without a connection');
is($err =~ tr/\n//, 1 + keys %fake, 'one record for each that could not be asked');
unlike($err, qr/horse|c2Vj|joe|pw/, 'without user and password');
like($err, qr/^info: dovecot_lookup_auth failed: inet:127\.0\.0\.1:$nobody: Connection refused$/m, 'it says which server, and what');
like($err, qr{^info: dovecot_lookup_auth failed: unix:$s->{dir}/none: No such file or directory$}m, 'for a socket, too');
like($err, qr{^info: dovecot_lookup_auth failed: unix:$s->{dir}/auth: temporary failure$}m, 'and that the server does not know');
like($err, qr{: this is no auth socket of Dovecot}m, 'or what is not Dovecot');

# What the server is told.
my $heard = fake(heard => $hello, "FAIL\t1\n") =~ s/\]$/, "service" => "imap", "rip" => "192.0.2.9", "lip" => "2001:db8::1", "secured" => true]/r;
$s->hsl("dovecot_lookup_auth($heard, \"joe\", \"pw\");");
like(Penstock::read_file("$s->{dir}/heard.heard"),
    qr/\AVERSION\t1\t1\nCPID\t\d+\nAUTH\t1\tPLAIN\tservice=imap\tnologin\tsecured\tlip=2001:db8::1\trip=192\.0\.2\.9\tresp=AGpvZQBwdw==\n\z/, 'with all options');
like(Penstock::read_file("$s->{dir}/good.heard"), qr/^AUTH\t1\tPLAIN\tservice=smtp\tnologin\tno-penalty\tresp=AGpvZQBwdw==\n/m, 'and with none');

# Time limits.
$s->signal(dovecot => 'STOP');
for ([$unix, 'timeout=1'], [$tcp, 'timeout=1'], [$mute, '']) {
    my ($o, $t) = @$_;
    $o =~ s/\]/, "timeout" => 1]/ if $t;
    my $start = time;
    is(($s->hsl("echo dovecot_lookup_auth($o, \"joe\", \"right horse\");"))[0], "-1\n", 'a server that is stopped');
    cmp_ok(time - $start, '<', 3, 'in time');
}
my $start = time;
is(($s->hsl("forever dovecot_lookup_auth($unix, \"joe\", \"right horse\");", '--limits', 'max_time=0.5'))[2], 1, "the run's own limit holds");
cmp_ok(time - $start, '<', 3, 'in time');
$s->signal(dovecot => 'CONT');
is(($s->hsl("echo dovecot_lookup_auth($unix, \"joe\", \"right horse\");"))[0], "1\n", 'and afterwards it answers again');
like(($s->hsl("for (\$i = 0; \$i < 4; \$i++) dovecot_lookup_auth($unix, \"joe\", \"x\");", '--limits', 'max_sockets=3'))[1], qr/limit: connections \(3\) exceeded/, 'max_sockets bounds the connections of one run');

# Many at once: Dovecot closes a connection whose CPID another one has.
my $flow = Flow->new($s, auth => "if (dovecot_lookup_auth($unix, \$saslusername, \$saslpassword) == 1) Accept(); Reject();", limits => 'max_time=20');
my $r = $flow->run(200, saslusername => 'joe', saslpassword => 'right horse');
is($r->{outcomes}{Accept}, 200, '200 at once') or diag $flow->records;
is($flow->run(200, saslusername => 'joe', saslpassword => 'wrong')->{outcomes}{Reject}, 200, 'with a wrong password');
is($flow->end, 0, 'no descriptor is left open');
is_deeply([grep { /BUG|Panic|Fatal|Error|Warning/ && !/unreadable/ } split /\n/, Penstock::read_file("$s->{dir}/dovecot.log")], [], 'Dovecot has nothing to complain of');
$s->stop;
done_testing;
