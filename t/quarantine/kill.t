#!/usr/bin/perl
# penstock-quarantined is killed again and again while it takes in, deletes and rebuilds: every
# message is in the index and in the audit log exactly once, and nothing comes back.
use strict;
use warnings;
use FindBin;
use lib "$FindBin::Bin";
use Held;
use Test::More;
use Time::HiRes qw(sleep);

my $gw = held_start(sink => 0);
my ($code, $out);

my $kills = 0;
sub end { $gw->kill_daemon('penstock-quarantined', 'KILL'); $kills++ }
sub restart { end(); $gw->start_quarantined }

# Each id of @ids has one record and one line "stored" in the audit log; none else has.
sub exactly_once {
    my ($name, @ids) = @_;
    my (%index, %log);
    $index{ $_->{id} }++ for $gw->held('--state', 'all');
    $log{ $_->{id} }++ for grep { $_->{event} eq 'stored' } audit($gw, $kills);
    is(scalar(grep { ($index{$_} // 0) != 1 } @ids), 0, "$name: each is in the index");
    is(scalar keys %index, scalar @ids, '... and no other');
    is(scalar(grep { ($log{$_} // 0) != 1 } @ids), 0, '... and in the audit log once');
    ($code, $out) = $gw->ctl('quarantine', 'check');
    is($code, 0, '... and check is content') or diag $out;
}

# 500 files wait; the daemon is killed at different moments of taking them in.
my @ids;
for my $round (1 .. 5) {
    end();
    push @ids, put_mail($gw, count => 500, to => "user%d\@example.com");
    for my $delay (0.002, 0.01, 0.02, 0.03) {
        my $pid = $gw->spawn('penstock-quarantined', Penstock::program('penstock-quarantined'), '-f', '-c', "$gw->{dir}/etc/penstock.conf");
        sleep $delay * $round;
        end();
    }
    $gw->start_quarantined;
}
exactly_once('killed while taking in', @ids);
is(scalar $gw->held('--recipient', 'user7@example.com'), 5, 'found by recipient');

# killed while a client deletes, one by one
my %told;
for my $round (1 .. 4) {
    my @some = splice @ids, 0, 50;
    pipe my $r, my $w;
    my $pid = fork // die;
    if (!$pid) {
        close $r;
        $w->autoflush(1);
        for (@some) {
            ($code) = $gw->ctl('quarantine', 'delete', $_);
            syswrite $w, "$_\n" if $code == 0;
        }
        POSIX::_exit(0);
    }
    close $w;
    sleep 0.1 + 0.07 * $round;
    restart();
    waitpid $pid, 0;
    while (<$r>) { chomp; $told{$_} = 1 }
    push @ids, @some;
}
my %state = map { $_->{id} => $_->{state} } $gw->held('--state', 'all');
cmp_ok(scalar keys %told, '>', 5, 'some were deleted before');
is(scalar(grep { $state{$_} ne 'deleted' } keys %told), 0, 'what was told to be deleted is deleted');
exactly_once('killed while deleting', @ids);
my %deleted;
$deleted{ $_->{id} }++ for grep { $_->{event} eq 'deleted' } audit($gw, $kills);
is(scalar(grep { $_ != 1 } values %deleted), 0, 'no deletion is logged twice');
is_deeply([sort keys %deleted], [sort grep { $state{$_} eq 'deleted' } keys %state], 'the index is as the audit log says');

# killed while it builds the index again
for my $delay (0.01, 0.05, 0.1, 0.2) {
    my $pid = fork // die;
    if (!$pid) { $gw->ctl('quarantine', 'reindex'); POSIX::_exit(0) }
    sleep $delay;
    restart();
    waitpid $pid, 0;
}
exactly_once('killed while building the index again', @ids);
($code) = $gw->ctl('quarantine', 'reindex');
is($code, 0, 'built again to the end');
exactly_once('built again', @ids);
my %after = map { $_->{id} => $_->{state} } $gw->held('--state', 'all');
is_deeply(\%after, \%state, '... with the states of before');
is_deeply([grep { !/^(?:quarantine(?:\.audit|\.index|\.lock)?|revision)$/ } map { s/.*\///r } glob "$gw->{dir}/state/*"], [], 'nothing is left lying about');
$gw->stop;
done_testing;
