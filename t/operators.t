#!/usr/bin/perl
# operators.t - every operator of HSL with every pair of operands, and every pair of operators
# side by side, against what an independent reckoning in Perl says.
#
# Part 1 writes one script for each operator: all pairs of the values below, as constants (the
# compiler may fold them), from variables, and, where there is such a form, as an augmented
# assignment. What each line must print comes from the functions named like the tables of the
# language: add() is the row of "+" and so on.
# Part 2 writes "a OP1 b OP2 c" for all pairs of binary operators and compares it with the two ways
# to put parentheses; the table of levels says which of them it must be. A pair counts as tested
# only if some operands tell the two ways apart.
#
# PENSTOCK_BUILDDIR is where the programs are, default ".".
use strict;
use warnings;
use Cwd qw(abs_path);
use File::Temp qw(tempdir);
use POSIX qw(fmod trunc);

my $hsl = abs_path(($ENV{PENSTOCK_BUILDDIR} // '.') . '/hsl/hsl');
my $temp = tempdir(CLEANUP => 1);
my $count = 0;
my $failed = 0;
my $inf = 9**9**9;

sub ok {
    my ($pass, $name, @why) = @_;
    $count++;
    $failed++ if !$pass;
    print $pass ? '' : 'not ', "ok $count - $name\n", map { "# $_\n" } $pass ? () : @why;
}

# The lines that a script prints.
sub run {
    my ($text) = @_;
    open my $f, '>:raw', "$temp/script.hsl" or die "$temp/script.hsl: $!\n";
    print $f $text;
    close $f or die "$temp/script.hsl: $!\n";
    open my $p, '-|', "$hsl $temp/script.hsl 2>&1" or die "$hsl: $!\n";
    my @lines = <$p>;
    close $p;
    chomp @lines;
    return @lines;
}

# Values: [type, Perl value]. An array holds [key, value] pairs.
sub none { return ['none'] }
sub boolean { return ['boolean', $_[0] ? 1 : 0] }
sub number { return ['number', $_[0]] }
sub string { return ['string', $_[0]] }
sub array { return ['array', [@_]] }
sub list { my $n = 0; return array(map { [$n++, $_] } @_) }

my @values = (
    ['none', none()], ['true', boolean(1)], ['false', boolean(0)],
    ['0', number(0)], ['1', number(1)], ['(-7)', number(-7)], ['2.5', number(2.5)],
    ['300', number(300)], ['4294967297', number(4294967297)], ['(10 ** 400)', number($inf)],
    ['(10 ** 400 - 10 ** 400)', number($inf - $inf)],
    ['""', string('')], ['"a"', string('a')], ['"12"', string('12')], ['"1.50"', string('1.50')],
    ['"-7"', string('-7')], ['" 1"', string(' 1')], ['"0x1"', string('0x1')],
    ['"1e2"', string('1e2')], ['"true"', string('true')],
    ['[]', list()], ['[1, 2]', list(number(1), number(2))],
    ['["k" => "12", 5 => true]', array(['k', string('12')], [5, boolean(1)])],
    ['[0 => none]', list(none())],
    ['str_upper', ['function', 'str_upper']], ['str_lower', ['function', 'str_lower']],
    ['#/a/', ['object', 'a']], ['#/2/', ['object', '2']],
);

sub is_nan { return $_[0] != $_[0] }

# Text of a number.
sub number_text {
    my ($x) = @_;
    return 'nan' if is_nan($x);
    return $x > 0 ? 'inf' : '-inf' if abs($x) == $inf;
    return '0' if $x == 0;
    return sprintf '%.0f', $x if $x == trunc($x) && abs($x) < 1e21;
    for my $digits (15 .. 17) {
        my $s = sprintf "%.${digits}g", $x;
        next if $s != $x;
        return $s if $s !~ /e-(\d+)/ || abs($x) < 1e-6;
        my $exponent = $1;
        return sprintf '%.*f', $exponent + length($s =~ s/e.*|[-.]//gr) - 1, $x;
    }
    die;
}

sub dump_of {
    my ($v) = @_;
    return 'none' if $v->[0] eq 'none';
    return '"' . ($v->[1] =~ s/([\\"])/\\$1/gr) . '"' if $v->[0] eq 'string';
    return text($v);
}

sub text {
    my ($v) = @_;
    my ($type, $x) = @$v;
    return '' if $type eq 'none';
    return $x ? 'true' : 'false' if $type eq 'boolean';
    return number_text($x) if $type eq 'number';
    return $x if $type eq 'string';
    return "function $x" if $type eq 'function';
    return 'object Regex' if $type eq 'object';
    return '[' . join(',', map {
        my ($k, $e) = @$_;
        ($k =~ /^(?:0|-?[1-9]\d*)$/ ? $k : "\"$k\"") . '=>' . dump_of($e)
    } @$x) . ']';
}

sub truth {
    my ($type, $x) = @{ $_[0] };
    return 0 if $type eq 'none';
    return $x != 0 if $type eq 'boolean' || $type eq 'number';
    return $x ne '' if $type eq 'string';
    return @$x > 0 if $type eq 'array';
    return 1;
}

# The number an operand stands for, undef if it is none; strings count only where the table says so.
sub plain { return $_[0][0] =~ /^(?:number|boolean)$/ ? $_[0][1] : undef }

sub numeric {
    my ($v) = @_;
    return $v->[1] + 0 if $v->[0] eq 'string' && $v->[1] =~ /\A[+-]?\d+(?:\.\d+)?\z/;
    return plain($v);
}

sub refuse {
    my ($op, @v) = @_;
    return 'unsupported operand type' . (@v > 1 ? 's' : '') . " for $op: "
        . join(' and ', map { $_->[0] } @v);
}

sub next_key {
    my $high = -1;
    for (@{ $_[0] }) { $high = $_->[0] if $_->[0] =~ /^-?\d+$/ && $_->[0] > $high }
    return $high + 1;
}

sub merge {
    my ($a, $b) = @_;
    my @all = map { [@$_] } @$a;
    for my $e (@$b) {
        my ($old) = $e->[0] =~ /^-?\d+$/ ? () : grep { $_->[0] eq $e->[0] } @all;
        if ($old) { $old->[1] = $e->[1] }
        else { push @all, [$e->[0] =~ /^-?\d+$/ ? next_key(\@all) : $e->[0], $e->[1]] }
    }
    return \@all;
}

sub add {
    my ($a, $b) = @_;
    return $b if $a->[0] eq 'none';
    return $a if $b->[0] eq 'none';
    return ['array', merge($a->[1], $b->[0] eq 'array' ? $b->[1] : [[0, $b]])]
        if $a->[0] eq 'array';
    return string(text($a) . text($b))
        if $b->[0] ne 'array' && ($a->[0] eq 'string' || $b->[0] eq 'string');
    return number(plain($a) + plain($b)) if defined plain($a) && defined plain($b);
    return refuse('+', $a, $b);
}

sub subtract {
    my ($a, $b) = @_;
    if ($a->[0] eq 'array') {
        my @gone = $b->[0] eq 'array' ? map { $_->[1] } @{ $b->[1] } : $b;
        return array(grep { my $e = $_; !grep { equal($e->[1], $_)->[1] } @gone } @{ $a->[1] });
    }
    my ($x, $y) = (numeric($a), numeric($b));
    return defined $x && defined $y ? number($x - $y) : refuse('-', $a, $b);
}

sub multiply {
    my ($a, $b) = @_;
    my $n = plain($b);
    return refuse('*', $a, $b) if !defined $n;
    return number(plain($a) * $n) if defined plain($a);
    $n = $n < 0 ? 0 : int $n;
    return string($a->[1] x $n) if $a->[0] eq 'string';
    return list((map { $_->[1] } @{ $a->[1] }) x $n) if $a->[0] eq 'array';
    return refuse('*', $a, $b);
}

sub divide {
    my ($a, $b) = @_;
    my ($x, $y) = (numeric($a), numeric($b));
    return refuse('/', $a, $b) if !defined $x || !defined $y;
    return $y == 0 ? 'division by zero' : number($x / $y);
}

sub power {
    my ($a, $b) = @_;
    my ($x, $y) = (numeric($a), numeric($b));
    return refuse('**', $a, $b) if !defined $x || !defined $y;
    return $x == 0 && $y < 0 ? 'division by zero' : number(POSIX::pow($x, $y));
}

sub modulo {
    my ($a, $b) = @_;
    return $a if $a->[0] eq 'string';    # a format without conversions
    my ($x, $y) = (plain($a), plain($b));
    return refuse('%', $a, $b) if !defined $x || !defined $y;
    return $y == 0 ? 'division by zero' : number(fmod($x, $y));
}

# Truncated, modulo 2^32, signed.
sub word {
    my ($x) = @_;
    return 0 if is_nan($x) || abs($x) == $inf;
    my $m = fmod(trunc($x), 2**32);
    $m += 2**32 if $m < 0;
    return $m;
}

sub signed { return $_[0] >= 2**31 ? $_[0] - 2**32 : $_[0] }

sub bits {
    my ($op, $a, $b) = @_;
    my ($x, $y) = (plain($a), plain($b));
    return refuse($op, $a, $b) if !defined $x || !defined $y;
    ($x, $y) = (word($x), word($y));
    return number(signed($x & $y)) if $op eq '&';
    return number(signed($x | $y)) if $op eq '|';
    return number(signed($x ^ $y)) if $op eq '^';
    $y &= 31;
    return number(signed(($x << $y) & 0xffffffff)) if $op eq '<<';
    return number($x >> $y) if $op eq '>>>';
    return number(POSIX::floor(signed($x) / 2**$y));
}

sub equal {
    my ($a, $b) = @_;
    my ($s, $t) = ($a->[0], $b->[0]);
    return boolean($s eq $t) if $s eq 'none' || $t eq 'none';
    my ($x, $y) = (plain($a), plain($b));
    return boolean($x == $y) if defined $x && defined $y;
    return boolean($a->[1] eq $b->[1]) if $s eq $t && $s ne 'array';
    if ($s eq 'array' && $t eq 'array') {
        my %other = map { $_->[0] => $_->[1] } @{ $b->[1] };
        return boolean(@{ $a->[1] } == @{ $b->[1] }
                && !grep { !$other{ $_->[0] } || !equal($_->[1], $other{ $_->[0] })->[1] }
                @{ $a->[1] });
    }
    return boolean(0) if !(defined $x && $t eq 'string' || defined $y && $s eq 'string');
    my ($n, $str) = defined $x ? ($x, $b) : ($y, $a);
    return boolean(numeric($str) == $n) if defined numeric($str);
    return boolean(number_text($n) eq $str->[1]);
}

sub same {
    my ($a, $b) = @_;
    return boolean(0) if $a->[0] ne $b->[0];
    return boolean(1) if $a->[0] eq 'none';
    return boolean($a->[1] == $b->[1]) if $a->[0] eq 'number';
    return boolean($a->[1] eq $b->[1]) if $a->[0] ne 'array';
    my ($x, $y) = ($a->[1], $b->[1]);
    return boolean(@$x == @$y && !grep {
        $x->[$_][0] ne $y->[$_][0] || !same($x->[$_][1], $y->[$_][1])->[1]
    } 0 .. $#$x);
}

sub order {
    my ($op, $a, $b) = @_;
    return boolean(0) if $a->[0] eq 'none' || $b->[0] eq 'none';
    my $strings = $a->[0] eq 'string' && $b->[0] eq 'string';
    my ($x, $y) = $strings ? ($a->[1] cmp $b->[1], 0) : (numeric($a), numeric($b));
    return refuse($op, $a, $b) if !defined $x || !defined $y;
    return boolean($op eq '<' ? $x < $y : $op eq '>' ? $x > $y : $op eq '<=' ? $x <= $y : $x >= $y);
}

sub matches {
    my ($op, $a, $b) = @_;
    return boolean($op eq '!~') if $a->[0] eq 'none';
    return refuse($op, $a, $b)
        if $a->[0] =~ /^(?:array|function|object)$/ || $b->[0] !~ /^(?:string|object)$/;
    my ($s, $pattern) = (text($a), $b->[1]);
    return boolean(($s =~ m/(?:$pattern)/ ? 1 : 0) == ($op eq '=~' ? 1 : 0));
}

my %negate = (1 => 0, 0 => 1);
my %binary = (
    '+' => \&add, '-' => \&subtract, '*' => \&multiply, '/' => \&divide, '**' => \&power,
    '%' => \&modulo, '.' => sub { string(text($_[0]) . text($_[1])) },
    '==' => \&equal, '!=' => sub { boolean($negate{ equal(@_)->[1] }) },
    '===' => \&same, '!==' => sub { boolean($negate{ same(@_)->[1] }) },
    'and' => sub { boolean(truth($_[0]) && truth($_[1])) },
    'or' => sub { boolean(truth($_[0]) || truth($_[1])) },
    '?:' => sub { truth($_[0]) ? $_[0] : $_[1] },
    '??' => sub { $_[0][0] eq 'none' ? $_[1] : $_[0] },
);
for my $op ('&', '|', '^', '<<', '>>', '>>>') {
    $binary{$op} = sub { return bits($op, @_) };
}
for my $op ('<', '>', '<=', '>=') {
    $binary{$op} = sub { return order($op, @_) };
}
for my $op ('=~', '!~') {
    $binary{$op} = sub { return matches($op, @_) };
}

my %unary = (
    '-' => sub { my $x = numeric($_[0]); defined $x ? number(-$x) : refuse('-', $_[0]) },
    '+' => sub { my $x = numeric($_[0]); defined $x ? number($x) : refuse('+', $_[0]) },
    '~' => sub {
        my $x = plain($_[0]);
        defined $x ? number(signed(word($x) ^ 0xffffffff)) : refuse('~', $_[0]);
    },
    '!' => sub { boolean(!truth($_[0])) },
    'not ' => sub { boolean(!truth($_[0])) },
);

# What the language leaves open, or what would be too large.
sub left_out {
    my ($op, $a, $b) = @_;
    return 1 if $op eq '*' && $b->[0] eq 'number' && $a->[0] =~ /^(?:string|array)$/
        && !($b->[1] <= 300);
    return 1 if $op eq '*' && $a->[0] eq 'array' && text($a) =~ /"k"/;
    return 1 if $op eq '%' && $a->[0] eq 'string' && $b->[0] eq 'none';
    return 1 if $op =~ /^(?:[&|^]|<<|>>>?)$/ && grep { $_->[0] eq 'number'
            && (is_nan($_->[1]) || abs($_->[1]) == $inf) } $a, $b;
    return $op =~ /~/ && $a->[0] eq 'none' && $b->[0] !~ /^(?:string|object)$/;
}

sub expected { return ref $_[0] ? '[0=>' . dump_of($_[0]) . ']' : $_[0] }

sub guarded {
    my ($code) = @_;
    return "try { $code } catch (\$e) { echo \$e->message(); }\n";
}

# Compares a script's output line by line with what was wanted; [what] names each line.
sub compare {
    my ($name, $script, $want, $what) = @_;
    my @got = run($script);
    my @why = map { !defined $got[$_] || $got[$_] ne $want->[$_]
            ? "$what->[$_]: want $want->[$_], got " . ($got[$_] // 'nothing') : () } 0 .. $#$want;
    push @why, "more: $got[@$want]" if @got > @$want;
    splice @why, 20 if @why > 20;
    ok(!@why && @$want, $name . ' (' . @$want . ' lines)', @why);
}

my %augmented = map { $_ => 1 } qw(+ - * / % ** . & | ^ << >> >>> ??);
for my $op (sort keys %binary) {
    my (@want, @what, @line);
    for my $left (@values) {
        for my $right (@values) {
            my ($a, $b) = ($left->[1], $right->[1]);
            next if left_out($op, $a, $b);
            my $want = expected($binary{$op}->($a, $b));
            my @forms = ("echo [$left->[0] $op $right->[0]];",
                "\$a = $left->[0]; \$b = $right->[0]; echo [\$a $op \$b];");
            push @forms, "\$a = $left->[0]; \$a $op= $right->[0]; echo [\$a];" if $augmented{$op};
            push @want, ($want) x @forms;
            push @what, @forms;
            push @line, map { guarded($_) } @forms;
        }
    }
    compare("all pairs with $op", join('', @line), \@want, \@what);
}
for my $op (sort keys %unary) {
    my (@want, @what);
    for my $v (@values) {
        push @want, (expected($unary{$op}->($v->[1]))) x 2;
        push @what, "echo [$op$v->[0]];", "\$a = $v->[0]; echo [$op\$a];";
    }
    compare("all values with prefix $op", join('', map { guarded($_) } @what), \@want, \@what);
}

# Levels of the operators, tightest first; those in one row are of one level.
my @levels = (['**'], ['*', '/', '%'], ['+', '-'], ['<<', '>>', '>>>'], ['&'], ['^'], ['|'], ['.'],
    ['<', '>', '<=', '>='], ['==', '!=', '===', '!==', '=~', '!~'], ['and'], ['or'], ['??'],
    ['?:']);
my %right = map { $_ => 1 } '**', '??', '?:';
my (%level, @binary_ops);
for my $n (0 .. $#levels) {
    $level{$_} = $n for @{ $levels[$n] };
    push @binary_ops, @{ $levels[$n] };
}
my @operands = (['7', '2', '3'], ['2', '3', '2'], ['0', '1', '2'], ['none', 'none', '4'],
    ['5', '0', '6'], ['1', '1', '0'], ['"a"', '"b"', '2'], ['"2"', '1', '"3"'],
    ['none', '3', '5'], ['4', '4', '1'], ['true', 'false', 'false'], ['6', '3', '2'],
    ['[1]', '2', '[1]'], ['1', 'none', '5'], ['9', 'none', '5'], ['false', '1', '1'],
    ['true', '1', '1'], ['0', '0', '0'], ['"12"', '"1"', '3'], ['-1', '31', '1'],
    ['1', '2', '2'], ['3', '5', '1'], ['none', '0', 'none'], ['1', '"1"', '"2"'],
    ['false', 'true', 'true']);

# The pairs whose two ways no operands can tell apart: both give the same by their nature.
my %alike = map { $_ => 1 } '* *', '+ .', '. .', '& &', '| |', '^ ^', 'and and', 'or or',
    '?? ??', '?: ?:', '+ +', '?: ??';

sub pair_script {
    my ($one, $two) = @_;
    my @line;
    for my $o (@operands) {
        my ($a, $b, $c) = @$o;
        push @line, map { guarded($_) } "echo [$a $one $b $two $c];",
            "echo [($a $one $b) $two $c];", "echo [$a $one ($b $two $c)];";
    }
    return join '', @line;
}

my (@wrong, @blind);
for my $one (@binary_ops) {
    my @got = run(join '', map { pair_script($one, $_) } @binary_ops);
    push @wrong, "$one: " . @got . ' lines' if @got != 3 * @operands * @binary_ops;
    for my $two (@binary_ops) {
        my $left = $level{$one} < $level{$two} || $level{$one} == $level{$two} && !$right{$one};
        my $apart = 0;
        for my $o (@operands) {
            my ($bare, $grouped_left, $grouped_right) = splice @got, 0, 3;
            last if !defined $grouped_right;
            $apart++ if $grouped_left ne $grouped_right;
            push @wrong, "$one $two with @$o: $bare"
                if $bare ne ($left ? $grouped_left : $grouped_right);
        }
        push @blind, "$one $two" if !$apart && !$alike{"$one $two"};
    }
}
splice @wrong, 30 if @wrong > 30;
ok(!@wrong, 'all pairs of operators group as the table of levels says',
    @wrong);
ok(!@blind, 'operands tell the two ways apart for each pair', @blind);

print "1..$count\n";
exit($failed ? 1 : 0);
