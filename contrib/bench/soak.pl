#!/usr/bin/perl
# Many messages through one milter process: resident memory and open descriptors, sampled.
# Exit status 1 if memory grew by more than 5 % after the first tenth, or descriptors grew.
#
#   soak.pl [--messages N] [--spool FOLDER]
use strict;
use warnings;
use Getopt::Long;
use Penstock;

my ($messages, $spool) = (100_000, undef);
GetOptions('messages=i' => \$messages, 'spool=s' => \$spool) or exit 64;
my $gw = Penstock->new(
    access => "Allow();\n", recipient => "Accept();\n", sink => 0, $spool ? (spool => "$spool/soak") : (),
    main => { default_transport => 'discard:', relay_transport => 'discard:' },
    mail => "if (GetHeader(\"Subject\") =~ #/lottery/i) Reject(\"no\");\nif (rate(\"s\", \$sender . random_number(1, 100000), 10, 5) == false) Defer();\nAddHeader(\"X-N\", count(GetHeaders(true)));\nDeliver();\n",
);
$gw->start;
my ($part, @rss, @fds) = (int($messages / 20));
for my $i (1 .. 20) {
    system('smtp-source', '-s', 4, '-m', $part, '-l', 2048, '-f', 'soak@example.org', '-t', 'user@example.com', "127.0.0.1:$gw->{port}") == 0
        or die "smtp-source failed\n";
    $gw->wait_queue_empty(300);
    push @rss, $gw->memory('penstock-milter');
    push @fds, $gw->descriptors('penstock-milter');
    printf "%7d messages: %d KiB resident, %d descriptors\n", $i * $part, $rss[-1], $fds[-1];
}
$gw->stop;
my $grew = $rss[-1] / $rss[1] - 1;
printf "memory after the first tenth: %+.1f %%; descriptors: %+d\n", 100 * $grew, $fds[-1] - $fds[1];
exit($grew > 0.05 || $fds[-1] > $fds[1] + 4 ? 1 : 0);
