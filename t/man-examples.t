#!/usr/bin/perl
# man-examples.t - runs the examples of hsl(7): each must print what stands behind "// ->" in it, line
# by line, and fail with what stands behind "// error:" if that is there. One that begins with
# "// file NAME" is a file for the next one; with "// flow: NAME" it is only checked for that flow.
# And: the page has the built-in functions as the language knows them, every limit, every keyword.
#
# PENSTOCK_BUILDDIR is where the programs are, default ".".
use strict;
use warnings;
use Cwd qw(abs_path);
use File::Basename qw(dirname);
use File::Temp qw(tempdir);
use Test::More;

my $top = abs_path(dirname(__FILE__) . '/..');
my $hsl = abs_path(($ENV{PENSTOCK_BUILDDIR} // '.') . '/hsl/hsl');
my $manual = abs_path(($ENV{PENSTOCK_BUILDDIR} // '.') . '/t/hsl_manual');
my $page = slurp("$top/doc/hsl.7");
my $temp = tempdir(CLEANUP => 1);

sub slurp {
    my ($path) = @_;
    open my $f, '<:raw', $path or die "$path: $!\n";
    local $/;
    return scalar(<$f>) // '';
}

sub spew {
    my ($path, $text) = @_;
    open my $f, '>:raw', $path or die "$path: $!\n";
    print $f $text;
    close $f or die "$path: $!\n";
}

# The examples as scripts.
sub examples {
    my @found;
    while ($page =~ /^\.Bd -literal[^\n]*\n(.*?)^\.Ed$/msg) {
        my $text = $1;
        $text =~ s/^\\&//mg;
        $text =~ s/\\e/\\/g;
        push @found, $text;
    }
    return @found;
}

# Exit code and what was printed.
sub run {
    my (@args) = @_;
    my $pid = fork // die "fork: $!\n";
    if ($pid == 0) {
        chdir $temp or die "$temp: $!\n";
        open STDIN, '<', '/dev/null';
        open STDOUT, '>', "$temp/out";
        open STDERR, '>', "$temp/err";
        exec $hsl, @args or exit 127;
    }
    waitpid $pid, 0;
    return ($?, slurp("$temp/out"), slurp("$temp/err"));
}

my ($number, $prints) = (0, 0);
for my $text (examples()) {
    $number++;
    if ($text =~ m{\A// file (\S+)\n}) {
        spew("$temp/$1", $text);
        next;
    }
    my ($first) = $text =~ /\A(.*)/;
    my @flow = $text =~ m{\A// flow: (\w+)\n};
    my ($error) = $text =~ m{^// error: (.*)$}m;
    my $want = join '', map { "$_\n" } $text =~ m{// -> (.*)$}mg;
    spew("$temp/example.hsl", $text);
    my ($code, $out, $err) = run(@flow ? ('-c', "--context=$flow[0]") : (), 'example.hsl');
    is($out, $want, "example $number prints what it says: $first");
    if (defined $error) {
        is($code >> 8, 1, "example $number fails");
        like($err, qr/^example\.hsl:\d+:\d+: \Q$error\E$/m, "example $number fails as it says");
    } else {
        is("$code $err", '0 ', "example $number has no error");
    }
    $prints += () = $want =~ /\n/g;
}
cmp_ok($number, '>=', 20, 'there are examples');
cmp_ok($prints, '>=', 60, 'and they print something');

# --- Completeness ------------------------------------------------------------------------------

my ($section) = $page =~ /^\.Sh FUNCTIONS THAT ARE BUILT IN\n(.*?)^\.Sh/ms;
my ($documented) = ($section // '') =~ /^(\.Bl.*)/ms;
my $functions = `$manual`;
is($?, 0, 'the list of functions is made');
cmp_ok(scalar(() = $functions =~ /^\.It/mg), '>', 150, 'it has functions');
ok($documented eq $functions, 'hsl.7 has it') or diag('write the output of t/hsl_manual there');

my ($limits) = $page =~ /^\.Sh LIMITS\n(.*?)^\.Sh/ms;
my @limits = $limits =~ /^\.It Li (\w+) Ta/mg;
my @known = slurp("$top/hsl/hsl_limits.c") =~ /^\s+(?:ROW|SHARED)\((\w+), [A-Z]/mg;
cmp_ok(scalar @known, '>', 15, 'the limits were found');
is_deeply([sort @limits], [sort @known], 'hsl.7 has every limit');

# Keywords and reserved words.
my $tokens = slurp("$top/hsl/hsl_token.def");
my ($words) = $page =~ /^\.Sh TOKENS\n(.*?)^\.Sh/ms;
my %words = map { $_ => 1 } $words =~ /\b([a-z_]+)\b/g;
my @words = ($tokens =~ /^HSL_KEYWORD\(\w+, "(\w+)"\)/mg, $tokens =~ /^HSL_RESERVED\("(\w+)"\)/mg);
cmp_ok(scalar @words, '>', 50, 'the keywords were found');
is_deeply([grep { !$words{$_} } @words], [], 'hsl.7 has every keyword and reserved word');
done_testing;
