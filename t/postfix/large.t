#!/usr/bin/perl
# Large messages: held, viewed, released and copied byte for byte, in bounded memory.
use strict;
use warnings;
use Digest::SHA qw(sha256_hex);
use Penstock;
use Test::More;

my $gw = Penstock->new(
    recipient => "Accept();\n",
    mail => "if (\$recipientlocalpart == \"hold\") Quarantine(\"mailquarantine:1\");\nif (\$recipientlocalpart == \"marked\") AddHeader(\"X-Marked\", \"yes\");\nDeliver();\n",
    main => { message_size_limit => 60 << 20, mailbox_size_limit => 0, local_header_rewrite_clients => '' },
);
$gw->start;
my @daemons = qw(penstock-milter penstock-quarantined);
$gw->send(from => 'a@example.org', to => [map { "$_\@example.com" } qw(plain hold marked)], data => "Subject: warm up\n\nx\n");
$gw->ctl('quarantine', 'release', ($gw->held)[0]{id});
$gw->wait_mail(3);
$gw->wait_queue_empty;

# The most a daemon has had resident since it started, in KiB.
sub peak { my ($name) = @_; return (Penstock::read_file('/proc/' . $gw->pid($name) . '/status') // '') =~ /VmHWM:\s+(\d+)/ ? $1 : undef }
my %before = map { $_ => peak($_) } @daemons;

# Lines of every length, dots in front of some.
sub message {
    my ($bytes) = @_;
    my $m = "Date: Sun, 22 Nov 2026 01:00:00 +0000\r\nMessage-Id: <$bytes\@example.org>\r\nFrom: ann\@example.org\r\nSubject: large $bytes\r\n\r\n";
    my $n = 0;
    while (length $m < $bytes) { $m .= ($n % 7 ? '' : '.' x ($n % 3)) . $n . ' ' . ('abcdefghij' x ($n % 97)) . "\r\n"; $n++ }
    return $m;
}
sub wire { my ($m) = @_; $m =~ s/(\A|\r\n)\./$1../g; return $m }

# The message behind the Received lines of Postfix and the header of the flow.
sub original { my ($m) = @_; my $d = $m->{data}; $d =~ s/\A(?:Received: [^\n]*\n(?:[ \t][^\n]*\n)*|X-Marked: yes\r\n)+//; return $d }

# --- 30 MB, held
my $m = message(30 << 20);
my $digest = sha256_hex($m);
$gw->clear_mail;
my $r = $gw->send(from => 'ann@example.org', to => ['hold@example.com'], data => wire($m), raw => 1);
like($r->{final}, qr/^250 /, '30 MB: held');
my ($h) = $gw->held;
is($h->{size}, length $m, '... its size is in the list');
my ($code, $out, $err) = $gw->ctl('quarantine', 'view', $h->{id});
is(sha256_hex($out), $digest, '... viewed, byte for byte');
undef $out;
($code, undef, $err) = $gw->ctl('quarantine', 'release', $h->{id});
is($code, 0, '... released') or diag $err;
$gw->wait_mail(1);
$gw->wait_queue_empty;
is(sha256_hex(original(($gw->mail)[0])), $digest, '... byte for byte');
is($gw->mail_count, 1, '... once');

# --- 20 MB, delivered, copied and held
$m = message(20 << 20);
$digest = sha256_hex($m);
$gw->clear_mail;
$r = $gw->send(from => 'ann@example.org', to => [map { "$_\@example.com" } qw(plain other marked hold)], data => wire($m), raw => 1);
like($r->{final}, qr/^250 /, '20 MB for four: accepted');
$gw->wait_mail(2);
$gw->wait_queue_empty;
my @m = $gw->mail;
is_deeply([sort map { join ' ', sort @{ $_->{to} } } @m], ['marked@example.com', 'other@example.com plain@example.com'], '... delivered and copied');
is(scalar(grep { sha256_hex(original($_)) eq $digest } @m), 2, '... byte for byte');
is(scalar(grep { $_->{head} =~ /^X-Marked: yes\r$/m } @m), 1, '... but for the header of the copy');
($h) = $gw->held;
is(sha256_hex($gw->held_bytes($h->{id})), $digest, '... and held, byte for byte');

# --- memory: of the message nothing stays in it
my $most = Penstock::sanitized() ? 256 << 10 : 8 << 10;    # freed memory is kept from reuse there
for (@daemons) {
    my $grown = peak($_) - $before{$_};
    cmp_ok($grown, '<', $most, "$_ had at most $most KiB more resident than for small mail") or diag "$grown KiB more than $before{$_}";
}
is(scalar(() = glob "$gw->{dir}/state/*.tmp $gw->{dir}/state/quarantine/*/tmp/*"), 0, 'no temporary file is left');
($code, $out) = $gw->ctl('quarantine', 'check');
is($code, 0, 'quarantine check is content') or diag $out;
$gw->stop;
done_testing;
