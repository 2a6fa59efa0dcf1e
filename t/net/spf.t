#!/usr/bin/perl
# spf.t - spf() and spf_query() against a real DNS server: each mechanism, modifier, macro and limit
# of RFC 7208. The sections named are its.
use strict;
use warnings;
use Server;
use Test::More;
use Time::HiRes qw(time);

# Names below test.; each line of a row is a record, "SPF text" a TXT record.
my $zone = '';
my @rows;

# One domain with its record and what the check gives: [ip, expected, sender, helo] ...
my $n = 0;
sub row {
    my ($what, $spf, @checks) = @_;
    my $name = 'd' . ++$n;
    $zone .= "$name TXT " . join(' ', map { qq("$_") } $spf =~ /(.{1,200})/g) . "\n" if defined $spf;
    for (@checks) {
        my ($ip, $want, $sender, $helo) = @$_;
        $sender //= "user\@$name.test";
        $sender =~ s/\$D/$name.test/;
        push @rows, [$what, $ip, $helo // 'client.test', $sender, $want];
    }
    return $name;
}

$zone .= <<'E';
host A 192.0.2.1
host AAAA 2001:db8::1
other A 192.0.2.99
two A 192.0.2.1
two A 192.0.2.2
mail MX 10 host
mail MX 20 other
nullmx MX 0 .
many MX 1 m1
E
$zone .= "many MX $_ m$_\n" for 2 .. 11;
$zone .= "ten MX $_ m$_\n" for 1 .. 10;
$zone .= "m$_ A 198.51.100.$_\n" for 1 .. 11;
$zone .= "pass TXT \"v=spf1 +all\"\nfail TXT \"v=spf1 -all\"\nsoft TXT \"v=spf1 ~all\"\nneutral TXT \"v=spf1 ?all\"\nbad TXT \"v=spf1 foo\"\nnospf TXT \"hello\"\n";

# §4.5, §4.6: which record, and its syntax
row('no record', undef, ['192.0.2.1', 'none', 'u@nospf.test'], ['192.0.2.1', 'none', 'u@absent.test']);
row('the record alone', 'v=spf1', ['192.0.2.1', 'neutral']);
row('upper case', 'V=SPF1 +ALL', ['192.0.2.1', 'pass']);
row('another version', 'v=spf10 +all', ['192.0.2.1', 'none']);
row('blanks', 'v=spf1   ip4:192.0.2.1    -all  ', ['192.0.2.1', 'pass'], ['192.0.2.2', 'fail']);
$zone .= "double TXT \"v=spf1 +all\"\ndouble TXT \"v=spf1 -all\"\n";
row('two records', undef, ['192.0.2.1', 'permerror', 'u@double.test']);
row('a record in pieces', 'v=spf1 ' . ('ip4:203.0.113.7 ' x 20) . '-all', ['192.0.2.1', 'fail'], ['203.0.113.7', 'pass']);
row("syntax: $_", "v=spf1 ip4:192.0.2.1 $_", ['192.0.2.1', 'permerror'])
    for 'foo', 'all:x.test', 'all/8', 'include', 'include:', 'exists', 'ip4', 'ip4:', 'ip4:1.2.3', 'ip4:1.2.3.4/33',
    'ip4:1.2.3.4/08', 'ip4:1.2.3.4/', 'ip6:192.0.2.1', 'ip6:2001:db8::/129', 'ip6::::1', 'a:', 'a/33', 'a//129', 'a/08', 'a/',
    'a:host.test/24/64', 'a:host.test:8', 'a:host', 'a:host.123', 'a:host.-x', 'mx:', 'ptr:', 'ptr/8', '+', '-', '!all',
    'redirect=', 'redirect=host', 'exp=', 'redirect=pass.test redirect=pass.test', 'exp=x.test exp=x.test', 'a:%{d', 'a:%(d).test',
    'a:host}', 'a:%{d}host', 'a:%{z}.test', 'a:%{c}.test', 'a:%{d0}.test', 'a:%', 'x=%{z}', 'a:%{dx}.test', '=x', 'a=b%', '-=x';
row("syntax: $_", "v=spf1 $_ ip4:192.0.2.1 -all", ['192.0.2.1', 'pass'], ['192.0.2.2', 'fail'])
    for 'exists:gone.%{d}%_', 'exists:gone.test%-%_', 'x=', 'x=y', 'moo.cow-far_out=man:dog/cat', 'unknown=%{s}%%%_%-', 'ip4:203.0.113.0/0' =~ s/0$/24/r;

# §4.3, §4.8: domains
row('no domain', undef, ['192.0.2.1', 'none', 'u@localhost'], ['192.0.2.1', 'none', 'u@a..test'], ['192.0.2.1', 'none', 'u@' . 'x' x 64 . '.test'],
    ['192.0.2.1', 'none', 'u@.test'], ['192.0.2.1', 'pass', 'u@pass.test.'], ['192.0.2.1', 'pass', 'u@PASS.Test']);
row('the null sender', undef, ['192.0.2.1', 'fail', '', 'fail.test'], ['192.0.2.1', 'none', '', 'nospf.test'], ['192.0.2.1', 'pass', 'pass.test', 'fail.test']);
row('no address', undef, ['192.0.2', 'invalid', 'u@pass.test'], ['', 'invalid', 'u@pass.test']);

# §4.6.2, §4.7: results
row('qualifiers', undef, ['192.0.2.1', 'pass', 'u@pass.test'], ['192.0.2.1', 'fail', 'u@fail.test'], ['192.0.2.1', 'softfail', 'u@soft.test'], ['192.0.2.1', 'neutral', 'u@neutral.test']);
row('the first match counts', 'v=spf1 ?ip4:192.0.2.1 ~ip4:192.0.2.0/24 -all', ['192.0.2.1', 'neutral'], ['192.0.2.3', 'softfail'], ['198.51.100.1', 'fail']);
row('nothing matches', 'v=spf1 ip4:192.0.2.1', ['192.0.2.2', 'neutral']);

# §5: mechanisms
row('ip4', 'v=spf1 ip4:192.0.2.0/25 -all', ['192.0.2.127', 'pass'], ['192.0.2.128', 'fail'], ['::ffff:192.0.2.5', 'pass'], ['2001:db8::1', 'fail']);
row('ip4 /0', 'v=spf1 ip4:0.0.0.0/0 -all', ['192.0.2.127', 'pass'], ['2001:db8::1', 'fail']);
row('ip6', 'v=spf1 ip6:2001:db8::/33 -all', ['2001:db8:7fff::', 'pass'], ['2001:db8:8000::', 'fail'], ['192.0.2.1', 'fail']);
row('ip6 without bits', 'v=spf1 ip6:2001:DB8::1 -all', ['2001:db8::1', 'pass'], ['2001:db8::2', 'fail']);
my $a = row('a', 'v=spf1 a -all', ['192.0.2.7', 'pass'], ['2001:db8::7', 'pass'], ['192.0.2.8', 'fail']);
$zone .= "$a A 192.0.2.7\n$a AAAA 2001:db8::7\n";
row('a of a name', 'v=spf1 a:two.test -all', ['192.0.2.2', 'pass'], ['192.0.2.3', 'fail'], ['2001:db8::1', 'fail']);
row('a with bits', 'v=spf1 A:host.test/24//64 -all', ['192.0.2.200', 'pass'], ['2001:db8::ff', 'pass'], ['2001:db8:0:1::', 'fail']);
row('a with ip6 bits', 'v=spf1 a:host.test//32 -all', ['192.0.2.200', 'fail'], ['2001:db8:ffff::', 'pass']);
row('a /0', 'v=spf1 a:host.test/0 -all', ['203.0.113.1', 'pass'], ['2001:db8::2', 'fail']);
row('mx', 'v=spf1 mx:mail.test -all', ['192.0.2.99', 'pass'], ['192.0.2.1', 'pass'], ['192.0.2.2', 'fail'], ['2001:db8::1', 'pass']);
row('mx with bits', 'v=spf1 mx:mail.test/30 -all', ['192.0.2.3', 'pass'], ['192.0.2.4', 'fail']);
row('mx needs MX records', 'v=spf1 mx:host.test -all', ['192.0.2.1', 'fail']);
row('mx of nobody', 'v=spf1 mx:nullmx.test -all', ['192.0.2.1', 'fail']);
row('ten mx names', 'v=spf1 mx:ten.test -all', ['198.51.100.10', 'pass'], ['192.0.2.1', 'fail']);
row('eleven mx names', 'v=spf1 mx:many.test -all', ['198.51.100.1', 'permerror']);
row('ptr', 'v=spf1 ptr:test -all', ['192.0.2.1', 'permerror']);
row('ptr of the domain', 'v=spf1 ptr:host.test -all', ['192.0.2.1', 'pass'], ['192.0.2.99', 'fail'], ['2001:db8::1', 'pass']);
row('ptr below the domain', 'v=spf1 ptr:sub.test -all', ['192.0.2.50', 'pass'], ['192.0.2.51', 'fail'], ['192.0.2.52', 'fail']);
$zone .= "x.sub A 192.0.2.50\nlied.sub A 192.0.2.1\nx.notsub A 192.0.2.52\n";
row('exists', 'v=spf1 exists:host.test -all', ['203.0.113.9', 'pass'], ['2001:db8::9', 'pass']);
row('exists not', 'v=spf1 exists:gone.test -all', ['203.0.113.9', 'fail']);
row('exists needs an A record', 'v=spf1 exists:only6.test -all', ['2001:db8::9', 'fail']);
$zone .= "only6 AAAA 2001:db8::9\n";
row("include:$_->[0]", "v=spf1 include:$_->[0].test -all", ['192.0.2.1', $_->[1]])
    for ['pass', 'pass'], ['fail', 'fail'], ['soft', 'fail'], ['neutral', 'fail'], ['bad', 'permerror'], ['nospf', 'permerror'], ['gone', 'permerror'];
row('a failing include goes on', 'v=spf1 include:fail.test ip4:192.0.2.1 ~all', ['192.0.2.1', 'pass'], ['192.0.2.2', 'softfail']);

# §6: modifiers
row("redirect=$_->[0]", "v=spf1 redirect=$_->[0].test", ['192.0.2.1', $_->[1]])
    for ['pass', 'pass'], ['fail', 'fail'], ['neutral', 'neutral'], ['bad', 'permerror'], ['nospf', 'permerror'], ['gone', 'permerror'];
row('redirect stands where it likes', 'v=spf1 redirect=fail.test ip4:192.0.2.1', ['192.0.2.1', 'pass'], ['192.0.2.2', 'fail']);
row('all makes redirect void', 'v=spf1 redirect=fail.test ?all', ['192.0.2.1', 'neutral']);
row('redirect in an include', 'v=spf1 include:viaredirect.test -all', ['192.0.2.1', 'pass']);
$zone .= "viaredirect TXT \"v=spf1 redirect=pass.test\"\n";

# §4.6.4: limits
$zone .= 'names TXT "v=spf1 ' . ('exists:' . '%{p}.' x 10 . 'test ') x 2 . "-all\"\n";
$zone .= "count$_ TXT \"v=spf1 include:count" . ($_ + 1) . ".test ?all\"\n" for 1 .. 20;
row('ten terms', 'v=spf1 ' . ('a:host.test ' x 10) . '-all', ['192.0.2.200', 'fail']);
row('eleven terms', 'v=spf1 ' . ('a:host.test ' x 11) . '-all', ['192.0.2.200', 'permerror']);
row('eleven that are not reached', 'v=spf1 ip4:192.0.2.200 ' . ('a:host.test ' x 11) . '-all', ['192.0.2.200', 'pass']);
row('includes count', 'v=spf1 include:count1.test -all', ['192.0.2.1', 'permerror']);
row('a loop', 'v=spf1 include:loop.test -all', ['192.0.2.1', 'permerror']);
$zone .= "loop TXT \"v=spf1 include:loop.test -all\"\nreloop TXT \"v=spf1 redirect=reloop.test\"\n";
row('a loop of redirects', undef, ['192.0.2.1', 'permerror', 'u@reloop.test']);
row('ten mx of ten names', 'v=spf1 ' . ('mx:ten.test ' x 10) . '-all', ['192.0.2.200', 'permerror']);
row('two void lookups', 'v=spf1 a:gone1.test a:gone2.test ip4:192.0.2.1 -all', ['192.0.2.1', 'pass']);
row('three void lookups', 'v=spf1 a:gone1.test exists:gone2.test mx:gone3.test ip4:192.0.2.1 -all', ['192.0.2.1', 'permerror']);

# §7: macros; the name made is there exactly if it is made right
sub macro {
    my ($spec, $name, $ip, $sender, $helo) = @_;
    $zone .= "$name.m A 127.0.0.2\n";
    row("macro $spec", "v=spf1 exists:$spec.m.test -all", [$ip // '192.0.2.1', 'pass', $sender ? "$sender\@\$D" : undef, $helo]);
}
macro('%{l}', 'strong-bad', undef, 'strong-bad');
macro('%{lr}.l1', 'c.b.a.l1', undef, 'a.b.c');
macro('%{lr-}.l2', 'bad.strong.l2', undef, 'strong-bad');
macro('%{l1r-}.l3', 'strong.l3', undef, 'strong-bad');
macro('%{l2}.l4', 'b.c.l4', undef, 'a.b.c');
macro('%{l-+}.l5', 'a.b.c.l5', undef, 'a-b+c');
macro('%{i}', '192.0.2.1');
macro('%{ir}.%{v}', '1.2.0.192.in-addr');
macro('%{i}.%{v}.x', join('.', split //, '20010db8' . '0' x 23 . '1') . '.ip6.x', '2001:db8::1');
macro('%{h}.h', 'client.test.h');
macro('%{h1}.h1', 'b.h1', undef, undef, 'a.b');
macro('%{s}.s', 'user\\@d' . ($n + 1) . '.test.s');
macro('%{o1}.o', 'test.o');
macro('%{d}.d', 'd' . ($n + 1) . '.test.d');
macro('%{d2}.dd', 'd' . ($n + 1) . '.test.dd');
macro('%{p}.p', 'host.test.p');
macro('%{p}.q', 'unknown.q', '203.0.113.1');
macro('%{L}.u', 'a\\0372Fb.u', undef, 'a/b');
row('a name too long loses labels on the left', 'v=spf1 exists:%{l}.long.m.test -all', ['192.0.2.1', 'pass', ('a' x 60 . '.') x 4 . 'b@$D']);
$zone .= join('.', ('a' x 60) x 3, 'b', 'long', 'm') . " A 127.0.0.2\n";

# §6.2: explanations
$zone .= "e1 TXT \"Go away, %{i} (%{c}); says %{r} of %{s}: %{h}%%%_%-\"\ne2 TXT \"%{z}\"\ne3 TXT \"one\"\ne3 TXT \"two\"\n";
my %explain = (e1 => 'Go away, 192.0.2.1 (192.0.2.1); says gw.test of u@x1.test: client.test% %20', e2 => undef, e3 => undef, e4 => undef);
$zone .= "x$_ TXT \"v=spf1 exp=e$_.test -all\"\n" for 1 .. 4;
$zone .= "xi TXT \"v=spf1 include:x1.test -all\"\nxr TXT \"v=spf1 exp=e9.test redirect=x1.test\"\n";

my $s = Server->new;
my $port = $s->knot(
    test => $zone,
    '2.0.192.in-addr.arpa' => "1 PTR host.test.\n50 PTR other.test.\n50 PTR x.sub.test.\n51 PTR lied.sub.test.\n52 PTR x.notsub.test.\n",
    '8.b.d.0.1.0.0.2.ip6.arpa' => join('.', '1', ('0') x 23) . " PTR host.test.\n",
);

sub quote { my ($t) = @_; $t =~ s/([\\"\$])/\\$1/g; return qq("$t") }

# All in one run, the classic result beside the modern one.
my $code = "\$o = [\"servers\" => [\"127.0.0.1:$port\"]];\n";
for (@rows) {
    my (undef, @args) = @$_;
    my $args = join ', ', map { quote($_) } @args[0 .. 2];
    $code .= "echo spf_query($args, \$o)[\"result\"] . \" \" . spf($args, \$o);\n";
}
my ($out, $err, $status) = $s->hsl($code, '--limits', 'max_dns=100000,max_time=60');
is($status, 0, "the script ends well") or diag $err;
my %classic = (pass => 0, softfail => 20, fail => 100);
my @got = split /\n/, $out;
for (@rows) {
    my ($what, $ip, $helo, $sender, $want) = @$_;
    is(shift @got, "$want " . ($classic{$want} // 50), "$what: $ip, " . substr $sender, 0, 60);
}

($out) = $s->hsl("\$o = [\"servers\" => [\"127.0.0.1:$port\"]];\n" . join '', map { "echo spf_query(\"192.0.2.1\", \"client.test\", \"u\@$_.test\", \$o)[\"explanation\"];\n" } qw(x1 x2 x3 x4 xi xr));
my ($host) = $s->hsl('echo gethostname();');
chomp $host;
$explain{e1} =~ s/gw\.test/$host/;
my @e = split /\n/, $out, -1;
is($e[0], $explain{e1}, 'an explanation');
is($e[1], '', 'that is broken');
is($e[2], '', 'of two texts');
is($e[3], '', 'that is not there');
is($e[4], '', "of an included domain: the including one's counts");
is($e[5], $explain{e1} =~ s/x1/xr/r, "of a redirect: the new domain's counts");

# No domain uses up what the run may ask.
$zone =~ /^(d\d+) TXT "v=spf1 mx:ten\.test mx:ten/m or die;
my ($greedy, $said) = $s->hsl("\$o = [\"servers\" => [\"127.0.0.1:$port\"]];\nfor (\$i = 0; \$i < 3; \$i++) echo spf_query(\"192.0.2.200\", \"x\", \"u\@$1.test\", \$o)[\"result\"];\necho dns4(\"host.test\", \$o);");
is("$greedy$said", ("permerror\n" x 3) . "[0=>\"192.0.2.1\"]\n", 'three greedy domains leave something of max_dns');
# The client's names are looked up once, however often a record asks for them.
($out, $said) = $s->hsl("\$o = [\"servers\" => [\"127.0.0.1:$port\"]];\necho spf_query(\"192.0.2.1\", \"x\", \"u\@names.test\", \$o)[\"result\"];", '--limits', 'max_dns=5');
is("$out$said", "fail\n", "twenty macros %{p}, two questions");

# Trouble.
my $deaf = $s->dns_proxy($port, name => 'deaf', mode => 'drop');
my $start = time;
($out) = $s->hsl("echo spf_query(\"192.0.2.1\", \"x\", \"u\@pass.test\", [\"servers\" => [\"127.0.0.1:$deaf\"], \"timeout\" => 1]);");
is($out, "[\"result\"=>\"temperror\"]\n", 'a server that does not answer');
cmp_ok(time - $start, '<', 3, 'in time');
my $broken = $s->dns_proxy($port, name => 'broken', mode => 'servfail');
($out) = $s->hsl("echo spf(\"192.0.2.1\", \"x\", \"u\@pass.test\", [\"servers\" => [\"127.0.0.1:$broken\"], \"extended_result\" => true]);");
is($out, "[\"result\"=>\"temperror\"]\n", 'SERVFAIL');
# This was taken for a name that nobody can have: "none".
my $parrot = $s->dns_proxy($port, name => 'parrot', mode => 'echo');
($out) = $s->hsl("echo spf_query(\"192.0.2.1\", \"x\", \"u\@pass.test\", [\"servers\" => [\"127.0.0.1:$parrot\"]]);");
is($out, "[\"result\"=>\"temperror\"]\n", 'an answer that makes no sense');
(undef, $err) = $s->hsl("spf(\"192.0.2.1\", \"x\", \"u\@count1.test\", [\"servers\" => [\"127.0.0.1:$port\"]]);", '--limits', 'max_dns=5');
like($err, qr/limit: DNS questions \(5\) exceeded/, 'max_dns');
(undef, $err) = $s->hsl('spf_query(none, "x", "y");');
like($err, qr/argument 1 of spf_query\(\): expected string, got none/, 'spf_query() wants strings');
$s->stop;
done_testing;
