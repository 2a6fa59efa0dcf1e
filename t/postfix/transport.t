#!/usr/bin/perl
# Transports that scripts choose, with Postfix configured as README says: each message, copy and
# released message takes its way; a header that a message brings along never chooses one.
use strict;
use warnings;
use Penstock;
use Test::More;

my $other = Penstock->new(milter => 0);    # a second sink: the other way
$other->start_sink;
my $gw = Penstock->new(
    recipient => "if (\$recipientlocalpart == \"byrcpt\") Accept([\"transportid\" => \"mailtransport:2\"]);\nAccept();\n",
    mail => <<'HSL',
switch ($recipientlocalpart) {
    case "set": SetMailTransport("mailtransport:2"); Deliver(); break;
    case "given": Deliver("moved@example.net", "mailtransport:2"); break;
    case "marked": AddHeader("X-Marked", "m"); Deliver(); break;
    case "hold": Quarantine("mailquarantine:1"); break;
    default: Deliver();
}
HSL
    conf => "mailtransport 2 {\n    host = \"127.0.0.1\"\n    port = $other->{sink_port}\n}\n",
);
my $checks = "$gw->{dir}/etc/transports";
Penstock::write_file($checks, "/^X-HSL-Transport: mailtransport:2\$/ FILTER smtp:[127.0.0.1]:$other->{sink_port}\n");
Penstock::write_file("$gw->{dir}/etc/outbound", "/^X-HSL-Transport:/ IGNORE\n");
$gw->{main} = { milter_header_checks => "regexp:$checks", smtp_header_checks => "regexp:$gw->{dir}/etc/outbound" };
$gw->{reinject_options} = '-o cleanup_service_name=penstock-cleanup -o receive_override_options=no_unknown_recipient_checks';
$gw->{master} = ["penstock-cleanup unix n - n - 0 cleanup -o header_checks=regexp:$checks -o mime_header_checks= -o nested_header_checks= -o body_checks="];
$gw->start;

my $forged = '';
sub try_to {
    my ($want, @local) = @_;
    $_->clear_mail for $gw, $other;
    my $r = $gw->send(from => 'ann@example.org', to => [map { "$_\@example.com" } @local], data => "${forged}Subject: x\nX-Last: y\n\nX-HSL-Transport: mailtransport:2\nbody\n");
    like($r->{final}, qr/^250 /, "to @local");
    return arrived($want);
}

# What came by the two ways, as "one: a b; two: c".
sub arrived {
    my ($want) = @_;
    Penstock::wait_until(15, sub { $gw->mail_count + $other->mail_count >= $want });
    $gw->wait_queue_empty;
    my %by = (one => [$gw->mail], two => [$other->mail]);
    for my $m (map { @$_ } values %by) {
        unlike($m->{head}, qr/^X-HSL-Transport/mi, '... its header stays here');
        like($m->{data}, qr/^Subject: x\r\nX-Last: y\r\n/m, '... the others are there');
        like($m->{body}, qr/\AX-HSL-Transport: mailtransport:2\r\nbody\r\n\z/, '... as is the body');
    }
    return join '; ', map { my $w = $_; "$w:" . join '', map { " $_" } sort map { map { s/@.*//r } @{ $_->{to} } } @{ $by{$w} } } qw(one two);
}

for my $how ('', "X-HSL-Transport: mailtransport:2\n", "x-hsl-transport :\n mailtransport:2\nX-Hsl-Transport: mailtransport:2\n") {
    $forged = $how;
    my $with = $how eq '' ? '' : ', though the message says otherwise';
    is(try_to(1, 'plain'), 'one: plain; two:', "the default way$with");
    is(try_to(1, 'set'), 'one:; two: set', "SetMailTransport$with");
    is(try_to(1, 'given'), 'one:; two: moved', "Deliver(recipient, transport)$with");
    is(try_to(1, 'byrcpt'), 'one:; two: byrcpt', "Accept() of the recipient flow$with");
    is(try_to(2, 'plain', 'second', 'set'), 'one: plain second; two: set', "a copy the other way$with");
    is(try_to(2, 'set', 'byrcpt', 'plain'), 'one: plain; two: byrcpt set', "a copy the default way$with");
    is(try_to(2, 'plain', 'second', 'marked'), 'one: marked plain second; two:', "a copy with other headers$with");
    # A held message kept the header it came with, and the listener acted on it when it was released.
    try_to(0, 'hold');
    my ($h) = $gw->held;
    my ($code, undef, $err) = $gw->ctl('quarantine', 'release', $h->{id});
    is($code, 0, 'released') or diag $err;
    is(arrived(1), 'one: hold; two:', "released mail goes the default way$with");
}
$_->stop for $gw, $other;
done_testing;
