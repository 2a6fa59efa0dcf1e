#!/usr/bin/perl
# coding.t - rules of the code that a program can check: calls that are banned because they do not
# know the size of what they write to or hide a failure, and ctype calls on a plain char.
use strict;
use warnings;
use File::Find;
use Test::More;

my $top = $ENV{PENSTOCK_SRCDIR} // '.';
my $banned = qr/\b(strcpy|strcat|sprintf|vsprintf|strncpy|strncat|atoi|atol|atof|strtok|gets|alloca|setjmp|longjmp)\s*\(/;
my $ctype = qr/\b(?:is(?:alnum|alpha|blank|cntrl|digit|graph|lower|print|punct|space|upper|xdigit)|to(?:lower|upper))\s*\(\s*(?!\(unsigned char\))\*?(\w*)/;

# The code without comments, strings and character constants; lines stay where they are.
sub code_of {
    my ($text) = @_;
    $text =~ s{(/\*.*?\*/|//[^\n]*|"(?:\\.|[^"\\\n])*"|'(?:\\.|[^'\\\n])*')}
              { my $gone = $1; my $lines = ($gone =~ tr/\n//); $gone =~ m{^/} ? "\n" x $lines : '""' }gse;
    return $text;
}

# "LINE: WORD" for each place in [$text] that breaks a rule. A ctype call may also get a variable
# that the file declares as unsigned char.
sub faults {
    my $code = code_of($_[0]);
    my %unsigned = map { $_ => 1 } $code =~ /\bunsigned char\s+\*?(\w+)/g;
    my ($n, @found) = (0);
    for my $line (split /\n/, $code) {
        $n++;
        push @found, "$n: $1" if $line =~ $banned;
        while ($line =~ /$ctype/g) {
            push @found, "$n: ctype without (unsigned char)" if !$unsigned{$1};
        }
    }
    return @found;
}

# That the check finds what it is for, and only that.
is_deeply([faults("a;\n/* gets(x)\n */ strcpy(a, b);\n")], ['3: strcpy'], 'a banned call is found');
is_deeply([faults("x = atoi (s);\ny = isdigit(*p);\n")],
    ['1: atoi', '2: ctype without (unsigned char)'], 'two in two lines');
is_deeply([faults(qq{f("strcpy(", 'x'); // gets(\nsnprintf(a, n, "x"); strtok_r(a);\nfgets(x);\n}
            . qq{tolower((unsigned char)c); my_atoi(x);\nunsigned char d = *s; isdigit(d);\n})],
    [], 'nothing else is');

my @files;
for my $dir (grep { -d "$top/$_" } qw(hsl lib milter quarantine ctl contrib policyd t)) {
    find({ no_chdir => 1, wanted => sub { push @files, $_ if /\.[ch]$/ && -f } }, "$top/$dir");
}
cmp_ok(scalar @files, '>', 30, 'the tree is there');
for my $file (sort @files) {
    open my $in, '<:raw', $file or die "$file: $!";
    my $text = do { local $/; <$in> };
    my @found = faults($text);
    (my $name = $file) =~ s/^\Q$top\E\///;
    ok(!@found, $name) or diag(map { "$name:$_\n" } @found);
}
done_testing;
