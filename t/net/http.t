#!/usr/bin/perl
# http.t - http() against nginx, with and without TLS, and against servers that are down, silent,
# slow, or answer rubbish (library §6).
use strict;
use warnings;
use Server;
use Test::More;
use Time::HiRes qw(sleep time);

my $s = Server->new;
$s->ca;
mkdir "$s->{dir}/www";
$s->write('www/hello', "hello\n");
$s->write('www/big', 'x' x 3_000_000);
$s->write('www/empty', '');
my $port = $s->nginx(<<'E');
        location /echo { add_header X-Seen $http_x_mark always; return 200 "$request_method $request_uri $content_type $http_x_mark"; }
        location /404 { return 404 "not here"; }
        location /500 { return 500 "broken"; }
        location /204 { return 204; }
        location /redirect { return 302 /hello; }
        location /loop { return 302 /loop; }
        location /file { return 302 file:///etc/passwd; }
        location /ftp { return 302 ftp://127.0.0.1/; }
        location /auth { if ($http_authorization = "") { return 401; } return 200 "in"; }
        location /login { if ($args = "username=bob&password=p%26w%20d") { return 200 "OK"; } return 200 "NO"; }
E
# Gives back what was posted.
my $echo = $s->tcp('echo', sub {
    my ($c) = @_;
    my $in = '';
    while ($in !~ /\r\n\r\n/) { sysread $c, $in, 65536, length $in or return }
    my ($head, $body) = split /\r\n\r\n/, $in, 2;
    if ($head =~ /content-length: (\d+)/i) { while (length $body < $1) { sysread $c, $body, 65536, length $body or last } }
    if ($head =~ /transfer-encoding: chunked/i) { while ($body !~ /^0\r\n\r\n/m) { sysread $c, $body, 65536, length $body or last } $body = join '', map { /^[0-9a-f]+\r?$/ ? () : $_ } split /\r\n/, $body }
    my ($type) = $head =~ /content-type: ([^\r\n]*)/i;
    my $out = "$type|$body";
    syswrite $c, "HTTP/1.1 200 OK\r\nContent-Length: " . length($out) . "\r\nConnection: close\r\n\r\n$out";
});
my $mute = $s->mute('mute');
my $rubbish = $s->rubbish('rubbish');
my $half = $s->tcp('half', sub { my ($c) = @_; sysread $c, my $b, 4096; syswrite $c, "HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\nonly this" });
my $drip = $s->tcp('drip', sub { my ($c) = @_; sysread $c, my $b, 4096; syswrite $c, "HTTP/1.1 200 OK\r\n\r\n"; while (1) { syswrite($c, 'x') or last; sleep 0.1 } });
my $endless = $s->tcp('endless', sub { my ($c) = @_; sysread $c, my $b, 4096; syswrite $c, "HTTP/1.1 200 OK\r\n"; while (1) { syswrite($c, "X-Header: " . 'y' x 1000 . "\r\n") or last } });
my $flood = $s->tcp('flood', sub { my ($c) = @_; $SIG{PIPE} = 'DEFAULT'; sysread $c, my $b, 4096; syswrite $c, "HTTP/1.1 200 OK\r\n\r\n"; while (1) { syswrite($c, 'x' x 65536) or last } });
my $nobody = Penstock::free_port();

$s->write('penstock.conf', "http_ca_file = \"$s->{dir}/ca.pem\"\n");
my @config = ('--config', "$s->{dir}/penstock.conf", '--limits', 'max_http=1000');

# What a script prints, and its records.
sub prints {
    my ($code, @options) = @_;
    my ($out, $err) = $s->hsl($code, @options ? @options : @config);
    chomp $out;
    return wantarray ? ($out, $err) : $out;
}

my $u = "http://127.0.0.1:$port";
my $tls = "https://127.0.0.1:$s->{https_port}";
my $e = "http://127.0.0.1:$echo/";
my @rows = (
    # the old form
    [qq{http("$u/hello")}, "hello"],
    [qq{http("$u/hello", 10)}, "hello"],
    [qq{http("$u/echo?u=\$1&v=\$2", 10, "a b&c", "å")}, "GET /echo?u=a%20b%26c&v=%C3%A5  "],
    [qq{http("$u/echo?\$1\$2\$3\$", 5, "x", "\$1")}, "GET /echo?x%241\$3\$  "],
    [qq{http("$u/echo?\$11\$10", 5, "x")}, "GET /echo?x1x0  "],
    [qq{http("$u/echo?\$0", 5, "x")}, "GET /echo?\$0  "],
    [qq{http("$u/echo?\$1", 5, array("z"))}, "GET /echo?z  "],
    [qq{http("${e}p", 5, array(), array("a" => "1 2", "b&" => "é"))}, "application/x-www-form-urlencoded|a=1%202&b%26=%C3%A9"],
    [qq{http("$u/404", 5) === ""}, 'true'],
    [qq{http("http://127.0.0.1:$nobody/", 5) === ""}, 'true'],
    [qq{http("$u/login?username=\$1&password=\$2", 10, "bob", "p&w d") == "OK"}, 'true'],
    # the new form
    [qq{http("$u/echo?\$1", [], ["p"])}, "GET /echo?p  "],
    [qq{http("$u/echo?\$1\$2", none, ["k" => "p", "l" => "q"])}, "GET /echo?pq  "],
    [qq{http("$u/404", []) === none}, 'true'],
    [qq{http("http://127.0.0.1:$nobody/", []) === none}, 'true'],
    [qq{http("$u/hello", ["timeout" => pow(10, 300), "connect_timeout" => pow(10, 300)])}, "hello"], # more than libcurl can count
    [qq{http("$u/404", ["extended_result" => true])}, '["status"=>404,"content"=>"not here"]'],
    [qq{http("$u/204", ["extended_result" => true])}, '["status"=>204,"content"=>""]'],
    [qq{http("http://127.0.0.1:$nobody/", ["extended_result" => true]) === none}, 'true'],
    [qq{http("$u/500", ["response_headers" => true])[0:12]}, 'HTTP/1.1 500'],
    [qq{http("$u/500", ["response_headers" => true])[-6:]}, 'broken'],
    [qq{http("$u/echo", ["method" => "PUT"])}, 'PUT /echo  '],
    [qq{http("$u/hello", ["method" => "HEAD"]) === ""}, 'true'],
    [qq{http("$u/echo", ["headers" => ["X-Mark: one", "Content-Type: text/x"]])}, 'GET /echo text/x one'],
    [qq{http("$e", [], [], "raw\x00body")}, 'application/x-www-form-urlencoded|raw\x00body'],
    [qq{http("$e", ["headers" => ["Content-Type: application/json"]], [], "{}")}, "application/json|{}"],
    [qq{http("$e", [], [], [])}, "application/x-www-form-urlencoded|"],
    [qq{\$n = 3; echo http("$e", [], [], function (\$max) closure (\$n) { return \$n-- > 0 ? "piece" : ""; })}, "application/x-www-form-urlencoded|piecepiecepiece"],
    [qq{http("$u/redirect", []) === none}, 'true'],
    [qq{http("$u/redirect", ["redirects" => 1])}, "hello"],
    [qq{http("$u/redirect", ["redirects" => 1, "response_headers" => true])[0:12]}, "HTTP/1.1 200"],
    [qq{http("$u/loop", ["redirects" => -1]) === none}, 'true'],
    [qq{http("$u/file", ["redirects" => 5]) === none}, 'true'],
    [qq{http("$u/ftp", ["redirects" => 5]) === none}, 'true'],
    [qq{length(http("$u/big", []))}, '3000000'],
    [qq{http("$u/big", ["max_file_size" => 1000]) === none}, 'true'],
    [qq{http("$u/empty", []) === ""}, 'true'],
    [qq{http("file:///etc/passwd", []) === none}, 'true'],
    [qq{http("$u/auth", [])  === none}, 'true'],
    [qq{http("http://user:secret\@127.0.0.1:$port/auth", [])}, 'in'],
    [qq{http("$tls/hello", [])}, "hello"],
    [qq{http("$tls/hello", ["tls_default_ca" => true, "timeout" => 5])}, "hello"],
    [qq{http("https://localhost:$s->{https_port}/hello", [])}, "hello"],
    [qq{http("https://127.0.0.2:$s->{https_port}/hello", ["timeout" => 2]) === none}, 'true'],
    [qq{http("http://127.0.0.1:$rubbish/", ["timeout" => 3]) === none}, 'true'],
    [qq{http("http://127.0.0.1:$half/", ["timeout" => 3]) === none}, 'true'],
    [qq{http("http://127.0.0.1:$endless/", ["timeout" => 5]) === none}, 'true'],
    [qq{http("http://127.0.0.1:$flood/", ["timeout" => 20]) === none}, 'true'],
    [qq{http("https://127.0.0.1:$port/", ["timeout" => 3]) === none}, 'true'],
);
for my $row (@rows) {
    my $code = $row->[0] =~ /^\$/ ? "$row->[0];" : "echo $row->[0];";
    my ($out) = $s->hsl($code =~ s/(?<=[="&?\$1-9u=]|v=|^)\$(?=\d|\$|"|&)/\\\$/gr =~ s/\\\\\$/\\\$/gr, @config);
    is($out, "$row->[1]\n", $row->[0] =~ s/[^\x20-\x7e]/?/gr);
}

like((prints("http(\"$u/hello?password=secret\", [\"max_file_size\" => 1]);"))[1], qr{^info: http failed: http://127\.0\.0\.1:$port/hello: the answer is too long$}, 'the query is in no record');
unlike((prints("http(\"http://user:secret\@127.0.0.1:$nobody/x?y=secret\", []);"))[1], qr/secret|user/, 'nor are user and password');
is(prints("echo http(\"$tls/hello\", []) === none;", '--limits', 'max_http=9'), 'true', 'a certificate of nobody known is refused');
is(prints("echo http(\"$tls/hello\", [\"tls_verify_peer\" => false, \"ssl_verify_host\" => false]);", '--limits', 'max_http=9'), 'hello', 'unless it is not to be verified');

for (['http("' . $u . '", "x")', qr/argument 2 of http\(\): expected number or array, got string/],
    ['http("' . $u . '", [], 5)', qr/argument 3 of http\(\): expected array, got number/],
    ['http("' . $u . '", [], [], 5)', qr/argument 4 of http\(\): expected string, array or function, got number/],
    ['http("' . $u . '", ["headers" => ["X: a\r\nY: b"]])', qr/http\(\): a header holds a line break or NUL byte/],
    ['http("' . $u . '", ["headers" => ["nonsense"]])', qr/http\(\): a header is not of the form/],
    ['http("' . $u . '", ["method" => "GET\r\nX: y"])', qr/http\(\): method holds a line break/],
    ['http("' . $u . '/a b", [])', qr/http\(\): the URL is too long or holds white space/],
    ['http("' . $u . '", ["timeout" => "soon"])', qr/option timeout: expected number, got string/],
    ['http("' . $u . '", ["redirects" => 5000])', qr/out of range/],
    ['http("' . $u . '", ["tls_client_cert" => "pki:9"])', qr/unknown profile pki:9/],
    ['http("' . $u . '", ["tls_client_cert" => 5])', qr/option tls_client_cert: expected string, got number/],
    ['http("' . $u . '", 0)', qr/the time limit is not above 0/],
    ['for ($i = 0; $i < 4; $i++) http("' . $u . '/hello")', qr/limit: HTTP requests \(3\) exceeded/, '--limits', 'max_http=3'],
) {
    my ($code, $like, @options) = @$_;
    like((prints("$code;", @options))[1], $like, $code);
}
is(prints("try { http(\"$e\", [], [], function (\$n) { throw \"mine\"; }); } catch (\$x) { echo \"caught \$x\"; }"), 'caught mine', "an exception of the script's function goes through");

# Time limits.
for ([mute => $mute, 1], [drip => $drip, 1]) {
    my ($name, $p, $limit) = @$_;
    my $start = time;
    is(prints("echo http(\"http://127.0.0.1:$p/\", $limit) === \"\";"), 'true', "$name");
    cmp_ok(time - $start, '<', 3, 'in time');
}
my $start = time;
prints("http(\"http://127.0.0.1:$mute/\", 30);", '--limits', 'max_time=0.7');
cmp_ok(time - $start, '<', 3, "the run's own limit holds");
$start = time;
prints("http(\"https://127.0.0.1:$mute/\", 1);");
cmp_ok(time - $start, '<', 3, 'and in the TLS handshake');

# Connections are kept.
my $requests = sub { my ($what) = @_; return grep { /$what/ } split /\n/, Penstock::read_file("$s->{dir}/access.log") };
prints("for (\$i = 0; \$i < 20; \$i++) http(\"$u/hello?kept\");");
ok(Penstock::wait_until(10, sub { $requests->('kept') == 20 }), 'twenty requests');
my %connections = map { (split)[2] => 1 } $requests->('kept');
is(scalar(keys %connections), 1, '... use one connection');

# What the administrator forbids.
sub guarded {
    my ($conf, $code) = @_;
    $s->write('guard.conf', $conf);
    return prints($code, '--config', "$s->{dir}/guard.conf");
}
my ($out, $err) = guarded('http_deny = private', "echo http(\"$u/hello\", []) === none;");
is($out, 'true', 'a private address');
like($err, qr/the address is not allowed \(http_deny\)/, 'the record says why');
is((guarded('http_deny = private', "echo http(\"http://localhost:$port/hello\", []) === none;"))[0], 'true', 'by name');
is((guarded('http_deny = private', "echo http(\"http://[::ffff:127.0.0.1]:$port/hello\", []) === none;"))[0], 'true', 'as a mapped address');
is((guarded("http_deny = private\nhttp_allow = \"127.0.0.1\"", "echo http(\"$u/hello\", []);"))[0], 'hello', 'http_allow comes first');
my $away = $s->tcp('away', sub { my ($c) = @_; sysread $c, my $b, 4096; syswrite $c, "HTTP/1.1 302 Found\r\nLocation: http://localhost:$port/hello\r\nContent-Length: 0\r\n\r\n" }, address => "127.0.0.2");
is((guarded("http_deny = \"127.0.0.1 ::1\"\nhttp_allow = \"127.0.0.2\"", "echo http(\"http://127.0.0.2:$away/\", [\"redirects\" => 3]) === none;"))[0], 'true', 'after a redirect, too');
is((guarded('http_deny = "192.0.2.0/24 10.0.0.0/8"', "echo http(\"$u/hello\", []);"))[0], 'hello', 'others may be reached');

# In the background.
prints("echo http(\"$u/echo?bg\$1\", [\"background\" => true, \"background_hash\" => \"h\"], [1]); http(\"$u/echo?bg2\", [\"background\" => true, \"background_hash\" => \"h\"]); sleep(4);" =~ s/bg\$1/bg\\\$1/r);
is(join(' ', map { (split)[1] } $requests->('bg')), '/echo?bg1 /echo?bg2', 'requests in the background, in order');
my $late = $s->tcp('late', sub { my ($c) = @_; sysread $c, my $b, 4096; syswrite $c, "HTTP/1.1 500 No\r\nContent-Length: 0\r\nConnection: close\r\n\r\n" });
prints("http(\"http://127.0.0.1:$late/\", [\"background\" => true, \"background_retry_count\" => 2, \"background_retry_delay\" => 0.2]); sleep(4);");
is($s->connections('late'), 3, 'are tried again as often as said');
$start = time;
prints("http(\"http://127.0.0.1:$mute/\", [\"background\" => true]);");
cmp_ok(time - $start, '<', 4, 'and do not keep the process from ending');
$s->stop;
done_testing;
