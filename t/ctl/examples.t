#!/usr/bin/perl
# examples.t - the example installation in contrib/examples is in order, and its scripts do what
# their comments say.
use strict;
use warnings;
use File::Temp qw(tempdir);
use Penstock;
use Test::More;

my $top = $ENV{PENSTOCK_SRCDIR} // '.';
my $examples = "$top/contrib/examples";
my $dir = tempdir('penstock-XXXXXX', TMPDIR => 1, CLEANUP => 1);

Penstock::write_file("$dir/penstock.conf", "flow_directory = \"$examples/flows\"\ndata_directory = \"$examples/data\"\n"
        . Penstock::read_file("$examples/penstock.conf"));
my $out = `@{[ Penstock::program('penstock') ]} -c $dir/penstock.conf check 2>&1`;
is($?, 0, 'penstock check: 0');
is($out, "$dir/penstock.conf: in order\n", '... and no warning');

my %flow = map { $_ => Penstock::read_file("$examples/flows/$_.hsl") } qw(access recipient mail);
my %data = map { $_ => Penstock::read_file("$examples/data/$_") } qw(blocked-networks.txt blocked-senders.txt trusted-senders.txt);
$data{'blocked-networks.txt'} .= "127.0.0.66\n";
my $gw = Penstock->new(%flow, data => \%data);
$gw->start;

sub message { my ($subject, @more) = @_; return join "\n", "Subject: $subject", 'Message-ID: <1@b.org>', 'Date: Sun, 22 Nov 2026 10:00:00 +0000', @more, '', "body\n" }

my $r = $gw->send(from => 'a@b.org', to => ['ann@example.com'], data => message('Hello'));
like($r->{final}, qr/^250 /, 'plain mail: taken');
$gw->wait_mail(1);
my ($m) = $gw->mail;
like($m->{head}, qr/^X-Penstock-Score: 0\r?$/m, '... delivered with its score');

$r = $gw->send(from => 'someone@spam.example', to => ['ann@example.com'], data => message('Hello'));
like($r->{rcpt}[0], qr/^554 5\.7\.1 .*someone\@spam\.example/, 'a blocked domain: refused at RCPT TO');
$r = $gw->send(from => 'spammer@example.net', to => ['ann@example.com'], data => message('Hello'));
like($r->{rcpt}[0], qr/^554 5\.7\.1 /, 'a blocked sender: refused at RCPT TO');
$r = $gw->send(from => 'a@b.org', to => ['ann@example.com'], data => message('CONGRATULATIONS LOTTERY WINNER'));
like($r->{final}, qr/^250 /, 'junk: taken');
my ($code, $list) = $gw->ctl('quarantine', 'list');
like($list, qr/<a\@b\.org> -> <ann\@example\.com>  CONGRATULATIONS LOTTERY WINNER/, '... and held');
$gw->clear_mail;
$r = $gw->send(from => 'newsletter@example.org', to => ['ann@example.com'], data => message('CONGRATULATIONS LOTTERY WINNER'));
$gw->wait_mail(1);
($m) = $gw->mail;
like($m->{from}, qr/newsletter\@example\.org/, 'the same of a trusted sender: delivered');
$r = $gw->send(from => 'a@b.org', to => ['ann@example.com'], data => message('Loop', ('Received: from x by y; Sun, 22 Nov 2026 10:00:00 +0000') x 31));
like($r->{final}, qr/^550 5\.7\.1 .*loop/, 'a loop: refused');
$r = $gw->send(src => '127.0.0.66', from => 'a@b.org', to => ['ann@example.com'], data => message('Hello'));
like(join("\n", @{ $r->{all} }), qr/^< 554 5\.7\.1 Connections from your network/m, 'a blocked network: refused');
unlike($r->{final} // '', qr/^2/, '... to the end');

$gw->stop;
done_testing;
