#!/usr/bin/perl
# Plays every dialogue t/session/*.in to the session logic (t/session/run) and compares what was
# asked, answered and logged with t/session/*.ref. With PENSTOCK_UPDATE=1 the .ref files are written.
use strict;
use warnings;
use File::Basename qw(basename dirname);
use Test::More;

my $src = $ENV{PENSTOCK_SRCDIR} // '.';
my $run = ($ENV{PENSTOCK_BUILDDIR} // '.') . '/t/session/run';
-x $run or BAIL_OUT("$run is not built");

sub content { my ($name) = @_; open my $f, '<:raw', $name or return undef; local $/; return scalar <$f> }

for my $in (sort glob "$src/t/session/*.in") {
    (my $ref = $in) =~ s/\.in$/.ref/;
    my $got = `'$run' '$in' 2>&1`;
    my $status = $?;
    if ($ENV{PENSTOCK_UPDATE}) {
        open my $f, '>:raw', $ref or die "$ref: $!";
        print $f $got;
        close $f;
    }
    my $want = content($ref) // '';
    ok($status == 0 && $got eq $want && $want ne '', basename($in)) and next;
    diag("exit status $status") if $status;
    my @got = split /\n/, $got, -1;
    my @want = split /\n/, $want, -1;
    my $i = 0;
    $i++ while $i < @got && $i < @want && $got[$i] eq $want[$i];
    diag(sprintf "first difference in line %d:\n got: %s\nwant: %s", $i + 1, $got[$i] // '(end)', $want[$i] // '(end)');
}
done_testing;
