package Penstock;

# A private gateway on loopback for tests, demo and benchmarks: a real Postfix with its own
# configuration, queue and ports, penstock-milter and penstock-quarantined beside it, and an SMTP
# sink that keeps what arrives. Everything lives in one folder and goes with it; only processes
# started here are ended, by id. Needs root (Postfix does) and Perl's own modules.
#
#   my $gw = Penstock->new(mail => 'Deliver();');
#   $gw->start;
#   my $r = $gw->send(from => 'a@example.org', to => ['b@example.com'], data => "Subject: x\n\ny\n");
#   $gw->wait_mail(1);  my ($m) = $gw->mail;  $m->{from}, $m->{to}, $m->{data}
#   $gw->stop;

use strict;
use warnings;
use Cwd qw(abs_path);
use Fcntl qw(:flock);
use File::Basename qw(dirname);
use File::Path qw(make_path remove_tree);
use File::Temp qw(tempdir);
use IO::Select;
use IO::Socket::INET;
use IO::Socket::UNIX;
use JSON::PP;
use POSIX qw(:sys_wait_h);
use Time::HiRes qw(sleep time);

my %live;    # gateways to be stopped if the program dies
my $owner = $$;
END {
    local $?;
    if ($$ == $owner) { $_->stop(1) for values %live }
}
$SIG{INT} = $SIG{TERM} = sub { exit 130 };

sub build_dir { abs_path($ENV{PENSTOCK_BUILDDIR} // '.') }

# True for a build with sanitizers, which takes more memory and time.
sub sanitized { return (read_file(build_dir() . '/Makefile') // '') =~ /^SAN_FLAGS = .*-fsanitize/m }

sub program {
    my ($name) = @_;
    my %in = ('penstock-milter' => 'milter', 'penstock-quarantined' => 'quarantine', 'penstock-policyd' => 'policyd', penstock => 'ctl', hsl => 'hsl');
    my $file = $ENV{PENSTOCK_BINDIR} ? "$ENV{PENSTOCK_BINDIR}/$name" : build_dir() . "/$in{$name}/$name";
    -x $file or die "$file is not there: build first, or set PENSTOCK_BUILDDIR\n";
    return $file;
}

# Runs a program to its end: exit code (128 + N: killed by signal N), what it printed, what it printed
# on standard error.
sub call {
    my (@cmd) = @_;
    my ($out, $err) = (File::Temp->new, File::Temp->new);
    my $pid = fork // die "fork: $!";
    if (!$pid) {
        open STDIN, '<', '/dev/null';
        open STDOUT, '>&', $out;
        open STDERR, '>&', $err;
        exec { $cmd[0] } @cmd or POSIX::_exit(127);
    }
    waitpid $pid, 0;
    return ($? & 127 ? 128 + ($? & 127) : $? >> 8, read_file("$out"), read_file("$err"));
}

# A port that nobody uses, TCP or UDP, and that stays this test's own until it ends, also while no
# server of it is listening: it is below those that the system gives to outgoing connections (from
# 32768), and a socket with its number in its (abstract) name keeps the tests beside this one away.
my @kept;
sub free_port {
    for (1 .. 1000) {
        my $port = 10000 + int rand 22768;
        my $mark = IO::Socket::UNIX->new(Type => SOCK_DGRAM, Local => "\0penstock-test-port-$port") or next;
        IO::Socket::INET->new(Listen => 1, LocalAddr => '127.0.0.1', LocalPort => $port) or next;
        IO::Socket::INET->new(Proto => 'udp', LocalAddr => '127.0.0.1', LocalPort => $port) or next;
        push @kept, $mark;
        return $port;
    }
    die "no port: $!";
}

# Options: access, recipient, mail: script texts (undef: no script); files: {name => content} in the
# flow folder; data: {name => content} in the data folder; conf: more lines of penstock.conf;
# milter (1): hook the milter in; spool: where the Postfix queue lies; dir: the folder to use;
# milter_spec: unix (default) or inet; main: {parameter => value} for main.cf; sink (1): start it;
# master: more lines of master.cf; reinject_options: of the re-injection listener there;
# inject_port: where copies, reports and released mail go, if not to Postfix's reinject_port.
sub new {
    my ($class, %o) = @_;
    my $self = bless {
        conf => '', milter => 1, quarantined => 1, sink => 1, milter_spec => 'unix', files => {}, data => {}, main => {},
        hostname => 'gw.test', pids => {}, %o
    }, $class;
    $self->{tmp} = !$o{dir};
    $self->{dir} = $o{dir} // tempdir('penstock-XXXXXX', TMPDIR => 1);
    chmod 0755, $self->{dir};
    my $d = $self->{dir};
    make_path(map { "$d/$_" } qw(etc flows data state run log sink postfix));
    $self->{spool} //= "$d/spool";
    make_path($self->{spool}) unless -d $self->{spool};
    $self->{$_} //= free_port() for qw(port reinject_port sink_port);
    $self->{milter_port} //= free_port() if $self->{milter_spec} eq 'inet';
    $self->write_conf;
    return $self;
}

sub write_file {
    my ($name, $text) = @_;
    open my $f, '>:raw', "$name.new" or die "$name: $!";
    print $f $text;
    close $f or die "$name: $!";
    rename "$name.new", $name or die "$name: $!";
}

sub read_file {
    my ($name) = @_;
    open my $f, '<:raw', $name or return;
    local $/;
    return scalar <$f>;
}

# Writes scripts and penstock.conf again from the options, without telling anybody.
sub write_conf {
    my ($self) = @_;
    my $d = $self->{dir};
    my %flow = (access => 'access.hsl', recipient => 'recipient.hsl', mail => 'mail.hsl');
    for (keys %flow) {
        defined $self->{$_} ? write_file("$d/flows/$flow{$_}", $self->{$_}) : unlink "$d/flows/$flow{$_}";
    }
    write_file("$d/flows/$_", $self->{files}{$_}) for keys %{ $self->{files} };
    write_file("$d/data/$_", $self->{data}{$_}) for keys %{ $self->{data} };
    my $line = sub { my ($param, $key) = @_; defined $self->{$key} ? "$param = \"$flow{$key}\"\n" : '' };
    my $listen = $self->{milter_spec} eq 'inet' ? "inet:127.0.0.1:$self->{milter_port}" : "unix:$d/run/milter";
    write_file("$d/etc/penstock.conf", <<"E");
myhostname = "$self->{hostname}"
state_directory = "$d/state"
flow_directory = "$d/flows"
data_directory = "$d/data"
run_directory = "$d/run"
user = "root"
log = "$d/log/penstock.json"
milter_listen = "$listen"
milter_socket_mode = "0666"
milter_socket_group = ""
reinject = "127.0.0.1:@{[ $self->{inject_port} // $self->{reinject_port} ]}"
$self->{conf}
mailquarantine 1 { }
mailtransport 1 {
    host = "127.0.0.1"
    port = $self->{sink_port}
}
mailserver 1 {
    port = $self->{port}
    @{[ $line->(access_flow => 'access') ]}
    quarantine = "mailquarantine:1"
    transport = "mailtransport:1"
    domain any {
        @{[ $line->(recipient_flow => 'recipient') ]}
        @{[ $line->(mail_flow => 'mail') ]}
    }
}
E
}

sub milter_endpoint {
    my ($self) = @_;
    return $self->{milter_spec} eq 'inet' ? "inet:127.0.0.1:$self->{milter_port}" : "unix:$self->{dir}/run/milter";
}

sub write_postfix {
    my ($self) = @_;
    my $d = $self->{dir};
    my $milter = $self->{milter} ? $self->{milter_use} // $self->milter_endpoint : '';
    chomp(my $daemons = `postconf -dh daemon_directory`);
    my %main = (
        compatibility_level => '3.6', queue_directory => $self->{spool}, data_directory => "$d/postfix/data",
        daemon_directory => $daemons, myhostname => $self->{hostname}, mydestination => '', mynetworks => '127.0.0.0/8',
        relay_domains => 'example.com, example.net', default_transport => "smtp:[127.0.0.1]:$self->{sink_port}",
        relay_transport => "smtp:[127.0.0.1]:$self->{sink_port}", inet_interfaces => '127.0.0.1', inet_protocols => 'ipv4',
        maillog_file => "$d/log/mail.log", maillog_file_prefixes => $d, alias_maps => '', alias_database => '',
        local_recipient_maps => '', disable_dns_lookups => 'yes', smtpd_peername_lookup => 'no', biff => 'no',
        smtpd_client_connection_count_limit => 0, smtpd_client_restrictions => '', smtpd_relay_restrictions => 'reject_unauth_destination',
        smtpd_milters => $milter, milter_default_action => 'tempfail', milter_protocol => 6, milter_command_timeout => '60s',
        smtpd_error_sleep_time => 0, smtpd_hard_error_limit => 1000, smtpd_junk_command_limit => 1000, minimal_backoff_time => '1s',
        queue_run_delay => '1s', in_flow_delay => 0, %{ $self->{main} },
    );
    write_file("$d/postfix/main.cf", join '', map { "$_ = $main{$_}\n" } sort keys %main);
    my $services = join '', map { "$_\n" } (
        "127.0.0.1:$self->{port} inet n - n - - smtpd",
        "127.0.0.1:$self->{reinject_port} inet n - n - - smtpd -o smtpd_milters= -o smtpd_relay_restrictions=permit_mynetworks,reject -o smtpd_recipient_restrictions=permit_mynetworks,reject -o syslog_name=reinject " . ($self->{reinject_options} // ''),
        @{ $self->{master} // [] },
        'pickup unix n - n 60 1 pickup', 'cleanup unix n - n - 0 cleanup', 'qmgr unix n - n 300 1 qmgr',
        'tlsmgr unix - - n 1000? 1 tlsmgr', 'rewrite unix - - n - - trivial-rewrite', 'bounce unix - - n - 0 bounce',
        'defer unix - - n - 0 bounce', 'trace unix - - n - 0 bounce', 'verify unix - - n - 1 verify',
        'flush unix n - n 1000? 0 flush', 'proxymap unix - - n - - proxymap', 'proxywrite unix - - n - 1 proxymap',
        'smtp unix - - n - - smtp', 'relay unix - - n - - smtp', 'showq unix n - n - - showq', 'error unix - - n - - error',
        'retry unix - - n - - error', 'discard unix - - n - - discard', 'local unix - n n - - local',
        'virtual unix - n n - - virtual', 'lmtp unix - - n - - lmtp', 'anvil unix - - n - 1 anvil', 'scache unix - - n - 1 scache',
        'postlog unix-dgram n - n - 1 postlogd',
    );
    write_file("$d/postfix/master.cf", $services);
    make_path("$d/postfix/data");
    chown scalar getpwnam('postfix'), -1, "$d/postfix/data";
}

sub run {
    my ($what, @cmd) = @_;
    my $out = `@{[ join ' ', map { my $a = $_; $a =~ s/'/'\\''/g; "'$a'" } @cmd ]} 2>&1`;
    die "$what: $out" if $?;
    return $out;
}

sub start {
    my ($self) = @_;
    $live{ $self->{dir} } = $self;
    $self->start_sink if $self->{sink};
    if ($self->{milter} && !$self->{milter_use}) {
        $self->start_quarantined if $self->{quarantined};
        $self->start_milter;
    }
    $self->start_postfix;
    return $self;
}

sub start_postfix {
    my ($self) = @_;
    $self->write_postfix;
    run('postfix start', 'postfix', '-c', "$self->{dir}/postfix", 'start');
    $self->{postfix_up} = 1;
    for my $port ($self->{port}, $self->{reinject_port}) {
        wait_until(10, sub { IO::Socket::INET->new(PeerAddr => '127.0.0.1', PeerPort => $port, Timeout => 1) })
            or die "postfix does not answer on $port: " . (read_file("$self->{dir}/log/mail.log") // '');
    }
}

# Starts a program in the background; its output goes to log/NAME.err.
sub spawn {
    my ($self, $name, @cmd) = @_;
    my $pid = fork // die "fork: $!";
    if (!$pid) {
        open STDIN, '<', '/dev/null';
        open STDOUT, '>>', "$self->{dir}/log/$name.err";
        open STDERR, '>&', \*STDOUT;
        exec { $cmd[0] } @cmd or POSIX::_exit(127);
    }
    $self->{pids}{$name} = $pid;
    return $pid;
}

sub start_daemon {
    my ($self, $name, $ready) = @_;
    my $pid = $self->spawn($name, program($name), '-f', '-c', "$self->{dir}/etc/penstock.conf");
    wait_until(20, sub {
        if (waitpid($pid, WNOHANG) == $pid) {
            delete $self->{pids}{$name};
            die "$name ended: " . $self->errors($name);
        }
        return $ready->();
    }) or die "$name does not get ready: " . $self->errors($name);
    return $pid;
}

# What a daemon printed, and the log.
sub errors {
    my ($self, $name) = @_;
    return (read_file("$self->{dir}/log/$name.err") // '') . (read_file("$self->{dir}/log/penstock.json") // '');
}

sub start_milter {
    my ($self) = @_;
    unlink "$self->{dir}/run/milter.ctl";
    return $self->start_daemon('penstock-milter', sub { $self->milter_answers });
}

sub milter_answers {
    my ($self) = @_;
    return IO::Socket::INET->new(PeerAddr => '127.0.0.1', PeerPort => $self->{milter_port}, Timeout => 1) if $self->{milter_spec} eq 'inet';
    return IO::Socket::UNIX->new(Peer => "$self->{dir}/run/milter") && -S "$self->{dir}/run/milter.ctl";
}

sub start_quarantined {
    my ($self) = @_;
    unlink "$self->{dir}/run/quarantined.ctl";
    return $self->start_daemon('penstock-quarantined', sub { -S "$self->{dir}/run/quarantined.ctl" });
}

# Needs state_socket = "unix:DIR/run/state" in the option conf.
sub start_policyd {
    my ($self) = @_;
    unlink "$self->{dir}/run/policyd.ctl";
    return $self->start_daemon('penstock-policyd', sub { -S "$self->{dir}/run/policyd.ctl" });
}

sub pid { my ($self, $name) = @_; return $self->{pids}{$name} }

# Ends a daemon by signal (default TERM) and waits for it; its wait status.
sub kill_daemon {
    my ($self, $name, $signal) = @_;
    my $pid = delete $self->{pids}{$name} or return;
    kill $signal // 'TERM', $pid;
    my $end = time + 30;
    while (time < $end) {
        my $got = waitpid $pid, WNOHANG;
        return $? if $got == $pid || $got < 0;
        sleep 0.02;
    }
    kill 'KILL', $pid;
    waitpid $pid, 0;
    return $?;
}

sub stop_postfix {
    my ($self) = @_;
    return if !delete $self->{postfix_up};
    my $pid = (read_file("$self->{spool}/pid/master.pid") // '') =~ /(\d+)/ ? $1 : undef;
    system "postfix -c '$self->{dir}/postfix' stop >/dev/null 2>&1";
    wait_until(10, sub { !$pid || !kill 0, $pid });
}

# A test fails when a daemon did not end as it should, or a sanitizer had something to say; not when
# the program is [dying].
sub stop {
    my ($self, $dying) = @_;
    my @bad;
    delete $live{ $self->{dir} };
    $self->stop_postfix;
    for my $name (qw(penstock-milter penstock-quarantined)) {
        my $status = $self->kill_daemon($name);
        push @bad, "$name ended by signal " . ($status & 127) if ($status // 0) & 127;
    }
    $self->kill_daemon($_, 'KILL') for keys %{ $self->{pids} };
    for my $file (glob "$self->{dir}/log/*.err") {
        push @bad, "$file: $1" if (read_file($file) // '') =~ /(.*(?:Sanitizer|runtime error:).*)/;
    }
    if (!$dying && $INC{'Test/More.pm'}) { Test::More::fail($_) for @bad }
    remove_tree($self->{dir}, { error => \my $ignored }) if $self->{tmp} && !$self->{keep};
}

# For tests that damage a database: where recovery fails libdb itself loses memory, which is not to be
# told of by a sanitizer.
sub let_libdb_leak {
    my ($self) = @_;
    write_file("$self->{dir}/lsan", "leak:libdb-5.3\n");
    $ENV{LSAN_OPTIONS} = "suppressions=$self->{dir}/lsan:print_suppressions=0";
}

# Calls the function until it gives something true, which is the result; undef after [seconds].
sub wait_until {
    my ($seconds, $check) = @_;
    my $end = time + $seconds;
    while (1) {
        my $r = $check->();
        return $r if $r;
        return if time > $end;
        sleep 0.05;
    }
}

# --- the sink -------------------------------------------------------------------------------

sub start_sink {
    my ($self) = @_;
    my $s = IO::Socket::INET->new(Listen => 100, LocalAddr => '127.0.0.1', LocalPort => $self->{sink_port}, ReuseAddr => 1)
        or die "sink: $!";
    my $pid = fork // die "fork: $!";
    if (!$pid) {
        $SIG{INT} = $SIG{TERM} = 'DEFAULT';
        sink_loop($s, "$self->{dir}/sink");
        POSIX::_exit(0);
    }
    $self->{pids}{sink} = $pid;
}

sub sink_loop {
    my ($listen, $dir) = @_;
    my $sel = IO::Select->new($listen);
    my (%c, $n);
    while (1) {
        for my $fh ($sel->can_read) {
            if ($fh == $listen) {
                my $new = $listen->accept or next;
                $c{ fileno $new } = { in => '', to => [], to_params => [] };
                $sel->add($new);
                syswrite $new, "220 sink.test ESMTP\r\n";
                next;
            }
            my $c = $c{ fileno $fh };
            if (!sysread $fh, $c->{in}, 65536, length $c->{in}) {
                delete $c{ fileno $fh };
                $sel->remove($fh);
                close $fh;
                next;
            }
            sink_feed($fh, $c, $dir, \$n);
        }
    }
}

# The message is looked for where it may end: a large one is not read over and over.
sub sink_feed {
    my ($fh, $c, $dir, $n) = @_;
    while (1) {
        if ($c->{data}) {
            my $end = index $c->{in}, "\r\n.\r\n", $c->{seen};
            if ($end < 0) {
                $c->{seen} = length($c->{in}) > 4 ? length($c->{in}) - 4 : 0;
                return;
            }
            my $data = substr $c->{in}, 2, $end, '';
            substr $c->{in}, 0, 5, '';
            $data =~ s/\A\.//;
            $data =~ s/(?<=\r\n)\.//g;
            my $name = sprintf '%s/%06d', $dir, ++$$n;
            write_file($name, encode_json({ map { $_ => $c->{$_} } qw(from to from_params to_params) }) . "\n" . $data);
            @$c{qw(data from to to_params)} = (0, undef, [], []);
            syswrite $fh, "250 2.0.0 kept as $$n\r\n";
            next;
        }
        $c->{in} =~ s/\A([^\r\n]*)\r?\n// or return;
        my $line = $1;
        my $reply = '250 2.0.0 ok';
        if ($line =~ /^EHLO/i) { $reply = "250-sink.test\r\n250-8BITMIME\r\n250-SIZE 100000000\r\n250-PIPELINING\r\n250-DSN\r\n250-SMTPUTF8\r\n250 ENHANCEDSTATUSCODES" }
        elsif ($line =~ /^MAIL FROM:<((?:"(?:[^"\\]|\\.)*"|[^">])*)> ?(.*)/i) { @$c{qw(from from_params to to_params)} = ($1, $2, [], []) }
        elsif ($line =~ /^RCPT TO:<((?:"(?:[^"\\]|\\.)*"|[^">])*)> ?(.*)/i) { push @{ $c->{to} }, $1; push @{ $c->{to_params} }, $2 }
        elsif ($line =~ /^DATA/i) { $reply = '354 go on'; $c->{data} = 1; $c->{seen} = 0; $c->{in} = "\r\n$c->{in}" }
        elsif ($line =~ /^RSET/i) { @$c{qw(from to to_params)} = (undef, [], []) }
        elsif ($line =~ /^QUIT/i) { $reply = '221 2.0.0 bye' }
        syswrite $fh, "$reply\r\n";
    }
}

# What arrived at the sink, in order: {from, to => [...], data, head, body}, and the ESMTP parameters
# from_params, to_params => [...].
sub mail {
    my ($self) = @_;
    my @m;
    opendir my $dh, "$self->{dir}/sink" or die "$self->{dir}/sink: $!";
    for my $f (sort grep { /^\d+$/ } readdir $dh) {
        my ($env, $data) = split /\n/, read_file("$self->{dir}/sink/$f"), 2;
        my ($head, $body) = $data =~ /\A(.*?\r\n)\r\n(.*)\z/s;
        push @m, { %{ decode_json($env) }, data => $data, head => $head, body => $body };
    }
    return @m;
}

sub mail_count {
    my ($self) = @_;
    opendir my $dh, "$self->{dir}/sink" or die "$self->{dir}/sink: $!";
    return scalar grep { /^\d+$/ } readdir $dh;
}

sub clear_mail { my ($self) = @_; unlink glob "$self->{dir}/sink/*" }
sub wait_mail { my ($self, $n, $seconds) = @_; return wait_until($seconds // 20, sub { $self->mail_count >= $n }) }

# Waits until Postfix has no message left.
sub wait_queue_empty {
    my ($self, $seconds) = @_;
    return wait_until($seconds // 30, sub { my $queue = `postqueue -c '$self->{dir}/postfix' -j 2>/dev/null`; $? == 0 && $queue eq '' });
}

# --- the client -----------------------------------------------------------------------------

# One SMTP conversation: from, to => [...], data (LF or CR LF line ends; with raw => 1 the very bytes,
# dots doubled already), helo, src (own address). mail_params is put behind MAIL FROM; an element of
# "to" with a blank behind its ">" is taken as it is, so that it can carry parameters.
# The result has the last reply of each step: greeting, helo, mail, rcpt => [...], data, final; and
# all => every line of the conversation.
sub send {
    my ($self, %o) = @_;
    my $r = { greeting => '', rcpt => [], all => [] };
    my ($s, $step) = $self->dialogue($o{src}, $o{port}, $r->{all});
    if (!$s) { $r->{greeting} = "connect: $!"; return $r }
    local $SIG{PIPE} = 'IGNORE';
    conversation($s, $step, $r, \%o);
    $step->('QUIT') if $r->{greeting} =~ /^\d/;
    close $s;
    return $r;
}

# Connects: (socket, function). The function sends the command it is given, if any, and returns the
# reply, lines joined by LF; '' if the server is gone.
sub dialogue {
    my ($self, $src, $port, $all) = @_;
    my $s = $self->connect_client($src, $port) or return;
    my $step = sub {
        my ($cmd) = @_;
        if (defined $cmd) { push @$all, "> $cmd"; print $s "$cmd\r\n" }
        my $text = '';
        while (defined(my $line = <$s>)) {
            $line =~ s/\r?\n\z//;
            push @$all, "< $line";
            $text .= ($text eq '' ? '' : "\n") . $line;
            last if $line !~ /^\d{3}-/;
        }
        return $text;
    };
    return ($s, $step);
}

sub conversation {
    my ($s, $step, $r, $o) = @_;
    ($r->{greeting} = $step->()) =~ /^\d/ or return;
    ($r->{helo} = $step->('EHLO ' . ($o->{helo} // 'client.test'))) =~ /^250/ or return;
    ($r->{mail} = $step->("MAIL FROM:<" . ($o->{from} // '') . '>' . ($o->{mail_params} ? " $o->{mail_params}" : ''))) =~ /^250/ or return;
    push @{ $r->{rcpt} }, $step->('RCPT TO:' . (/^<.*> /s ? $_ : "<$_>")) for @{ $o->{to} };
    grep { /^250/ } @{ $r->{rcpt} } or return;
    ($r->{data} = $step->('DATA')) =~ /^354/ or return;
    print $s $o->{raw} ? $o->{data} : wire($o->{data});
    push @{ $r->{all} }, '> (message)';
    $r->{final} = $step->('.');
}

# A message as it goes over the wire: lines end in CR LF, dots at their start are doubled.
sub wire {
    my ($data) = @_;
    $data =~ s/\r?\n/\r\n/g;
    $data =~ s/(\A|\n)\./$1../g;
    return $data =~ /\r\n\z/ ? $data : "$data\r\n";
}

sub connect_client {
    my ($self, $src, $port) = @_;
    return IO::Socket::INET->new(PeerAddr => '127.0.0.1', PeerPort => $port // $self->{port}, LocalAddr => $src // '127.0.0.1', Timeout => 30);
}

# --- the log and the command ------------------------------------------------------------------

# All records so far, decoded.
sub log_records {
    my ($self) = @_;
    return map { decode_json($_) } grep { /^\{.*\}$/ } split /\n/, read_file("$self->{dir}/log/penstock.json") // '';
}

# `penstock -c CONFIG WORDS`: (exit code, stdout, stderr)
sub ctl {
    my ($self, @words) = @_;
    my $err = "$self->{dir}/log/ctl.err";
    my $pid = open(my $out, '-|') // die "fork: $!";
    if (!$pid) {
        open STDERR, '>', $err;
        exec program('penstock'), '-c', "$self->{dir}/etc/penstock.conf", @words or POSIX::_exit(127);
    }
    binmode $out;
    my $text = do { local $/; <$out> } // '';
    close $out;
    return ($? & 127 ? 128 + ($? & 127) : $? >> 8, $text, read_file($err) // '');
}

# The quarantine as a list of records.
sub held {
    my ($self, @filters) = @_;
    my ($code, $out, $err) = $self->ctl('quarantine', 'list', '--json', @filters);
    die "penstock quarantine list: exit $code: $err" if $code;
    return map { decode_json($_) } grep { /\S/ } split /\n/, $out;
}

# The message as it is held, byte for byte, out of its file.
sub held_bytes {
    my ($self, $id) = @_;
    my ($file) = grep { -f } map { ("$_/incoming/$id.eml", glob "$_/held/*/$id.eml") } glob "$self->{dir}/state/quarantine/*";
    my $all = $file ? read_file($file) : undef;
    return defined $all && $all =~ /\AX-Penstock-Format: 1; offset=(\d+); size=(\d+)/ ? substr $all, $1, $2 : undef;
}

# Resident memory of a daemon in KiB, and its open descriptors.
sub memory { my ($self, $name) = @_; my $s = read_file("/proc/$self->{pids}{$name}/status") // ''; return $s =~ /VmRSS:\s+(\d+)/ ? $1 : undef }
sub descriptors { my ($self, $name) = @_; my @f = glob "/proc/$self->{pids}{$name}/fd/*"; return scalar @f }

1;
