#!/usr/bin/perl
# Messages a second through a private Postfix: without a milter, with a libmilter program that only
# continues (answering each step, and with SMFIP_NR_*), and with Penstock and a real flow. One
# gateway for each, all up at once, measured in turn; medians and ratios are printed. The steps of
# the libmilter programs are those that Penstock asked for.
#
#   milter.pl [--rounds N] [--messages N] [--spool FOLDER] [--tcp]
use strict;
use warnings;
use Getopt::Long;
use Penstock;
use Time::HiRes qw(time);

my ($rounds, $messages, $spool, $tcp) = (7, 1000, '', 0);
GetOptions('rounds=i' => \$rounds, 'messages=i' => \$messages, 'spool=s' => \$spool, tcp => \$tcp) or exit 64;

my $flow = <<'HSL';
$from = GetHeader("From");
$subject = GetHeader("Subject");
$to = GetHeader("To");
$list = GetHeader("List-Id");
$mailer = GetHeader("X-Mailer");
$score = 0;
if ($subject =~ #/viagra|lottery|winner/i) $score += 3;
if ($subject =~ #/^\s*re\s*:/i) $score -= 1;
if ($subject =~ #/[A-Z]{12,}/) $score += 1;
if ($from =~ #/[0-9]{6,}@/) $score += 1;
if ($from =~ #/@(.*\.)?example\.(com|org)>?$/i) $score -= 1;
if ($to =~ #/undisclosed/i) $score += 1;
if ($list =~ #/<([^>]+)>/) $score -= 1;
if ($mailer =~ #/bat|outlook express/i) $score += 1;
if ($sender =~ #/^(bounce|noreply)[-+]/i) $score += 1;
if ($senderhelo =~ #/^\[?\d+\.\d+\.\d+\.\d+\]?$/) $score += 1;
if (rate("sender", $sender, 1000000, 60) == false) Defer("too many");
AddHeader("X-Score", $score);
Deliver();
HSL

my $build = Penstock::build_dir();
my %base = (main => { default_transport => 'discard:', relay_transport => 'discard:', smtpd_client_connection_rate_limit => 0 }, sink => 0);
my $n = 0;
my @ramfs = $spool ? (spool => sub { "$spool/spool" . $n++ }) : ();

sub gateway {
    my (%o) = @_;
    my %where = @ramfs ? (spool => $ramfs[1]->()) : ();
    return Penstock->new(%base, %where, %o);
}

my @spec = $tcp ? (milter_spec => 'inet') : ();
my %gw = (none => gateway(milter => 0), penstock => gateway(mail => $flow, @spec));
$gw{$_}->start for qw(none penstock);
my (undef, $status) = $gw{penstock}->ctl('status');
my ($steps) = $status =~ /^\s*steps:?\s+(\S+)/m or die "penstock status names no steps:\n$status";
for my $kind (['answering', ()], ['quiet', '-n']) {
    my ($name, @opt) = @$kind;
    my $g = gateway();
    my $socket = $tcp ? 'inet:' . Penstock::free_port() . '@127.0.0.1' : "unix:$g->{dir}/run/noop";
    umask 0;
    $g->spawn('noop', "$build/contrib/bench/noop", @opt, '-s', $steps, $socket);
    umask 022;
    select undef, undef, undef, 0.5;
    $g->{milter_use} = $tcp ? $socket =~ s/inet:(\d+)\@(.*)/inet:$2:$1/r : $socket;
    $g->start;
    $gw{$name} = $g;
}

sub measure {
    my ($g) = @_;
    my $start = time;
    system('smtp-source', '-s', 4, '-m', $messages, '-l', 4096, '-f', 'bench@example.org', '-t', 'user@example.com', "127.0.0.1:$g->{port}") == 0
        or die "smtp-source failed\n";
    my $rate = $messages / (time - $start);
    $g->wait_queue_empty(120);
    return $rate;
}

my %rate;
my @names = qw(none answering quiet penstock);
for my $round (0 .. $rounds) {
    for my $name (@names) {
        my $r = measure($gw{$name});
        push @{ $rate{$name} }, $r if $round;    # round 0 warms up
    }
}
sub median { my @s = sort { $a <=> $b } @_; return @s % 2 ? $s[$#s / 2] : ($s[@s / 2 - 1] + $s[@s / 2]) / 2 }
my %m = map { $_ => median(@{ $rate{$_} }) } @names;
printf "steps: %s; spool: %s; socket: %s; %d rounds of %d messages of 4 KiB, 4 sessions\n", $steps, $spool || 'disk', $tcp ? 'TCP' : 'UNIX', $rounds, $messages;
my %text = (none => 'no milter', answering => 'libmilter no-op, replies', quiet => 'libmilter no-op, SMFIP_NR_*', penstock => 'Penstock, real flow');
printf "%-30s %8.0f messages/s   %.2f of the better no-op   [%s]\n", $text{$_}, $m{$_}, $m{$_} / ($m{quiet} > $m{answering} ? $m{quiet} : $m{answering}), join ' ', map { sprintf '%.0f', $_ } @{ $rate{$_} } for @names;
$_->stop for values %gw;
