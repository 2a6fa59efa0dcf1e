#!/usr/bin/perl
# install.t - `make install` puts everything there that README names, the installed programs work with
# the installed examples, README's lines are what Postfix understands, and `make uninstall` takes all
# away again. Everything happens below a folder of the test (DESTDIR).
use strict;
use warnings;
use File::Copy qw(copy);
use File::Find;
use File::Temp qw(tempdir);
use Penstock;
use Test::More;

my $top = $ENV{PENSTOCK_SRCDIR} // '.';
my $build = Penstock::build_dir();
my $readme = Penstock::read_file("$top/README");
my $root = tempdir('penstock-XXXXXX', TMPDIR => 1, CLEANUP => 1);
chmod 0755, $root;
delete @ENV{qw(MAKEFLAGS MFLAGS MAKELEVEL)};    # of the make that runs the tests
my @folders = ("DESTDIR=$root", 'prefix=/usr', 'sysconfdir=/etc', 'localstatedir=/var', 'runstatedir=/run',
    'systemdsystemunitdir=/lib/systemd/system');

sub files {
    my @files;
    find(sub { push @files, $File::Find::name =~ s/^\Q$root\E//r if !-d }, $root);
    return sort @files;
}

# --- install
my ($code, $out, $err) = Penstock::call('make', '-s', '-C', $build, 'install', @folders);
is($code, 0, 'make install') or diag $out, $err;

# --- what README names
my @programs = qw(/usr/bin/penstock /usr/bin/hsl /usr/sbin/penstock-milter /usr/sbin/penstock-quarantined /usr/sbin/penstock-policyd);
my ($tree) = $readme =~ m{^WHERE THINGS ARE$(.*?)^READ ON$}ms;
for my $program (@programs) {
    my ($name) = $program =~ m{([^/]+)$};
    like($tree, qr/\b\Q$name\E\b/, "README names $name");
    my ($code, $out) = Penstock::call("$root$program", '--version');
    is_deeply([$code, $out =~ /^\Q$name\E \d/], [0, 1], "... and $program runs");
}
my %page = map { $_ => 1 } $readme =~ /\b((?:penstock|hsl)[\w.-]*\(\d\))/g;
cmp_ok(scalar keys %page, '>=', 7, 'README names manual pages');
for my $page (sort keys %page) {
    my ($name, $section) = $page =~ /(.*)\((\d)\)/;
    ok(-s "$root/usr/share/man/man$section/$name.$section", "$page is installed");
}
my @units = map { "/lib/systemd/system/$_.service" } qw(penstock-milter penstock-policyd penstock-quarantined);
for my $unit (@units) {
    my $text = Penstock::read_file("$root$unit") // '';
    my ($name) = $unit =~ m{([^/]+)\.service$};
    like($text, qr{^ExecStart=/\S+/sbin/$name -f$}m, "$unit is installed");
    unlike($text, qr/\@\w+\@/, '... complete');
    Penstock::write_file("$root$unit", $text =~ s{^ExecStart=\S+}{ExecStart=$root/usr/sbin/$name}mr);
}
my ($analyze) = grep { -x } map { "$_/systemd-analyze" } split /:/, $ENV{PATH};
die "systemd-analyze is not there: install systemd\n" if !$analyze;
sub verify { my (undef, $out, $err) = Penstock::call($analyze, 'verify', '--man=no', @_); return [grep { /penstock/ } split /\n/, $out . $err] }
is_deeply(verify(map { "$root$_" } @units), [], 'systemd-analyze verify has nothing to say about them');
my $spoiled = "$root/penstock-spoiled.service";
Penstock::write_file($spoiled, Penstock::read_file("$root$units[0]") . "Nonsense=1\n");
isnt(scalar @{ verify($spoiled) }, 0, '... and has about one that is spoiled');
unlink $spoiled;
my @named = $readme =~ m{^ {4}(contrib/\w+) }mg;
cmp_ok(scalar @named, '>=', 2, 'README names commands of contrib');
ok(-x "$top/$_", "README's $_ is there") for @named;

# --- the examples, copied as README says, checked and served by the installed programs
my ($from, $to) = $readme =~ m{^ {4}cp -r (/usr/share/doc/penstock/\S+)/\. (/\S+)/$}m;
ok($from && -d "$root$from", 'README says how to copy the examples');
system 'mkdir', '-p', "$root$to";
is(system('cp', '-r', "$root$from/.", "$root$to/"), 0, '... and they are there');
my $conf = "$root$to/penstock.conf";
my $text = Penstock::read_file($conf);
$text =~ s{"(unix:)?(/(?:var|run)/)}{'"' . ($1 // '') . $root . $2}ge;
$text =~ s{^# (state_socket = )}{$1}m;
Penstock::write_file($conf, <<"E" . $text);
user = "root"
milter_socket_group = ""
flow_directory = "$root$to/flows"
data_directory = "$root$to/data"
state_directory = "$root/var/lib/penstock"
run_directory = "$root/run/penstock"
E
my $penstock = "$root/usr/bin/penstock";
($code, $out, $err) = Penstock::call($penstock, '-c', $conf, 'check');
is($code, 0, 'penstock check accepts the examples');
is($err, '', '... without a warning');
my @daemons = qw(penstock-quarantined penstock-policyd penstock-milter);
for my $daemon (@daemons) {
    ($code, $out, $err) = Penstock::call("$root/usr/sbin/$daemon", '-c', $conf);
    is($code, 0, "$daemon starts in the background") or diag $err;
}
($code, $out, $err) = Penstock::call($penstock, '-c', $conf, 'status');
is($code, 0, 'penstock status finds all of them') or diag $out, $err;
for my $daemon (@daemons) {
    my ($name) = $daemon =~ /-(.*)/;
    my $file = "$root/run/penstock/$name.pid";
    my ($pid) = (Penstock::read_file($file) // '') =~ /^(\d+)$/;
    ok($pid && kill('TERM', $pid), "$daemon has its pid in $name.pid");
    ok(Penstock::wait_until(20, sub { !-e $file }), '... and ends');
}
system 'rm', '-rf', map { "$root$_" } $to, qw(/run/penstock /var/lib/penstock /var/log/penstock /var/spool);

# --- README's lines in Postfix
my ($hook) = $readme =~ m{^HOOK IT INTO POSTFIX[^\n]*$(.*?)^WRITE SCRIPTS$}ms;
my %main = $hook =~ /^ {4}(\w+) = (.*)$/mg;
my $master = join '', $hook =~ /^ {4}(\S+ +(?:inet|unix) .*\n(?: {8}.*\n)+)/mg;
$master =~ s/^ {4}//mg;
is_deeply([sort keys %main], [qw(milter_default_action milter_header_checks milter_protocol smtp_header_checks smtpd_milters)],
    'README has lines for main.cf');
mkdir "$root/postfix";
chomp(my $of_system = qx(postconf -h config_directory));
copy("$of_system/master.cf", "$root/postfix/master.cf") or die "master.cf: $!";
open my $f, '>>', "$root/postfix/master.cf" or die "master.cf: $!";
print $f $master;
close $f or die "master.cf: $!";
Penstock::write_file("$root/postfix/main.cf", join '', "compatibility_level = 3.6\n", map { "$_ = $main{$_}\n" } sort keys %main);
($code, $out, $err) = Penstock::call('postconf', '-c', "$root/postfix", '-n', keys %main);
is_deeply([$code, $err, { $out =~ /^(\w+) = (.*)$/mg }], [0, '', \%main], '... which Postfix knows');
($code, $out, $err) = Penstock::call('postconf', '-c', "$root/postfix", '-M', '127.0.0.1:10026/inet', 'penstock-cleanup/unix');
is_deeply([$code, $err], [0, ''], 'README has lines for master.cf, which Postfix knows');
like($out, qr/^127\.0\.0\.1:10026\s+inet.* smtpd .*-o smtpd_milters=\s/m, '... the way back in, without milters');
($code, $out, $err) = Penstock::call('postconf', '-c', "$root/postfix", '-P');
is_deeply([$code, $err], [0, ''], '... with parameters that exist');
system 'rm', '-rf', "$root/postfix";

# --- uninstall
($code, $out, $err) = Penstock::call('make', '-s', '-C', $build, 'uninstall', @folders);
is($code, 0, 'make uninstall') or diag $out, $err;
is_deeply([files()], [], '... leaves nothing');
done_testing;
