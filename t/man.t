#!/usr/bin/perl
# man.t - the manual pages: valid mdoc, every command and option is in them, and nothing else.
#
# PENSTOCK_BUILDDIR is where the programs and made pages are, default "."; the source tree is the
# folder above this file.
use strict;
use warnings;
use Cwd qw(abs_path);
use File::Basename qw(dirname);

my $top = abs_path(dirname(__FILE__) . '/..');
my $build = abs_path($ENV{PENSTOCK_BUILDDIR} // '.');
my $mandoc = $ENV{MANDOC} // 'mandoc';
my $count = 0;
my $failed = 0;

sub ok {
    my ($pass, $name, @why) = @_;
    $count++;
    $failed++ if !$pass;
    print $pass ? '' : 'not ', "ok $count - $name\n";
    if (!$pass) {
        print map { "# $_\n" } map { split /\n/ } @why;
    }
    return $pass;
}

sub slurp {
    my ($path) = @_;
    open my $f, '<', $path or return '';
    local $/;
    return scalar(<$f>) // '';
}

# What a program prints; dies if it cannot be run.
sub output {
    my (@cmd) = @_;
    open my $p, '-|', @cmd or die "$cmd[0]: $!\n";
    local $/;
    my $text = <$p> // '';
    close $p;
    return $text;
}

# Names that are in one list only.
sub differ {
    my ($here, $want, $there, $got) = @_;
    my %want = map { $_ => 1 } @$want;
    my %got = map { $_ => 1 } @$got;
    return (
        (map { "$_: in $here, not in $there" } grep { !$got{$_} } sort keys %want),
        (map { "$_: in $there, not in $here" } grep { !$want{$_} } sort keys %got)
    );
}

sub same_names {
    my ($name, @args) = @_;
    my @diff = differ(@args);
    ok(@{ $args[1] } > 0 && !@diff, $name, @diff);
}

# --- Syntax ---------------------------------------------------------------------------------

my @pages = ((sort glob "$top/doc/*.[1-8]"), "$build/doc/penstock.conf.5");
for my $page (@pages) {
    my $said = -s $page ? output($mandoc, '-Tlint', '-W', 'warning', $page) : "it is not there\n";
    my ($name) = $page =~ m{([^/]+)$};
    ok($? == 0 && $said eq '', "$name is valid mdoc", $said);
}
for my $page (@pages) {
    my ($name) = $page =~ m{([^/]+)$};
    my $text = slurp($page);
    my @bad;
    while ($text =~ /^\.Xr (\S+) (\d)/mg) {
        my ($other, $section) = ($1, $2);
        next if $other !~ /^(?:penstock|hsl)/;
        push @bad, "$other($section)" if !grep { m{/\Q$other.$section\E$} } @pages;
    }
    ok(!@bad, "$name refers to pages that are there", @bad);
}

# --- Commands and options -------------------------------------------------------------------

# Options in a usage text: "  -f, --follow ..." or "  --file FILE ...".
sub usage_options {
    my ($text) = @_;
    my @options;
    for my $line (split /\n/, $text) {
        next if $line !~ /^  (-\S.*)/;
        my $list = $1;
        push @options, $1 while $list =~ /\G(--?[A-Za-z][\w-]*)(?: [A-Z]+)?(?:, |(?=  )|(?= )|$)/gc;
    }
    return @options;
}

# Options in the heads of list items of a page: ".It Fl f , Fl -follow".
sub page_options {
    my ($text) = @_;
    my @options;
    for my $line ($text =~ /^\.It (Fl .*)$/mg) {
        push @options, "-$1" while $line =~ /\bFl (-?[A-Za-z][\w-]*)/g;
    }
    return @options;
}

my $penstock = "$build/ctl/penstock";
my $page = slurp("$top/doc/penstock.1");
my ($description) = $page =~ /^\.Sh DESCRIPTION\n(.*?)^\.Sh/ms;
my ($commands) = $page =~ /^\.Sh COMMANDS\n(.*?)^\.Sh/ms;
my %part;
my $current;
for my $line (split /^/, $commands // '') {
    if ($line =~ /^\.It Ic ([a-z]+(?: [a-z]+)*)(?= [A-Z]|$)/) {
        $current = $1;
        $part{$current} = '';
    } elsif (defined $current) {
        $part{$current} .= $line;
    }
}

my $help = output($penstock, '-h');
my @commands = $help =~ /^  ([a-z]+(?: [a-z]+)*)  /mg;
my @common = usage_options($help);
same_names('penstock.1 has every command', 'penstock -h', \@commands, 'penstock.1', [keys %part]);
same_names('penstock.1 has the options of every command', 'penstock -h', \@common, 'penstock.1', [page_options($description)]);
for my $command (@commands) {
    my %common = map { $_ => 1 } @common;
    my @own = grep { !$common{$_} } usage_options(output($penstock, split(/ /, $command), '-h'));
    my @diff = differ('the program', \@own, 'penstock.1', [page_options($part{$command} // '')]);
    ok(!@diff, "penstock.1 has the options of $command", @diff);
}

my $hsl_page = slurp("$top/doc/hsl.1");
same_names('hsl.1 has every option', 'hsl -h', [usage_options(output("$build/hsl/hsl", '-h'))], 'hsl.1', [page_options($hsl_page)]);

# --- Parameters -----------------------------------------------------------------------------

my $manual = output($penstock, 'config', '--manual');
my ($section) = slurp("$build/doc/penstock.conf.5") =~ /^\.Sh PARAMETERS\n(.*?)^\.Sh/ms;
my @want = split /\n/, $manual;
my @got = split /\n/, $section // '';
my @diff = differ('penstock config --manual', \@want, 'penstock.conf.5', \@got);
ok(@want > 100 && join("\n", @want) eq join("\n", @got), 'penstock.conf.5 has the parameters as penstock config --manual prints them',
    @diff, 'write that output into doc/penstock.conf.5.in');

print "1..$count\n";
exit($failed ? 1 : 0);
