#!/usr/bin/perl
# The programs of hsl.d in HSL, Lua 5.4, PHP 8.2 and LuaJIT's interpreter, in turn; processor time
# of the whole process, the least of all rounds (what else the machine does only adds to it), and
# the ratio of HSL to each. All must print the same.
#
#   hsl.pl [--rounds N] [NAME ...]
#
# Each program is the same algorithm in each language, written as one would write it there, and runs
# long enough that the start of a process, 2 ms for Lua, 10 for HSL and PHP, counts for little. Where
# the time of HSL goes:
#
#   addresses  four calls of built-ins and two lists a round; a third of it in the loop of the
#              machine, a third in making and freeing pieces, the rest in finding them
#   calls      pushing and leaving frames, and the arguments' moves
#   closures   the same by value, reading and writing what is captured in its cell
#   counting   two look-ups of a key that is the very string of the entry
#   lookups    half in making the key (a number's digits, one block, the hash), a quarter in the
#              look-ups, whose key is equal but not the same string
#   loops      %, a third of the instructions, a comparison, a subtraction, the loop's end
#   methods    look-ups of members by name in the class, frames
#   recursion  frames and comparisons with constants
#   regex      two fifths of the instructions in PCRE2's machine code and its way in
#   scoring    taking lists apart, look-ups, two built-ins a rule
#   sieve      waiting for memory: eight megabytes of values, visited in strides
#   sort       frames of the comparison, called from the built-in
#   split      making and freeing ten strings and a list, then one joined string
#   strings    appending in place
#   tree       copying maps of constant keys, frames, freeing the tree
use strict;
use warnings;
use File::Basename qw(dirname basename);
use Getopt::Long;
use Penstock;

my $rounds = 9;
GetOptions('rounds=i' => \$rounds) or exit 64;
my $dir = dirname(__FILE__) . '/hsl.d';
my @names = @ARGV ? @ARGV : map { basename($_, '.hsl') } sort glob "$dir/*.hsl";
my $limits = 'max_instructions=100000000000,max_memory=1073741824,max_time=600,max_array=10000000';
my %run = (
    hsl => [Penstock::program('hsl'), '--limits', $limits], lua => ['lua5.4'], php => ['php', '-n'], luajit => ['luajit', '-joff'],
);
my %end = (hsl => 'hsl', lua => 'lua', php => 'php', luajit => 'lua');
my @order = qw(hsl lua php luajit);

# Processor seconds and output of one run; by the shell's clock, since perl's has steps of 10 ms.
sub once {
    my ($lang, $file) = @_;
    my $shell = 'TIMEFORMAT="@%3U %3S"; { time "$@"; } 2>&1';
    open my $p, '-|', 'bash', '-c', $shell, 'bash', @{ $run{$lang} }, $file or die "$lang: $!";
    my $out = do { local $/; <$p> };
    close $p or die "$lang $file failed: $out";
    $out =~ s/@(\S+) (\S+)\n\z// or die "$lang $file: no times: $out";
    return ($1 + $2, $out);
}

sub least { my @s = sort { $a <=> $b } @_; return $s[0] }

my (%log, $behind);
printf "%-12s %8s %8s %8s %8s   %7s %7s %7s\n", 'program', @order, 'lua/hsl', 'php/hsl', 'jit/hsl';
for my $name (@names) {
    my (%t, %out);
    for my $round (0 .. $rounds) {
        for my $lang (@order) {
            my $file = "$dir/$name.$end{$lang}";
            next if !-e $file;
            (my $t, $out{$lang}) = once($lang, $file);
            push @{ $t{$lang} }, $t if $round;
        }
    }
    $out{$_} eq $out{hsl} or die "$name: $_ prints $out{$_}, hsl prints $out{hsl}" for keys %out;
    my %m = map { $_ => least(@{ $t{$_} }) } keys %t;
    printf "%-12s", $name;
    printf " %8s", defined $m{$_} ? sprintf '%.3f', $m{$_} : '-' for @order;
    print '  ';
    for my $lang (qw(lua php luajit)) {
        my $ratio = defined $m{$lang} ? $m{$lang} / ($m{hsl} || 0.001) : undef;
        printf " %7s", defined $ratio ? sprintf '%.2f', $ratio : '-';
        push @{ $log{$lang} }, log $ratio if $ratio;
        $behind++ if $ratio && $ratio < 1 && $lang ne 'luajit';
    }
    print "\n";
}
for my $lang (qw(lua php luajit)) {
    my $sum = 0;
    next if !$log{$lang};
    $sum += $_ for @{ $log{$lang} };
    printf "geometric mean %s/hsl: %.2f\n", $lang, exp($sum / @{ $log{$lang} });
}
printf "%d rows behind Lua or PHP\n", $behind // 0;
