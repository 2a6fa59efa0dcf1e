#!/usr/bin/perl
# faults.t - servers that are killed, stopped, or begin to talk nonsense while 200 flow runs ask them:
# every run ends in time with the error result of its function, nothing is left open, and with the
# server back the same process finds it again. DNS, LDAP (searches on kept connections, and binds),
# HTTP, Dovecot and Postfix.
use strict;
use warnings;
use Flow;
use Server;
use Test::More;
use Time::HiRes qw(sleep time);

my $RUNS = 200;
my $TIMEOUT = Penstock::sanitized() ? 4 : 2;    # of a look-up, in seconds
my $SPARE = $TIMEOUT;

my $s = Server->new;
my $d = $s->{dir};
my %port = (
    knot => $s->knot('names.test' => '* A 192.0.2.1'),
    slapd => $s->slapd(<<'E'),
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

# Postfix starts a process for each client, up to this many; others wait. So it is only asked by this
# many while it is to answer in time.
my $SMTPD = 20;
my $gw = Penstock->new(milter => 0, sink => 0, main => {
    default_process_limit => $SMTPD, smtpd_sasl_auth_enable => 'yes', smtpd_sasl_type => 'dovecot', smtpd_sasl_path => "$d/auth",
});
$gw->start;
$port{postfix} = $gw->{port};
my $smtp = "[\"host\" => \"127.0.0.1\", \"port\" => $port{postfix}, \"timeout\" => $TIMEOUT]";

# [name, its server, a look-up, what it gives, what it gives when that fails, how many ask it at once when all is well]
my @kinds = (
    ['dns', 'knot', 'dns(uuid() . ".names.test")', '["192.0.2.1"]', '[]'],
    ['in_ldap', 'slapd', 'in_ldap("ldap:1", "joe")', 100, -1],
    ['ldap_bind', 'slapd', 'ldap_bind("ldap:1", "uid=joe,dc=test", "pw")', 1, -1],
    ['http', 'nginx', "http(\"http://127.0.0.1:$port{nginx}/login\", $TIMEOUT)", '"OK"', '""'],
    ['dovecot_lookup_auth', 'dovecot', "dovecot_lookup_auth([\"unix_socket_path\" => \"$d/auth\", \"timeout\" => $TIMEOUT], \"joe\", \"pw\")", 1, -1],
    ['dovecot_lookup_auth, TCP', 'dovecot', "dovecot_lookup_auth([\"host\" => \"127.0.0.1\", \"port\" => $port{dovecot}, \"timeout\" => $TIMEOUT], \"joe\", \"pw\")", 1, -1],
    ['smtp_lookup_rcpt', 'postfix', "smtp_lookup_rcpt($smtp, \"\", \"joe\@example.com\")", 1, -1, $SMTPD / 2],
    ['smtp_lookup_auth', 'postfix', "smtp_lookup_auth($smtp, \"joe\", \"pw\")", 1, -1, $SMTPD / 2],
);

# The look-up five times, with time in between for a fault to come.
sub flow {
    my ($limits, $lookup, $good, $failed) = @_;
    return Flow->new($s, auth => <<"E", config => "$d/penstock.conf", limits => $limits);
for (\$i = 0; \$i < 5; \$i++) {
    \$r = $lookup;
    if (\$r == $failed) Reject("error");
    if (\$r != $good) Defer("odd: \$r");
    sleep(0.4);
}
Accept();
E
}
my @flows = map { flow('max_time=20,max_sockets=100', @$_[2 .. 4]) } @kinds;

# What happens to a server. Postfix's processes are a group of its own.
sub hurt {
    my ($server, $signal) = @_;
    return $signal eq 'KILL' ? $s->end($server, 'KILL') : $s->signal($server, $signal) if $server ne 'postfix';
    my ($master) = Penstock::read_file("$gw->{spool}/pid/master.pid") =~ /(\d+)/ or die 'no pid of Postfix';
    kill $signal, -$master;
}
sub mend { my ($server) = @_; $server eq 'postfix' ? $gw->start_postfix : $s->again($server, $port{$server}) }

# Postfix has to get rid of those who have waited for it in vain.
sub await_postfix {
    Penstock::wait_until(30, sub {
        my $c = IO::Socket::INET->new(PeerAddr => "127.0.0.1:$port{postfix}", Timeout => 1) or return;
        return IO::Select->new($c)->can_read(0.2);
    }) or die 'Postfix does not answer';
}

# Lets all kinds run, calls [fault] for each server meanwhile, and compares the outcomes.
sub round {
    my ($title, $want, $limit, $fault) = @_;
    my %r;
    my @count = map { $limit ? $RUNS : $_->[5] // $RUNS } @kinds;
    for my $i (0 .. $#kinds) {
        $flows[$i]->begin($count[$i]);
        next if !$fault || ($kinds[$i + 1] && $kinds[$i + 1][1] eq $kinds[$i][1]);
        sleep 0.3;
        $fault->($kinds[$i][1]);
    }
    for my $i (0 .. $#kinds) {
        my ($name, $r) = ($kinds[$i][0], $flows[$i]->finish);
        is_deeply($r->{outcomes}, { $want => $count[$i] }, "$title: $name") or diag substr $flows[$i]->records, 0, 500;
        cmp_ok($r->{longest}, '<', $limit, "$title: $name, in time") if $limit;
        $r{$name} = $r->{descriptors};
    }
    return \%r;
}

my @servers = qw(knot slapd nginx dovecot postfix);
my $before = round('all servers up', 'Accept');

round('killed', 'Reject: error', 1.5 + $TIMEOUT + $SPARE, sub { hurt($_[0], 'KILL') });
mend($_) for @servers;
round('up again', 'Accept');

round('stopped', 'Reject: error', 1.5 + $TIMEOUT + $SPARE, sub { hurt($_[0], 'STOP') });
hurt($_, 'CONT') for @servers;
await_postfix();
round('awake again', 'Accept');

# The run's own time ends before that of the look-up.
my @patient = @flows;
@flows = map { flow('max_time=1.5,max_sockets=100', @$_[2 .. 4]) } @kinds;
hurt($_, 'STOP') for @servers;
round('stopped, and little time', 'Reject: error', 1.5 + $SPARE);
hurt($_, 'CONT') for @servers;
is($_->end, 0, 'no descriptor is left open') for @flows;
@flows = @patient;

# Something else listens at the server's port.
sub listen_instead {
    my ($server) = @_;
    hurt($server, 'KILL');
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
mend($_) for @servers;
my $after = round('up in the end', 'Accept');

# The system's own way to look up a name knows no time limit.
$s->write('stuck.conf', "ldap 1 {\n    host = \"slow.test\"\n    timeout = 1\n}\n");
for (['ldap_bind("ldap:1", "cn=joe", "pw")', -1], ['http("http://slow.test/", 1)', '""'], ['dovecot_lookup_auth(["host" => "slow.test", "port" => 1, "timeout" => 1], "joe", "pw")', -1],
    ['smtp_lookup_auth(["host" => "slow.test", "timeout" => 1], "joe", "pw")', -1], ['smtp_lookup_rcpt(["host" => "slow.test", "timeout" => 1], "", "x@y.test")', -1]) {
    my ($lookup, $failed) = @$_;
    my $flow = Flow->new($s, auth => "if ($lookup === $failed) Reject(\"error\");", config => "$d/stuck.conf", names => { 'slow.test' => 'stall:3' });
    my $r = $flow->run(20);
    is_deeply($r->{outcomes}, { 'Reject: error' => 20 }, "DNS stuck: $lookup");
    cmp_ok($r->{longest}, '<', 1 + $SPARE, 'in time');
    like($flow->records, qr/slow\.test/, 'with a record');
    sleep 5;    # what has been looking it up ends, too
    is($flow->end, 0, 'no descriptor is left open');
}

# http() keeps the most: 32 handles with up to 4 connections and a way to be woken. One descriptor lost
# with each failed look-up would be 800.
cmp_ok($after->{$_}, '<=', $before->{$_} + 32 * 5, "$_: descriptors do not become more and more") for map { $_->[0] } @kinds;
is($_->end, 0, 'no descriptor is left open') for @flows;
$gw->stop;
$s->stop;
done_testing;
