#!/usr/bin/perl
# syntax.t - the syntax files for editors know the language: every keyword and reserved word of
# hsl/hsl_token.def and every family of built-in functions; vim colours a sample as it should, and the
# patterns of the grammar for VS Code match what they are for.
#
# PENSTOCK_BUILDDIR is where the programs are, default ".". Needs vim.
use strict;
use warnings;
use Cwd qw(abs_path);
use File::Basename qw(dirname);
use File::Temp qw(tempdir);
use JSON::PP;
use Test::More;

my $top = abs_path(dirname(__FILE__) . '/..');
my $build = abs_path($ENV{PENSTOCK_BUILDDIR} // '.');
my $temp = tempdir(CLEANUP => 1);

sub slurp {
    my ($path) = @_;
    open my $f, '<:raw', $path or die "$path: $!\n";
    local $/;
    return scalar(<$f>) // '';
}

my $vim = slurp("$top/contrib/vim/syntax/hsl.vim");
my %json = map { $_ => decode_json(slurp("$top/contrib/vscode/$_")) }
    qw(package.json language-configuration.json syntaxes/hsl.tmLanguage.json);
my $grammar = $json{'syntaxes/hsl.tmLanguage.json'};
is($grammar->{scopeName}, 'source.hsl', 'the JSON files are valid');

# --- Words --------------------------------------------------------------------------------------

my %vim;
while ($vim =~ /^syntax keyword (\w+) (?:contained )?(.*)$/mg) {
    my ($group, $words) = ($1, $2);
    $vim{$_} = $group for split ' ', $words;
}

# Rules of the grammar: [scope, pattern]; patterns of captures have the scope of the first.
my @rules;
sub collect {
    my ($node) = @_;
    for my $rule (@{ $node->{patterns} // [] }) {
        my $scope = $rule->{name} // $rule->{captures}{1}{name} // '';
        push @rules, [$scope, $_] for grep { defined } @{$rule}{qw(match begin end)};
        collect($rule);
    }
}
collect($_) for values %{ $grammar->{repository} };
for my $rule (@rules) {
    my $pattern = $rule->[1];
    $rule->[2] = eval { qr/$pattern/ } if $pattern ne "'\\1'";
}
is_deeply([map { $_->[1] } grep { !$_->[2] && $_->[1] ne "'\\1'" } @rules], [], 'every pattern is valid');

# Scopes of the rules that match all of [$text] where [$context] holds it.
sub scopes {
    my ($text, $context) = @_;
    $context //= $text;
    my @found;
    for my $rule (grep { $_->[2] } @rules) {
        while ($context =~ /$rule->[2]/g) {
            push @found, $rule->[0] if $& eq $text;
            last if $& eq '';
        }
    }
    return @found;
}

my $tokens = slurp("$top/hsl/hsl_token.def");
my @keywords = $tokens =~ /^HSL_KEYWORD\(\w+, "(\w+)"\)/mg;
my @reserved = grep { $_ ne 'this' } $tokens =~ /^HSL_RESERVED\("(\w+)"\)/mg;
my @here = qw(constructor from private readonly static with);
cmp_ok(scalar @keywords, '>', 30, 'the keywords were found');
cmp_ok(scalar @reserved, '>', 10, '... and reserved words');
for my $word (@keywords, @here) {
    ok($vim{$word} && $vim{$word} ne 'hslError', "vim knows $word");
    ok((grep { /^(?:keyword|storage|constant)/ } scopes($word)), "VS Code knows $word");
}
for my $word (@reserved) {
    is($vim{$word}, 'hslError', "vim knows that $word is reserved");
    ok((grep { /^invalid/ } scopes($word)), "VS Code knows that $word is reserved");
}

# Families: what stands before the first underscore, or the name.
my %family;
for my $name (`$build/t/hsl_manual --rows` =~ /^(\w+)/mg) {
    push @{ $family{ $name =~ /^([a-z0-9]+)_/ ? $1 : $name } }, $name;
}
cmp_ok(scalar keys %family, '>', 30, 'there are functions');
my $functions = join ' ', map { $_->[1] } grep { $_->[0] =~ /^support\.function/ } @rules;
is_deeply([grep { !grep { $vim{$_} } @{ $family{$_} } } sort keys %family], [], 'vim knows every family of functions');
is_deeply([grep { !grep { $functions =~ /\b\Q$_\E\b/ } @{ $family{$_} } } sort keys %family], [], 'VS Code too');

# Operators
my @operators = $tokens =~ /^HSL_PUNCT\(\w+, "([^"]+)"\)/mg;
cmp_ok(scalar @operators, '>', 40, 'there are operators');
for my $op (@operators) {
    $op =~ s/\\\?/?/g;
    next if $op =~ /^[,;(){}\[\]]$/;
    ok((grep { /^keyword\.operator/ } scopes($op)), "VS Code knows $op");
}
my @samples = (
    ['0xff_00', 'constant.numeric'], ['1_000.5', 'constant.numeric'], ['0b1010', 'constant.numeric'],
    ['$name', 'variable.other'], ['$this', 'variable.language'], ['#/a\/b/i', 'string.regexp'],
    ['\x41', 'constant.character.escape'], ['\n', 'constant.character.escape'],
    ['${name}', 'variable.other.interpolated'], ['// to the end', 'comment.line'],
    ['&&', 'invalid.illegal'], ['str_upper', 'support.function'], ['Deliver', 'support.function.flow'],
);
for my $sample (@samples) {
    my ($text, $scope) = @$sample;
    ok((grep { /^\Q$scope\E/ } scopes($text)), "VS Code: $text is $scope");
}
ok(!(grep { /^keyword/ } scopes('if', '$if')), 'a variable is no keyword');
ok(!(grep { /^keyword/ } scopes('for', 'fortune')), 'nor is the start of a name');

# --- vim ----------------------------------------------------------------------------------------

my $script = <<'END';
// comment with "quotes"
if ($sender == "a $name \n") Reject("no");
$n = 0xff + 12.5; $m = #/a\/b/i;
$raw = 'EOT'it''s $x'EOT'; $next = 1;
class Mail { private $x = none; function go() { return $this->x; } }
/* over
   lines */ echo str_upper("x // no comment");
$a = $b && $c; goto x;
$s = "open
over lines"; Deliver();
import { f as g } from "m"; $o->match(1);
END

# [text that is looked for, its line, group]
my @want = (
    ['comment', 1, 'hslComment'], ['quotes', 1, 'hslComment'], ['if', 2, 'hslConditional'],
    ['$sender', 2, 'hslVariable'], ['a ', 2, 'hslString'], ['$name', 2, 'hslInterpolation'],
    ['\n', 2, 'hslEscape'], ['Reject', 2, 'hslAction'], ['0xff', 3, 'hslNumber'],
    ['12.5', 3, 'hslNumber'], ['#/a', 3, 'hslRegex'], ['/i', 3, 'hslRegex'], ["s \$x", 4, 'hslRaw'],
    ['$next', 4, 'hslVariable'], ['class', 5, 'hslDeclaration'], ['private', 5, 'hslModifier'],
    ['none', 5, 'hslConstant'], ['return', 5, 'hslStatement'], ['$this', 5, 'hslThis'],
    ['over', 6, 'hslComment'], ['lines', 7, 'hslComment'], ['echo', 7, 'hslStatement'],
    ['str_upper', 7, 'hslFunction'], ['// no', 7, 'hslString'], ['&&', 8, 'hslMistake'],
    ['goto', 8, 'hslError'], ['over', 10, 'hslString'], ['Deliver', 10, 'hslAction'],
    ['import', 11, 'hslInclude'], ['from', 11, 'hslInclude'],
);

{
    my ($program) = grep { -x } map { "$_/vim" } split /:/, $ENV{PATH};
    die "vim is not there: install it\n" if !$program;
    my @lines = split /\n/, $script;
    my @places;
    for my $w (@want) {
        my $at = index $lines[$w->[1] - 1], $w->[0];
        die "$w->[0] is not in line $w->[1]\n" if $at < 0;
        push @places, [$w->[1], $at + 1];
    }
    open my $f, '>', "$temp/sample.hsl" or die $!;
    print $f $script;
    close $f;
    open my $v, '>', "$temp/dump.vim" or die $!;
    print $v "set nocompatible\nset runtimepath^=$top/contrib/vim\nfiletype on\nsyntax on\nedit $temp/sample.hsl\n";
    print $v "let out = [&filetype]\n";
    print $v "call add(out, synIDattr(synID($_->[0], $_->[1], 1), 'name'))\n" for @places;
    print $v "call writefile(out, '$temp/out')\nqall!\n";
    close $v;
    system($program, qw(-u NONE -i NONE -n -es -S), "$temp/dump.vim");
    my @got = -e "$temp/out" ? split(/\n/, slurp("$temp/out"), -1) : ();
    is(shift @got, 'hsl', 'vim knows the files');
    for my $i (0 .. $#want) {
        is($got[$i], $want[$i][2], "vim: $want[$i][0] in line $want[$i][1] is $want[$i][2]");
    }
}
done_testing;
