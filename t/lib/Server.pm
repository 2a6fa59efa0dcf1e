package Server;

# Private servers on loopback for tests: real ones from Debian's packages with configuration and
# files in a folder of their own, and small ones in Perl that misbehave. All go when the object
# does; only processes started here are ended, by id.
#
#   my $s = Server->new;
#   my $port = $s->knot('example.org' => $zone_text);      # a DNS server; UDP and TCP
#   my $proxy = $s->dns_proxy($port, delay => 0.2);        # counts and delays: $s->dns_count
#   $s->ca;                                                # $s->{dir}/ca.pem, cert.pem, key.pem
#   $s->spawn(name => 'program', 'argument', ...);
#   $s->signal(name => 'STOP'); $s->end('name'); $s->again(name => $port);

use strict;
use warnings;
use File::Path qw(remove_tree);
use File::Temp qw(tempdir);
use IO::Select;
use IO::Socket::INET;
use Penstock;
use POSIX qw(:sys_wait_h);
use Test::More ();
use Time::HiRes qw(sleep time);

my %live;
my $owner = $$;
END {
    local $?;
    if ($$ == $owner) { $_->stop for values %live }
}

sub new {
    my ($class) = @_;
    my $self = bless { dir => tempdir('penstock-server-XXXXXX', TMPDIR => 1), pids => {} }, $class;
    chmod 0755, $self->{dir};
    return $live{$self} = $self;
}

sub write { my ($self, $name, $text) = @_; Penstock::write_file("$self->{dir}/$name", $text) }

# Starts a program that stays in the foreground; what it says goes to NAME.log.
sub spawn {
    my ($self, $name, @command) = @_;
    $self->{commands}{$name} = ['spawn', @command];
    my $pid = fork // die "fork: $!";
    if (!$pid) {
        open STDIN, '<', '/dev/null';
        open STDOUT, '>>', "$self->{dir}/$name.log";
        open STDERR, '>&', \*STDOUT;
        exec @command or POSIX::_exit(127);
    }
    return $self->{pids}{$name} = $pid;
}

# The same for one that has children of its own: signals go to all of them.
sub spawn_group {
    my ($self, $name, @command) = @_;
    $self->{commands}{$name} = ['spawn_group', @command];
    return $self->child($name => sub {
        open STDIN, '<', '/dev/null';
        open STDOUT, '>>', "$self->{dir}/$name.log";
        open STDERR, '>&', \*STDOUT;
        exec @command or POSIX::_exit(127);
    });
}

# Runs [code] in a process of its own, with a group of its own: what it starts ends with it.
sub child {
    my ($self, $name, $code) = @_;
    my $pid = fork // die "fork: $!";
    if (!$pid) {
        setpgrp 0, 0;
        $SIG{INT} = $SIG{TERM} = 'DEFAULT';
        eval { $code->(); 1 } or print STDERR $@;
        POSIX::_exit(0);
    }
    setpgrp $pid, $pid;
    $self->{group}{$name} = 1;
    return $self->{pids}{$name} = $pid;
}

sub signal {
    my ($self, $name, $signal) = @_;
    my $pid = $self->{pids}{$name} or return;
    kill $signal, $self->{group}{$name} ? -$pid : $pid;
}

sub end {
    my ($self, $name, $signal) = @_;
    my $pid = delete $self->{pids}{$name} or return;
    my $to = delete $self->{group}{$name} ? -$pid : $pid;
    kill $signal // 'TERM', $to;
    kill 'CONT', $to;
    for (1 .. 100) {
        return if waitpid($pid, WNOHANG);
        sleep 0.05;
    }
    kill 'KILL', $pid;
    waitpid $pid, 0;
}

sub stop {
    my ($self) = @_;
    $self->end($_) for keys %{ $self->{pids} };
    remove_tree($self->{dir}) if $self->{dir};
    delete $live{$self};
}

# Starts a server that has ended once more, as it was started before, and waits for its TCP [port].
sub again {
    my ($self, $name, $port) = @_;
    my ($how, @command) = @{ $self->{commands}{$name} };
    $self->$how($name, @command);
    $self->wait_port($name, $port);
}

# Waits until something listens on TCP [port]; dies with the log if not.
sub wait_port {
    my ($self, $name, $port) = @_;
    Penstock::wait_until(20, sub { IO::Socket::INET->new(PeerAddr => "127.0.0.1:$port") })
        or die "$name does not listen on port $port: " . (Penstock::read_file("$self->{dir}/$name.log") // '');
}

# --- DNS -------------------------------------------------------------------------------------------

# Knot with the given zones (name => text, without SOA and NS records); its port.
sub knot {
    my ($self, %zones) = @_;
    my $d = $self->{dir};
    my $port = $self->{knot_port} //= Penstock::free_port();
    my $conf = "server:\n    rundir: $d\n    listen: 127.0.0.1\@$port\ndatabase:\n    storage: $d\nzone:\n";
    for my $zone (sort keys %zones) {
        $self->write("$zone.zone", "\$ORIGIN $zone.\n\$TTL 300\n@ SOA ns hostmaster 1 3600 600 86400 60\n"
              . "@ NS ns\nns A 127.0.0.1\n$zones{$zone}\n");
        $conf .= "  - domain: $zone\n    file: $d/$zone.zone\n    zonefile-sync: -1\n";
    }
    $self->write('knot.conf', $conf);
    $self->spawn(knot => 'knotd', '-c', "$d/knot.conf");
    $self->wait_port(knot => $port);
    return $port;
}

# Stands before the DNS server on [port], UDP only; its own port. Options: delay: seconds before an
# answer goes back; mode: pass (default), drop, rubbish, echo (the question), truncate (answers say TC), servfail.
# The questions seen are written to dns.log as "TYPE NAME".
sub dns_proxy {
    my ($self, $port, %o) = @_;
    my $name = $o{name} // 'dns-proxy';
    my $in = IO::Socket::INET->new(Proto => 'udp', LocalAddr => '127.0.0.1', LocalPort => $o{port} // Penstock::free_port()) or die "no port: $!";
    my $log = "$self->{dir}/$name.log";
    Penstock::write_file($log, '');
    $self->child($name => sub { dns_proxy_loop($in, $port, $log, %o) });
    return $in->sockport;
}

sub dns_question {
    my ($p) = @_;
    my ($at, @labels) = (12);
    while (my $n = unpack "x$at C", $p) {
        push @labels, substr $p, $at + 1, $n;
        $at += $n + 1;
    }
    my $type = unpack 'n', substr $p, $at + 1, 2;
    return ($type, lc join '.', @labels);
}

sub dns_proxy_loop {
    my ($in, $port, $log, %o) = @_;
    my $mode = $o{mode} // 'pass';
    my $out = IO::Socket::INET->new(Proto => 'udp', PeerAddr => '127.0.0.1', PeerPort => $port) or die "no socket: $!";
    my (%from, @later);
    open my $l, '>>', $log or die "$log: $!";
    $l->autoflush(1);
    my $select = IO::Select->new($in, $out);
    while (1) {
        my $wait = @later ? $later[0][0] - time : 1;
        my @ready = $select->can_read($wait > 0 ? $wait : 0);
        for my $s (@ready) {
            my $peer = $s->recv(my $p, 65535) // next;
            if ($s == $out) {
                my $to = delete $from{ unpack 'n', $p } or next;
                push @later, [time + ($o{delay} // 0), $to, $p];
                next;
            }
            printf $l "%d %s\n", dns_question($p);
            next if $mode eq 'drop';
            my $id = substr $p, 0, 2;
            if ($mode eq 'rubbish') { $in->send($id . "\x81\x80" . "\xff" x 40, 0, $peer); next }
            if ($mode eq 'echo') { $in->send($p, 0, $peer); next }
            if ($mode eq 'servfail') { $in->send($id . "\x81\x82" . substr($p, 4), 0, $peer); next }
            if ($mode eq 'truncate') { $in->send($id . "\x83\x80" . substr($p, 4), 0, $peer); next }
            $from{ unpack 'n', $p } = $peer;
            $out->send($p);
        }
        while (@later && $later[0][0] <= time) {
            my (undef, $to, $p) = @{ shift @later };
            $in->send($p, 0, $to);
        }
    }
}

# The questions that the proxy has seen, as "TYPE NAME".
sub dns_log {
    my ($self, $name) = @_;
    return split /\n/, Penstock::read_file("$self->{dir}/" . ($name // 'dns-proxy') . '.log') // '';
}

# --- TLS -------------------------------------------------------------------------------------------

# A certificate authority, and a certificate of it for localhost and 127.0.0.1: ca.pem, cert.pem and
# key.pem in the folder.
sub ca {
    my ($self) = @_;
    my $d = $self->{dir};
    $self->write('ext.cnf', "subjectAltName=DNS:localhost,IP:127.0.0.1\nbasicConstraints=CA:FALSE\n");
    my @commands = (
        "openssl req -x509 -newkey rsa:2048 -nodes -days 30 -subj '/CN=Test CA' -keyout $d/ca.key -out $d/ca.pem",
        "openssl req -newkey rsa:2048 -nodes -subj '/CN=localhost' -keyout $d/key.pem -out $d/cert.csr",
        "openssl x509 -req -in $d/cert.csr -CA $d/ca.pem -CAkey $d/ca.key -CAcreateserial -days 30 -extfile $d/ext.cnf -out $d/cert.pem",
    );
    for (@commands) { system("$_ >>$d/openssl.log 2>&1") == 0 or die Penstock::read_file("$d/openssl.log") }
}

# --- LDAP ------------------------------------------------------------------------------------------

# slapd with dc=test, ou=people,dc=test and the entries of an LDIF text below them, administrator
# cn=admin,dc=test / secret; its port. With TLS (StartTLS, and ldaps on $s->{ldaps_port}) if ca() was
# called before. Also on the UNIX socket $s->{dir}/ldapi. Who reads has to be bound.
sub slapd {
    my ($self, $ldif) = @_;
    my $d = $self->{dir};
    my ($port, $tls) = ($self->{ldap_port} //= Penstock::free_port(), -e "$d/cert.pem");
    my $urls = "ldap://127.0.0.1:$port/ ldapi://" . "$d/ldapi" =~ s{/}{%2F}gr;
    if ($tls) {
        $self->{ldaps_port} //= Penstock::free_port();
        $urls .= " ldaps://127.0.0.1:$self->{ldaps_port}/";
    }
    mkdir "$d/ldap";
    my $certs = $tls ? "TLSCACertificateFile $d/ca.pem\nTLSCertificateFile $d/cert.pem\nTLSCertificateKeyFile $d/key.pem\n" : '';
    $self->write('slapd.conf', <<"E");
include /etc/ldap/schema/core.schema
include /etc/ldap/schema/cosine.schema
include /etc/ldap/schema/inetorgperson.schema
pidfile $d/slapd.pid
modulepath /usr/lib/ldap
moduleload back_mdb
$certs
database mdb
suffix "dc=test"
sizelimit 5000
rootdn "cn=admin,dc=test"
rootpw secret
directory $d/ldap
access to attrs=userPassword by anonymous auth by * none
access to * by users read by * none
E
    $self->write('entries.ldif', <<"E");
dn: dc=test
objectClass: dcObject
objectClass: organization
o: test
dc: test

dn: ou=people,dc=test
objectClass: organizationalUnit
ou: people

$ldif
E
    system("slapadd -f $d/slapd.conf -l $d/entries.ldif >$d/slapadd.log 2>&1") == 0
        or die 'slapadd: ' . Penstock::read_file("$d/slapadd.log");
    $self->spawn(slapd => 'slapd', '-d', 0, '-f', "$d/slapd.conf", '-h', $urls);
    $self->wait_port(slapd => $port);
    return $port;
}

# --- Dovecot ---------------------------------------------------------------------------------------

# Dovecot's auth server, with users (name => what stands behind "name:" in a passwd-file) on the UNIX
# socket $s->{dir}/auth and on TCP; its port. Users in the domain broken.test fail temporarily. What
# it is asked stands in dovecot.log. Wrong passwords slow nobody down.
sub dovecot {
    my ($self, %users) = @_;
    my $d = $self->{dir};
    my $port = $self->{dovecot_port} //= Penstock::free_port();
    $self->write('users', join '', map { "$_:$users{$_}\n" } sort keys %users);
    $self->write('unreadable', '');
    chmod 0, "$d/unreadable";
    $self->write('dovecot.conf', <<"E");
base_dir = $d/dovecot
state_dir = $d/dovecot
log_path = /dev/stderr
auth_debug = yes
protocols =
ssl = no
auth_mechanisms = plain login cram-md5
auth_failure_delay = 0
passdb {
    driver = passwd-file
    args = username_format=%u $d/users
}
passdb {
    driver = passwd-file
    args = username_format=%u $d/unreadable
    username_filter = *\@broken.test
}
userdb {
    driver = static
    args = uid=nobody gid=nogroup home=/nonexistent
}
service anvil {
    unix_listener anvil-auth-penalty {
        mode = 0
    }
}
service auth {
    client_limit = 2000
    unix_listener $d/auth {
        mode = 0666
    }
    inet_listener {
        address = 127.0.0.1
        port = $port
    }
}
E
    $self->spawn_group(dovecot => 'dovecot', '-F', '-c', "$d/dovecot.conf");
    $self->wait_port(dovecot => $port);
    return $port;
}

# --- HTTP ------------------------------------------------------------------------------------------

# nginx with the given lines in its server section; its port. With TLS on $s->{https_port} if ca() was
# called before. Files are served from $s->{dir}/www; requests are logged to access.log.
sub nginx {
    my ($self, $server) = @_;
    my $d = $self->{dir};
    my $port = $self->{http_port} //= Penstock::free_port();
    my $listen = "listen 127.0.0.1:$port;";
    if (-e "$d/cert.pem") {
        $self->{https_port} //= Penstock::free_port();
        $listen .= " listen 127.0.0.1:$self->{https_port} ssl; ssl_certificate $d/cert.pem; ssl_certificate_key $d/key.pem;";
    }
    mkdir "$d/$_" for qw(www tmp);
    my $temp = join ' ', map { "${_}_temp_path $d/tmp/$_;" } qw(client_body proxy fastcgi uwsgi scgi);
    $self->write('nginx.conf', <<"E");
user root;
daemon off;
master_process off;
pid $d/nginx.pid;
error_log $d/nginx-error.log;
events { worker_connections 500; }
http {
    $temp
    keepalive_timeout 30;
    log_format t '\$request_method \$request_uri \$connection';
    access_log $d/access.log t;
    server {
        $listen
        root $d/www;
        $server
    }
}
E
    $self->spawn(nginx => 'nginx', '-c', "$d/nginx.conf", '-e', "$d/nginx-error.log");
    $self->wait_port(nginx => $port);
    return $port;
}

# --- Servers that misbehave ------------------------------------------------------------------------

# Listens on TCP and hands each connection to [code], in a process of its own; the port. The
# connections that were made are counted in NAME.log.
sub tcp {
    my ($self, $name, $code, %o) = @_;
    my $listen = IO::Socket::INET->new(Listen => 50, LocalAddr => $o{address} // '127.0.0.1', LocalPort => $o{port} // Penstock::free_port(), ReuseAddr => 1) or die "no port: $!";
    my $log = "$self->{dir}/$name.log";
    Penstock::write_file($log, '');
    $self->child($name => sub {
        $SIG{CHLD} = 'IGNORE';
        open my $l, '>>', $log or die "$log: $!";
        $l->autoflush(1);
        while (1) {
            my $c = $listen->accept or next;
            print $l "connection\n";
            my $pid = fork // next;
            next if $pid;
            alarm 60;
            $code->($c);
            POSIX::_exit(0);
        }
    });
    return $listen->sockport;
}

sub connections { my ($self, $name) = @_; return scalar(() = (Penstock::read_file("$self->{dir}/$name.log") // '') =~ /connection/g) }

# Takes connections and never says a word.
sub mute { my ($self, $name) = @_; return $self->tcp($name, sub { sleep 60 }) }

# Answers everything with bytes that mean nothing. Options as for tcp().
sub rubbish {
    my ($self, $name, %o) = @_;
    return $self->tcp($name, sub { my ($c) = @_; syswrite $c, "\xff\x00\x80rubbish\r\n" x 20; sysread $c, my $buffer, 4096; syswrite $c, "\x30\x84\xff\xff\xff\xff" x 50; sleep 1 }, %o);
}

# --- Scripts ---------------------------------------------------------------------------------------

# Runs an HSL script; its output, its records (standard error), its exit status.
sub hsl {
    my ($self, $code, @options) = @_;
    $self->write('script.hsl', $code);
    my $d = $self->{dir};
    my $pid = fork // die "fork: $!";
    if (!$pid) {
        open STDOUT, '>', "$d/script.out";
        open STDERR, '>', "$d/script.err";
        exec Penstock::program('hsl'), @options, "$d/script.hsl" or POSIX::_exit(127);
    }
    waitpid $pid, 0;
    my $status = $? & 127 ? 128 + ($? & 127) : $? >> 8;
    my ($out, $err) = map { Penstock::read_file("$d/script.$_") } qw(out err);
    Test::More::fail("hsl ended with $status: $err") if $status >= 127 || $err =~ /Sanitizer|runtime error:/;
    return ($out, $err, $status);
}

1;
