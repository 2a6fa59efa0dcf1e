#!/usr/bin/perl
# smtp.t - smtp_lookup_auth() and smtp_lookup_rcpt() against Postfix with Cyrus SASL, with and
# without TLS, and against servers that are down, silent, slow, rude, or answer rubbish (library §12).
# Many runs at once: faults.t.
use strict;
use warnings;
use Flow;
use Server;
use Test::More;
use Time::HiRes qw(sleep time);

my $s = Server->new;
$s->ca;
my $d = $s->{dir};
my %port = map { $_ => Penstock::free_port() } qw(plain login cram none tlsonly broken verbose rcpt xclient relay smtps lmtp);

# --- Postfix ---------------------------------------------------------------------------------------

mkdir "$d/sasl";
my @users = (['joe', 'secret'], ['odd user', "p\xc3\xa4ss wo\"rd\\="], ['empty', 'x']);
for (@users) {
    open my $f, '|-', 'saslpasswd2', '-p', '-c', '-f', "$d/sasl/db", '-u', 'gw.test', $_->[0] or die "saslpasswd2: $!";
    print $f $_->[1];
    close $f or die 'saslpasswd2 failed';
}
chmod 0644, "$d/sasl/db";
$s->write('recipients', "known\@example.com OK\nunknown\@example.com 550 5.1.1 no such user here\ngrey\@example.com 450 4.2.0 come back later\n"
      . "later\@example.com 451 4.3.0 not now\nlong\@example.com 550 " . ('x' x 400) . "\n");
$s->write('clients', "192.0.2.9 554 5.7.1 not from there\n");
my $gw = Penstock->new(
    milter => 0,
    main => {
        smtpd_sasl_auth_enable => 'yes', smtpd_sasl_type => 'cyrus', cyrus_sasl_config_path => "$d/sasl", smtpd_sasl_local_domain => 'gw.test',
        smtpd_tls_cert_file => "$d/cert.pem", smtpd_tls_key_file => "$d/key.pem", smtpd_tls_security_level => 'may', smtpd_tls_CAfile => "$d/ca.pem",
        tls_random_source => 'dev:/dev/urandom', smtpd_sasl_security_options => 'noanonymous', smtputf8_enable => 'yes',
        smtpd_recipient_restrictions => "check_recipient_access texthash:$d/recipients permit_sasl_authenticated reject_unauth_destination",
        smtpd_relay_restrictions => 'permit_sasl_authenticated reject_unauth_destination',
    },
    master => [
        (map { "127.0.0.1:$port{$_} inet n - n - - smtpd -o smtpd_sasl_path=$_" } qw(plain login cram broken)),
        "127.0.0.1:$port{none} inet n - n - - smtpd -o smtpd_sasl_auth_enable=no -o smtpd_tls_security_level=none",
        "127.0.0.1:$port{tlsonly} inet n - n - - smtpd -o smtpd_tls_auth_only=yes",
        "127.0.0.1:$port{verbose} inet n - n - - smtpd -v",
        "127.0.0.1:$port{xclient} inet n - n - - smtpd -o smtpd_authorized_xclient_hosts=127.0.0.1 -o smtpd_delay_reject=no -o smtpd_client_restrictions=check_client_access,texthash:$d/clients",
        "127.0.0.1:$port{relay} inet n - n - - smtpd -o mynetworks=192.0.2.0/24 -o smtpd_tls_req_ccert=no",
        "127.0.0.1:$port{smtps} inet n - n - - smtpd -o smtpd_tls_wrappermode=yes",
    ],
);
my $sasl = "$gw->{dir}/postfix/sasl";    # where Debian's Postfix looks
mkdir $sasl;
my %mechanisms = (smtpd => 'PLAIN LOGIN CRAM-MD5', plain => 'PLAIN', login => 'LOGIN', cram => 'CRAM-MD5');
Penstock::write_file("$sasl/$_.conf", "pwcheck_method: auxprop\nauxprop_plugin: sasldb\nsasldb_path: $d/sasl/db\nmech_list: $mechanisms{$_}\n") for keys %mechanisms;
Penstock::write_file("$sasl/broken.conf", "pwcheck_method: saslauthd\nsaslauthd_path: $d/sasl/nobody\nmech_list: PLAIN\n");
$gw->start;
my $port = $gw->{port};

# --- DNS -------------------------------------------------------------------------------------------

my $dns = $s->knot(
    'mx.test' => "@ MX 10 dead\n@ MX 20 mail\ndead A 127.0.0.2\nmail A 127.0.0.1",
    'plain.test' => '@ A 127.0.0.1',
    'null.test' => '@ MX 0 .',
    'gone.test' => "@ MX 10 nowhere\n",
);

# --- Servers that misbehave ------------------------------------------------------------------------

# Speaks as [$replies] says: verb => reply, "" says nothing, "close" closes. Commands are logged.
sub speaker {
    my ($name, %replies) = @_;
    %replies = (greeting => '220 fake', EHLO => "250-fake\r\n250 AUTH PLAIN LOGIN CRAM-MD5", AUTH => '235 in', MAIL => '250 ok', RCPT => '250 ok',
        RSET => '250 ok', QUIT => '221 bye', LHLO => "250 fake", %replies);
    return $s->tcp($name, sub {
        my ($c) = @_;
        open my $log, '>>', "$d/$name.said";
        $log->autoflush(1);
        my $say = sub {
            my ($key) = @_;
            my $reply = ref $replies{$key} ? shift @{ $replies{$key} } : $replies{$key};
            exit 0 if !defined $reply || $reply eq 'close';
            return sleep 60 if $reply eq '';
            if ($reply =~ s/^drip //) { for (split //, "$reply\r\n") { syswrite($c, $_) or exit 0; sleep 0.3 } return }
            if ($reply =~ s/^flood //) { while (1) { syswrite($c, "$reply\r\n" x 1000) or exit 0 } }
            if ($reply =~ s/^bytes //) { while (1) { syswrite($c, $reply x 1000) or exit 0 } }
            syswrite $c, "$reply\r\n" or exit 0;
        };
        $say->('greeting');
        while (defined(my $line = <$c>)) {
            print $log $line;
            my ($verb) = $line =~ /^(EHLO|HELO|LHLO|STARTTLS|AUTH|MAIL|RCPT|RSET|QUIT|XCLIENT)\b/;
            $say->($verb // 'AUTH');
        }
    });
}
sub said { return Penstock::read_file("$d/$_[0].said") // '' }

# --- Running scripts -------------------------------------------------------------------------------

my $nobody = Penstock::free_port();
my $mute = $s->mute('mute');
my $rubbish = $s->rubbish('rubbish');
my $lmtp = speaker('lmtp', RCPT => '550 5.1.1 not by lmtp');
$s->write('client.pem', Penstock::read_file("$d/cert.pem") . Penstock::read_file("$d/key.pem"));
my $sections = '';
my %sections = (
    1 => "port = $port", byport => "port = $port{plain}", tls => "port = $port\ntls = require_verify\ntls_verify_host = yes",
    creds => "port = $port{relay}\nsaslusername = joe\nsaslpassword = secret", badcreds => "port = $port{relay}\nsaslusername = joe\nsaslpassword = wrongone",
    down => "port = $nobody", mute => "port = $mute\ntimeout = 1", lmtp => "port = $lmtp\nprotocol = lmtp", versions => "port = $port\ntls_protocols = \"SSLv3\"",
    names => "port = $port\ntls = require_verify\ntls_verify_name = \"a.test localhost\"\ntls_protocols = \"TLSv1.2\"\ntls_client_cert = \"$d/client.pem\"",
);
$sections .= "mailtransport $_ {\nhost = \"127.0.0.1\"\n$sections{$_}\n}\n" for sort keys %sections;
$s->write('penstock.conf', "smtp_ca_file = \"$d/ca.pem\"\ndns_servers = \"127.0.0.1:$dns\"\n$sections\nmailtransport mx { port = $port }\n");
my @config = ('--config', "$d/penstock.conf", '--limits', 'max_sockets=1000,max_time=60');
my $all_records = '';

sub prints {
    my ($code, @options) = @_;
    my ($out, $err) = $s->hsl($code, @options ? @options : @config);
    chomp $out;
    $all_records .= $err;
    return wantarray ? ($out, $err) : $out;
}

# An array for server, with these options.
sub at { my ($p, $more) = @_; return "[\"host\" => \"127.0.0.1\", \"port\" => $p" . ($more ? ", $more" : '') . ']' }
sub auth { my ($server, $user, $password) = @_; return "smtp_lookup_auth($server, \"" . ($user // 'joe') . '", "' . ($password // 'secret') . '")' }
sub tls { my ($mode, $more) = @_; return at($port, "\"tls\" => \"$mode\"" . ($more ? ", $more" : '')) }
sub rcpt { my ($server, $to, $more) = @_; return "smtp_lookup_rcpt($server, \"a\@example.org\", \"$to\"" . ($more ? ", $more" : '') . ')' }
my $us = prints('echo gethostname();');
my $extended = '["extended_result" => true]';

my @rows = (
    # passwords
    [auth('"mailtransport:1"'), 1],
    [auth('"1"'), 1],
    [auth('"mailtransport:1"', 'joe', 'Secret'), 0],
    [auth('"mailtransport:1"', 'joe', ''), 0],
    [auth('"mailtransport:1"', 'jim'), 0],
    [auth('"mailtransport:1"', ''), 0],
    [auth('"mailtransport:1"', 'joe\x00'), 0],
    [auth('"mailtransport:1"', 'joe', 'secret\x00'), 0],
    ['smtp_lookup_auth("mailtransport:1", none, none)', 0],
    [auth('"mailtransport:1"', 'joe\r\nQUIT'), 0],
    [auth('"mailtransport:1"', 'joe', 'secret\r\n'), 0],
    [auth('"mailtransport:down"'), -1],
    [auth('"mailtransport:mx"'), -1],
    [auth('"mailtransport:1"', 'joe', 'x" . str_repeat("y", 100000) . "z'), 0],
    # mechanisms
    (map { my $p = $port{$_}; ([auth(at($p)), 1], [auth(at($p), 'joe', 'wrong'), 0], [auth(at($p), 'odd user', "p\xc3\xa4ss wo\\\"rd\\\\="), 1]) } qw(plain login cram)),
    [auth(at($port{none})), -1],
    [auth(at($port{broken})), -1],
    [auth(at($port{tlsonly})), -1],
    [auth(at($port{tlsonly}, '"tls" => "optional"')), 1],
    [auth(at($port{smtps}, '"timeout" => 1')), -1],
    # TLS
    [auth(tls('disabled')), 1],
    [auth(tls('optional')), 1],
    [auth(tls('require')), 1],
    [auth(tls('require'), 'joe', 'wrong'), 0],
    [auth(tls('require_verify')), 1],
    [auth(tls('optional_verify')), 1],
    [auth(tls('require_verify', '"tls_verify_host" => true')), 1],
    [auth('["host" => "localhost", "port" => ' . $port . ', "tls" => "require_verify", "tls_verify_host" => true]'), 1],
    [auth(tls('require_verify', '"tls_verify_name" => ["localhost"]')), 1],
    [auth(tls('require_verify', '"tls_verify_name" => ["other.test", "localhost"]')), 1],
    [auth(tls('require_verify', '"tls_verify_name" => ["other.test"]')), -1],
    [auth(tls('optional_verify', '"tls_verify_name" => ["other.test"]')), -1],
    [auth(tls('require', '"tls_verify_name" => ["other.test"]')), 1],
    [auth(tls('require_verify', '"tls_sni" => "some.test"')), 1],
    [auth(tls('require', '"tls_protocols" => "TLSv1.2"')), 1],
    [auth(tls('require', '"tls_protocols" => "!TLSv1.3 !SSLv2"')), 1],
    [auth(tls('require', '"tls_protocols" => "TLSv1.2", "tls_ciphers" => "ECDHE-RSA-AES128-GCM-SHA256"')), 1],
    [auth(tls('require', '"tls_ciphers" => "nonsense"')), -1],
    [auth(tls('require', '"tls_client_cert" => file_get_contents("file://client.pem")')), 1],
    [auth(tls('require', '"tls_client_cert" => "nonsense"')), -1],
    [auth(at($port{none}, '"tls" => "require"')), -1],
    [auth(at($port{none}, '"tls" => "require_verify"')), -1],
    [auth('"mailtransport:tls"'), 1],
    [auth('"mailtransport:names"'), 1],
    # recipients
    [rcpt('"mailtransport:1"', 'known@example.com'), 1],
    [rcpt('"mailtransport:1"', 'unknown@example.com'), 0],
    [rcpt('"mailtransport:1"', 'grey@example.com'), -1],
    [rcpt('"mailtransport:1"', 'x@elsewhere.test'), 0],
    ['smtp_lookup_rcpt("mailtransport:1", "", "known@example.com")', 1],
    ['smtp_lookup_rcpt("mailtransport:1", none, "known@example.com")', 1],
    ['smtp_lookup_rcpt("mailtransport:1", ["localpart" => "a b", "domain" => "example.org"], ["known", "example.com"])', 1],
    ['smtp_lookup_rcpt("mailtransport:1", "\"a b\"@example.org", "known@example.com")', 1],
    ['smtp_lookup_rcpt("mailtransport:1", ["localpart" => "c d", "domain" => "example.org"], ["unknown", "example.com"])', 0],
    [rcpt('"mailtransport:1"', "kn\xc3\xb6wn\@example.com"), 1],
    [rcpt('"mailtransport:1"', ''), -1],
    [rcpt('"mailtransport:1"', 'a b@example.com'), -1],
    [rcpt('"mailtransport:down"', 'known@example.com'), -1],
    [rcpt('"mailtransport:1"', 'known@example.com', $extended), '["error_code"=>250,"error_message"=>"2.1.5 Ok","on_rcptto"=>true,"tls"=>[]]'],
    [rcpt('"mailtransport:1"', 'unknown@example.com', '["error_code" => true]'), '["error_code"=>550,"error_message"=>"5.1.1 <unknown@example.com>: Recipient address rejected: no such user here","on_rcptto"=>true,"tls"=>[]]'],
    [rcpt('"mailtransport:1"', 'grey@example.com', $extended) . '["error_code"]', 450],
    [rcpt('"mailtransport:down"', 'x@example.com', $extended) . '["error_code"]', 0],
    [rcpt('"mailtransport:down"', 'x@example.com', $extended) . '["on_rcptto"]', 'false'],
    [rcpt('"mailtransport:tls"', 'known@example.com', $extended) . '["tls"]["protocol"]', 'TLSv1.3'],
    [rcpt('"mailtransport:names"', 'known@example.com', $extended) . '["tls"]["protocol"]', 'TLSv1.2'],
    [rcpt(tls('require'), 'known@example.com', $extended) . '["tls"]["keysize"] >= 128', 'true'],
    [rcpt(tls('optional'), 'known@example.com', $extended) . '["tls"]["cipher"] != ""', 'true'],
    [rcpt('"mailtransport:lmtp"', 'known@example.com', $extended), '["error_code"=>550,"error_message"=>"5.1.1 not by lmtp","on_rcptto"=>true,"tls"=>[]]'],
    # who may relay
    [rcpt(at($port{relay}), 'x@elsewhere.test'), 0],
    [rcpt(at($port{relay}, '"saslusername" => "joe", "saslpassword" => "secret"'), 'x@elsewhere.test'), 1],
    [rcpt(at($port{relay}, '"sasl_username" => "joe", "sasl_password" => "wrongone"'), 'x@elsewhere.test'), 0],
    [rcpt(at($port{none}, '"saslusername" => "joe", "saslpassword" => "secret"'), 'known@example.com'), -1],
    [rcpt('"mailtransport:creds"', 'x@elsewhere.test'), 1],
    [rcpt('"mailtransport:badcreds"', 'x@elsewhere.test', $extended) . '["on_rcptto"]', 'false'],
    [rcpt('"mailtransport:badcreds"', 'x@elsewhere.test', $extended) . '["error_code"]', '535'],
    # XCLIENT
    [rcpt(at($port{xclient}, '"xclient" => ["ADDR" => "192.0.2.1", "NAME" => "some.test", "NONSENSE" => "x"]'), 'known@example.com'), 1],
    [rcpt(at($port{xclient}, '"xclient" => ["ADDR" => "192.0.2.9"]'), 'known@example.com', $extended) . '["error_code"]', 554],
    [rcpt(at($port{xclient}, '"xclient" => ["ADDR" => "192.0.2.9"]'), 'known@example.com'), 0],
    [rcpt(at($port, '"xclient" => ["ADDR" => "192.0.2.9"]'), 'known@example.com'), 1],
    # the way there
    [rcpt(at($port, '"sourceip" => "127.0.0.3"'), 'known@example.com'), 1],
    [rcpt(at($port, '"sourceip" => "192.0.2.77"'), 'known@example.com'), -1],
    [rcpt(at($port, '"sourceip" => "192.0.2.77", "nonlocal_source" => true, "timeout" => 1'), 'known@example.com'), -1],
    [rcpt(at($port, '"helo" => "some.test"'), 'known@example.com'), 1],
    # MX
    [rcpt("[\"port\" => $port]", 'postmaster@mx.test', $extended) . '["error_code"]', 554],
    [rcpt("[\"port\" => $port]", 'postmaster@mx.test', $extended) . '["on_rcptto"]', 'true'],
    [rcpt('"mailtransport:mx"', 'postmaster@plain.test'), 0],
    [rcpt('"mailtransport:mx"', 'postmaster@null.test', $extended), '["error_code"=>0,"error_message"=>"null.test takes no mail (MX .)","on_rcptto"=>false,"tls"=>[]]'],
    [rcpt('"mailtransport:mx"', 'postmaster@null.test'), 0],
    [rcpt('"mailtransport:mx"', 'postmaster@gone.test'), -1],
    [rcpt('"mailtransport:mx"', 'postmaster@nx.gone.test'), -1],
    [rcpt('"mailtransport:mx"', 'nodomain'), -1],
);
my ($out, $err) = prints(join '', map { "echo $_->[0];\n" } @rows);
my @got = split /\n/, $out, -1;
for (@rows) {
    my ($code, $want) = @$_;
    $code =~ s/[^\x20-\x7e]/?/g;
    is(shift @got, $want, length $code > 160 ? substr($code, 0, 160) . '...' : $code);
}
like($err, qr/^err: smtp_lookup_auth failed: mailtransport:mx has no host$/m, 'a transport by MX has no host to ask');
like($err, qr/^info: smtp_lookup_auth failed: 127\.0\.0\.1:$nobody: .*connect/m, 'a record says which server, and what');
like($err, qr/^info: smtp_lookup_auth failed: 127\.0\.0\.1:$port{broken}: the server answers AUTH PLAIN with 454$/m, 'of AUTH it has the code alone');
like($err, qr/^info: smtp_lookup_auth failed: 127\.0\.0\.1:$port{none}: the server offers no AUTH/m, 'AUTH not offered');
like($err, qr/^info: smtp_lookup_rcpt failed: 127\.0\.0\.1:$port{relay}: the server answers AUTH \S+ with 535$/m, "the transport's own credentials");
like($err, qr/^info: smtp_lookup_rcpt failed: 127\.0\.0\.1:$port: the server answers RCPT TO with 450 4\.2\.0 .*come back later$/m, 'a recipient later');
like($err, qr/^info: smtp_lookup_rcpt failed: MX of nx\.gone\.test: NXDOMAIN$/m, 'no such domain');
my $mail_log;
Penstock::wait_until(10, sub { $mail_log = Penstock::read_file("$gw->{dir}/log/mail.log"); $mail_log =~ /ehlo=2 starttls=1 auth=1 quit=1/ });
like($mail_log, qr/disconnect from \S+ ehlo=1 mail=1 rcpt=1 rset=1 quit=1 commands=5$/m, 'MAIL, RCPT, RSET, QUIT');
like($mail_log, qr/disconnect from \S+ ehlo=2 starttls=1 auth=1 quit=1 commands=5$/m, 'EHLO, STARTTLS, EHLO, AUTH, QUIT');
like($mail_log, qr/reject: RCPT .* from=<"c d"\@example\.org> to=<unknown\@example\.com>/, 'a local part is quoted');
unlike($mail_log, qr/panic|fatal/, 'nothing that Postfix complains of');

# Which mechanism: the log of a verbose smtpd has the commands.
sub mechanism {
    my ($server) = @_;
    my $before = length Penstock::read_file("$gw->{dir}/log/mail.log");
    is(prints('echo ' . auth($server) . ';'), 1, $server);
    my $log;
    Penstock::wait_until(10, sub { $log = substr Penstock::read_file("$gw->{dir}/log/mail.log"), $before; $log =~ /disconnect from/ });
    return join ' ', $log =~ /< \S+: AUTH (\S+)/g;
}
is(mechanism(at($port{verbose})), 'CRAM-MD5', 'without TLS the password is not shown');
is(mechanism(at($port{verbose}, '"tls" => "require"')), 'PLAIN', 'with TLS PLAIN is first');
is(mechanism(at($port{verbose}, '"tls" => "optional"')), 'PLAIN', 'also if TLS is optional');
my $p = speaker('offers', EHLO => "250-fake\r\n250-AUTH=LOGIN PLAIN\r\n250-auth cram-md5\r\n250 SIZE", AUTH => ['334 PDE+', '235 in']);
is(prints('echo ' . auth(at($p)) . ';'), 1, 'keywords in any case, and as of old');
like(said('offers'), qr/AUTH CRAM-MD5\r\nam9lI/, 'what is best of both');
$p = speaker('unoffered', EHLO => "250-fake\r\n250-XAUTH PLAIN\r\n250-AUTHX PLAIN\r\n250-AUTH\r\n250 SIZE AUTH PLAIN");
is(prints('echo ' . auth(at($p)) . ';'), -1, 'similar keywords are none');
unlike(said('unoffered'), qr/^AUTH/m, 'nothing was tried');
$p = speaker('nothing', AUTH => '235 in');
is(prints('echo ' . auth(at($p), '') . ';'), 0, 'an empty user');
is($s->connections('nothing'), 0, 'is refused without connecting');
is(prints('echo ' . auth(at($p)) . ' . ' . auth(at($p)) . ';'), '11', 'two lookups');
is($s->connections('nothing'), 2, 'do not share a connection');

# What replies to AUTH mean.
for (['235 in', 1], ['535 no', 0], ['534 weak', 0], ['530 first', 0], ['538 encrypt', 0], ['501 what', 0], ['454 later', -1], ['421 bye', -1], ['250 fine', -1], ['200', -1],
    ['334 dXNlcg==', -1], ['rubbish', -1], ["535-no\r\n535 really", 0], ['close', -1], ["53", -1], ["5355 no", 0]) {
    my ($reply, $want) = @$_;
    $p = speaker('auth', EHLO => "250-fake\r\n250 AUTH PLAIN", AUTH => $reply);
    is(prints('echo ' . auth(at($p, '"timeout" => 2')) . ';'), $want, 'AUTH answered with ' . $reply =~ s/\r\n/, /r);
    $s->end('auth');
}
# The replies may say what was sent; records do not.
$p = speaker('gossip', EHLO => "250-fake\r\n250 AUTH PLAIN LOGIN", AUTH => '454 joe with secret AGpvZQBzZWNyZXQ= cannot now');
is(prints('echo ' . auth(at($p)) . ';'), -1, 'a server that repeats what it got');
is(prints('echo ' . rcpt(at($p, '"saslusername" => "joe", "saslpassword" => "secret"'), 'x@example.com', $extended) . ';'), '["error_code"=>454,"error_message"=>"","on_rcptto"=>false,"tls"=>[]]', 'also before a recipient');

# What replies to the rest mean for a recipient.
for (['greeting', '554 go away', 0, 554], ['greeting', '421 busy', -1, 421], ['EHLO', '550 who are you', 0, 550], ['EHLO', '450 not yet', -1, 450], ['MAIL', '550 not you', 0, 550],
    ['MAIL', '451 not now', -1, 451], ['MAIL', '252 well', 1, 250], ['RCPT', '251 forward', 1, 251], ['RCPT', '553 no', 0, 553], ['RCPT', '452 full', -1, 452], ['RCPT', '354 what', -1, 354], ['RSET', '500 what', 1, 250]) {
    my ($step, $reply, $want, $code) = @$_;
    $p = speaker('rcpt', $step => $reply, $step eq 'EHLO' ? (HELO => $reply) : ());
    is(prints('echo ' . rcpt(at($p), 'x@example.com') . ' . "," . ' . rcpt(at($p), 'x@example.com', $extended) . '["error_code"];'), "$want,$code", "$step answered with $reply");
    $s->end('rcpt');
}
$p = speaker('old', EHLO => '500 what', HELO => '250 old');
is(prints('echo ' . rcpt(at($p), 'x@example.com') . ';'), 1, 'a server that knows HELO only');
is(said('old'), "EHLO $us\r\nHELO $us\r\nMAIL FROM:<a\@example.org>\r\nRCPT TO:<x\@example.com>\r\nRSET\r\nQUIT\r\n", 'every command');
is(prints('echo ' . rcpt(at($p), "\xc3\xb6\@example.com", $extended) . ';'), '["error_code"=>0,"error_message"=>"the server does not offer SMTPUTF8","on_rcptto"=>false,"tls"=>[]]', 'UTF-8 where it is not understood');
$p = speaker('xc', EHLO => "250-fake\r\n250 XCLIENT NAME ADDR", XCLIENT => '220 again');
is(prints('echo ' . rcpt(at($p, '"xclient" => ["NAME" => "a b+=c", "PORT" => 5, "ADDR" => "[UNAVAILABLE]"]'), 'x@example.com') . ';'), 1, 'XCLIENT');
like(said('xc'), qr/^XCLIENT NAME=a\+20b\+2B\+3Dc ADDR=\[UNAVAILABLE\]\r\nEHLO \Q$us\E\r\nMAIL/m, 'is encoded, followed by EHLO, and holds what is offered');
is(said('lmtp'), "LHLO $us\r\nMAIL FROM:<a\@example.org>\r\nRCPT TO:<known\@example.com>\r\nRSET\r\nQUIT\r\n", 'LMTP');
$p = speaker('starttls', EHLO => "250-fake\r\n250-STARTTLS\r\n250 AUTH PLAIN", STARTTLS => '454 not now');
is(prints('echo ' . auth(at($p, '"tls" => "optional"')) . ' . ' . auth(at($p, '"tls" => "require"')) . ' . ' . rcpt(at($p, '"tls" => "require"'), 'x@y.test', $extended) . '["error_code"];'), '1-10', 'STARTTLS refused');
$p = speaker('ahead', EHLO => "250-fake\r\n250-STARTTLS\r\n250 AUTH PLAIN", STARTTLS => "220 go\r\n250 AUTH PLAIN\r\n235 in");
is(prints('echo ' . auth(at($p, '"tls" => "require"')) . ';'), -1, 'replies sent ahead of TLS');

# --- Trouble ---------------------------------------------------------------------------------------

my @asks = ([auth => sub { auth(at($_[0], '"timeout" => 1')) }], [rcpt => sub { rcpt(at($_[0], '"timeout" => 1'), 'x@example.com') }]);
sub in_time {
    my ($name, $p, @which) = @_;
    for (@which ? grep { $_->[0] eq $which[0] } @asks : @asks) {
        my $start = time;
        is(prints('echo ' . $_->[1]->($p) . ';'), -1, "$_->[0]: $name");
        cmp_ok(time - $start, '<', 3, 'in time');
    }
}
in_time('a server that says nothing', $mute);
in_time('one that answers rubbish', $rubbish);
in_time('nobody', $nobody);
for my $step (qw(greeting EHLO AUTH MAIL RCPT)) {
    my @which = $step eq 'AUTH' ? 'auth' : $step =~ /MAIL|RCPT/ ? 'rcpt' : ();
    for (['closing at', 'close'], ['silent at', ''], ['dribbling at', "drip 250-$step of a kind that takes its time"], ['flooding at', 'flood 250-more'], ['rubbish without end at', "bytes \x00\xff"]) {
        my ($what, $reply) = @$_;
        $p = speaker('trouble', HELO => $reply, $step => $reply);
        in_time("$what $step", $p, @which);
        $s->end('trouble', 'KILL');
    }
}
for my $reply ('', 'close', 'flood 250-more') {
    $p = speaker('leave', RSET => $reply);
    my $start = time;
    is(prints('echo ' . rcpt(at($p), 'x@example.com') . ';'), 1, 'trouble after the answer does not count');
    cmp_ok(time - $start, '<', 3, 'nor holds it up');
    $s->end('leave', 'KILL');
}
$p = $s->tcp('mutetls', sub { my ($c) = @_; syswrite $c, "220 x\r\n"; <$c>; syswrite $c, "250-x\r\n250 STARTTLS\r\n"; <$c>; syswrite $c, "220 go\r\n"; sleep 30 });
my $driptls = $s->tcp('driptls', sub { my ($c) = @_; syswrite $c, "220 x\r\n"; <$c>; syswrite $c, "250-x\r\n250 STARTTLS\r\n"; <$c>; syswrite $c, "220 go\r\n\x16\x03\x03\x40\x00"; while (1) { syswrite($c, "\x02") or last; sleep 0.1 } });
for ($p, $driptls) {
    my $start = time;
    is(prints('echo ' . auth(at($_, '"tls" => "require", "timeout" => 1')) . ';'), -1, 'in the TLS handshake');
    cmp_ok(time - $start, '<', 3, 'too');
}
my $start = time;
prints('smtp_lookup_auth(' . at($mute, '"timeout" => 30') . ', "joe", "secret");', '--limits', 'max_time=0.7');
cmp_ok(time - $start, '<', 3, "the run's own limit holds");
like(($s->hsl(join('', map { auth(at($nobody)) . ';' } 1 .. 3), '--limits', 'max_sockets=2'))[1], qr/limit: connections \(2\) exceeded/, 'max_sockets bounds the connections of one run');

# The real one stopped, and going on.
my ($master) = Penstock::read_file("$gw->{spool}/pid/master.pid") =~ /(\d+)/;
my @pids = ($master, split ' ', `ps -o pid= --ppid $master`);
kill 'STOP', @pids;
$start = time;
is(prints('echo ' . auth(at($port, '"timeout" => 1')) . ' . ' . rcpt(at($port, '"timeout" => 1'), 'known@example.com') . ';'), '-1-1', 'Postfix stopped');
cmp_ok(time - $start, '<', 4, 'in time');
kill 'CONT', @pids;
is(prints('echo ' . auth(at($port)) . ' . ' . rcpt(at($port), 'known@example.com') . ';'), '11', 'Postfix goes on');

# --- The seeds' script -----------------------------------------------------------------------------

my $seed = Flow->new($s, auth => <<'E', config => "$d/penstock.conf");
if (smtp_lookup_auth("mailtransport:1", $saslusername, $saslpassword) == 1) { echo "$saslusername successfully SMTP authenticated"; Accept(); }
Reject("You failed ($saslusername)");
E
is_deeply($seed->run(1, saslusername => 'joe', saslpassword => $_->[0])->{outcomes}, { $_->[1] => 1 }, "the seeds' script, password \"$_->[0]\"")
    for ['secret', 'Accept'], ['no', 'Reject: You failed (joe)'], ['', 'Reject: You failed (joe)'];
like($seed->records, qr/joe successfully SMTP authenticated$/m, 'which says so');

unlike($all_records, qr/secret|Secret|wrongone|AGpvZQ|c2VjcmV0|\bjoe\b|odd user/, 'no user and no password in any record');

# --- What is refused -------------------------------------------------------------------------------

for (['smtp_lookup_auth("mailtransport:9", "a", "b")', qr/smtp_lookup_auth\(\): unknown profile mailtransport:9/],
    ['smtp_lookup_auth(5, "a", "b")', qr/argument 1 of smtp_lookup_auth\(\): expected string or array, got number/],
    ['smtp_lookup_auth("mailtransport:1", [], "b")', qr/argument 2 of smtp_lookup_auth\(\): expected string, got array/],
    ['smtp_lookup_auth([], "a", "b")', qr/smtp_lookup_auth\(\): the option host is missing/],
    ['smtp_lookup_auth("mailtransport:versions", "a", "b")', qr/smtp_lookup_auth\(\): tls_protocols leaves no version of TLS/],
    [auth(at($port, '"tls" => "dane"')), qr/DANE is not supported; write require_verify/],
    [auth(at($port, '"tls" => "dane_require"')), qr/DANE is not supported/],
    [auth(at($port, '"tls" => "yes"')), qr/unknown TLS mode yes/],
    [auth(at($port, '"tls" => true')), qr/option tls: expected string, got boolean/],
    [auth(at($port, '"tls_protocols" => "TLSv9"')), qr/unknown TLS version TLSv9/],
    [auth(at($port, '"tls_verify_name" => "x"')), qr/option tls_verify_name: expected array, got string/],
    [auth(at($port, '"tls_verify_name" => [5]')), qr/tls_verify_name: a name is no text/],
    [auth(at($port, '"tls_client_cert" => "pki:1"')), qr/unknown profile pki:1/],
    [auth(at($port, '"sourceipid" => "ip:1"')), qr/unknown profile ip:1/],
    [auth(at($port, '"sourceip" => "lo"')), qr/sourceip is no address/],
    [auth(at(0)), qr/option port is out of range/],
    [auth(at($port, '"timeout" => 0')), qr/option timeout is out of range/],
    [auth(at($port, '"helo" => "a\r\nQUIT"')), qr/option helo holds a control character/],
    [auth(at($port, '"helo" => "a b"')), qr/helo is no name of a host/],
    ['smtp_lookup_auth(["host" => "a/b"], "a", "b")', qr/host is no name of a host/],
    ['smtp_lookup_auth(["host" => ""], "a", "b")', qr/host is no name of a host/],
    ['smtp_lookup_auth(["host" => "a@b"], "a", "b")', qr/host is no name of a host/],
    [auth(at($port, '"protocol" => "imap"')), qr/unknown protocol imap/],
    [auth(at($port, '"protocol" => "lmtp", "tls" => "require"')), qr/TLS is not supported with LMTP/],
    [auth(at($port, '"xclient" => ["addr" => "x"]')), qr/xclient: the name of an attribute is in capitals/],
    ['smtp_lookup_rcpt("mailtransport:1", "a\r\n@b", "c@d")', qr/smtp_lookup_rcpt\(\): .*/],
    ['smtp_lookup_rcpt("mailtransport:1", "a@b", "<c@d>")', qr/smtp_lookup_rcpt\(\): .*/],
    ['smtp_lookup_rcpt("mailtransport:1", "a@b", 5.5, 5)', qr/argument 4 of smtp_lookup_rcpt\(\): expected array, got number/],
    ['smtp_lookup_rcpt("mailtransport:1", "a@b")', qr/smtp_lookup_rcpt\(\) expects 3 to 4 arguments, 2 given/],
) {
    my ($code, $like) = @$_;
    like((prints("$code;"))[1], $like, $code);
}
$gw->stop;
$s->stop;
done_testing;
