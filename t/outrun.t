#!/usr/bin/perl
# outrun.t - no script outruns its time limit, whatever it spends the time on: one instruction, one
# built-in, one comparison on as much data as the other limits allow, over and over. Each script
# here loops for ever without using up its instructions; it has to end by the time limit, and to
# have taken no more processor time than that and a little.
use strict;
use warnings;
use File::Temp qw(tempdir);
use Penstock;
use Test::More;
use Time::HiRes qw(time);

my $build = $ENV{PENSTOCK_BUILDDIR} // '.';
my $temp = tempdir(CLEANUP => 1);
my $TIME = 0.2;     # the limit, seconds
my $OVER = 0.4;     # how much longer a script may be at work, processor time
my $SLOW = 6;       # how much slower a build with sanitizers is

# name => what it does again and again, and what it needs for that
my @attacks = (
    # Copies
    ['an array written by one of two owners', '$b = $a; $b[0] = 1;', '$a = range(1, 500000);'],
    ['a string appended to by one of two owners', '$t = $s; $t .= "y";', '$s = "x" * 8000000;'],
    ['concatenation', '$t = $s . "y";', '$s = "x" * 4000000;'],
    ['interpolation', '$t = "$s y";', '$s = "x" * 4000000;'],
    ['a slice of a string', '$t = $s[1:];', '$s = "x" * 8000000;'],
    ['every second byte', '$t = $s[::2];', '$s = "x" * 8000000;'],
    ['a slice of an array', '$t = $a[1:];', '$a = range(1, 500000);'],
    ['a slice assigned to', '$a[1:2] = [5];', '$a = range(1, 900000);'],
    ['a slice taken out', '$b = $a; unset($b[1:2]);', '$a = range(1, 400000);'],
    ['spread into an array', '$b = [...$a];', '$a = range(1, 900000);'],
    ['spread into a call', 'f(...$a);', 'function f(...$x) {} $a = range(1, 400000);'],
    ['destructuring with a rest', '[$x, ...$y] = $a;', '$a = range(1, 900000);'],
    ['sums of arrays', '$b = $a + $a;', '$a = range(1, 400000);'],
    ['an array many times', '$b = [1] * 900000;', ''],
    # Comparisons
    ['equal strings', '$b = $s == $t;', '$s = "x" * 8000000; $t = "x" * 8000000;'],
    ['order of strings', '$b = $s < $t;', '$s = "x" * 8000000; $t = "x" * 8000000;'],
    ['wide arrays', '$b = $x == $y;', '$x = range(1, 900000); $y = range(1, 900000);'],
    ['arrays that unfold', '$b = $x == $y;',
        '$x = $y = [1]; for ($i = 0; $i < 100; $i++) { $x = [$x, $x]; $y = [$y, $y]; }'],
    ['in_array() over wide arrays', '$b = in_array($y, $a);',
        '$x = range(1, 300000); $y = range(1, 300000); $y[299999] = 0; $a = [$x] * 1000;'],
    ['array_unique() over wide arrays', '$b = array_unique($a);',
        '$x = range(1, 300000); $y = $x; $y[299999] = 0; $a = [$x, $y] * 500;'],
    ['array_unique() over many arrays', '$b = array_unique($a);',
        '$a = array_map(function ($x) { return [$x]; }, range(1, 50000));'],
    ['differences of arrays', '$b = $a - $a;',
        '$a = array_map(function ($x) { return [$x]; }, range(1, 50000));'],
    ['a long key that is there', '$b = $a[$t];',
        '$s = "x" * 8000000; $t = "x" * 8000000; $a = [$s => 1];'],
    ['a new long key each time', '$b = $a[$s . "y"];', '$s = "x" * 8000000; $a = ["y" => 1];'],
    # Texts that are numbers
    ['a difference with a long number', '$b = $s - 1;', '$s = "1" * 8000000;'],
    ['a long number compared', '$b = $s == 1;', '$s = "1" * 8000000;'],
    ['order of a long number', '$b = $s < 1;', '$s = "1" * 8000000;'],
    ['number() of a long number', '$b = number($s);', '$s = "1" * 8000000;'],
    ['a long number as argument', '$b = floor($s);', '$s = "1" * 8000000;'],
    ['minus a long number', '$b = -$s;', '$s = "1" * 8000000;'],
    ['a long number as subscript', '$b = "abc"[$s];', '$s = "1" * 8000000;'],
    # Strings
    ['substr()', '$b = substr($s, 1);', '$s = "x" * 8000000;'],
    ['str_strip()', '$b = str_strip($s);', '$s = " " * 8000000;'],
    ['str_lower()', '$b = str_lower($s);', '$s = "A" * 16000000;'],
    ['str_find() of nearly the whole', '$b = str_find($s, $f);',
        '$s = "a" * 8000000; $f = "a" * 4000000 . "b" . "a" * 1000;'],
    ['str_rfind() of nearly the whole', '$b = str_rfind($s, $f);',
        '$s = "a" * 8000000; $f = "a" * 4000000 . "ba";'],
    ['str_split() from the right', '$b = str_split($s, $f, -3);',
        '$s = "a" * 8000000; $f = "a" * 4000000 . "ba";'],
    ['str_replace()', '$b = str_replace("x", "yyy", $s);', '$s = "x" * 4000000;'],
    ['str_chunk()', '$b = str_chunk($s, 1);', '$s = "ax" * 450000;'],
    ['array_join()', '$b = array_join($a, ",");', '$a = range(1, 900000);'],
    ['an array as text', '$b = string($a);', '$a = range(1, 500000);'],
    ['control characters in an array as text', '$b = string($a);', '$a = ["\x01" * 3000000];'],
    ['a wide format', '$b = "%10000000s" % "x";', ''],
    ['a long format', '$b = $f % ["x"];', '$f = "%[0]100s" * 100000;'],
    ['echo of a long text', 'echo $s;', '$s = "x" * 16000000;'],
    ['echo of many lines', 'echo $s;', '$s = "\n" * 16000000;'],
    # Arrays
    ['array_combine()', '$b = array_combine($a, $a);', '$a = range(1, 300000);'],
    ['array_keys()', '$b = array_keys($a);', '$a = range(1, 900000);'],
    ['array_reverse()', '$b = array_reverse($a);', '$a = range(1, 400000);'],
    ['array_shuffle()', '$b = array_shuffle($a);', '$a = range(1, 400000);'],
    ['array_random()', '$b = array_random($a);', '$a = range(1, 900000); unset($a[5]);'],
    ['array_reduce()', '$b = array_reduce(function ($a, $b) { return $a; }, $a, 1);',
        '$a = range(1, 900000);'],
    ['array_sort()', '$b = array_sort(function ($a, $b) { return $a < $b; }, $a);',
        '$a = range(1, 300000);'],
    ['freeing what is nested deeply', '$b = []; for ($i = 0; $i < 100000; $i++) $b = [$b];', ''],
    # Encodings
    ['url_encode()', '$b = url_encode($s);', '$s = "\xff" * 5000000;'],
    ['xtext_encode()', '$b = xtext_encode($s);', '$s = "\xff" * 5000000;'],
    ['base32_encode()', '$b = base32_encode($s);', '$s = "." * 5000000;'],
    ['base64_decode()', '$b = base64_decode($s);', '$s = "." * 8000000;'],
    ['mimeword_encode()', '$b = mimeword_encode($s);', '$s = "\xc3\xa9" * 2000000;'],
    ['mimeword_decode()', '$b = mimeword_decode($s);', '$s = "=?utf-8?q?=c3=a9?= " * 500000;'],
    ['mimeword_decode() of beginnings', '$b = mimeword_decode($s);', '$s = "=?utf-8?q?" * 900000;'],
    ['pcre_quote()', '$b = pcre_quote($s);', '$s = "." * 5000000;'],
    ['json_encode()', '$b = json_encode($s);', '$s = "\x01" * 2500000;'],
    ['json_decode() of a list', '$b = json_decode($s);', '$s = "[" . "1," * 400000 . "1]";'],
    ['json_decode() of escapes', '$b = json_decode($s);', '$s = "\"" . "\\\\u00e9" * 2500000 . "\"";'],
    ['json_decode() of what is too deep', '$b = json_decode($s);', '$s = "[" * 8000000;'],
    ['json_decode() of comments that never end', '$b = json_decode($s, ["allow_comments" => true]);',
        '$s = "[" . "/* " * 5000000;'],
    ['json_decode() of open comments', '$b = json_decode($s, ["allow_comments" => true]);',
        '$s = "/*" * 8000000;'],
    ['pack() of zeros', '$b = pack("x15000000");', ''],
    ['pack() of hex', '$b = pack("H*", $s);', '$s = "f" * 15000000;'],
    ['unpack() of bytes', '$b = unpack("C*", $s);', '$s = "f" * 900000;'],
    ['unpack() to hex', '$b = unpack("H*", $s);', '$s = "f" * 8000000;'],
    ['unpack() by a long format', '$b = unpack($f, "a");', '$f = "x0" * 8000000;'],
    # Regular expressions
    ['steps that look ahead', '$b = $s =~ #/(?:(?=[a-z]*[0-9])|a)*[0-9]/;', '$s = "a" * 2000;'],
    ['steps that look ahead from one place', '$b = $s =~ #/^(?:(?=[a-z]*[0-9])|a)*[0-9]/;',
        '$s = "a" * 4000000;'],
    ['steps that look ahead at the end', '$b = $s =~ #/(?:(?=[a-z]*[0-9])|a)*[0-9]/u;',
        '$s = "." * 4000000 . "a" * 3000;'],
    ['steps from the end of the last match',
        '$b = pcre_match_all(#/\\G(?:(?=[a-z]*[0-9])|a)*[0-9]/, $s);', '$s = "1" * 1000 . "a" * 3000;'],
    ['steps of a pattern without machine code', 'try { $b = pcre_match($p, $s); } catch ($e) {}',
        '$s = "a" * 9000; $p = "(*NO_JIT)(?:(?=[a-z]*[0-9])|a)*[0-9]";'],
    ['steps of a large pattern', 'try { $b = pcre_match($p, $s); } catch ($e) {}',
        '$s = "a" * 9000 . "b"; $p = "(?:" . "(?=[a-z]*b)" * 500 . "a)*[0-9]";'],
    ['a look ahead from each place', '$b = pcre_replace(#/f(?=[^y]*y)/, "", $s);',
        '$s = "f" * 8000000;'],
    ['a look ahead from each place at the end', '$b = $s =~ #/f(?=[^y]*y)/;',
        '$s = "z" * 4000000 . "f" * 4000000;'],
    # Digests and passwords
    ['sha2()', '$b = sha2($s, 512);', '$s = "x" * 8000000;'],
    ['crypt() with SHA-512', '$b = crypt("x" * 500, "\$6\$rounds=1000000\$abcdefgh\$");', ''],
    ['crypt() with bcrypt', '$b = crypt("x", "\$2b\$14\$abcdefghijklmnopqrstuu");', ''],
    ['crypt() with yescrypt', '$b = crypt("x", "\$y\$jCT\$abcdefghijklmnopqrstu.");', ''],
    ['crypt() with DES', '$b = crypt("x", "_zzzzabcd");', ''],
    ['crypt() with little', '$b = crypt("x", "\$1\$abcdefgh\$");', ''],
    # Times and addresses
    ['strftime()', 'try { $b = strftime($s); } catch ($e) {}', '$s = "%c" * 4000000;'],
    ['strpduration()', '$b = strpduration($s);', '$s = "1s" * 8000000;'],
    ['is_subdomain()', '$b = is_subdomain($s, $s);', '$s = "a" * 8000000;'],
    ['an open comment as address list', '$b = header_addresslist_extract($s);',
        '$s = "(" * 8000000;'],
    ['an address list', '$b = header_addresslist_extract($s);', '$s = "a@b," * 200000;'],
    ['envelope_localpart_escape()', '$b = envelope_localpart_escape($s);',
        '$s = "\"" * 8000000;'],
    # Others
    ['closures', '$f = function () closure ($f) { return 1; };', '$f = 1;'],
    ['exceptions', 'try { f(); } catch ($e) {}', 'function f() { throw "x" * 1000000; }'],
    ['sleep()', 'sleep(1000);', ''],
);

# Processor time of the children so far.
sub used {
    my (undef, undef, $user, $system) = times;
    return $user + $system;
}

# Runs the script in [$file]; what it says on standard error.
sub run_hsl {
    my ($file) = @_;
    my $pid = fork // die "fork: $!";
    if ($pid == 0) {
        open STDOUT, '>', '/dev/null';
        open STDERR, '>', "$temp/stderr";
        exec "$build/hsl/hsl", '--limits', "max_time=$TIME,max_instructions=1000000000000", $file
            or exit 127;
    }
    local $SIG{ALRM} = sub { kill 'KILL', $pid };
    alarm 120;
    waitpid $pid, 0;
    alarm 0;
    open my $f, '<', "$temp/stderr" or die "$temp/stderr: $!";
    local $/;
    return <$f> // '';
}

my $most = $TIME + $OVER;
$most *= $SLOW if Penstock::sanitized();
for my $attack (@attacks) {
    my ($name, $body, $before) = @$attack;
    open my $f, '>', "$temp/script.hsl" or die "$temp/script.hsl: $!";
    print $f "$before\nforever { $body }\n";
    close $f or die "$temp/script.hsl: $!";
    my ($start, $began) = (used(), time);
    my $said = run_hsl("$temp/script.hsl");
    my $used = used() - $start;
    my $ended = $said =~ /^\S+:\d+:\d+: limit: time \($TIME s\) exceeded/;
    ok($ended && $used <= $most && time - $began < 30, $name) or diag(sprintf "%.2f s, at most %.2f\n%s", $used, $most, $said);
}
done_testing;
