#!/usr/bin/perl
# What can be wrong around penstock-policyd: a full disk, damaged files, no configuration for it, a
# second one. It goes on serving from memory, and writes all when it can.
use strict;
use warnings;
use FindBin;
use lib "$FindBin::Bin";
use State;
use Test::More;

# --- the start
my $gw = state_start(start => 0);
sub run_policyd { my $text = qx('@{[Penstock::program('penstock-policyd')]}' -f -c '$gw->{dir}/etc/penstock.conf' 2>&1); return ($? >> 8, $text) }
my $conf = $gw->{conf};
for (['' => 78, qr/the parameter state_socket is empty: set it, for example to unix:/], ["state_socket = \"inet:127.0.0.1:99\"\n" => 78, qr/is no UNIX socket; write unix:PATH/],
    ["state_socket = \"unix:$gw->{dir}/gone/state\"\n" => 1, qr/gone.state/]) {
    $gw->{conf} = $_->[0];
    $gw->write_conf;
    my ($code, $text) = run_policyd();
    is($code, $_->[1], 'does not start');
    like($text, $_->[2], '... and says why');
}
$gw->{conf} = $conf;
$gw->write_conf;
$gw->start_policyd;
my ($code, $text) = run_policyd();
is($code, 1, 'a second one does not start');
like($text, qr/it runs already/, '... and says why');
my $c = state_connect($gw);
is(rate($c, 'n', 'e', 9), 1, 'the first goes on');
$gw->kill_daemon('penstock-policyd');

# --- damaged files are set aside
$gw->let_libdb_leak;
for my $damage ('garbage', 'short', 'page') {
    my $file = "$gw->{dir}/state/state/state.db";
    my $bytes = Penstock::read_file($file);
    unlink glob "$gw->{dir}/state/state/log.*" if $damage ne 'garbage';
    Penstock::write_file($file, $damage eq 'garbage' ? 'x' x 20000 : $damage eq 'short' ? substr($bytes, 0, 1000) : substr($bytes, 0, 4200) . ('y' x 3000) . substr($bytes, 7200));
    ok($gw->start_policyd, "starts in spite of damage: $damage");
    $c = state_connect($gw);
    is(rate($c, 'n', "after $damage", 9), 1, 'and counts');
    ok(-d "$gw->{dir}/state/state/damaged-1", 'what was damaged is kept');
    like(join("\n", map { $_->{text} } $gw->log_records), qr/is set aside and shared state begins anew/, 'the log says so');
    is($gw->kill_daemon('penstock-policyd'), 0, 'ends well');
    $gw->start_policyd;
    $c = state_connect($gw);
    is(rate($c, 'n', "after $damage", 0), 1, 'and is kept again');
    $gw->kill_daemon('penstock-policyd');
    system 'rm', '-rf', glob "$gw->{dir}/state/state/damaged-*";
    unlink "$gw->{dir}/log/penstock.json";
}

# --- a folder that cannot be opened any more
# What had to go from the store was remembered until the file could be told of it: memory grew
# without end, and of what was new nothing but the newest key was kept.
{
    my $small = state_start(conf => "store_memory = 1M\n");
    my $folder = "$small->{dir}/state/state";
    my $trouble = sub { (($small->ctl('status'))[1] =~ /^  trouble: (.*)$/m)[0] };
    my $flood = sub { ask($c, 'change', key => $_[0] . $_, when => 'always', version => 0, value => $_[2] // 'v') for 1 .. $_[1] };
    $c = state_connect($small);
    rename $folder, "$folder.away" or die "$folder: $!";
    Penstock::write_file($folder, '');
    my $end = time + 30;
    $flood->('big', 50, 'x' x 30000) while !$trouble->() && time < $end;
    like($trouble->() // '', qr/Not a directory/, 'no folder: penstock status tells');
    $flood->('k' x 800, 1000);
    sleep 6;
    $flood->('new', 20);
    is(ask($c, 'get', key => 'new5')->{value}, 'v', '... and what is new is kept');
    unlink $folder;
    rename "$folder.away", $folder;
    ok(Penstock::wait_until(20, sub { !$trouble->() && ($small->ctl('status'))[1] =~ /^policyd:\n  uptime: /m }), 'the folder is back: it writes');
    $small->kill_daemon('penstock-policyd');
    $small->start_policyd;
    $c = state_connect($small);
    is(ask($c, 'get', key => 'new5')->{value}, 'v', '... all that there is');
    is($small->kill_daemon('penstock-policyd'), 0, 'ends well');
    unlike($small->errors('penstock-policyd'), qr/Sanitizer|runtime error/, 'nothing is reported');
}

# --- a full disk
{
    my $state = "$gw->{dir}/state/state";
    system("mount -t tmpfs -o size=16m penstock-test '$state' 2>/dev/null") == 0 or die "no tmpfs: this needs root\n";
    my $trouble = sub { (($gw->ctl('status'))[1] =~ /^  trouble: (.*)$/m)[0] };
    $gw->start_policyd;
    $c = state_connect($gw);
    is(rate($c, 'n', 'before', 9), 1, 'before');
    sleep 1;
    open my $fill, '>', "$state/fill";
    1 while syswrite $fill, 'x' x 4096;
    1 while syswrite $fill, 'x';
    my $i = 0;
    my $end = time + 20;
    while (!$trouble->() && time < $end) { ask($c, 'change', key => 'big' . $i++, when => 'always', version => 0, value => 'x' x 60000) for 1 .. 5 }
    like($trouble->() // '', qr/No space left|cannot write|cannot open/, 'full: penstock status tells');
    is(rate($c, 'n', 'full', 9), 1, 'full: goes on counting');
    is(rate($c, 'n', 'before', 0), 1, '... and knows what was before');
    ask($c, 'change', key => "big$_", when => 'always', version => 0) for 0 .. $i;
    close $fill;
    unlink "$state/fill";
    ok(Penstock::wait_until(20, sub { !$trouble->() && ($gw->ctl('status'))[1] =~ /^policyd:\n  uptime: /m }), 'room again: it writes');
    $gw->kill_daemon('penstock-policyd', 'KILL');
    ok($gw->start_policyd, 'starts again');
    $c = state_connect($gw);
    is(rate($c, 'n', 'full', 0) . rate($c, 'n', 'before', 0), '11', 'nothing is lost');
    is(ask($c, 'get', key => 'big0')->{value}, undef, 'what was removed is not there');
    is($gw->kill_daemon('penstock-policyd'), 0, 'ends well');
    system 'umount', $state;
}
unlike($gw->errors('penstock-policyd'), qr/Sanitizer|runtime error/, 'nothing is reported');
done_testing;
