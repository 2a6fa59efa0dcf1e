#!/usr/bin/perl
# dns.t - dns...(), dns_query() and dnsbl() against a real DNS server, and against one that is down,
# slow, or answers rubbish (library §11).
use strict;
use warnings;
use Server;
use Test::More;
use Time::HiRes qw(time);

my $s = Server->new;
my $knot = $s->knot(
    'example.org' => <<'E',
@ MX 20 mx2
@ MX 10 MX1
@ TXT "v=spf1 " "-all"
@ TXT "second"
mx1 A 192.0.2.1
mx1 AAAA 2001:db8::1
mx2 A 192.0.2.2
www CNAME mx1
loop CNAME loop
long TXT "a" "b" "c"
short 1 A 192.0.2.9
E
    'bl1.test' => "2.0.0.127 A 127.0.0.2\n2.0.0.127 A 127.0.0.4\n",
    'bl2.test' => "9.9.9.9 A 127.0.0.2\n",
    'sold.test' => "* A 192.0.2.80\n*.1.2.3 A 127.255.255.254\n",
    '2.0.192.in-addr.arpa' => "1 PTR MX1.example.org.\n",
    '8.b.d.0.1.0.0.2.ip6.arpa' => join('.', ('1', ('0') x 23)) . " PTR mx1.example.org.\n",
);

# What a script prints that finds the server as $s.
sub prints {
    my ($port, $code, @options) = @_;
    my ($out, $err) = $s->hsl("\$s = [\"127.0.0.1:$port\"];\n$code", @options);
    chomp $out;
    return wantarray ? ($out, $err) : $out;
}

my @rows = (
    ['dns("mx1.example.org", $s)', '[0=>"192.0.2.1",1=>"2001:db8::1"]'],
    ['dns("MX1.Example.ORG.", $s)', '[0=>"192.0.2.1",1=>"2001:db8::1"]'],
    ['dns("www.example.org", ["servers" => $s])', '[0=>"192.0.2.1",1=>"2001:db8::1"]'],
    ['dns("mx2.example.org", ["resolvers" => $s, "extended_result" => true])', '["result"=>[0=>"192.0.2.2"],"dnssec"=>false]'],
    ['dns4("mx1.example.org", $s)', '[0=>"192.0.2.1"]'],
    ['dns6("mx1.example.org", $s, 5)', '[0=>"2001:db8::1"]'],
    ['dns6("mx2.example.org", $s)', '[]'],
    ['dnsmx("example.org", $s)', '[0=>"mx1.example.org",1=>"mx2.example.org"]'],
    ['dnscname("www.example.org", $s)', '[0=>"mx1.example.org"]'],
    ['dnsns("example.org", $s)', '[0=>"ns.example.org"]'],
    ['dnsptr("192.0.2.1", $s)', '[0=>"mx1.example.org"]'],
    ['dnsptr("2001:db8::1", $s)', '[0=>"mx1.example.org"]'],
    ['dnsptr("::ffff:192.0.2.1", $s)', '[0=>"mx1.example.org"]'],
    ['dnsptr("no address", $s)', '[]'],
    ['dnstxt("long.example.org", $s)', '[0=>"abc"]'],
    ['length(dnstxt("example.org", $s))', '2'],
    ['dns("gone.example.org", $s)', '[]'],
    ['dns(none, $s)', '[]'],
    ['dns("a b", $s)', '[]'],
    ['dns("x" * 64 . ".example.org", $s)', '[]'],
    ['dns("a." * 200, $s)', '[]'],
    ['dns_query("gone.example.org", ["type" => "mx", "servers" => $s])', '["error"=>"NXDOMAIN","dnssec"=>false]'],
    ['dns_query("mx1.example.org", ["type" => "mx", "servers" => $s])', '["error"=>"NODATA","dnssec"=>false]'],
    ['dns_query("example.net", ["servers" => $s])', '["error"=>"REFUSED","dnssec"=>false]'],
    ['dns_query("", ["servers" => $s])', '["error"=>"FORMERR","dnssec"=>false]'],
    ['dns_query("example.org", ["type" => "mx", "servers" => $s])', '["result"=>[0=>"mx1.example.org",1=>"mx2.example.org"],"dnssec"=>false]'],
    ['dns_query("example.org", ["type" => "mx", "servers" => $s, "extended_result" => true])["result"][1]', '["host"=>"mx2.example.org","preference"=>20]'],
    ['dns_query("example.org", ["type" => "soa", "servers" => $s])["result"][0]', 'ns.example.org hostmaster.example.org 1 3600 600 86400 60'],
    ['dns_query(inet_reverse("192.0.2.1"), ["type" => "ptr", "servers" => $s])["result"][0]', 'mx1.example.org'],
    ['dns_query("mx1.example.org", ["servers" => ["127.0.0.1"], "port" => number(str_split($s[0], ":")[1])])["result"][0]', '192.0.2.1'],
    ['dnsbl("127.0.0.2", "bl1.test", $s)', qr/^\[0=>"127\.0\.0\.[24]",1=>"127\.0\.0\.[24]"\]$/],
    ['dnsbl("127.0.0.3", "bl1.test", $s)', '[]'],
    ['dnsbl("2001:db8::2", "bl1.test", $s)', '[]'],
    ['dnsbl("9.9.9.9", ["bl1.test", "bl2.test"], $s)', '["bl1.test"=>[],"bl2.test"=>[0=>"127.0.0.2"]]'],
    ['dnsbl("9.9.9.9", [], $s)', '[]'],
);
for my $row (@rows) {
    my ($out) = prints($knot, "echo $row->[0];");
    ref $row->[1] ? like($out, $row->[1], $row->[0]) : is($out, $row->[1], $row->[0]);
}

my @errors = (
    ['dns("a", ["here"])', qr/dns\(\): "here" is no DNS server; write IP or IP:PORT/],
    ['dns("a", ["127.0.0.1:0"])', qr/is no DNS server/],
    ['dns("a", 5)', qr/argument 2 of dns\(\): expected array, got number/],
    ['dns("a", ["timeout" => "soon"])', qr/argument 2 of dns\(\): option timeout: expected number, got string/],
    ['dns([])', qr/argument 1 of dns\(\): expected string, got array/],
    ['dns_query("a", ["type" => "hinfo"])', qr/dns_query\(\): unknown type; one of a aaaa/],
    ['dns_query(none)', qr/argument 1 of dns_query\(\): expected string, got none/],
    ['dnsbl("1.2.3.4", [5])', qr/argument 2 of dnsbl\(\): expected string or array of strings, got number/],
);
for my $row (@errors) {
    my (undef, $err) = prints($knot, "echo $row->[0];");
    like($err, $row->[1], $row->[0]);
}

my ($out, $err) = prints($knot, 'dns("gone.example.org", $s); dnsbl("127.0.0.9", "bl1.test", $s); dns_query("gone.example.org", ["servers" => $s]);');
is($err, "info: DNSQuery failed for domain gone.example.org: NXDOMAIN\n"
      . "info: DNSQuery failed for domain 9.0.0.127.bl1.test: NXDOMAIN\n", 'failed lookups leave a record, dns_query() does not');

# globalview() with the zones of the configuration.
my @views = (
    ['globalview_zones = "bl1.test bl2.test"', '9.9.9.9', 'permfail'],
    ['globalview_zones = "bl1.test bl2.test"', '9.9.9.8', 'accept'],
    ['globalview_tempfail_zones = "bl2.test"', '9.9.9.9', 'tempfail'],
    ["globalview_zones = bl2.test\nglobalview_tempfail_zones = bl2.test", '9.9.9.9', 'permfail'],
    ["globalview_zones = bl1.test\nglobalview_tempfail_zones = bl2.test", '9.9.9.9', 'tempfail'],
    ['globalview_zones = "sold.test"', '9.9.9.9', 'accept'],
    ['globalview_zones = "sold.test"', '3.2.1.9', 'accept'],
);
for my $row (@views) {
    $s->write('view.conf', "dns_servers = \"127.0.0.1:$knot\"\n$row->[0]\n");
    my ($view, $said) = prints($knot, "echo globalview(\"$row->[1]\");", '--config', "$s->{dir}/view.conf");
    is("$view $said", "$row->[2] ", "$row->[1]: $row->[0]");
}
$s->write('view.conf', "dns_servers = \"127.0.0.1:$knot\"\nglobalview_zones = \"example.net bl2.test\"\n");
($out, $err) = prints($knot, 'echo globalview("9.9.9.9");', '--config', "$s->{dir}/view.conf");
is("$out $err", "permfail info: DNSQuery failed for domain 9.9.9.9.example.net: REFUSED\n", 'a zone in trouble leaves a record');
like(join(' ', prints($knot, 'echo globalview("no address");', '--config', "$s->{dir}/view.conf")), qr/^accept info: .*FORMERR/, 'no address');
$s->write('view.conf', 'globalview_zones = "' . join(' ', map { "z$_.test" } 1 .. 101) . "\"\n");
like((prints($knot, 'globalview("9.9.9.9");', '--config', "$s->{dir}/view.conf"))[1], qr/globalview\(\): more than 100 zones/, 'too many zones');

# Servers in trouble.
my $deaf = $s->dns_proxy($knot, name => 'deaf', mode => 'drop');
my $start = time;
is(prints($deaf, 'echo dns_query("mx1.example.org", ["servers" => $s, "timeout" => 1]);'), '["error"=>"TIMEOUT","dnssec"=>false]', 'a server that never answers');
cmp_ok(time - $start, '<', 3, 'the time limit holds');
$start = time;
($out, $err) = prints($deaf, 'dns("mx1.example.org", $s, 30);', '--limits', 'max_time=1');
cmp_ok(time - $start, '<', 3, "and that of the run, whatever the function's own");
is(prints(Penstock::free_port(), 'echo dns_query("mx1.example.org", ["servers" => $s]);'), '["error"=>"TIMEOUT","dnssec"=>false]', 'nobody listens');
# A UDP socket cannot even be connected to the broadcast address, so the query fails in the call that
# sends it; the second one waited for its whole time limit then.
$start = time;
is(prints(0, 'foreach (["a", "b"] as $n) echo dns_query("$n.test", ["servers" => ["255.255.255.255"]])["error"];'), "TIMEOUT\nTIMEOUT", 'a server that cannot be reached');
cmp_ok(time - $start, '<', 3, 'is found out at once');
my $wrong = $s->dns_proxy($knot, name => 'wrong', mode => 'rubbish');
like(prints($wrong, 'echo dns_query("mx1.example.org", ["servers" => $s, "timeout" => 2]);'), qr/"error"=>"(FORMERR|TIMEOUT)"/, 'rubbish');
my $parrot = $s->dns_proxy($knot, name => 'parrot', mode => 'echo');
is(prints($parrot, 'echo dns_query("mx1.example.org", ["servers" => $s]);'), '["error"=>"FORMERR","dnssec"=>false]', 'the question come back is no answer that says "no data"');
my $broken = $s->dns_proxy($knot, name => 'broken', mode => 'servfail');
is(prints($broken, 'echo dns_query("mx1.example.org", ["servers" => $s]);'), '["error"=>"SERVFAIL","dnssec"=>false]', 'SERVFAIL');
is(prints($broken, "\$s[] = \"127.0.0.1:$knot\"; echo dns_query(\"mx1.example.org\", [\"servers\" => \$s]);"), '["result"=>[0=>"192.0.2.1"],"dnssec"=>false]', 'the next server is asked');

# The cache, and questions asked at once, counted at the server.
my $slow = $s->dns_proxy($knot, name => 'slow', delay => 1);
my $zones = '["bl1.test", "bl2.test", "bl3.test", "bl4.test", "bl5.test", "bl6.test"]';
$start = time;
$out = prints($slow, "\$t = time(); dnsbl(\"127.0.0.2\", $zones, \$s); \$cold = time() - \$t; \$t = time(); dnsbl(\"127.0.0.2\", $zones, \$s); echo \$cold < 4; echo time() - \$t < 0.9;");
is($out, "true\ntrue", 'six blocklists take the time of one, and none when the answers are known');
is(scalar(() = $s->dns_log('slow')), 6, 'six questions were asked, once');
my $count = $s->dns_proxy($knot, name => 'count');
prints($count, 'for ($i = 0; $i < 50; $i++) { dns4("MX1.example.org", $s); dns4("gone.example.org", $s); dns4("mx1.example.org.", $s); }');
is(join(' ', sort $s->dns_log('count')), '1 gone.example.org 1 mx1.example.org', 'answers and refusals are kept');
my $ttl = $s->dns_proxy($knot, name => 'ttl');
prints($ttl, 'dns4("short.example.org", $s); sleep(1.3); dns4("short.example.org", $s);');
is(scalar(() = $s->dns_log('ttl')), 2, 'for as long as their TTL says');
# Texts of 60 kB over TCP: 20000 of them would be 1.2 GB. Only 64 MiB are kept, those used last.
my $fat = $s->dns_proxy($knot, name => 'fat', mode => 'truncate');
$s->tcp('fat-tcp', sub {
    my ($c) = @_;
    my ($len, $q);
    while (read($c, $len, 2) && read($c, $q, unpack "n", $len)) {
        my $end = 12 + index(substr($q, 12), "\0") + 5;
        my $rdata = "\xff" . 'x' x 255;
        $rdata x= 234;
        my $answer = substr($q, 0, 2) . pack('n5', 0x8180, 1, 1, 0, 0) . substr($q, 12, $end - 12) . pack('n3 N n', 0xc00c, 16, 1, 3600, length $rdata) . $rdata;
        syswrite $c, pack('n', length $answer) . $answer;
    }
}, port => $fat);
is(prints($fat, '$n = 0; for ($i = 0; $i < 1200; $i++) $n += length(dnstxt("n$i.test", $s)[0]); dnstxt("n1199.test", $s); dnstxt("n0.test", $s); echo $n;', '--limits', 'max_dns=2000,max_memory=256M,max_time=60'), 1200 * 234 * 255, 'large answers');
my %seen;
$seen{$_}++ for $s->dns_log('fat');
is(($seen{'16 n0.test'} // 0) . ' ' . ($seen{'16 n1199.test'} // 0), '2 1', 'push each other out of the cache, the oldest first');

like((prints($knot, 'for ($i = 0; $i < 9; $i++) dns4("$i.example.org", $s);', '--limits', 'max_dns=5'))[1], qr/limit: DNS questions \(5\) exceeded/, 'max_dns');
$s->stop;
done_testing;
