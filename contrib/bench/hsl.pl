#!/usr/bin/perl
# The programs of hsl.d in HSL, Lua 5.4, PHP 8.2 and LuaJIT's interpreter, in turn; processor time
# of the whole process, medians, and the ratio of HSL to each. All must print the same.
#
#   hsl.pl [--rounds N] [NAME ...]
use strict;
use warnings;
use File::Basename qw(dirname basename);
use Getopt::Long;
use Penstock;

my $rounds = 5;
GetOptions('rounds=i' => \$rounds) or exit 64;
my $dir = dirname(__FILE__) . '/hsl.d';
my @names = @ARGV ? @ARGV : map { basename($_, '.hsl') } sort glob "$dir/*.hsl";
my $limits = 'max_instructions=100000000000,max_memory=1073741824,max_time=600,max_array=10000000';
my %run = (
    hsl => [Penstock::program('hsl'), '--limits', $limits], lua => ['lua5.4'], php => ['php', '-n'], luajit => ['luajit', '-joff'],
);
my %end = (hsl => 'hsl', lua => 'lua', php => 'php', luajit => 'lua');
my @order = qw(hsl lua php luajit);

# Processor seconds and output of one run.
sub once {
    my ($lang, $file) = @_;
    my @before = times;
    open my $p, '-|', @{ $run{$lang} }, $file or die "$lang: $!";
    my $out = do { local $/; <$p> };
    close $p or die "$lang $file failed: $out";
    my @after = times;
    return ($after[2] + $after[3] - $before[2] - $before[3], $out);
}

sub median { my @s = sort { $a <=> $b } @_; return $s[$#s / 2] }

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
    my %m = map { $_ => median(@{ $t{$_} }) } keys %t;
    printf "%-12s", $name;
    printf " %8s", defined $m{$_} ? sprintf '%.3f', $m{$_} : '-' for @order;
    print '  ';
    for my $lang (qw(lua php luajit)) {
        my $ratio = defined $m{$lang} ? $m{$lang} / ($m{hsl} || 0.01) : undef;
        printf " %7s", defined $ratio ? sprintf '%.2f', $ratio : '-';
        push @{ $log{$lang} }, log $ratio if $ratio;
        $behind++ if $ratio && $ratio < 1 && $lang ne 'luajit';
    }
    print "\n";
}
for my $lang (qw(lua php luajit)) {
    my $sum = 0;
    $sum += $_ for @{ $log{$lang} };
    printf "geometric mean %s/hsl: %.2f\n", $lang, exp($sum / @{ $log{$lang} });
}
printf "%d rows behind Lua or PHP\n", $behind // 0;
