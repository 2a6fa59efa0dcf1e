#!/usr/bin/perl
# A full disk, a missing folder, a quarantine daemon that is down: nothing is accepted that cannot
# be kept, and what was kept is found again.
use strict;
use warnings;
use Penstock;
use Test::More;

my $gw = Penstock->new(mail => "if (\$recipientlocalpart == \"hold\") Quarantine(\"mailquarantine:1\");\nDeliver();\n", recipient => "Accept();\n");
my $q = "$gw->{dir}/state/quarantine/1";
File::Path::make_path($q);
system('mount', '-t', 'tmpfs', '-o', 'size=1m', 'penstock-test', $q) == 0 or BAIL_OUT('cannot mount a small tmpfs: these tests need root');
END { system("umount '$q' 2>/dev/null") if $q }
$gw->start;

my $small = "Subject: small\n\nx\n";
my $large = "Subject: large\n\n" . ('y' x 70 . "\n") x 20000;

sub answer { my ($data, @to) = @_; my $r = $gw->send(from => 'a@b.org', to => [map { "$_\@example.com" } @to], data => $data); return $r->{final} // $r->{rcpt}[0] }

like(answer($small, 'hold'), qr/^250 /, 'there is room: held');
like(answer($large, 'hold'), qr/^452 4\.3\.1 /, 'no room for a large one: 452 4.3.1');
is(scalar $gw->held, 1, '... and no half of it is held');
my @left = glob("$q/tmp/*");
is(scalar @left, 0, '... or left on the disk');
like(answer($small, 'other'), qr/^(250|452) /, 'mail that is not held goes on or waits');
like(answer($large, 'hold', 'other'), qr/^452 4\.3\.1 /, 'a message for two of which one is to be held: 452 for both');
$gw->wait_queue_empty;
ok(!(grep { $_->{data} =~ /Subject: large/ } $gw->mail), '... and nobody got it');

# filled to the brim: new recipients get it too, until it works again
open my $fill, '>', "$q/fill" or die;
1 while syswrite $fill, 'z' x 4096;
close $fill;
answer($small, 'hold');
my $r = $gw->send(from => 'a@b.org', to => ['hold@example.com'], data => $small);
like($r->{rcpt}[0], qr/^452 4\.3\.1 /, 'full: recipients are told at RCPT TO');
unlink "$q/fill";
ok(Penstock::wait_until(10, sub { (answer($small, 'hold') // '') =~ /^250 / }), 'room again: accepted again, at once');

# quarantined down while mail is being stored
$gw->kill_daemon('penstock-quarantined', 'KILL');
my $before = 2;
like(answer($small, 'hold'), qr/^250 /, 'quarantined is down: storing works') for 1 .. 3;
my ($code, undef, $err) = $gw->ctl('quarantine', 'list');
is($code, 69, 'list says EX_UNAVAILABLE');
like($err, qr/penstock-quarantined/, '... and which daemon to start');
$gw->start_quarantined;
is(scalar $gw->held, $before + 3, 'the index catches up when it is back');
($code) = $gw->ctl('quarantine', 'check');
is($code, 0, '... and check is content');

$gw->stop_postfix;
$gw->kill_daemon($_) for qw(penstock-milter penstock-quarantined);
system('umount', $q);
undef $q;
$gw->stop;
done_testing;
