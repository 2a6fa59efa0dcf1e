#!/usr/bin/perl
# Mail that does not come by SMTP (sendmail(1), non_smtpd_milters): there is no client to refuse
# anything to, so the sender is told by mail, or it waits.
use strict;
use warnings;
use IPC::Open3;
use Penstock;
use Test::More;

# Such mail has no listener's port: the section "any" is for it.
my $any = "mailserver any {\n    quarantine = \"mailquarantine:1\"\n    domain any {\n        recipient_flow = \"recipient.hsl\"\n        mail_flow = \"mail.hsl\"\n    }\n}\n"
    . "mailtransport 2 {\n    host = \"127.0.0.1\"\n}\n";
my %script = (
    access => "Block(\"not for this mail\");\n",
    recipient => <<'HSL',
if ($recipientlocalpart == "nobody") Reject("no such user");
if ($recipientlocalpart =~ "^other") Accept(["transportid" => "mailtransport:2"]);
Accept();
HSL
    mail => <<'HSL',
switch ($recipientlocalpart) {
    case "reject": Reject("not wanted"); break;
    case "hold": Quarantine("mailquarantine:1"); break;
    case "marked": AddHeader("X-Marked", "yes"); Deliver(); break;
    default: Deliver();
}
HSL
);
my $gw = Penstock->new(%script, conf => $any);
$gw->{main}{non_smtpd_milters} = $gw->milter_endpoint;
$gw->start;

# Another mail flow from here on.
sub with_flow {
    my ($mail) = @_;
    $gw->{mail} = $mail;
    $gw->write_conf;
    my ($code, $out, $err) = $gw->ctl('reload');
    is($code, 0, 'another mail flow') or diag $out, $err;
}

sub arrived { my ($n) = @_; $gw->wait_mail($n) if $n; $gw->wait_queue_empty; return $gw->mail }
sub held { return scalar(my @h = $gw->held) }
sub records { return grep { ($_->{text} // '') =~ $_[0] } $gw->log_records }

sub sendmail {
    my ($data, @to) = @_;
    $gw->clear_mail;
    local $ENV{MAIL_CONFIG} = "$gw->{dir}/postfix";
    my $pid = open3(my $in, my $out, undef, 'sendmail', '-i', '-f', 'ann@example.org', '--', @to);
    print $in $data;
    close $in;
    my $said = join '', <$out>;
    waitpid $pid, 0;
    is($?, 0, "sendmail to $to[0]" . (@to > 1 ? ' and ' . (@to - 1) . ' more' : '')) or diag $said;
}
my $short = "From: ann\@example.org\nSubject: by hand\n\nbody\n";
my $was = held();
sendmail($short, 'plain@example.com', 'marked@example.com', 'hold@example.com');
is_deeply([sort map { @{ $_->{to} } } arrived(2)], ['marked@example.com', 'plain@example.com'], '... delivered and copied');
is(held(), $was + 1, '... and held');
sendmail($short, 'reject@example.com');
my ($m) = arrived(1);
is_deeply([$m->{from}, @{ $m->{to} }], ['', 'ann@example.org'], 'rejected: the sender is told');
like($m->{body}, qr/not wanted/, '... why');
sendmail($short, 'nobody@example.com', 'plain@example.com');
my %m = map { $_->{to}[0] => $_ } arrived(2);
is_deeply([sort keys %m], ['ann@example.org', 'plain@example.com'], 'one rejected by the recipient flow: the other gets it, the sender is told');
like($m{'ann@example.org'}{body} // '', qr/no such user/, '... why');
with_flow("Defer(\"not yet\");\n");
sendmail($short, 'waits@example.com');
ok(Penstock::wait_until(20, sub { records(qr/waits\@example\.com.*not yet/) }), 'deferred');
is_deeply([$gw->mail], [], '... nothing is delivered');
with_flow($script{mail});
Penstock::run('flush', 'postfix', '-c', "$gw->{dir}/postfix", 'reload'); # pickup looks again
is_deeply([map { @{ $_->{to} } } arrived(1)], ['waits@example.com'], '... it waits in the maildrop until it can be');

# What would be 452 at RCPT TO for a client blocked Postfix's maildrop for ever.
with_flow("if (\$recipientlocalpart == \"reject\") Reject(\"no\");\n");
sendmail($short, 'plain@example.com', 'other@example.com');
($m) = arrived(1);
is_deeply([$m->{from}, @{ $m->{to} }], ['', 'ann@example.org'], 'two transports where no flow needs the body: the sender is told');
like($m->{body}, qr/needs a message of its own/, '... why');
with_flow($script{mail});
sendmail($short, map { "u$_\@example.com" } 1 .. 10001);
($m) = arrived(1);
is_deeply([$m->{from}, @{ $m->{to} }], ['', 'ann@example.org'], 'the sender is told');
like($m->{body}, qr/Too many recipients/, '... why');

$gw->stop;
done_testing;
