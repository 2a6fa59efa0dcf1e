#!/usr/bin/perl
# ldap.t - in_ldap(), ldap_search() and ldap_bind() against slapd, with and without TLS, and against
# servers that are down, silent, or answer rubbish (library §12).
use strict;
use warnings;
use Server;
use Test::More;
use Time::HiRes qw(sleep time);

my $s = Server->new;
$s->ca;
my $ldif = <<'E';
dn: uid=joe,ou=people,dc=test
objectClass: inetOrgPerson
uid: joe
cn: Joe
sn: Doe
mail: joe@example.com
mail: j.doe@example.com
userPassword: pw

dn: uid=odd(*)\5C,ou=people,dc=test
objectClass: inetOrgPerson
uid: odd(*)\
cn: Odd
sn: One
mail: odd@example.com

dn: uid=reader,dc=test
objectClass: account
objectClass: simpleSecurityObject
uid: reader
userPassword: read
E
$ldif .= "\ndn: uid=u$_,ou=people,dc=test\nobjectClass: inetOrgPerson\nuid: u$_\ncn: u$_\nsn: many\n" for 1 .. 1100;
my $port = $s->slapd($ldif);
my $mute = $s->mute('mute');
my $rubbish = $s->rubbish('rubbish');
my $nobody = Penstock::free_port();
my $tls_refused = $s->tcp('notls', sub { my ($c) = @_; sysread $c, my $b, 4096; syswrite $c, "\x30\x0c\x02\x01\x01\x78\x07\x0a\x01\x02\x04\x00\x04\x00"; sleep 5 });

my $mute_tls = $s->tcp('mutetls', sub { my ($c) = @_; sysread $c, my $b, 4096; syswrite $c, "\x30\x0c\x02\x01\x01\x78\x07\x0a\x01\x00\x04\x00\x04\x00"; sleep 30 });

# A server that takes every bind and answers each search with [bytes].
sub answers {
    my ($bytes) = @_;
    return sub {
        my ($c) = @_;
        sysread $c, my $b, 4096;
        syswrite $c, "\x30\x0c\x02\x01\x01\x61\x07\x0a\x01\x00\x04\x00\x04\x00";
        sysread $c, $b, 4096;
        syswrite $c, $bytes;
        sysread $c, $b, 4096;
    };
}
my $entry = "\x30\x18\x02\x01\x02\x64\x13\x04\x04cn=a\x30\x0b\x30\x09\x04\x02cn\x31\x03\x04\x01a";
my $generous = $s->tcp('generous', answers($entry x 1500 . "\x30\x0c\x02\x01\x02\x65\x07\x0a\x01\x00\x04\x00\x04\x00"));
my $boastful = $s->tcp('boastful', answers("\x30\x84\x01\x00\x00\x07\x02\x01\x02"));

# Hands everything on to [port].
sub relay {
    my ($port) = @_;
    return sub {
        my ($c) = @_;
        my $to = IO::Socket::INET->new(PeerAddr => "127.0.0.1:$port") or return;
        my $select = IO::Select->new($c, $to);
        while (my @ready = $select->can_read) {
            for (@ready) { sysread($_, my $b, 65536) or return; syswrite $_ == $c ? $to : $c, $b }
        }
    };
}
my $elsewhere = $s->tcp('elsewhere', relay($s->{ldaps_port}), address => '127.0.0.2');

my $people = 'username = "uid=reader,dc=test"
    password = "read"
    base = "ou=people,dc=test"';
$s->write('penstock.conf', <<"E");
ldap 1 {
    host = "127.0.0.1:$port"
    $people
    query = "(mail=%s)"
}
ldap 2 {
    host = "127.0.0.1:$nobody ldap://127.0.0.1:$port"
    $people
    query = "(&(uid=\$1)(sn=\$2))"
}
ldap bind { host = "127.0.0.1:$port" }
ldap uid {
    host = "127.0.0.1:$port"
    $people
    query = "(uid=%s)"
}
ldap raw {
    host = "127.0.0.1:$port"
    $people
    query = "%x"
}
ldap tls {
    host = "127.0.0.1:$port"
    $people
    query = "(mail=%s)"
    tls = require
    tls_ca_file = "$s->{dir}/ca.pem"
}
ldap ldaps {
    host = "ldaps://127.0.0.1:$s->{ldaps_port}"
    $people
    query = "(mail=%s)"
    tls_ca_file = "$s->{dir}/ca.pem"
}
ldap unknownca {
    host = "127.0.0.1:$port"
    $people
    query = "(mail=%s)"
    tls = require
}
ldap anyca {
    host = "127.0.0.1:$port"
    $people
    query = "(mail=%s)"
    tls = require
    tls_verify_peer = no
}
ldap optional {
    host = "127.0.0.1:$port"
    $people
    query = "(mail=%s)"
    tls = optional
    tls_ca_file = "$s->{dir}/ca.pem"
}
ldap notls {
    host = "127.0.0.1:$tls_refused"
    $people
    query = "(mail=%s)"
    tls = require
    timeout = 3
}
ldap badbase {
    host = "127.0.0.1:$port"
    username = "uid=reader,dc=test"
    password = "read"
    base = "ou=gone,dc=test"
    query = "(mail=%s)"
}
ldap badfilter {
    host = "127.0.0.1:$port"
    $people
    query = "(mail=%s"
}
ldap badpw {
    host = "127.0.0.1:$port"
    username = "uid=reader,dc=test"
    password = "wrong"
    base = "dc=test"
    query = "(mail=%s)"
}
ldap one {
    host = "127.0.0.1:$port"
    username = "uid=reader,dc=test"
    password = "read"
    base = "dc=test"
    scope = one
    query = "(uid=%s)"
}
ldap down {
    host = "127.0.0.1:$nobody"
    $people
    query = "(mail=%s)"
}
ldap mute {
    host = "127.0.0.1:$mute"
    $people
    query = "(mail=%s)"
    timeout = 1
}
ldap muteldaps {
    host = "ldaps://127.0.0.1:$mute"
    $people
    query = "(mail=%s)"
    timeout = 1
}
ldap mutetls {
    host = "127.0.0.1:$mute_tls"
    $people
    query = "(mail=%s)"
    tls = require
    timeout = 1
}
ldap mutefirst {
    host = "127.0.0.1:$mute 127.0.0.1:$port"
    $people
    query = "(mail=%s)"
    timeout = 2
}
ldap rubbish {
    host = "127.0.0.1:$rubbish"
    $people
    query = "(mail=%s)"
    timeout = 2
}
E
my @config = ('--config', "$s->{dir}/penstock.conf");

# What a script prints, and its records.
sub prints {
    my ($code, @options) = @_;
    my ($out, $err) = $s->hsl($code, @config, @options);
    chomp $out;
    return wantarray ? ($out, $err) : $out;
}

my @rows = (
    ['in_ldap("ldap:1", "joe@example.com")', 100],
    ['in_ldap("1", "JOE@example.com")', 100],
    ['in_ldap("ldap:1", "jim@example.com")', 0],
    ['in_ldap("ldap:1", "")', 0],
    ['in_ldap("ldap:1", none)', 0],
    ['in_ldap("ldap:1", "*")', 0],
    ['in_ldap("ldap:1", "x)(mail=*")', 0],
    ['in_ldap("ldap:uid", "odd(*)\\\\")', 100],
    ['in_ldap("ldap:uid", "jo\x00e")', 0],
    ['in_ldap("ldap:uid", "j*")', 0],
    ['in_ldap("ldap:raw", "(mail=j*)")', 100],
    ['in_ldap("ldap:2", ["joe", "Doe"])', 100],
    ['in_ldap("ldap:2", ["joe", "*"])', 0],
    ['in_ldap("ldap:2", ["joe"])', 0],
    ['in_ldap("ldap:one", "reader")', 100],
    ['in_ldap("ldap:one", "joe")', 0],
    ['in_ldap("ldap:1", "uid=joe,ou=people,dc=test", ["query" => "(uid=joe)"])', 100],
    ['in_ldap("ldap:1", "joe@example.com", ["base" => "uid=joe,ou=people,dc=test"])', 100],
    ['in_ldap("ldap:down", "joe@example.com", ["host" => "127.0.0.1:' . $port . '"])', 100],
    ['in_ldap("ldap:down", "joe@example.com", ["host" => ["127.0.0.1:' . $nobody . '", "ldap://127.0.0.1:' . $port . '"]])', 100],
    ['in_ldap("ldap:bind", "x", ["username" => "uid=joe,ou=people,dc=test", "password" => "pw"])', 100],
    ['in_ldap("ldap:bind", "x", ["username" => "uid=joe,ou=people,dc=test", "password" => "no"])', 0],
    ['in_ldap("ldap:bind", "x", ["username" => "uid=nobody,dc=test", "password" => "pw"])', 0],
    ['in_ldap("ldap:bind", "x", ["username" => "uid=joe,ou=people,dc=test", "password" => ""])', 0],
    ['in_ldap("ldap:bind", "x", ["username" => "uid=joe,ou=people,dc=test"])', 0],
    ['in_ldap("ldap:bind", "x", ["username" => "", "password" => "pw"])', 0],
    ['in_ldap("ldap:bind", "x", ["username" => "uid=joe,ou=people,dc=test", "password" => "pw\x00"])', 0],
    ['in_ldap("ldap:1", "joe@example.com", ["username" => "uid=joe,ou=people,dc=test", "password" => "pw"])', 100],
    ['in_ldap("ldap:1", "joe@example.com", ["username" => "uid=joe,ou=people,dc=test", "password" => "no"])', 0],
    ['in_ldap("ldap:badpw", "joe@example.com")', 0],
    ['in_ldap("ldap:badbase", "joe@example.com")', -1],
    ['in_ldap("ldap:badfilter", "joe@example.com")', -1],
    ['in_ldap("ldap:down", "joe@example.com")', -1],
    ['in_ldap("ldap:rubbish", "joe@example.com")', -1],
    ['in_ldap("ldap:tls", "joe@example.com")', 100],
    ['in_ldap("ldap:ldaps", "joe@example.com")', 100],
    ['in_ldap("ldap:unknownca", "joe@example.com")', -1],
    ['in_ldap("ldap:anyca", "joe@example.com")', 100],
    ['in_ldap("ldap:unknownca", "joe@example.com", ["tls_verify_peer" => false])', 100],
    ['in_ldap("ldap:optional", "joe@example.com")', 100],
    ['in_ldap("ldap:notls", "joe@example.com")', -1],
    ['in_ldap("ldap:1", "joe@example.com", ["host" => "ldapi://' . "$s->{dir}/ldapi" =~ s{/}{%2F}gr . '"])', 100],
    ['in_ldap("ldap:1", "joe@example.com", ["host" => "localhost:' . $port . '"])', 100],
    ['in_ldap("ldap:ldaps", "joe@example.com", ["host" => "ldaps://127.0.0.2:' . $elsewhere . '"])', -1],
    ['in_ldap("ldap:ldaps", "joe@example.com", ["host" => "ldaps://127.0.0.2:' . $elsewhere . '", "tls_verify_peer" => false])', 100],
    ['in_ldap("ldap:1", "joe@example.com", ["host" => "ldap://"])', -1],
    ['in_ldap("ldap:1", "joe@example.com", ["host" => "ldapi://%2Fnone"])', -1],
    ['in_ldap("ldap:1", "joe@example.com", ["host" => "nonsense://x"])', -1],
    ['in_ldap("ldap:1", "joe@example.com", ["host" => "' . 'x' x 300 . '"])', -1],
    ['ldap_search("ldap:1", "joe@example.com")[0]["mail"]', '[0=>"joe@example.com",1=>"j.doe@example.com"]'],
    ['ldap_search("ldap:1", "joe@example.com")[0]["dn"]', 'uid=joe,ou=people,dc=test'],
    ['ldap_search("ldap:1", "joe@example.com")[0]["userPassword"]', ''],
    ['ldap_search("ldap:1", "gone@example.com")', '[]'],
    ['length(ldap_search("ldap:raw", "(sn=many)"))', 1000],
    ['length(ldap_search("ldap:raw", "(uid=u1*)", ["base" => "dc=test"]))', 212],
    ['ldap_search("ldap:badpw", "joe@example.com")', -1],
    ['ldap_search("ldap:down", "joe@example.com")', -1],
    ['ldap_bind("ldap:bind", "uid=joe,ou=people,dc=test", "pw")', 1],
    ['ldap_bind("ldap:bind", "uid=joe,ou=people,dc=test", "PW")', 0],
    ['ldap_bind("ldap:bind", "uid=joe,ou=people,dc=test", "")', 0],
    ['ldap_bind("ldap:bind", "uid=joe,ou=people,dc=test", none)', 0],
    ['ldap_bind("ldap:bind", "", "pw")', 0],
    ['ldap_bind("ldap:bind", "uid=gone,dc=test", "pw")', 0],
    ['ldap_bind("ldap:down", "uid=joe,ou=people,dc=test", "pw")', -1],
    ['ldap_bind("ldap:down", "uid=joe,ou=people,dc=test", "pw", ["host" => "127.0.0.1:' . $port . '"])', 1],
    ['ldap_bind("ldap:tls", "uid=joe,ou=people,dc=test", "pw")', 1],
);
my ($out, $err) = prints(join '', map { "echo $_->[0];\n" } @rows, );
is($err =~ /limit: connections \(16\) exceeded/ ? 1 : 0, 1, 'max_sockets bounds the connections of one run');
($out, $err) = prints(join('', map { "echo $_->[0];\n" } @rows), '--limits', 'max_sockets=1000,max_time=60');
my @got = split /\n/, $out, -1;
is(shift @got, $_->[1], $_->[0]) for @rows;
unlike($err, qr/\bread\b|\bpw\b|wrong/, 'no password in the records');
like($err, qr/info: in_ldap failed for ldap:down: 127\.0\.0\.1:$nobody: connect: Can't contact LDAP server/, 'a record says which server, and what');

for (['in_ldap("ldap:9", "x")', qr/in_ldap\(\): unknown profile ldap:9/], ['in_ldap("ldap:1", true)', qr/argument 2 of in_ldap\(\): expected string or array, got boolean/],
    ['ldap_bind("ldap:1", [], "x")', qr/argument 2 of ldap_bind\(\): expected string, got array/], ['in_ldap("ldap:1", "x", ["username" => 5])', qr/option username: expected string, got number/]) {
    like((prints("$_->[0];"))[1], $_->[1], $_->[0]);
}

# The seeds' script, by profile and override.
my $seed = 'function Accept() { echo "accepted"; } function Reject() { echo "rejected"; }
if (in_ldap("ldap:bind", $saslusername, array("username"=>"uid=$saslusername,ou=people,dc=test","password"=>$saslpassword))==100) { Accept(); } else { Reject(); }';
is(prints("\$saslusername = \"joe\"; \$saslpassword = \"$_->[0]\"; $seed"), $_->[1], "the seeds' script, password \"$_->[0]\"")
    for ['pw', 'accepted'], ['no', 'rejected'], ['', 'rejected'];

# Time limits.
for my $profile (qw(mute muteldaps mutetls)) {
    my $start = time;
    is(prints("echo in_ldap(\"ldap:$profile\", \"x\");"), -1, "$profile: a server that says nothing");
    cmp_ok(time - $start, '<', 3, 'in time');
}
my $start = time;
is(prints('echo in_ldap("ldap:mutefirst", "joe@example.com");'), 100, 'a silent first server leaves time for the second');
cmp_ok(time - $start, '<', 3, 'in time');
$start = time;
prints('in_ldap("ldap:mute", "x");', '--limits', 'max_time=0.5');
cmp_ok(time - $start, '<', 4, "the run's own limit holds");

# Servers that outrun limits.
is(prints("echo length(ldap_search(\"ldap:1\", \"x\", [\"host\" => \"127.0.0.1:$generous\"]));"), 1000, 'a server that sends more entries than were asked for');
is(prints("echo in_ldap(\"ldap:1\", \"x\", [\"host\" => \"127.0.0.1:$generous\"]);"), 100, 'the same when one is enough');
$start = time;
is(prints("echo in_ldap(\"ldap:1\", \"x\", [\"host\" => \"127.0.0.1:$boastful\"]);"), -1, 'a message above 16 MiB is not even read');
cmp_ok(time - $start, '<', 4, 'which takes no time');

# Kept connections.
my $count = $s->tcp('proxy', relay($port));
my $host = "[\"host\" => \"127.0.0.1:$count\"]";
is(prints("\$n = 0; for (\$i = 0; \$i < 10; \$i++) \$n += in_ldap(\"ldap:1\", \"joe\@example.com\", $host); echo \$n;"), 1000, 'ten searches');
is($s->connections('proxy'), 1, 'use one connection');
prints("for (\$i = 0; \$i < 3; \$i++) in_ldap(\"ldap:1\", \"x\", [\"host\" => \"127.0.0.1:$count\", \"username\" => \"uid=joe,ou=people,dc=test\", \"password\" => \"pw\"]);");
is($s->connections('proxy'), 4, "a user's bind has one of its own");

# The server goes away between two searches, and in the middle.
my $kept = $s->tcp('kept', relay($port));
my $joe = "in_ldap(\"ldap:1\", \"joe\@example.com\", [\"host\" => \"127.0.0.1:$kept\"])";
my $script = "echo $joe; sleep(8); echo $joe;";
$s->write('restart.hsl', $script);
open my $run, '-|', Penstock::program('hsl'), @config, "$s->{dir}/restart.hsl" or die;
ok(Penstock::wait_until(20, sub { $s->connections('kept') }), 'a search');
sleep 2;
$s->end('slapd');
$s->spawn(slapd => 'slapd', '-d', 0, '-f', "$s->{dir}/slapd.conf", '-h', "ldap://127.0.0.1:$port/");
$s->wait_port(slapd => $port);
is(join('', <$run>), "100\n100\n", 'a kept connection that died is made again');
close $run;
$s->signal('slapd', 'STOP');
$start = time;
like(prints('echo in_ldap("ldap:1", "joe@example.com");', '--limits', 'max_time=1.5'), qr/^(-1)?$/, 'a server that is stopped');
cmp_ok(time - $start, '<', 4, 'in time');
$s->stop;
done_testing;
