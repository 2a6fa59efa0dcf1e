#!/usr/bin/perl
# seeds.t - the scripts of the first manuals, word for word (language §20, library §21 and §22), against
# real servers: with right and wrong passwords, and with servers that are down, silent, or answer
# rubbish. What stays without an action is "implicit": Reject in the AUTH flow (library §15).
use strict;
use warnings;
use Flow;
use Server;
use Test::More;
use Time::HiRes qw(sleep time);

my $s = Server->new;
my $d = $s->{dir};
my $nobody = Penstock::free_port();
my $mute = $s->mute('mute');
my $rubbish = $s->rubbish('rubbish');

# Runs [script] once for each row [expected outcome, variables]; the records of all runs.
sub outcomes {
    my ($title, $flow, $script, $options, @rows) = @_;
    my $f = Flow->new($s, $flow, $script, limits => 'max_time=3', %$options);
    for (@rows) {
        my ($want, %vars) = @$_;
        my $r = $f->run(1, %vars);
        my ($got) = keys %{ $r->{outcomes} };
        my $name = "$title: " . join ' ', map { "$_=$vars{$_}" } sort keys %vars;
        ref $want ? like($got, $want, $name) : is($got, $want, $name);
        cmp_ok($r->{longest}, '<', 6, '... in time');
    }
    my $records = $f->records;
    is($f->end, 0, "$title: no descriptor is left open");
    return $records;
}
sub user { my ($want, $name, $password) = @_; return [$want, saslusername => $name, saslpassword => $password] }

# --- The file ----------------------------------------------------------------------------------------

my $file = <<'E';
// Accounts in a file
if (count($info=in_file($saslusername,"file://accounts.txt", ":")) == 2 and $info[1] == $saslpassword) { Accept(); }
E
mkdir "$d/data";
$s->write('data/accounts.txt', "username1:password1\nusername2:password2\nusername3:password3\n");
my $records = outcomes('file', auth => $file, { data => "$d/data" },
    user('Accept', 'username2', 'password2'), user('Accept', 'username3', 'password3'), user('implicit', 'username2', 'password1'),
    user('implicit', 'username2', ''), user('implicit', 'username4', 'password2'), user('implicit', '', ''), user('implicit', '', 'password1'),
    user('implicit', 'username2:password2', 'password2'), user('implicit', 'username1', 'password1 '));
is($records, '', 'file: no records');
$s->write('data/accounts.txt', "username2:changed\n");
outcomes('file, changed', auth => $file, { data => "$d/data" }, user('Accept', 'username2', 'changed'), user('implicit', 'username2', 'password2'));
unlink "$d/data/accounts.txt";
outcomes('file, missing', auth => $file, { data => "$d/data" }, user(qr/^error: cannot open file:\/\/accounts\.txt: No such file/, 'username2', 'password2'));
outcomes('file, no data folder', auth => $file, {}, user(qr/^error: cannot open/, 'username2', 'password2'));

# --- HTTP --------------------------------------------------------------------------------------------

my $http = <<'E';
if (http("http://test.example.org/smtp_authentication.php?username=$1&password=$2", 10, $saslusername, $saslpassword) == "OK") { Accept(); }
E
my $web = $s->nginx(<<"E");
        location = /smtp_authentication.php {
            if (\$args = "username=joe&password=a%26b%3Dc%25") { return 200 "OK"; }
            if (\$arg_username = "newline") { return 200 "OK\\n"; }
            if (\$arg_username = "lower") { return 200 "ok"; }
            if (\$arg_username = "broken") { return 500 "OK"; }
            if (\$arg_username = "moved") { return 302 /ok; }
            if (\$arg_username = "slow") { proxy_pass http://127.0.0.1:$mute; }
            return 200 "NO";
        }
        location /ok { return 200 "OK"; }
E
my %at = map { $_->[0] => { names => { 'test.example.org' => "127.0.0.1:$_->[1]" } } } [up => $web], [down => $nobody], [mute => $mute], [rubbish => $rubbish];
$records = outcomes('http', auth => $http, $at{up},
    user('Accept', 'joe', 'a&b=c%'), user('implicit', 'joe', 'secret'), user('implicit', 'joe', ''), user('implicit', '', ''),
    user('implicit', 'newline', 'secret'), user('implicit', 'lower', 'secret'), user('implicit', 'broken', 'secret'), user('implicit', 'moved', 'secret'),
    user('implicit', 'joe&password=a%26b%3Dc%25#', 'secret'), user('implicit', 'slow', 'secret'));
like($records, qr/^info: http failed: the server answers with status 500$/m, 'http: a status is recorded');
unlike($records, qr/secret|a&b/, 'http: without the password');
like(Penstock::read_file("$d/access.log"), qr{ /smtp_authentication\.php\?username=joe&password=a%26b%3Dc%25 }, 'http: the password as it arrives');
for (qw(down rubbish)) {
    $records = outcomes("http, $_", auth => $http, $at{$_}, user('implicit', 'joe', 'secret'));
    like($records, qr{^info: http failed: http://test\.example\.org/smtp_authentication\.php: }, "http, $_: a record");
    unlike($records, qr/secret/, "http, $_: without the password");
}
outcomes('http, silent', auth => $http, $at{mute}, user('implicit', 'joe', 'secret'));

# --- LDAP --------------------------------------------------------------------------------------------

my $ldap = <<'E';
if (in_ldap("ldap:4", $saslusername, array("username"=>"$saslusername@halon.se","password"=>$saslpassword))==100) { Accept(); }
E
my $slapd = $s->slapd(<<'E');
dn: uid=joe,ou=people,dc=test
objectClass: inetOrgPerson
uid: joe
cn: Joe
sn: Doe
userPassword: secret1

dn: uid=printer,ou=people,dc=test
objectClass: account
objectClass: simpleSecurityObject
uid: printer
userPassword: secret2
E

# The script binds as user@domain, as Active Directory has it (userPrincipalName); slapd wants a DN.
# This stands in between and rewrites the name in bind requests.
sub rewrite {
    my ($in) = @_;
    my $out = '';
    while (length $$in >= 2 && length $$in >= 2 + (my $len = ord substr $$in, 1, 1)) {
        my $message = substr $$in, 0, 2 + $len, '';
        if ($message =~ /\A\x30.(\x02(?:\x01.|\x02..))\x60.(\x02\x01\x03)\x04(.)/s && $len < 128) {
            my ($id, $version, $n, $at) = ($1, $2, ord $3, $+[0]);
            my ($name, $rest) = (substr($message, $at, $n), substr $message, $at + $n);
            $name =~ s/\A(\w+)\@halon\.se\z/uid=$1,ou=people,dc=test/;
            my $bind = $version . "\x04" . chr(length $name) . $name . $rest;
            my $all = $id . "\x60" . chr(length $bind) . $bind;
            $message = "\x30" . chr(length $all) . $all;
        }
        $out .= $message;
    }
    return $out;
}
my $upn = $s->tcp('upn', sub {
    my ($c) = @_;
    my $to = IO::Socket::INET->new(PeerAddr => "127.0.0.1:$slapd") or return;
    my $select = IO::Select->new($c, $to);
    my $in = '';
    while (my @ready = $select->can_read) {
        for (@ready) {
            if ($_ == $to) { sysread $to, my $b, 65536 or return; syswrite $c, $b; next }
            sysread $c, $in, 65536, length $in or return;
            syswrite $to, rewrite(\$in);
        }
    }
});
sub ldap_conf {
    my ($name, $port) = @_;
    $s->write("$name.conf", <<"E");
ldap 4 {
    host = "127.0.0.1:$port"
    base = "ou=people,dc=test"
    query = "(&(uid=%s)(objectClass=inetOrgPerson))"
    timeout = 1
}
E
    return { config => "$d/$name.conf" };
}
$records = outcomes('ldap', auth => $ldap, ldap_conf(ldap => $upn),
    user('Accept', 'joe', 'secret1'), user('implicit', 'joe', 'secret2'), user('implicit', 'jim', 'secret1'),
    user('implicit', 'printer', 'secret2'), user('implicit', 'jo*', 'secret1'), user('Accept', 'joe', 'secret1'));
unlike($records, qr/secret/, 'ldap: no password in the records');
my $before = $s->connections('upn');
outcomes('ldap, without a password', auth => $ldap, ldap_conf(ldap => $upn), user('implicit', 'joe', ''), user('implicit', '', ''));
is($s->connections('upn'), $before, 'ldap: no connection without a password');
for ([down => $nobody], [silent => $mute], [rubbish => $rubbish]) {
    $records = outcomes("ldap, $_->[0]", auth => $ldap, ldap_conf($_->[0] => $_->[1]), user('implicit', 'joe', 'secret1'));
    like($records, qr/^info: in_ldap failed for ldap:4: 127\.0\.0\.1:$_->[1]: /, "ldap, $_->[0]: a record");
    unlike($records, qr/secret/, "ldap, $_->[0]: without the password");
}
$s->signal(slapd => 'STOP');
outcomes('ldap, stopped', auth => $ldap, ldap_conf(ldap => $upn), user('implicit', 'joe', 'secret1'));
$s->signal(slapd => 'CONT');
outcomes('ldap, back', auth => $ldap, ldap_conf(ldap => $upn), user('Accept', 'joe', 'secret1'));

# --- A mail server -----------------------------------------------------------------------------------

my $auth = <<'E';
if (smtp_lookup_auth("mailtransport:1", $saslusername, $saslpassword) == 1) { echo "$saslusername successfully SMTP authenticated"; Accept(); }
Reject("You failed ($saslusername)");
E
$s->dovecot(joe => '{PLAIN}secret1');
$s->write('recipients', "known\@example.com OK\nunknown\@example.com 550 5.1.1 no such user\nlater\@example.com 450 4.2.0 not now\n");
my $gw = Penstock->new(milter => 0, sink => 0, main => {
    smtpd_sasl_auth_enable => 'yes', smtpd_sasl_type => 'dovecot', smtpd_sasl_path => "$d/auth",
    smtpd_recipient_restrictions => "check_recipient_access texthash:$d/recipients reject_unauth_destination",
});
$gw->start;
sub smtp_conf {
    my ($name, $port) = @_;
    $s->write("$name.conf", "mailtransport 1 {\n    host = \"127.0.0.1\"\n    port = $port\n    timeout = 1\n}\n");
    return { config => "$d/$name.conf" };
}
my %smtp = map { $_->[0] => smtp_conf("smtp$_->[0]" => $_->[1]) } [up => $gw->{port}], [down => $nobody], [mute => $mute], [rubbish => $rubbish];
$records = outcomes('smtp', auth => $auth, $smtp{up},
    user('Accept', 'joe', 'secret1'), user('Reject: You failed (joe)', 'joe', 'secret2'), user('Reject: You failed (jim)', 'jim', 'secret1'),
    user('Reject: You failed (joe)', 'joe', ''), user('Reject: You failed ()', '', ''));
is($records, "echo: joe successfully SMTP authenticated\n", 'smtp: one record, that of the script');
for (qw(down mute rubbish)) {
    $records = outcomes("smtp, $_", auth => $auth, $smtp{$_}, user('Reject: You failed (joe)', 'joe', 'secret1'));
    like($records, qr/^info: smtp_lookup_auth failed/, "smtp, $_: a record");
    unlike($records, qr/secret/, "smtp, $_: without the password");
}

my $known = 'if (smtp_lookup_rcpt("mailtransport:1", $sender, $recipient) == 0) Reject("no such user"); Accept();';
sub to { my ($want, $to) = @_; return [$want, sender => 'joe@example.org', recipient => $to] }
outcomes('smtp, rcpt', rcpt => $known, $smtp{up},
    to('Accept', 'known@example.com'), to('Reject: no such user', 'unknown@example.com'), to('Accept', 'later@example.com'));
outcomes("smtp, rcpt, $_", rcpt => $known, $smtp{$_}, to('Accept', 'unknown@example.com')) for qw(down mute rubbish);

# --- The recipient flow ------------------------------------------------------------------------------

outcomes('rcpt', rcpt => 'if ($saslauthed) Accept(); else Reject("This server require authentication");', {},
    ['Accept', saslauthed => 'true', saslusername => 'joe'], ['Reject: This server require authentication', saslauthed => 'false'],
    ['Reject: This server require authentication']);

my $dns = $s->knot('spf.test' => "@ TXT \"v=spf1 ip4:192.0.2.0/24 -all\"\nsoft TXT \"v=spf1 ~all\"\n");
my $spf = 'if (spf($senderip, $senderhelo, $senderdomain) == 100) Reject("SPF"); Accept();';
sub dns_conf { my ($name, $port) = @_; $s->write("$name.conf", "dns_servers = \"127.0.0.1:$port\"\ndns_timeout = 1\n"); return { config => "$d/$name.conf" } }
sub mail { my ($want, $ip, $domain) = @_; return [$want, senderip => $ip, senderhelo => 'mx.spf.test', senderdomain => $domain] }
outcomes('spf', rcpt => $spf, dns_conf(dns => $dns),
    mail('Accept', '192.0.2.9', 'spf.test'), mail('Reject: SPF', '198.51.100.9', 'spf.test'), mail('Accept', '198.51.100.9', 'soft.spf.test'), mail('Accept', '198.51.100.9', 'none.spf.test'));
outcomes('spf, DNS down', rcpt => $spf, dns_conf(nodns => $nobody), mail('Accept', '198.51.100.9', 'spf.test'));
outcomes("spf, DNS $_", rcpt => $spf, dns_conf("dns$_" => $s->dns_proxy($dns, name => "dns-$_", mode => $_)), mail('Accept', '198.51.100.9', 'spf.test'))
    for qw(drop rubbish servfail);

# --- A script that takes too long ---------------------------------------------------------------------

outcomes('sleep', auth => 'sleep(60);', { limits => 'max_time=1' }, user('limit: time (1 s) exceeded', 'joe', 'secret'));
$gw->stop;
$s->stop;
done_testing;
