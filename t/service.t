#!/usr/bin/perl
# service.t - what all daemons do (lib/ut_service.c): options and exit codes, the log as the user that
# the daemon becomes, rotation, reloads that are refused. penstock-policyd stands for the others where
# one is enough.
use strict;
use warnings;
use File::Temp qw(tempdir);
use Penstock;
use Test::More;

my @daemons = qw(penstock-milter penstock-quarantined penstock-policyd);
my $dir = tempdir('penstock-XXXXXX', TMPDIR => 1, CLEANUP => 1);
my $user = 'nobody';
my ($uid, $gid) = (getpwnam $user)[2, 3];
chmod 0755, $dir;

sub write_conf {
    my ($more) = @_;
    Penstock::write_file("$dir/penstock.conf", <<"E");
user = "$user"
state_directory = "$dir/state"
run_directory = "$dir/run"
flow_directory = "$dir"
data_directory = "$dir"
log = "$dir/log/penstock.json"
milter_listen = "unix:$dir/run/milter"
milter_socket_group = ""
state_socket = "unix:$dir/run/policyd"
$more
E
}

# --- options and exit codes
my ($version) = Penstock::read_file(Penstock::build_dir() . '/Makefile') =~ /^PACKAGE_VERSION = (.*)/m;
for my $name (@daemons, 'penstock', 'hsl') {
    for my $option (qw(-V --version)) {
        is_deeply([Penstock::call(Penstock::program($name), $option)], [0, "$name $version\n", ''], "$name $option");
    }
}
write_conf('nonsense = 1');
for my $name (@daemons) {
    my ($code, $out, $err) = Penstock::call(Penstock::program($name), '-x');
    is($code, 64, "$name with a wrong option: EX_USAGE");
    is($err, "usage: $name [-fVv] [-c FILE]\n", '... and the usage');
    ($code, $out, $err) = Penstock::call(Penstock::program($name), '-f', '-c', "$dir/penstock.conf");
    is($code, 78, "$name with a wrong configuration: EX_CONFIG");
    like($err, qr/^$name: \Q$dir\E\/penstock.conf:\d+:\d+: unknown parameter "nonsense"/, '... and what is wrong');
}

# --- the log belongs to the user, and is opened again
my $log = "$dir/log/penstock.json";
my $control = "$dir/run/policyd.ctl";
my $daemon;

sub start {
    $daemon = fork // die "fork: $!";
    if (!$daemon) {
        open STDERR, '>', "$dir/err";
        exec Penstock::program('penstock-policyd'), '-f', '-c', "$dir/penstock.conf" or exit 127;
    }
    return Penstock::wait_until(20, sub { -S $control });
}

# True when the log has [$want].
sub says {
    my ($want) = @_;
    return Penstock::wait_until(20, sub { (Penstock::read_file($log) // '') =~ $want });
}

sub stop {
    kill 'TERM', $daemon;
    waitpid $daemon, 0;
    return $?;
}

write_conf('');
ok(start(), 'a daemon that becomes another user') or diag Penstock::read_file("$dir/err");
is_deeply([(stat $log)[4, 5]], [$uid, $gid], 'the log is his');
is((stat "$dir/log")[4], $uid, '... and so is its folder');
rename $log, "$log.1" or die "$log: $!";
kill 'HUP', $daemon;
ok(says(qr/"configuration loaded"/), 'a reload opens it again after a rotation');
is((stat $log)[4], $uid, '... as that user');
unlike(Penstock::read_file($log), qr/could not be opened/, '... without trouble');

# A refused configuration is no reason to go on with a file that was moved away.
write_conf('nonsense = 1');
rename $log, "$log.2" or die "$log: $!";
kill 'HUP', $daemon;
ok(says(qr/going on with the one before/), 'a refused reload opens it again too');

write_conf('');
my ($code, $out) = Penstock::call(Penstock::program('penstock'), '-c', "$dir/penstock.conf", 'reload');
like($out, qr/^policyd: reloaded$/m, 'the request reload does the same');
is(stop(), 0, 'SIGTERM: exit 0');
ok(!-e $control && !-e "$dir/run/policyd.pid", 'socket and pid file are gone');

# A log file of root, which the user cannot open again.
chown 0, 0, $log, "$dir/log";
ok(start(), 'a log that belongs to root');
kill 'HUP', $daemon;
ok(says(qr/could not be opened again.*Permission denied/), '... cannot be opened again, and that is logged');
is(stop(), 0, 'it goes on nevertheless');
done_testing;
