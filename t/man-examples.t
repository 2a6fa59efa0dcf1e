#!/usr/bin/perl
# man-examples.t - runs the examples of hsl(7) and hsl-library(7): each must print what stands behind
# "// ->" in it, line by line, and fail with what stands behind "// error:" if that is there. One that
# begins with "// file NAME" is a file for the next one; with "// flow: NAME" it is only checked for
# that flow. And: hsl-library(7) has the functions as the language knows them, and no other; hsl(7) has
# every limit and every keyword.
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
my $library = slurp("$top/doc/hsl-library.7");
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
    my ($text_of_page) = @_;
    my @found;
    while ($text_of_page =~ /^\.Bd -literal[^\n]*\n(.*?)^\.Ed$/msg) {
        my $text = $1;
        $text =~ s/^\\&//mg;
        $text =~ s/\\e/\\/g;
        push @found, $text;
    }
    return @found;
}

# What a program prints; dies if it fails.
sub output {
    my (@cmd) = @_;
    open my $p, '-|', @cmd or die "$cmd[0]: $!\n";
    local $/;
    my $text = <$p> // '';
    close $p or die "$cmd[0] failed\n";
    return $text;
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
for my $text (examples($page), examples($library)) {
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
        $err = '' if @flow;    # warnings
        is("$code $err", '0 ', "example $number has no error");
    }
    $prints += () = $want =~ /\n/g;
}
cmp_ok($number, '>=', 150, 'there are examples');
cmp_ok($prints, '>=', 150, 'and they print something');

# --- Completeness ------------------------------------------------------------------------------

my ($documented) = $library =~ /^\.Sh FUNCTIONS\n(.*?)^\.Sh/ms;
my @scripts = sort glob "$top/t/hsl/lib/*.hsl";
my $functions = output($manual, @scripts);
cmp_ok(scalar(() = $functions =~ /^\.It/mg), '>', 150, 'there are functions');
ok(($documented // '') eq $functions, 'hsl-library.7 has them, and no other')
    or diag("write what t/hsl_manual t/hsl/lib/*.hsl prints there");

my %known = map { /^(\w+)/ ? ($1 => 1) : () } split /\n/, output($manual, '--rows');
my ($missing) = $library =~ /^\.Sh NOT THERE YET\n(.*?)^\.Sh/ms;
my @missing = $missing =~ /^\.Li (\w+)/mg;
cmp_ok(scalar @missing, '>', 10, 'what is missing is named');
is_deeply([grep { $known{$_} } @missing], [], 'and is not there');

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
