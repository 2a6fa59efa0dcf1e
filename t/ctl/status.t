#!/usr/bin/perl
# status.t - penstock status and reload against daemons that answer, refuse, hang up or are not there.
use strict;
use warnings;
use File::Temp qw(tempdir);
use IO::Socket::UNIX;
use JSON::PP;
use POSIX ();
use Penstock;
use Test::More;

my $dir = tempdir('penstock-XXXXXX', TMPDIR => 1, CLEANUP => 1);
my $conf = "$dir/penstock.conf";
my $program = Penstock::program('penstock');
Penstock::write_file($conf, "run_directory = \"$dir\"\nflow_directory = \"$dir\"\ndata_directory = \"$dir\"\n");

sub ctl { return Penstock::call($program, '-c', $conf, @_) }

my %daemon;

# A daemon whose answers are texts by request name; every request goes to the file NAME.seen.
sub start_daemon {
    my ($name, %answer) = @_;
    stop_daemon($name);
    unlink "$dir/$name.ctl";
    my $server = IO::Socket::UNIX->new(Listen => 5, Local => "$dir/$name.ctl") or die "listen: $!";
    my $pid = fork // die "fork: $!";
    if (!$pid) {
        while (my $client = $server->accept) {
            local $/ = "\n\n";
            my $request = <$client> // next;
            open my $seen, '>>', "$dir/$name.seen";
            print $seen $request;
            close $seen;
            my ($what) = $request =~ /^request=(\w+)$/m;
            print $client $answer{ $what // '' } // "status=error\ntext=unknown request\n\n";
            close $client;
        }
        POSIX::_exit(0);
    }
    $daemon{$name} = $pid;
}

sub stop_daemon {
    my ($name) = @_;
    my $pid = delete $daemon{$name} or return;
    kill 'KILL', $pid;
    waitpid $pid, 0;
}
my $owner = $$;
END {
    local $?;
    if ($$ == $owner) { stop_daemon($_) for keys %daemon }
}

my ($code, $out, $err) = ctl('status');
is($code, 69, 'no daemon runs: EX_UNAVAILABLE');
like($out, qr/^milter:\n  down: .*systemctl status penstock-milter$/m, '... the milter is down, with a remedy');
like($out, qr/^quarantined:\n  down: /m, '... and quarantined');

start_daemon('milter', status => "uptime=5\nreload_error=mail.hsl:1:1: unknown function x%0Ay\n\nstatus=ok\n\n", reload => "status=ok\n\n");
($code, $out) = ctl('status');
is($code, 69, 'one daemon is down: EX_UNAVAILABLE');
like($out, qr/^milter:\n  uptime: 5\n  reload_error: mail\.hsl:1:1: unknown function x\\x0Ay\n/m, '... the other one shows its fields, escaped');

start_daemon('quarantined', status => "held=3\n\nstatus=ok\n\n", reload => "status=error\ntext=index is busy\n\n");
($code, $out) = ctl('status');
is($code, 0, 'both run: 0');
like($out, qr/^quarantined:\n  held: 3\n/m, '... with the fields of both');
($code, $out) = ctl('--json', 'status');
my @json = map { decode_json($_) } split /\n/, $out;
is_deeply($json[1], { daemon => 'quarantined', up => JSON::PP::true, held => '3' }, '--json: one object a daemon');

($code, $out, $err) = ctl('reload');
is($code, 69, 'reload refused by one: EX_UNAVAILABLE');
like($out, qr/^milter: reloaded$/m, '... the other one did');
like($err, qr/quarantined: not reloaded: index is busy/, '... the reason is shown');

unlink "$dir/milter.seen";
Penstock::write_file($conf, "run_directory = \"$dir\"\nmax_call_dept = 5\n");
($code, undef, $err) = ctl('reload');
is($code, 78, 'reload of a broken configuration: EX_CONFIG');
like($err, qr/penstock\.conf:2:1: unknown parameter "max_call_dept".*max_call_depth/, '... named');
ok(!-e "$dir/milter.seen", '... and no daemon is asked');
($code, $out, $err) = ctl('status');
is($code, 0, 'status while a faulty configuration is being mended: 0');
like($err, qr/max_call_dept/, '... which is told');
Penstock::write_file($conf, "run_directory = \"$dir\"\nflow_directory = \"$dir\"\ndata_directory = \"$dir\"\n");

start_daemon('milter', status => "uptime=5\n");
($code, $out) = ctl('status');
is($code, 69, 'a daemon that hangs up in its answer: EX_UNAVAILABLE');
like($out, qr/milter:\n.*down: /s, '... is down');
start_daemon('milter', status => "nonsense\n\n");
($code, $out) = ctl('status');
is($code, 69, 'a daemon that answers nonsense: EX_UNAVAILABLE');

done_testing;
