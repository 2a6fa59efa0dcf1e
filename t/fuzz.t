#!/usr/bin/perl
# fuzz.t - runs every fuzz target on its seeds and on every input that ever failed; the targets for
# HSL also on all scripts below t/hsl. Making new inputs is contrib/fuzz's work.
use strict;
use warnings;
use File::Basename qw(basename);
use File::Find qw(find);
use File::Temp qw(tempdir);
use Test::More;

my $src = $ENV{PENSTOCK_SRCDIR} // '.';
my $build = $ENV{PENSTOCK_BUILDDIR} // '.';
my $temp = tempdir('penstock-XXXXXX', TMPDIR => 1, CLEANUP => 1);
$ENV{TMPDIR} = $temp;

# The files below t/NAME, those named *[$suffix].
sub files_below {
    my ($dir, $suffix) = @_;
    my @files;
    find({ no_chdir => 1, wanted => sub { push @files, $_ if -f && /\Q$suffix\E$/ } }, "$src/t/$dir")
        if -d "$src/t/$dir";
    return sort @files;
}

# Runs [$target] on [@inputs]; what it says if it did not get to the end of all of them.
sub replay {
    my ($target, @inputs) = @_;
    my $pid = fork // die "fork: $!";
    if ($pid == 0) {
        open STDOUT, '>', "$temp/out" or exit 126;
        open STDERR, '>&', \*STDOUT;
        exec "$build/t/fuzz/$target", @inputs or exit 127;
    }
    waitpid $pid, 0;
    my $status = $?;
    open my $f, '<:raw', "$temp/out" or die "$temp/out: $!";
    my @said = <$f>;
    my $done = grep { /^Executed / } @said;
    return () if $status == 0 && $done == @inputs;
    return ("exit status $status, $done of " . @inputs . " inputs\n", @said > 40 ? @said[-40 .. -1] : @said);
}

my @targets = map { basename($_, '.c') } grep { !m{/(?:fuzz|fuzz_\w+|replay)\.c$} } glob "$src/t/fuzz/*.c";
cmp_ok(scalar @targets, '>=', 16, 'the targets are there');
for my $target (@targets) {
    (my $kind = $target) =~ s/^hsl_(?:source|differential)$/hsl/;
    my @inputs = (files_below("fuzz/seeds/$kind", ''), files_below("fuzz/regression/$kind", ''));
    push @inputs, files_below('hsl', '.hsl') if $kind eq 'hsl';
    cmp_ok(scalar @inputs, '>', 0, "there are inputs for $target");
    my @why = replay($target, @inputs);
    ok(!@why, sprintf '%s: %d inputs', $target, scalar @inputs) or diag(@why);
}
done_testing;
