#!/usr/bin/perl
# faults.t - servers that are killed, stopped, or begin to talk nonsense while 200 flow runs ask them:
# every run ends in time with the error result of its function, nothing is left open, and with the
# server back the same process finds it again. DNS, LDAP (searches on kept connections, and binds),
# HTTP and Dovecot.
use strict;
use warnings;
use Flow;
use Server;
use Test::More;
use Time::HiRes qw(sleep time);

my $RUNS = 200;
my $TIMEOUT = Penstock::sanitized() ? 4 : 2;    # of a look-up, in seconds
my $SPARE = 1.5;

my $s = Server->new;
my $d = $s->{dir};
my %port = (
    knot => $s->knot('names.test' => '* A 192.0.2.1'),
    slapd => $s->slapd(<<'E'),
dn: dc=test
objectClass: dcObject
objectClass: organization
o: test
dc: test

dn: uid=joe,dc=test
objectClass: account
objectClass: simpleSecurityObject
uid: joe
userPassword: pw
E
    nginx => $s->nginx('location /login { return 200 "OK"; }'),
    dovecot => $s->dovecot(joe => '{PLAIN}pw'),
);
$s->write('penstock.conf', <<"E");
dns_servers = "127.0.0.1:$port{knot}"
dns_timeout = $TIMEOUT
ldap 1 {
    host = "127.0.0.1:$port{slapd}"
    username = "uid=joe,dc=test"
    password = "pw"
    base = "dc=test"
    query = "(uid=%s)"
    timeout = $TIMEOUT
}
E

# [name, its server, a look-up, what it gives, what it gives when that fails]
my @kinds = (
    ['dns', 'knot', 'dns(uuid() . ".names.test")', '["192.0.2.1"]', '[]'],
    ['in_ldap', 'slapd', 'in_ldap("ldap:1", "joe")', 100, -1],
    ['ldap_bind', 'slapd', 'ldap_bind("ldap:1", "uid=joe,dc=test", "pw")', 1, -1],
    ['http', 'nginx', "http(\"http://127.0.0.1:$port{nginx}/login\", $TIMEOUT)", '"OK"', '""'],
    ['dovecot_lookup_auth', 'dovecot', "dovecot_lookup_auth([\"unix_socket_path\" => \"$d/auth\", \"timeout\" => $TIMEOUT], \"joe\", \"pw\")", 1, -1],
    ['dovecot_lookup_auth, TCP', 'dovecot', "dovecot_lookup_auth([\"host\" => \"127.0.0.1\", \"port\" => $port{dovecot}, \"timeout\" => $TIMEOUT], \"joe\", \"pw\")", 1, -1],
);

# The look-up five times, with time in between for a fault to come.
sub flow {
    my ($limits, $lookup, $good, $failed) = @_;
    return Flow->new($s, auth => <<"E", config => "$d/penstock.conf", limits => $limits);
for (\$i = 0; \$i < 5; \$i++) {
    \$r = $lookup;
    if (\$r == $failed) Reject("error");
    if (\$r != $good) Defer("odd: \$r");
    sleep(0.2);
}
Accept();
E
}
my @flows = map { flow('max_time=20,max_sockets=100', @$_[2 .. 4]) } @kinds;

# Lets all kinds run, calls [fault] for each server meanwhile, and compares the outcomes.
sub round {
    my ($title, $want, $limit, $fault) = @_;
    my (%r, %done);
    for my $i (0 .. $#kinds) {
        $flows[$i]->begin($RUNS);
        next if !$fault || ($kinds[$i + 1] && $kinds[$i + 1][1] eq $kinds[$i][1]);
        sleep 0.3;
        $fault->($kinds[$i][1]);
    }
    for my $i (0 .. $#kinds) {
        my ($name, $r) = ($kinds[$i][0], $flows[$i]->finish);
        is_deeply($r->{outcomes}, { $want => $RUNS }, "$title: $name") or diag substr $flows[$i]->records, 0, 2000;
        cmp_ok($r->{longest}, '<', $limit, "$title: $name, in time") if $limit;
        $r{$name} = $r->{descriptors};
    }
    return \%r;
}

my @servers = qw(knot slapd nginx dovecot);
my $whole = time;
my $before = round('all servers up', 'Accept');

round('killed', 'Reject: error', 1.5 + $TIMEOUT + $SPARE, sub { $s->end($_[0], 'KILL') });
$s->again($_ => $port{$_}) for @servers;
round('up again', 'Accept');

round('stopped', 'Reject: error', 1.5 + $TIMEOUT + $SPARE, sub { $s->signal($_[0], 'STOP') });
$s->signal($_, 'CONT') for @servers;
sleep 0.5;
round('awake again', 'Accept');

# The run's own time ends before that of the look-up.
my @patient = @flows;
@flows = map { flow('max_time=1.5,max_sockets=100', @$_[2 .. 4]) } @kinds;
$s->signal($_, 'STOP') for @servers;
round('stopped, and little time', 'Reject: error', 1.5 + $SPARE);
$s->signal($_, 'CONT') for @servers;
is($_->end, 0, 'no descriptor is left open') for @flows;
@flows = @patient;

# Something else listens at the server's port.
sub listen_instead {
    my ($server) = @_;
    $s->end($server, 'KILL');
    Penstock::wait_until(5, sub {
        eval {
            $s->rubbish("$server-rubbish", port => $port{$server});
            $s->dns_proxy(1, name => 'dns-rubbish', port => $port{knot}, mode => 'rubbish') if $server eq 'knot';
            1;
        }
    }) or die "port $port{$server} is taken: $@";
}
round('nonsense', 'Reject: error', 1.5 + $TIMEOUT + $SPARE, \&listen_instead);
$s->end($_) for 'dns-rubbish', map { "$_-rubbish" } @servers;
$s->again($_ => $port{$_}) for @servers;
my $after = round('up in the end', 'Accept');

# The system's own way to look up a name knows no time limit.
$s->write('stuck.conf', "ldap 1 {\n    host = \"slow.test\"\n    timeout = 1\n}\n");
for (['ldap_bind("ldap:1", "cn=joe", "pw")', -1], ['http("http://slow.test/", 1)', '""'], ['dovecot_lookup_auth(["host" => "slow.test", "port" => 1, "timeout" => 1], "joe", "pw")', -1]) {
    my ($lookup, $failed) = @$_;
    my $flow = Flow->new($s, auth => "if ($lookup === $failed) Reject(\"error\");", config => "$d/stuck.conf", names => { 'slow.test' => 'stall:3' });
    my $r = $flow->run(20);
    is_deeply($r->{outcomes}, { 'Reject: error' => 20 }, "DNS stuck: $lookup");
    cmp_ok($r->{longest}, '<', 1 + $SPARE, 'in time');
    like($flow->records, qr/slow\.test/, 'with a record');
    sleep 2.5;    # what has been looking it up ends, too
    is($flow->end, 0, 'no descriptor is left open');
}

cmp_ok($after->{$_}, '<=', $before->{$_} + 32, "$_: descriptors do not become more and more") for map { $_->[0] } @kinds;
is($_->end, 0, 'no descriptor is left open') for @flows;
diag sprintf '%.1f s', time - $whole if $ENV{TEST_VERBOSE};
$s->stop;
done_testing;
