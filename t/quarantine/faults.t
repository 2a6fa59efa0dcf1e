#!/usr/bin/perl
# What can be wrong around penstock-quarantined: odd files, a full or read-only disk, folders that
# are gone, a damaged or missing index. Nothing crashes, nothing is lost, each has its remedy.
use strict;
use warnings;
use FindBin;
use lib "$FindBin::Bin";
use File::Path qw(make_path remove_tree);
use Held;
use Socket;
use Test::More;

my ($code, $out, $err);
my $gw = held_start(sink => 0);
my $q = $gw->{q};
my $state = "$gw->{dir}/state";

sub check { my ($want, $name) = @_; ($code, $out, $err) = $gw->ctl('quarantine', 'check'); is($code, $want, $name) or diag $out, $err }
sub complaints { my ($about) = @_; return scalar grep { $_->{text} =~ /$about/ } $gw->log_records }

# --- what lies in incoming/ and is no message
my @good = put_mail($gw, count => 3);
$gw->kill_daemon('penstock-quarantined');
my $more = put_mail($gw);
my $text = Penstock::read_file("$q/incoming/$more.eml");
my %odd = (
    'readme.txt' => 'x', '01HZZZZZZZ0123456789ABCDEF.eml' => '', '01HZZZZZZZ0123456789ABCDEG.eml' => substr($text, 0, -10),
    '01HZZZZZZZ0123456789ABCDEH.eml' => $text, '01HZZZZZZZ0123456789ABCDEJ.eml' => "X-Penstock-Format: 1; offset=" . '9' x 10_000_000,
    '01HZZZZZZZ0123456789ABCDEK.eml' => $text =~ s/offset=0/offset=9/r, "new\nline" => 'x', 'x' x 255 => 'x',
);
Penstock::write_file("$q/tmp/odd", $odd{$_}) , rename("$q/tmp/odd", "$q/incoming/$_") for keys %odd;
mkdir "$q/incoming/01HZZZZZZZ0123456789ABCDEM.eml";
mkdir "$q/incoming/folder";
symlink '/etc/passwd', "$q/incoming/01HZZZZZZZ0123456789ABCDEN.eml";
symlink "$q/incoming/$more.eml", "$q/incoming/01HZZZZZZZ0123456789ABCDEP.eml";
POSIX::mkfifo("$q/incoming/01HZZZZZZZ0123456789ABCDEQ.eml", 0600);
socket my $sock, AF_UNIX, SOCK_STREAM, 0;
chdir "$q/incoming" and bind $sock, pack_sockaddr_un('01HZZZZZZZ0123456789ABCDER.eml');
chdir '/';
$gw->start_quarantined;
is_deeply([sort map { $_->{id} } $gw->held], [sort @good, $more], 'odd files in incoming/ keep no message from being taken in');
my @aside = grep { !m{/\.\.?$} } glob "$q/broken/*";
my @left = grep { !m{/\.\.?$} } glob "$q/incoming/*";
is(scalar(@aside) + scalar(@left), 14, 'all of them are set aside or left');
is_deeply([@left], [], '... set aside, indeed');
my $told = complaints(qr{/incoming/});
is($told, 14, 'each is told in the log');
$gw->held for 1 .. 3;
is(complaints(qr{/incoming/}), $told, '... once');
check(0, 'check is content');
is(scalar(() = $out =~ /^note: .*set aside/mg), 14, '... but names them');
ok(-f '/etc/passwd', 'a symbolic link is not followed');
remove_tree("$q/broken", { keep_root => 1 });

# one that cannot be moved away stays, and is told once
remove_tree("$q/broken");
Penstock::write_file("$q/tmp/$_", 'x'), rename "$q/tmp/$_", "$q/incoming/$_" for qw(stuck other);
$gw->held for 1 .. 3;
is(complaints(qr{stays there}), 2, 'without broken/: each is told once');
make_path("$q/broken");
$gw->held;
is(scalar(@left = glob "$q/incoming/*"), 0, 'and moved when it is back');
remove_tree("$q/broken", { keep_root => 1 });

# --- files against the index
my ($file) = grep { /$good[0]/ } files($gw, 'held');
rename $file, "$gw->{dir}/away" or die;
check(65, 'a file is gone: EX_DATAERR');
like($out, qr/^problem: message $good[0]: its file is not in order: .*not there$/m, '... named');
rename "$gw->{dir}/away", $file;
check(0, 'it is back');
$text = Penstock::read_file($file);
Penstock::write_file($file, $text =~ s/hello/jello/r);
check(65, 'a byte is changed');
like($out, qr/^problem: message $good[0]: .*damaged/m, '... told');
Penstock::write_file($file, $text =~ s/bob/bot/r);
check(65, 'a byte of the envelope');
Penstock::write_file($file, substr $text, 0, -1);
check(65, 'a byte less');
Penstock::write_file($file, $text);
my $lost = "$q/held/EF/01HZZZZZZZ0123456789ABCDEF.eml";
make_path("$q/held/EF");
Penstock::write_file($lost, $text);
check(65, 'a file that is not in the index');
like($out, qr/^problem: \Q$lost\E is not in the index$/m, '... named');
unlink $lost;
Penstock::write_file("$q/held/note", 'x');
check(65, 'a file that does not belong there');
unlink "$q/held/note";
check(0, 'all is well again');

# --- reindex puts right what can be
unlink $file;
my ($damaged) = grep { /$good[1]/ } files($gw, 'held');
Penstock::write_file($damaged, 'garbage');
($code, $out) = $gw->ctl('quarantine', 'reindex');
is($code, 65, 'reindex with a lost and a damaged message: EX_DATAERR');
like($out, qr/^problem: message $_ from <ann\@example.org> for <bob\@example.com> is lost/m, '... names it') for @good[0, 1];
like($out, qr/^problem: \Q$damaged\E is not a quarantined message; moved to /m, '... and what it moved');
check(0, '... and then check is content');
is_deeply([map { $_->{id} } $gw->held], [$good[2], $more], 'what is there is held');
remove_tree("$q/broken", { keep_root => 1 });

# --- the index
my @ids = map { $_->{id} } $gw->held;
$gw->kill_daemon('penstock-quarantined');
remove_tree("$state/quarantine.index");
$gw->start_quarantined;
is_deeply([map { $_->{id} } $gw->held], \@ids, 'index removed: built again at the start');
check(0, '... and check is content');

for my $how (qw(stopped running)) {
    $gw->kill_daemon('penstock-quarantined') if $how eq 'stopped';
    for my $f (glob "$state/quarantine.index/*") {
        open my $fh, '+<', $f or die;
        my $size = -s $f;
        print $fh join '', map { chr int rand 256 } 1 .. ($size < 100_000 ? $size : 100_000);
    }
    $gw->start_quarantined if $how eq 'stopped';
    my $new = put_mail($gw);
    if ($how eq 'running') { # its cache may do without the files
        kill 'KILL', $gw->pid('penstock-quarantined');
        $gw->kill_daemon('penstock-quarantined');
        $gw->start_quarantined;
    }
    ($code, undef, $err) = $gw->ctl('quarantine', 'list');
    is($code, 69, "garbage in the index while $how: list says EX_UNAVAILABLE");
    like($err, qr/damaged.*penstock quarantine reindex/, '... and the remedy');
    (undef, $out) = $gw->ctl('status');
    like($out, qr/error: .*penstock quarantine reindex/, '... as does penstock status');
    is(scalar(grep { /$new/ } files($gw, 'incoming'), files($gw, 'held')), 1, '... mail is still stored');
    ($code, $out) = $gw->ctl('quarantine', 'reindex');
    is($code, 0, 'reindex') or diag $out;
    push @ids, $new;
    is_deeply([map { $_->{id} } $gw->held], \@ids, '... and all is there');
    check(0, '... and check is content');
}

# --- the audit log
my $audit = "$state/quarantine.audit";
open my $fh, '>>', $audit or die;
print $fh "garbage\n{\"event\":\"released\",\"id\":\"../../x\"}\n[1,2]\n\xff\xfe\n", '{"x":"' . 'y' x 1_000_000, "\"}\n{\"time\":\"2024-02-29T23:5";
close $fh;
$gw->kill_daemon('penstock-quarantined');
$gw->start_quarantined;
my $tail = put_mail($gw);
push @ids, $tail;
is_deeply([map { $_->{id} } $gw->held], \@ids, 'garbage in the audit log does no harm');
($code, $out) = $gw->ctl('quarantine', 'reindex');
is($code, 0, '... nor to reindex') or diag $out;
like($out, qr/^note: 6 lines of the audit log are damaged/m, '... which says so');
is_deeply([map { $_->{id} } $gw->held], \@ids, '... and loses nothing');
$gw->kill_daemon('penstock-quarantined');
unlink $audit;
remove_tree("$state/quarantine.index");
$gw->start_quarantined;
is_deeply([map { $_->{id} } $gw->held], \@ids, 'without audit log and index: the files are enough');
is(scalar(grep { $_->{event} eq 'stored' && $_->{way} eq 'reindex' } audit($gw)), scalar @ids, '... and the new log has them');

# --- two at once
($code) = (system(Penstock::program('penstock-quarantined') . " -f -c '$gw->{dir}/etc/penstock.conf' 2>'$gw->{dir}/second'") >> 8);
is($code, 1, 'a second daemon does not start');
like(Penstock::read_file("$gw->{dir}/second"), qr/\d/, '... and says who has it');
is(scalar $gw->held, scalar @ids, '... the first goes on');

# --- folders that are gone
rename $q, "$q.away" or die;
is(scalar $gw->held, scalar @ids, 'folder gone: the list is as before');
check(65, '... but check says it');
($code, undef, $err) = $gw->ctl('quarantine', 'release', $ids[0]);
is($code, 69, '... and nothing can be released');
rename "$q.away", $q or die;
check(0, 'back again');
my $late = put_mail($gw);
ok(Penstock::wait_until(15, sub { !-e "$q/incoming/$late.eml" }), '... and watched again');
$gw->stop;

# --- disks
{
    my $small = Penstock->new(milter => 0, quarantined => 0);
    my $d = $small->{dir};
    $q = "$d/state/quarantine/1";
    make_path($q);
    system("mount -t tmpfs -o size=1m penstock-test '$q' 2>/dev/null") == 0 or die "no tmpfs: this needs root\n";
    my $unmount = "umount '$q' 2>/dev/null";
    eval {
        $gw = $small;
        $gw->{q} = $q;
        $gw->start_quarantined;
        my @kept = put_mail($gw, count => 5, data => "Subject: x\r\n\r\n" . 'y' x 50_000);
        $gw->held;
        open my $fill, '>', "$q/fill" or die;
        1 while syswrite $fill, 'z' x 4096;
        close $fill;
        is(put_mail($gw, may_fail => 1), undef, 'full: not stored');
        is(scalar(my @t = glob "$q/tmp/*"), 0, '... without a trace');
        is(scalar $gw->held, 5, '... the list is as before');
        check(0, '... and check is content');
        unlink "$q/fill";
        push @kept, put_mail($gw, count => 30, may_fail => 1, data => 'z' x 40_000);
        cmp_ok(scalar @kept, '<', 35, 'filled by messages');
        is_deeply([map { $_->{id} } $gw->held], \@kept, '... what was told to be stored is held');
        check(0, '... and check is content');
        ($code) = $gw->ctl('quarantine', 'delete', @kept[0 .. 9]);
        is($code, 0, 'deleting works on a full disk');
        ok(put_mail($gw, may_fail => 1), '... and makes room');
        system("mount -o remount,ro '$q'") == 0 or die 'remount';
        is(put_mail($gw, may_fail => 1), undef, 'read-only: not stored');
        is(scalar $gw->held, @kept - 9, '... listed as before');
        system("mount -o remount,rw '$q'") == 0 or die 'remount';
        check(0, '... and check is content');
        1;
    } or fail("died: $@");
    $gw->kill_daemon('penstock-quarantined');
    system $unmount;
    remove_tree("$d/state");

    # the disk of index and audit log
    make_path("$d/state");
    system("mount -t tmpfs -o size=3m penstock-test '$d/state'") == 0 or die 'mount';
    eval {
        $gw->{conf} = '';
        $gw->write_conf;
        my $conf = Penstock::read_file("$d/etc/penstock.conf");
        Penstock::write_file("$d/etc/penstock.conf", $conf =~ s/mailquarantine 1 \{ \}/mailquarantine 1 { directory = "$d\/held" }/r);
        $gw->{q} = "$d/held";
        $gw->start_quarantined;
        my @kept = put_mail($gw, count => 10);
        is(scalar $gw->held, 10, 'index on a small disk');
        open my $fill, '>', "$d/state/fill" or die;
        1 while syswrite $fill, 'z' x 4096;
        close $fill;
        push @kept, put_mail($gw, count => 100, reason => 'r' x 900);
        $gw->ctl('quarantine', 'list');
        # the last page of the audit log may have room for some
        my @done = grep { ($gw->ctl('quarantine', 'delete', $_))[0] == 0 } @kept[0 .. 9];
        cmp_ok(scalar @done, '<', 10, 'full: what cannot be noted is not deleted');
        my $left = 110 - @done;
        is(scalar(files($gw, 'held')) + files($gw, 'incoming'), $left, '... every other file is there');
        unlink "$d/state/fill";
        ok(Penstock::wait_until(30, sub { my ($c, $o) = $gw->ctl('quarantine', 'list'); $c == 0 && $left == (() = $o =~ /\n/g) }), 'room again: all are held');
        check(0, '... and check is content');
        my %n;
        $n{ $_->{id} }++ for grep { $_->{event} eq 'stored' } audit($gw);
        is(scalar(grep { $_ != 1 } values %n), 0, '... and in the audit log once');
        is(scalar keys %n, 110, '... all of them');
        1;
    } or fail("died: $@");
    $gw->kill_daemon('penstock-quarantined');
    system("umount '$d/state'");
    $gw->stop;
}
done_testing;
