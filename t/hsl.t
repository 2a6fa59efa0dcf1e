#!/usr/bin/perl
# hsl.t - runs every script below t/hsl and compares what it prints with the comments in it.
#
# A script says what it wants, one comment at the end of a line or on a line of its own:
#   // expect: TEXT                            the next line of output
#   // expect error: LINE:COL: TEXT            it ends with this error at run time
#   // expect compile error: LINE:COL: TEXT    it is refused; all errors must be listed
#   // expect warning: LINE:COL: TEXT          `hsl -c` warns; all warnings must be listed
#   // expect stderr: TEXT                     the next line on standard error that is no error
#   // flow: NAME                              on line 1: it is only checked, for that flow
#   // limits: NAME=VALUE,...                  it runs under these limits
#   // files: NAME=CONTENT                     this file lies beside it (\n \t \r \\ \xHH escapes)
# A "…" at the end of TEXT stands for any rest (where PCRE2 or the system words the message).
# A script without an expected error must end with 0 and leave standard error empty.
#
# PENSTOCK_BUILDDIR is where the programs are, default "."; arguments are scripts to run instead.
use strict;
use warnings;
use Cwd qw(abs_path);
use File::Basename qw(dirname);
use File::Find qw(find);
use File::Path qw(make_path);
use File::Temp qw(tempdir);

my $SECONDS = 60;    # for one script
my $here = abs_path(dirname(__FILE__));
my $hsl = abs_path(($ENV{PENSTOCK_BUILDDIR} // '.') . '/hsl/hsl');
my $temp = tempdir(CLEANUP => 1);
my $number = 0;
my $failed = 0;

$ENV{LC_ALL} = 'C';

sub slurp {
    my ($path) = @_;
    open my $f, '<:raw', $path or die "$path: $!\n";
    local $/;
    my $text = <$f>;
    return $text // '';
}

sub spew {
    my ($path, $text) = @_;
    make_path(dirname($path));
    open my $f, '>:raw', $path or die "$path: $!\n";
    print $f $text;
    close $f or die "$path: $!\n";
}

# What the comments of a script ask for.
sub read_wants {
    my ($text) = @_;
    my %w = (output => [], error => [], compile => [], warning => [], stderr => [], files => {},
        flow => undef, limits => undef);
    my %list = ('' => 'output', 'error' => 'error', 'compile error' => 'compile',
        'warning' => 'warning', 'stderr' => 'stderr');
    my $n = 0;
    for my $line (split /\n/, $text) {
        $n++;
        $line =~ s/\r\z//;
        if ($n == 1 && $line =~ m{^// flow: (\w+)}) {
            $w{flow} = $1;
        } elsif ($line =~ m{^// limits: (\S+)$}) {
            $w{limits} = $1;
        } elsif ($line =~ m{^// files: ([^=]+)=(.*)$}) {
            my ($name, $content) = ($1, $2);
            my %esc = (n => "\n", t => "\t", r => "\r", '\\' => '\\');
            $content =~ s{\\(?:x([0-9A-Fa-f]{2})|(.))}{defined $1 ? chr hex $1 : $esc{$2} // "\\$2"}ge;
            $w{files}{$name} = $content;
        } elsif ($line =~ m{^(?:.*\s)?// expect( error| compile error| warning| stderr)?:(?: (.*))?$}) {
            my ($kind, $want) = ($1 // '', $2 // '');
            $kind =~ s/^ //;
            push @{ $w{ $list{$kind} } }, $want;
        } elsif ($line =~ m{// expect}) {
            die "line $n: a comment that begins with expect but asks for nothing\n";
        }
    }
    return \%w;
}

# Runs hsl; gives its exit code (128 and more: a signal), output and errors.
sub run_hsl {
    my ($dir, @args) = @_;
    my $pid = fork // die "fork: $!\n";
    if ($pid == 0) {
        chdir $dir or die "$dir: $!\n";
        open STDIN, '<', '/dev/null';
        open STDOUT, '>', "$temp/stdout";
        open STDERR, '>', "$temp/stderr";
        exec $hsl, @args or exit 127;
    }
    local $SIG{ALRM} = sub { kill 'KILL', $pid };
    alarm $SECONDS;
    waitpid $pid, 0;
    my $status = $?;
    alarm 0;
    my $code = $status & 127 ? 128 + ($status & 127) : $status >> 8;
    return ($code, slurp("$temp/stdout"), slurp("$temp/stderr"));
}

# "LINE:COL: TEXT" of every message in [text]; source lines and carets are indented.
sub messages {
    my ($text) = @_;
    return map { /^[^\s:][^:]*:(\d+:\d+: .*)$/ ? $1 : () } split /\n/, $text;
}

sub same {
    my ($want, $got) = @_;
    return 0 if !defined $want || !defined $got;
    return index($got, $1) == 0 if $want =~ /^(.*)\xe2\x80\xa6\z/s;
    return $want eq $got;
}

# Lines that differ, for people.
sub compare {
    my ($what, $want, $got) = @_;
    return () if @$want == @$got && !grep { !same($want->[$_], $got->[$_]) } 0 .. $#$want;
    my @diff = ("$what:");
    my $most = @$want > @$got ? @$want : @$got;
    for my $i (0 .. $most - 1) {
        my ($w, $g) = ($want->[$i], $got->[$i]);
        next if same($w, $g);
        push @diff, "  -$w" if defined $w;
        push @diff, "  +$g" if defined $g;
    }
    return @diff;
}

sub compare_code {
    my ($want, $got, $err) = @_;
    return () if $want == $got;
    return ("exit code: $got instead of $want", map { "  $_" } split /\n/, $err);
}

# The messages of a check: errors and warnings apart, notes left out.
sub check_script {
    my ($w, $dir, $name, @args) = @_;
    my ($code, undef, $err) = run_hsl($dir, '-c', @args, $name);
    my @all = grep { !/: (?:included|imported) from here$/ } messages($err);
    my @warnings = map { s/^(\d+:\d+: )warning: /$1/r } grep { /^\d+:\d+: warning: / } @all;
    my @errors = grep { !/^\d+:\d+: warning: / } @all;
    my @diff = compare('compile errors', $w->{compile}, \@errors);
    push @diff, compare('warnings', $w->{warning}, \@warnings);
    push @diff, compare_code(@{ $w->{compile} } ? 65 : 0, $code, $err);
    return @diff;
}

# Lines that are no message with a place, nor the source line and caret below one.
sub plain_lines {
    my ($text) = @_;
    return grep { !/^[^\s:][^:]*:\d+:\d+: / && !/^ {4}/ } split /\n/, $text;
}

sub run_script {
    my ($w, $dir, $name) = @_;
    my @limits = defined $w->{limits} ? "--limits=$w->{limits}" : ();
    my ($code, $out, $err) = run_hsl($dir, @limits, $name);
    my @lines = split /\n/, $out;
    my @errors = grep { !/: (?:called|included|imported) from here$/ } messages($err);
    my @diff = compare('output', $w->{output}, \@lines);
    push @diff, compare('error', $w->{error}, \@errors);
    push @diff, compare('standard error', $w->{stderr}, [plain_lines($err)]);
    push @diff, compare_code(@{ $w->{error} } ? 1 : 0, $code, $err);
    return @diff;
}

sub test_script {
    my ($path) = @_;
    my $text = slurp($path);
    my $w = read_wants($text);
    my $dir = "$temp/run" . ++$number;
    (my $name = $path) =~ s{.*/}{};
    spew("$dir/$name", $text);
    spew("$dir/$_", $w->{files}{$_}) for keys %{ $w->{files} };
    my $wants = @{ $w->{output} } + @{ $w->{error} } + @{ $w->{compile} } + @{ $w->{warning} }
        + @{ $w->{stderr} };
    return ('it asks for nothing') if $wants == 0 && !defined $w->{flow};
    return ('a script that is only checked has no output') if (defined $w->{flow} || @{ $w->{compile} })
        && (@{ $w->{output} } || @{ $w->{error} } || @{ $w->{stderr} });
    return check_script($w, $dir, $name, "--context=$w->{flow}") if defined $w->{flow};
    return check_script($w, $dir, $name) if @{ $w->{compile} };
    return (check_script($w, $dir, $name), run_script($w, $dir, $name));
}

my @scripts = @ARGV;
if (!@scripts) {
    find({ no_chdir => 1, wanted => sub { push @scripts, $_ if /\.hsl\z/ } }, "$here/hsl");
    @scripts = sort @scripts;
}
print '1..', scalar @scripts, "\n";
for my $i (0 .. $#scripts) {
    (my $title = $scripts[$i]) =~ s{^\Q$here\E/hsl/}{};
    my @diff = eval { test_script($scripts[$i]) };
    push @diff, $@ if $@;
    $failed++ if @diff;
    print @diff ? 'not ' : '', 'ok ', $i + 1, " - $title\n";
    print map { my $line = $_; chomp $line; map { "# $_\n" } split /\n/, $line } @diff;
}
exit($failed || !@scripts ? 1 : 0);
