#!/usr/bin/perl
# Scripts that never end, eat all memory or cannot be compiled, in a running gateway: mail that
# meets one gets the flow's fallback and a record that names the limit; all other mail goes on
# meanwhile as if nothing were.
use strict;
use warnings;
use Penstock;
use Test::More;
use Time::HiRes qw(time);

# local part => [what its script does, what the log says]
my %attacks = (
    endless => ['while (true) {}', qr/limit: instruction budget \(20000000\) exceeded/],
    growing => ['$a = []; forever { $a = [$a, $a, "x" * 1000]; }', qr/limit: memory \(67108864 bytes\) exceeded/],
    regex => ['echo "a" * 40 . "b" =~ "^(a+)+$";', qr/regular expression: match limit exceeded/],
    lookahead => ['echo "a" * 9000 =~ "(?:(?=[a-z]*[0-9])|a)*[0-9]";', qr/limit: time \(5 s\) exceeded/],
    regexes => ['forever { try { echo "a" * 40 . "b" =~ "^(a+)+$"; } catch ($e) {} }', qr/limit: time \(5 s\) exceeded/],
    doubled => ['$s = "x"; for ($i = 0; $i < 40; $i++) $s .= $s;', qr/limit: string length \(16777216\) exceeded/],
    recursion => ['function r() { return r(); } r();', qr/limit: call depth \(200\) exceeded/],
    shared => ['$a = []; forever { $a = [$a, $a]; }', qr/limit: (?:memory|instruction budget) /],
    copies => ['$a = range(1, 500000); forever { $b = $a; $b[0] = 1; }', qr/limit: (?:time|instruction budget) /],
);
my $functions = join '', map { "function at_$_() { $attacks{$_}[0] }\n" =~ s/function r\(\) \{ return r\(\); \} r\(\);/at_recursion();/r } sort keys %attacks;
my $calls = join '', map { "if (\$recipientlocalpart == \"$_\") at_$_();\n" } sort keys %attacks;
my $good = "${functions}${calls}Deliver();\n";

my $gw = Penstock->new(mail => $good, recipient => "Accept();\n", conf => "max_time_data = 5\n");
$gw->start;

# Seconds that a message to [$who] takes; undef if it is not taken.
sub deliver {
    my ($who) = @_;
    my $start = time;
    my $r = $gw->send(from => 'a@example.org', to => ["$who\@example.com"], data => "Subject: $who\n\nx\n");
    return ($r->{final} // '') =~ /^250 / ? time - $start : undef;
}

sub slowest { my ($worst) = sort { $b <=> $a } map { $_ // 1e9 } @_; return $worst }

my $alone = slowest(map { deliver('other') } 1 .. 20);
my %pid;
for my $who (sort keys %attacks) {
    $pid{$who} = fork // die "fork: $!";
    next if $pid{$who};
    $SIG{TERM} = 'DEFAULT';
    my $seconds = deliver($who);
    POSIX::_exit(!defined $seconds ? 1 : $seconds > 60 ? 2 : 0);
}
my (@during, %end);
while (keys %end < keys %pid) {
    push @during, deliver('other');
    for my $who (grep { !exists $end{$_} } keys %pid) {
        $end{$who} = $? if waitpid($pid{$who}, POSIX::WNOHANG) == $pid{$who};
    }
}
my $worst = slowest(@during);
cmp_ok(scalar @during, '>', 20, 'mail flows while scripts are at their worst');
# Nine scripts at work share the processors with everything else: a second each is far more than
# a message takes, and far less than one that waits for a script.
cmp_ok($worst, '<', $alone + 3, 'no message waits for another one\'s script')
    or diag("alone $alone s, meanwhile $worst s, " . @during . ' messages');
my @said = map { $_->{text} // '' } grep { ($_->{level} // '') eq 'err' } $gw->log_records;
for my $who (sort keys %attacks) {
    is($end{$who}, 0, "$who: the fallback, within a minute");
    my ($line) = grep { $_ =~ $attacks{$who}[1] } @said;
    ok($line && $line =~ /falling back to Deliver\(\)/, '... and a record that names the limit') or diag(join "\n", @said);
}
ok($gw->wait_mail(20 + @during + keys %attacks, 60), 'every message arrived');
is($gw->mail_count, 20 + @during + keys %attacks, '... once');
cmp_ok($gw->memory('penstock-milter'), '<', Penstock::sanitized() ? 1_600_000 : 400_000, 'the memory that scripts took is bounded') or diag($gw->memory('penstock-milter'));

# what cannot be compiled: the running revision stays
my $refused = sub { scalar grep { ($_->{text} // '') =~ $_[0] } $gw->log_records };
for my $case (['(' x 10000 . '1' . ')' x 10000, qr/limit: .*nest/], ['"' . 'x' x 5_000_000 . '"', qr/limit: source \(4194304 bytes\) exceeded/]) {
    my ($text, $why) = @$case;
    $gw->{mail} = "\$x = $text;\nReject();\n";
    $gw->write_conf;
    my $start = time;
    kill 'HUP', $gw->pid('penstock-milter');
    ok(defined deliver('other'), 'mail flows while a hopeless script is read');
    ok(Penstock::wait_until(20, sub { $refused->($why) }), "it is refused: $why") or diag((map { $_->{text} // '' } $gw->log_records)[-3 .. -1]);
    cmp_ok(time - $start, '<', 10, '... soon');
    ok(defined deliver('other'), '... and the running one stays');
}
$gw->stop;
done_testing;
