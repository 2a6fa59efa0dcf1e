#!/usr/bin/perl
# library.t - what the core functions of HSL take and refuse, and that none is without tests.
#
# The table below says for each function which parameters it has, by the conventions of the
# library: a string parameter takes numbers and booleans, a number parameter booleans and numeric
# strings, none only goes where a function of the old names takes it as "" or [], all else is
# "argument N of NAME(): expected TYPE, got TYPE". Each parameter gets a value of each type, and
# each function too few and too many arguments.
#
# Then, for each row that the language has: it is in the table; a test below t/hsl/lib, or t/net for one
# that needs a server, shows what it gives; and if its text says what it gives where nothing is found,
# a test shows that too. Functions of flows have theirs in t/unit/hsl_flow.c: in each flow once, and
# once with something wrong if they take arguments.
#
# PENSTOCK_BUILDDIR is where the programs are, PENSTOCK_SRCDIR the source tree, default ".".
use strict;
use warnings;
use Cwd qw(abs_path);
use File::Temp qw(tempdir);

my $build = abs_path($ENV{PENSTOCK_BUILDDIR} // '.');
my $top = abs_path($ENV{PENSTOCK_SRCDIR} // '.');
my $hsl = "$build/hsl/hsl";
my $temp = tempdir(CLEANUP => 1);
my $count = 0;
my $failed = 0;

sub ok {
    my ($pass, $name, @why) = @_;
    $count++;
    $failed++ if !$pass;
    print $pass ? '' : 'not ', "ok $count - $name\n", map { "# $_\n" } $pass ? () : @why;
}

# The files that arguments name.
for my $file ('a', 'x', '1', 'true') {
    open my $f, '>', "$temp/$file" or die "$temp/$file: $!\n";
    close $f;
}

# One value of each type.
my @values = (['none', 'none'], ['boolean', 'true'], ['number', '1'], ['string', '"x"'],
    ['string', '"1"', 1], ['array', '[]'], ['function', 'str_upper'], ['object', '#/x/']);

# Types of parameters: what messages call them, a value for the other calls, the types taken.
my %types = (
    s => ['string', '"a"', qw(string number boolean)],
    n => ['number', '1', qw(number boolean)],
    a => ['array', '["a"]', qw(array)],
    f => ['function', 'is_string', qw(function)],
    v => ['anything', '1', qw(none boolean number string array function object)],
    p => ['string or Regex', '"a"', qw(string number boolean object)],
    r => ['string or function', '"a"', qw(string number boolean function)],
    A => ['string or array', '"a\@b.c"', qw(string number boolean array)],
    d => ['string or array', '":"', qw(string array)],
);

# NAME: parameters, "|" before the first that may be left out, "*" behind the last: any number more;
# "0" at the end: takes none; "!" at the end: would wait or write, so only what is refused is tried.
my %functions = map { /^([\w:]+) *(.*)$/ ? ($1 => $2) : () } split /\n/, <<'END';
count a 0
length v
number v
string v
boolean v
is_array v
is_string v
is_number v
is_boolean v
is_function v
is_object v
strlen s 0
str_lower s
str_upper s
strtolower s 0
strtoupper s 0
trim s 0
str_strip s|s
str_lstrip s|s
str_rstrip s|s
explode ss|n 0
str_split ss|n
implode sa 0
array_join a|s
substr s|nn 0
str_slice sn|n
strpos ss|n 0
str_find ss|n
strrpos ss|n 0
str_rfind ss|n
str_replace sss
str_repeat sn
str_chunk sn|n
chr n
ord s
array_keys a
in_array va 0
array_includes va
array_find fa
array_filter fa
array_map fa
array_reduce fa|v
array_every fa
array_sort fa|a
array_reverse a
range nn|n
array_range nn|n
array_combine aa|v
array_unique a
array_shuffle a
array_random a
pcre_match ps
pcre_match_all ps
pcre_replace prs|n
pcre_quote s
pcre_compile p
json_encode v|a
json_decode s|a
base64_encode s
base64_decode s
base64url_encode s
base64url_decode s
base32_encode s
base32_decode s
url_encode s
url_decode s
mimeword_encode s
mimeword_decode s
xtext_encode s
xtext_decode s
unpack ss|n
md5 s|a
sha1 s|a
sha2 sn|a
hmac_md5 ss|a
hmac_sha1 ss|a
hmac_sha2 ssn|a
hash s
crypt ss
rand nn
random_bytes n
uuid
uuidv5 ss
time
timelocal
strftime s|na
strptime ss|a
strpduration s
executiontime
uptime
floor n
ceil n
abs n
round n|n
log n|n
pow nn
sqrt n
in_network ss 0
inet_includes ss
inet_pton s
inet_ntop s
inet_reverse s|s
is_subdomain ss
domain_includes ss
domain_publicsuffix s
domain_publicsuffix s
rate ssnn|a
random_number |nn !
syslog vs !
gethostname
Exception s
sleep n !
in_file rs|d
file s
file_get_contents s
File s
File::String s
csv_decode s|a
csv_encode a|a
csv_explode ss
yaml_decode s
pack s|v*
url_parse s
idna_encode s
idna_decode s
zlib_compress s|nn
zlib_uncompress s|n
aes_encrypt sss|a
aes_decrypt sss|a
header_addresslist_extract s|a
header_addresslist_compile a
header_dkim_decode s|a
envelope_address_parse s
envelope_localpart_escape s
memory_store sv|f
memory_add sv
memory_fetch s|f
memory_exists s|f
memory_delete s|f
memory_inc s|n
memory_dec s|nv
memory_update svf|v
dns s|vn 0!
dns4 s|vn 0!
dns6 s|vn 0!
dnsmx s|vn 0!
dnstxt s|vn 0!
dnsptr s|vn 0!
dnscname s|vn 0!
dnsns s|vn 0!
dns_query s|a !
dnsbl sv|vn 0!
spf sss|a 0!
spf_query sss|a !
in_ldap sv|a 0!
ldap_search sv|a 0!
ldap_bind sss|a 0!
dovecot_lookup_auth ass 0!
globalview s !
smtp_lookup_auth dss 0!
smtp_lookup_rcpt dAA|a 0!
mail AAss|vv 0!
http s|v* !
END

sub taken {
    my ($type, $value, $none_ok) = @_;
    my ($got, undef, $numeric) = @$value;
    return $none_ok && $type =~ /[saA]/ || $type eq 'v' if $got eq 'none';
    return 1 if $type eq 'n' && $numeric;
    return scalar grep { $_ eq $got } @{ $types{$type} }[2 .. $#{ $types{$type} }];
}

sub argument_word { return $_[0] == 1 ? 'argument' : 'arguments' }

# Lines of a script and what each must print; "" is anything but a refused argument.
sub cases {
    my ($name, $spec) = @_;
    my $refused_only = $spec =~ s/ ?!$//;
    my $none_ok = $spec =~ s/ 0$//;
    my $many = $spec =~ s/\*$//;
    my ($required) = $spec =~ /^(\w*)/;
    my @params = split //, $spec =~ s/\|//r;
    my ($least, $most) = (length $required, scalar @params);
    my $range = $many ? "at least $least " . argument_word($least)
        : $least == $most ? "$least " . argument_word($least) : "$least to $most arguments";
    my @samples = map { $types{$_}[1] } @params;
    my @cases;
    for my $n ($least - 1, $most + 1) {
        next if $n < 0 || $many && $n > $most;
        my $args = join ', ', (@samples, '1')[0 .. $n - 1];
        push @cases, ["\$f = $name; \$f($args)", "$name() expects $range, $n given"];
    }
    for my $i (0 .. $#params) {
        for my $value (@values) {
            my @args = @samples[0 .. ($i < $least ? $least - 1 : $i)];
            $args[$i] = $value->[1];
            my $n = $i + 1;
            my $call = "$name(" . join(', ', @args) . ')';
            my $refused = "expected $types{$params[$i]}[0], got $value->[0]";
            my $taken = taken($params[$i], $value, $none_ok);
            next if $taken && $refused_only;
            push @cases, [$call, $taken ? '' : "argument $n of $name(): $refused"];
        }
    }
    return @cases;
}

# What the script with these calls prints, a line for each.
sub run {
    my (@calls) = @_;
    open my $f, '>:raw', "$temp/script.hsl" or die "$temp/script.hsl: $!\n";
    print $f map { "try { $_; echo \"fine\"; } catch (\$e) { echo \$e->message(); }\n" } @calls;
    close $f or die "$temp/script.hsl: $!\n";
    open my $p, '-|', "$hsl $temp/script.hsl 2>&1" or die "$hsl: $!\n";
    my @lines = <$p>;
    close $p;
    chomp @lines;
    return @lines;
}

for my $name (sort keys %functions) {
    my @cases = cases($name, $functions{$name});
    my @got = run(map { $_->[0] } @cases);
    my @why;
    for my $i (0 .. $#cases) {
        my ($call, $want) = @{ $cases[$i] };
        my $got = $got[$i] // 'nothing';
        my $good = $want ne '' ? $got eq $want
            : $got !~ /^argument \d+ of $name\(\): expected |^nothing$/;
        push @why, "$call: want '$want', got '$got'" if !$good;
    }
    push @why, "more: $got[@cases]" if @got > @cases;
    ok(!@why, "$name ($functions{$name})", @why);
}

# --- Every function has tests -------------------------------------------------------------------

sub slurp {
    my ($path) = @_;
    open my $f, '<:raw', $path or die "$path: $!\n";
    local $/;
    return scalar(<$f>) // '';
}

my @rows = map { [split /\t/] } split /\n/, `$build/t/hsl_manual --rows`;
my @net_tests = map { slurp($_) } glob "$top/t/net/*.t";
my @lines = map { split /\n/ } @net_tests, map { slurp($_) } glob "$top/t/hsl/lib/*.hsl";
my $flow_cases = slurp("$top/t/unit/hsl_flow.c");
my %flow_letters = (1 => 'A', 2 => 'H', 4 => 'U', 8 => 'F', 16 => 'R', 32 => 'M');
my ($NO_EFFECT, $BLOCKS) = (8, 32);    # enum hsl_builtin_flag

# What a function gives where nothing is found, by its text, as a test must show it.
sub nothing {
    my ($text) = @_;
    return qr/=== none|\bnone\b/ if $text =~ /\bnone (?:if|for|in the second)|[Nn]one if|or none\b|, none\b/;
    return qr/\[\]/ if $text =~ /\[\] if|, \[\]/;
    return qr/-1/ if $text =~ /or -1|-1 if/;
    return undef;
}

sub core_faults {
    my ($name, $flags, $text) = @_;
    my @calls = grep { /\b\Q$name\E\(/ } @lines;
    my @fault;
    push @fault, 'not in the table of this file' if !exists $functions{$name} && !($flags & $NO_EFFECT);
    push @fault, 'no test of what it gives' if !grep { /expect|is\(|ok\(|=>|\[/ } @calls;
    my $nothing = nothing($text);
    my @places = $flags & $BLOCKS ? (@calls, grep { /\b\Q$name\E\b/ } @net_tests) : @calls;
    push @fault, 'no test where nothing is found' if $nothing && !grep { /$nothing/ } @places;
    return @fault;
}

sub flow_faults {
    my ($name, $args, $flows) = @_;
    my @fault = map { "no test in the flow of $flow_letters{$_}" }
        grep { $flows & $_ && $flow_cases !~ /\{$flow_letters{$_}, "$name",/ } sort { $a <=> $b } keys %flow_letters;
    my @cases = $flow_cases =~ /\{[A-Z], "$name",\s*(.*?)\},\n/sg;
    push @fault, 'no test with something wrong'
        if $args =~ /[^v|*]/ && !grep { /"R\d\d: |, "(?:none|\[\]|\\"\\")"$/ } @cases;
    return @fault;
}

ok(@rows > 150, 'the rows were read');
for (@rows) {
    my ($name, $args, $flows, $flags, $text) = @$_;
    my @fault = $flows ? flow_faults($name, $args, $flows) : core_faults($name, $flags, $text);
    ok(!@fault, "$name has tests", @fault);
}
print "1..$count\n";
exit($failed ? 1 : 0);
