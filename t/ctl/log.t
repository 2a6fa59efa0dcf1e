#!/usr/bin/perl
# log.t - penstock log: all records, the wanted ones, following over rotation, where it cannot look.
use strict;
use warnings;
use File::Temp qw(tempdir);
use JSON::PP;
use Penstock;
use Test::More;
use Time::HiRes qw(sleep);

my $dir = tempdir('penstock-XXXXXX', TMPDIR => 1, CLEANUP => 1);
my $log = "$dir/penstock.json";
my $conf = "$dir/penstock.conf";
my $program = Penstock::program('penstock');
my $json = JSON::PP->new->utf8->canonical;

sub record {
    my (%field) = @_;
    return $json->encode({ time => '2026-11-22T10:00:00.000001Z', level => 'info', program => 'penstock-milter', pid => 7,
        text => 'mail: Deliver', %field }) . "\n";
}

# Runs penstock; gives exit code, output, errors.
sub ctl { return Penstock::call($program, '-c', $conf, @_) }

my @records = (
    record(message => 'm-1', queue => '4X1', recipient => 'ann@example.com', line => 3),
    record(message => 'm-1', queue => '4X1', recipient => 'bob@example.com', reason => 'two words'),
    record(message => 'm-2', queue => '4X11', recipient => 'ann@example.com', text => "esc \x1b[31m and \"quotes\""),
    "this is no record\n",
    record(message => 'm-3', text => 'speaks of "m-1" and 4X1'),
    record(message => 'a:b', queue => '4X5', verdict => 'Reject'),
);
Penstock::write_file($conf, "log = \"$log\"\n");
Penstock::write_file($log, join '', @records);

my ($code, $out, $err) = ctl('log');
is($code, 0, 'all records: exit 0');
my @lines = split /\n/, $out;
is(@lines, @records, '... one line each');
is($lines[0], '2026-11-22T10:00:00.000001Z info penstock-milter[7]: mail: Deliver line=3 message=m-1 queue=4X1 recipient=ann@example.com',
    '... readable');
like($lines[1], qr/ reason="two words" /, '... values with blanks in quotes');
like($lines[2], qr/: esc \\x1B\[31m and "quotes" /, '... control bytes escaped');
is($lines[3], 'this is no record', '... what is no record as it is');

for my $case (
    ['m-1', [0, 1], 'a message id'],
    ['4X1', [0, 1], 'a queue id, not one it begins'],
    ['m-1:4X1', [0, 1], 'messageid:queueid'],
    ['m-1:4X11', [], 'ids of two messages'],
    ['a:b', [5], 'an id that holds a colon'],
    ['ann@example.com', [0, 2], 'an address'],
    ['m-9', [], 'an id that is not there'],
    ['/ann@|Reject/', [0, 2, 5], 'a regular expression'],
    ['/REJECT/i', [5], '... with a letter behind it'],
    ['/^this/', [3], '... anchored at the line'],
    ['/4X1\b.*bob@/', [1], '... within one line'],
    ['/4X5.*Deliver/', [5], '... in its order'],
    ['/speaks.*4X5/s', [], '... not over lines'],
    ['/quotes\\\\"/', [2], '... as it stands in the file'],
  )
{
    my ($what, $want, $name) = @$case;
    ($code, $out, $err) = ctl('--json', 'log', $what);
    is($out, join('', map { $records[$_] } @$want), "found by $name");
    is($code . $err, '0', '... and nothing else said');
}

($code, $out, $err) = ctl('log', '/(/');
is($code, 65, 'bad pattern: EX_DATAERR');
like($err, qr/^penstock: regular expression: .* at offset 1$/m, '... with the reason');
($code, undef, $err) = ctl('log', '/x');
is($code, 65, 'pattern without its end: EX_DATAERR');
($code, undef, $err) = ctl('log', '--file', "$dir/nothere");
is($code, 66, 'no such file: EX_NOINPUT');
like($err, qr/nothere: No such file/, '... named');
($code, undef, $err) = ctl('log', '--file', $dir);
is($code, 66, 'a folder: EX_NOINPUT');
($code) = ctl('log', 'a', 'b');
is($code, 64, 'two words: EX_USAGE');

Penstock::write_file("$dir/other.json", record(message => 'm-other'));
($code, $out) = ctl('log', '--file', "$dir/other.json", 'm-other');
like($out, qr/message=m-other/, '--file: another file');
Penstock::write_file("$dir/open.json", record(message => 'm-1') =~ s/\n\z//r);
($code, $out) = ctl('log', '--file', "$dir/open.json");
like($out, qr/message=m-1\n\z/, 'a last line without its end is printed');
Penstock::write_file("$dir/nul.json", "a\0b\n\xff\xfe\n" . record(message => 'm-1'));
($code, $out) = ctl('log', '--file', "$dir/nul.json");
is($out =~ s/\n2026.*//sr, "a\\x00b\n\\xFF\\xFE", 'bytes that are no text are escaped');
Penstock::write_file("$dir/long.json", record(message => 'm-long', text => 'x' x 3_000_000) . record(message => 'm-after'));
($code, $out) = ctl('--json', 'log', '--file', "$dir/long.json", 'm-after');
is($out, record(message => 'm-after'), 'a very long line is got over');
($code, $out) = ctl('--json', 'log', '--file', "$dir/long.json", 'm-long');
is(length $out, length record(message => 'm-long', text => 'x' x 3_000_000), '... and found');

for my $target (qw(journal syslog stderr)) {
    Penstock::write_file("$dir/$target.conf", "log = $target\n");
    ($code, $out, $err) = ctl('-c', "$dir/$target.conf", 'log');
    is($code, 78, "records go to $target: EX_CONFIG");
    like($err, qr/journalctl/, '... with the command to look there');
}

# --- Following ---

Penstock::write_file($log, join '', @records);
my $pid = fork // die "fork: $!";
if ($pid == 0) {
    open STDOUT, '>', "$dir/follow";
    open STDERR, '>&', \*STDOUT;
    exec $program, '-c', $conf, '--json', 'log', '-f', '/m-[0-9]/' or exit 127;
}

sub append {
    my ($file, $text) = @_;
    open my $f, '>>:raw', $file or die "$file: $!";
    print $f $text;
    close $f;
}

sub follows {
    my ($want, $name) = @_;
    ok(Penstock::wait_until(10, sub { (Penstock::read_file("$dir/follow") // '') =~ /\Q$want\E\n\z/ }), $name)
        or diag(Penstock::read_file("$dir/follow"));
}

follows('"queue":"4X11","recipient":"ann@example.com","text":"esc \\u001b[31m and \\"quotes\\"","time":"2026-11-22T10:00:00.000001Z"}'
        . "\n" . ($records[4] =~ s/\n\z//r), 'following begins with the last records');
append($log, record(message => 'm-10'));
follows(record(message => 'm-10') =~ s/\n\z//r, 'a new record is printed');
append($log, record(message => 'x-10'));
my $open = record(message => 'm-11');
append($log, substr $open, 0, 20);
sleep 0.5;
append($log, substr $open, 20);
follows($open =~ s/\n\z//r, 'a record written in two pieces is printed whole');
rename $log, "$log.1" or die "rename: $!";
append("$log.1", record(message => 'm-12'));
follows(record(message => 'm-12') =~ s/\n\z//r, 'the renamed file is read on');
append($log, record(message => 'm-13'));
follows(record(message => 'm-13') =~ s/\n\z//r, 'the new file is followed');
append("$log.1", record(message => 'm-14'));
follows(record(message => 'm-14') =~ s/\n\z//r, '... and still the old one');
truncate $log, 0 or die "truncate: $!";
sleep 0.5;
append($log, record(message => 'm-15', text => ''));
follows(record(message => 'm-15', text => '') =~ s/\n\z//r, 'a file cut to nothing is followed');
is(scalar(() = Penstock::read_file("$dir/follow") =~ /"m-1[0-5]"/g), 6, 'nothing is printed twice');
kill 'TERM', $pid;
waitpid $pid, 0;

done_testing;
