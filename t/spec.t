#!/usr/bin/perl
# spec.t - the language HSL has no keyword, operator or message without a test.
#
# Keywords and operators are those of hsl/hsl_token.def; each must stand in a script below t/hsl
# outside of comments and strings. Messages are those of the table below; a script must expect each
# of its texts. Where the language's specification lies beside the source tree, each of its
# examples must be in a script word for word, up to white space, and each of its codes in the table.
#
# PENSTOCK_SRCDIR is the source tree, PENSTOCK_BUILDDIR where the programs are, default ".".
use strict;
use warnings;
use File::Find qw(find);

my $top = $ENV{PENSTOCK_SRCDIR} // '.';
my $hsl = ($ENV{PENSTOCK_BUILDDIR} // '.') . '/hsl/hsl';
my $count = 0;
my $failed = 0;

# Code, what kind of expectation tests it, and its texts.
my $compile = 'compile error';
my $run = 'error';    # uncaught, or message() printed after it was caught
my @messages = (
    ['C01', $compile, qr/^syntax error, unexpected end of file, expected ;/,
        qr/^syntax error, unexpected .*; use "/],
    ['C02', $compile, qr/^unterminated string/, qr/^unterminated raw string/,
        qr/^unterminated regular expression/, qr/^unterminated comment/],
    ['C03', $compile, qr/^\w+ is a reserved word/, qr/^\w+ is not allowed here/],
    ['C04', $compile, qr/^\w+ is already defined/, qr/^unknown function \w/,
        qr/^unknown class \w/, qr/^\w+ is not exported by \w/,
        qr/^function \w+ is not available in the \w+ flow/],
    ['C05', $compile, qr/^cannot assign to read-only variable \$\w/],
    ['C06', $compile, qr/^\$\w+ is already used in this function/,
        qr/^global is only allowed in functions/],
    ['C07', $compile, qr/^\w+\(\) expects \d+ arguments?, \d+ given/,
        qr/^\w+\(\) expects \d+ to \d+ arguments, \d+ given/],
    ['C08', $compile, qr/^break outside of a loop/, qr/^continue outside of a loop/],
    ['C09', $compile, qr/^\w+ is only allowed at the top level/,
        qr/^file name must be a constant string/],
    ['C10', $compile, qr/^circular include of /, qr/^circular import/],
    ['C11', $compile, qr/^cannot mix keyed and positional targets/, qr/^unknown cache option /,
        qr/^default after rest parameter/, qr/^required parameter after optional one/],
    ['C12', $compile, qr/^left side of assignment is not assignable/],
    ['C13', $compile, qr/^cannot open \S+: /, qr/^\S+ is outside the allowed directories/],
    ['C14', $compile, qr/^regular expression: /],
    ['C15', $compile, qr/^limit: nesting deeper than 200/, qr/^limit: more than 65000 constants/],
    ['R01', $run, qr/^undefined variable \$\w/],
    ['R02', $run, qr/^cannot assign to read-only variable \$\w/],
    ['R03', $run, qr/^unsupported operand types for /, qr/^unsupported operand type for /,
        qr/^cannot iterate over /, qr/^cannot use \w+ as array/],
    ['R04', $run, qr/^division by zero/],
    ['R05', $run, qr/^invalid array key of type /],
    ['R06', $run, qr/: bad option or format: /],
    ['R07', $run, qr/^\w+\(\) expects /, qr/^argument \d+ of \w+\(\): expected /],
    ['R08', $run, qr/^cannot call a value of type /, qr/^unknown method /],
    ['R09', $run, qr/^\$\w+ already exists in this function/],
    ['R10', $run, qr/^regular expression: (?!match limit)/],
    ['R11', $run, qr/^regular expression: match limit exceeded/],
    ['R12', $run, qr/^cannot open /],
    ['R13', $run, qr/^\w+ is private/, qr/^\w+ is readonly/],
    ['R14', $run, qr/^barrier .* is already held by this script/],
    ['R15', $run, qr/^\w+\(\): /],
    ['L01', 'error', qr/^limit: instruction budget /],
    ['L02', 'error', qr/^limit: time /],
    ['L03', 'error', qr/^limit: memory /],
    ['L04', 'error', qr/^limit: call depth /],
    ['L05', 'error', qr/^limit: string length /],
    ['L06', 'error', qr/^limit: array size /],
    ['L07', 'error', qr/^limit: nesting of data /],
    ['L08', 'error', qr/^limit: out of memory/],
    ['L09', 'error', qr/^limit: barrier value /],
    ['output', 'stderr', qr/^warning: further output is dropped/],
    ['W1', 'warning', qr/^unknown escape /],
    ['W2', 'warning', qr/^cached action/],
    ['W3', 'warning', qr/ is deprecated/],
    ['W4', 'warning', qr/^unreachable code/],
    ['W5', 'warning', qr/^option without effect here/],
    ['W6', 'stderr', qr/^warning: .*UTF-8/],
    ['W7', 'warning', qr/ is read but never assigned/],
    ['W8', 'warning', qr/^true and false equal 1 and 0 only/],
    ['W9', 'warning', qr/ is a predefined name/],
    ['W10', 'warning', qr/^\$saslpassword is written to the log/],
);

# Messages that only a flow, or a machine without memory, can have, and where they are tested.
my %elsewhere = (R02 => 't/session/language.ref', L08 => 't/unit/hsl_scarce.c');

sub ok {
    my ($pass, $name, @why) = @_;
    $count++;
    $failed++ if !$pass;
    print $pass ? '' : 'not ', "ok $count - $name\n", map { "# $_\n" } $pass ? () : @why;
}

sub slurp {
    my ($path) = @_;
    open my $f, '<:raw', $path or die "$path: $!\n";
    local $/;
    return scalar(<$f>) // '';
}

# A script without comments, strings, raw strings and regular expressions.
sub code_of {
    my ($text) = @_;
    $text =~ s{ (//[^\n]*|/\*.*?\*/)
              | ("(?:\\.|[^"\\])*"|'([!-&(-~]*)'.*?'\3'|\#/(?:\\.|[^/\\\n])*/[a-zA-Z]*) }
              { defined $1 ? ' ' : ' "" ' }gesx;
    return $text;
}

my (@scripts, %expected);
find({ no_chdir => 1, wanted => sub { push @scripts, $_ if /\.hsl\z/ } }, "$top/t/hsl");
my ($code, $squeezed) = ('', '');
for my $path (sort @scripts) {
    my $text = slurp($path);
    for my $line (split /\n/, $text) {
        next if $line !~ m{// expect(?: (error|compile error|warning|stderr))?: (.*)$};
        my ($kind, $want) = ($1 // 'output', $2);
        $want =~ s/^\d+:\d+: // if $kind ne 'output';
        push @{ $expected{$kind} }, $want;
    }
    $code .= code_of($text) . "\n";
    $text =~ s{// (?:expect|files)[^\n]*}{}g;
    $text =~ s/\s+//g;
    $squeezed .= "$text\0";
}

# Part 1: keywords and operators.
my $tokens = slurp("$top/hsl/hsl_token.def");
my @keywords = $tokens =~ /^HSL_KEYWORD\(\w+, "(\w+)"\)/mg;
my @operators = map { s/\\//gr } $tokens =~ /^HSL_PUNCT\(\w+, "([^"]+)"\)/mg;
my @reserved = $tokens =~ /^HSL_RESERVED\("(\w+)"\)/mg;
ok(@keywords >= 39 && @operators >= 50 && @reserved >= 23, 'the list of tokens can be read');
my $longest = join '|', map { quotemeta } sort { length $b <=> length $a } @operators;
my (%word, %operator);
(my $unnamed = $code) =~ s/\b(?:function|class)\K\s+\w+//g;
$word{$1}++ while $unnamed =~ /(?<![\$\w])([A-Za-z_]\w*)/g;
$operator{$1}++ while $code =~ /($longest)/g;
for my $keyword (@keywords) {
    ok($word{$keyword}, "a script has the keyword $keyword");
    ok(scalar(grep { $_ eq "$keyword is a reserved word" } @{ $expected{$compile} }),
        "a script tries the keyword $keyword as a name");
}
for my $operator (@operators) {
    ok($operator{$operator}, "a script has the operator $operator");
}
for my $reserved (@reserved) {
    ok(scalar(grep { $_ eq "$reserved is a reserved word" } @{ $expected{$compile} }),
        "a script tries the reserved word $reserved");
}

# Part 2: messages.
for my $row (@messages) {
    my ($name, $kind, @texts) = @$row;
    my @wants = @{ $expected{$kind} // [] };
    push @wants, @{ $expected{output} } if $kind eq $run;
    @wants = slurp("$top/$elsewhere{$name}") =~ /\.hsl:\d+:\d+: (.*)/g if $elsewhere{$name};
    for my $text (@texts) {
        ok(scalar(grep { $_ =~ $text } @wants), "$name: $text");
    }
}

# Part 3: the specification, where it is there.

# The examples of the specification: [line, code].
sub examples {
    my ($spec) = @_;
    my ($line, $block, @found) = (0, 0);
    for my $text (split /\n/, $spec) {
        $line++;
        if ($text =~ /^\s*```/) {
            $block = !$block;
        } elsif ($block) {
            push @found, [$line, $1] if $text =~ /^\s*(.*?)\s*\xe2\x87\x92/;
        } else {
            push @found, [$line, $1] while $text =~ /`([^`]+)`[^`\xe2]{0,60}\xe2\x87\x92/g;
            push @found, [$line, $1] if $text =~ /^\|\s*`(.*?)`[^`|]*\|\s*`(?:t|rcpt)\.hsl:/;
        }
    }
    return @found;
}

# Whether an example needs a class that the library does not have.
sub needs_class {
    my ($example) = @_;
    open my $p, '-|', "$hsl -e '" . ($example =~ s/'/'\\''/gr) . "' 2>&1" or die "$hsl: $!\n";
    local $/;
    return <$p> =~ /: unknown function [A-Z]/;
}

my $path = "$top/../shared/hsl-language.md";
if (-r $path) {
    my $spec = slurp($path);
    my @missing = grep { index($squeezed, $_->[1] =~ s/\s+//gr) < 0 && !needs_class($_->[1]) }
        examples($spec);
    ok(examples($spec) > 150, 'the examples of the specification can be read');
    ok(!@missing, 'each example of the specification is in a script',
        map { "line $_->[0]: $_->[1]" } @missing);
    my %known = map { $_->[0] => 1 } @messages;
    my %named = map { $_ => 1 } $spec =~ /^\| ([CR]\d\d) \|/mg, $spec =~ /\b(W\d+) /g;
    my @unknown = grep { !$known{$_} } sort keys %named;
    ok(keys %named >= 40 && !@unknown, 'each code of the specification is in the table', @unknown);
}

print "1..$count\n";
exit($failed ? 1 : 0);
