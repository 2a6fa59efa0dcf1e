#!/usr/bin/perl
# mail.t - mail() through the re-injection listener of a real Postfix, and without one that works
# (library §13).
use strict;
use warnings;
use Encode qw(decode);
use MIME::Base64;
use Server;
use Test::More;
use Time::HiRes qw(sleep time);

my $s = Server->new;
my $gw = Penstock->new(
    mail => 'if ($sender != "") echo "sent " . (mail("", "postmaster@example.com", "Seen: " . GetHeader("Subject"), "From $sender\n") != none); Deliver();',
    conf => "mailtransport 2 { host = \"192.0.2.1\" }\n",
    main => { smtputf8_enable => 'yes' },
);
$gw->start;
my @config = ('--config', "$gw->{dir}/etc/penstock.conf");

sub prints {
    my ($code, @options) = @_;
    my ($out, $err) = $s->hsl($code, @options ? @options : @config);
    chomp $out;
    return wantarray ? ($out, $err) : $out;
}

# The one message that a call makes: its envelope, header fields (unfolded), body (decoded).
sub sent {
    my ($call) = @_;
    $gw->clear_mail;
    my ($id, $err) = prints("echo $call;");
    $gw->wait_mail(1) or diag("$call: nothing came; $id $err");
    my ($m) = $gw->mail;
    $m->{id} = $id;
    my $head = $m->{head} =~ s/\r?\n[ \t]/ /gr;
    push @{ $m->{fields}{ lc $1 } }, $2 while $head =~ /^([^:\s]+): *(.*?)\r?$/mg;
    $m->{text} = ($m->{fields}{'content-transfer-encoding'}[0] // '') eq 'base64' ? decode_base64($m->{body}) : $m->{body};
    return $m;
}
sub field { my ($m, $name) = @_; return join '|', @{ $m->{fields}{ lc $name } // [] } }

my $m = sent('mail("postmaster@example.com", "admin@example.com", "Virus seen", "Sender was x")');
like($m->{id}, qr/^[0-9a-f]{32}\@[\w.-]+$/, 'the result is the message id');
is($m->{from}, 'postmaster@example.com', 'sender');
is("@{$m->{to}}", 'admin@example.com', 'recipient');
is(field($m, 'Message-ID'), "<$m->{id}>", 'Message-ID');
is(field($m, 'From'), '<postmaster@example.com>', 'From');
is(field($m, 'To'), '<admin@example.com>', 'To');
is(field($m, 'Subject'), 'Virus seen', 'Subject');
like(field($m, 'Date'), qr/^(?:Mon|Tue|Wed|Thu|Fri|Sat|Sun), \d{1,2} (?:Jan|Feb|Mar|Apr|May|Jun|Jul|Aug|Sep|Oct|Nov|Dec) \d{4} \d\d:\d\d:\d\d \+0000$/, 'Date');
is(field($m, 'MIME-Version'), '1.0', 'MIME-Version');
is(field($m, 'Content-Type'), 'text/plain; charset=utf-8', 'Content-Type');
is(field($m, 'Content-Transfer-Encoding'), '7bit', 'an ASCII body stays as it is');
is(field($m, 'Auto-Submitted'), 'auto-generated', 'nobody is to answer by himself');
is($m->{text}, "Sender was x\r\n", 'body');

$m = sent('mail("", "admin@example.com", "", "")');
is($m->{from}, '', 'the null sender');
like(field($m, 'From'), qr/^<MAILER-DAEMON\@[\w.-]+>$/, 'is told as MAILER-DAEMON');
is(field($m, 'Subject'), '', 'an empty subject');
$m = sent('mail(none, ["localpart" => "a b", "domain" => "example.com"], none, none)');
is("@{$m->{to}}", '"a b"@example.com', 'none as "", an address as array');

$m = sent('mail("a@example.com", "b@example.com", "Grüße: 100 €", "äöü\n€\n")');
like($m->{head}, qr/^Subject: =\?utf-8\?/m, 'the subject is encoded');
is(decode('MIME-Header', field($m, 'Subject')), "Gr\x{fc}\x{df}e: 100 \x{20ac}", 'and right');
is(field($m, 'Content-Transfer-Encoding'), 'base64', 'the body too');
is($m->{text}, "\xc3\xa4\xc3\xb6\xc3\xbc\r\n\xe2\x82\xac\r\n", 'with CR LF at its line ends');
unlike($m->{data} =~ s/^Received:.*?\r\n(?=\S)//msgr, qr/[^\x09\x0a\x0d\x20-\x7e]/, 'ASCII alone goes over the wire');

$m = sent('mail("a@example.com", "b@example.com", str_repeat("word ", 300) . str_repeat("x", 3000), str_repeat("y", 2000) . "\n.\n..\n.end\r\nlast\n\n")');
is((grep { length > 998 } split /\r?\n/, $m->{data})[0], undef, 'no line is too long');
is(decode('MIME-Header', field($m, 'Subject')) =~ s/ //gr, 'word' x 300 . 'x' x 3000, 'a long subject arrives whole');
is($m->{text}, 'y' x 2000 . "\r\n.\r\n..\r\n.end\r\nlast\r\n\r\n", 'and so does a long line');
$m = sent('mail("a@example.com", "b@example.com", "dots", "a\n.\n..x\nQUIT\n.")');
is($m->{text}, "a\r\n.\r\n..x\r\nQUIT\r\n.\r\n", 'dots at the start of lines');
$m = sent('mail("a@example.com", "b@example.com", "bytes", "a\rb\x00c\xffd\x1b\n.x")');
is($m->{text}, "a\rb\0c\xffd\x1b\r\n.x", 'any bytes arrive');

$m = sent('mail("a@example.com", "b@example.com", "html", "<p>Hello</p>")');
is(field($m, 'Content-Type'), 'text/html; charset=utf-8', 'a body that begins with "<" is HTML');
$m = sent('mail("a@example.com", "b@example.com", "html", "<p>Hello</p>", ["plaintext" => true])');
is(field($m, 'Content-Type'), 'text/plain; charset=utf-8', 'unless it is said to be text');
$m = sent('mail("a@example.com", "b@example.com", "html", "Hello", none, ["plaintext" => false, "metadata" => ["a" => "b"], "serverid" => "mailserver:1"])');
is(field($m, 'Content-Type'), 'text/html; charset=utf-8', 'and the other way round');

$m = sent('mail("a@example.com", "b@example.com", "names", "x", ["sender_name" => "Jo \"The\" E\\\\k, Dr.", "recipient_name" => "Åsa Öst"])');
is(field($m, 'From'), '"Jo \"The\" E\\\\k, Dr." <a@example.com>', 'a name is quoted');
is(decode('MIME-Header', field($m, 'To')), "\x{c5}sa \x{d6}st <b\@example.com>", 'or encoded');
$m = sent('mail("a@example.com", "b@example.com", "headers", "x", "mailtransport:2", ["headers" => ["X-One" => "1 ü", "Reply-To" => "c@example.com", "X-N" => 5, "auto-submitted" => "no"]])');
is(field($m, 'X-One') . field($m, 'Reply-To') . field($m, 'X-N') . field($m, 'Auto-Submitted'), '1 =?utf-8?Q?=C3=BC?=c@example.com5no', 'headers');
is(field($m, 'X-HSL-Transport'), 'mailtransport:2', 'the transport goes in the header that Postfix acts on');
$m = sent('mail("a@example.com", "bö@example.com", "utf8", "x")');
is("@{$m->{to}}", "b\xc3\xb6\@example.com", 'an address in UTF-8');

# In a flow.
$gw->clear_mail;
$gw->send(from => 'x@example.org', to => ['y@example.com'], data => "Subject: hello there\n\nbody\n");
$gw->wait_mail(2);
my ($notice) = grep { $_->{from} eq '' } $gw->mail;
like($notice->{head}, qr/^Subject: Seen: hello there\r?$/m, 'a notice by a mail flow');
ok((grep { grep { defined && /\bsent true\b/ } values %$_ } $gw->log_records), 'which is told so');

# What is refused.
for (['mail("a@b", "c@d", "x\r\nBcc: e@f", "y")', qr/mail\(\): the subject holds a line break or NUL byte/],
    ['mail("a@b", "c@d", "x\x00", "y")', qr/mail\(\): the subject holds a line break or NUL byte/],
    ['mail("a@b\r\nX: y", "c@d", "x", "y")', qr/mail\(\): /],
    ['mail("a@b", "<c@d>", "x", "y")', qr/mail\(\): /],
    ['mail("a@b", "", "x", "y")', qr/mail\(\): there is no recipient/],
    ['mail("a@b", "c@d", "x", "y", ["sender_name" => "a\nb"])', qr/mail\(\): sender_name holds a line break/],
    ['mail("a@b", "c@d", "x", "y", ["headers" => ["X" => "a\r\nb"]])', qr/mail\(\): X holds a line break/],
    ['mail("a@b", "c@d", "x", "y", ["headers" => ["X Y" => "a"]])', qr/a key is no name of a header/],
    ['mail("a@b", "c@d", "x", "y", ["headers" => ["a"]])', qr/a key is no name of a header/],
    ['mail("a@b", "c@d", "x", "y", ["headers" => ["X" => []]])', qr/header X: the value is no text/],
    ['mail("a@b", "c@d", "x", "y", ["headers" => ["content-type" => "a"]])', qr/header content-type is made by the function/],
    ['mail("a@b", "c@d", "x", "y", ["headers" => ["FROM" => "a"]])', qr/header FROM is made by the function/],
    ['mail("a@b", "c@d", "x", "y", ["headers" => ["X-HSL-Transport" => "a"]])', qr/header X-HSL-Transport is made by the function/],
    ['mail("a@b", "c@d", "x", "y", "mailtransport:9")', qr/mail\(\): unknown profile mailtransport:9/],
    ['mail("a@b", "c@d", "x", "y", "ldap:1")', qr/mail\(\): unknown profile ldap:1/],
    ['mail("a@b", "c@d", "x", "y", 5)', qr/argument 5 of mail\(\): expected string or array, got number/],
    ['mail("a@b", "c@d", "x", "y", "mailtransport:2", "z")', qr/argument 6 of mail\(\): expected array, got string/],
    ['mail("a@b", "c@d", "x", "y", ["headers" => "z"])', qr/option headers: expected array, got string/],
    ['mail("a@b", "c@d", [], "y")', qr/argument 3 of mail\(\): expected string, got array/],
    ['mail("a@b", "c@d", "x")', qr/mail\(\) expects 4 to 6 arguments, 3 given/],
) {
    my ($code, $like) = @$_;
    like((prints("$code;"))[1], $like, $code);
}
like(($s->hsl('mail("a@b", "c@d", "x", "y");'))[1], qr/mail\(\): there is no mail server here/, 'without a configuration');
$gw->clear_mail;
my ($out, $err) = prints('for ($i = 1; $i <= 30; $i++) { mail("", "b@example.com", "n $i", "x"); echo $i; }');
is((split /\n/, $out)[-1], 20, 'twenty messages a run');
like($err, qr/limit: messages by mail\(\) \(20\) exceeded/, 'are the limit');
ok($gw->wait_mail(20), 'they arrived');

# Listeners that do not take it.
sub elsewhere {
    my ($port, $code, @options) = @_;
    $s->write('penstock.conf', "reinject = \"127.0.0.1:$port\"\nreinject_timeout = 2\n");
    return prints($code, '--config', "$s->{dir}/penstock.conf", @options);
}
my $call = 'echo mail("a@example.com", "b@example.com", "x", "y") === none;';
for ([nobody => Penstock::free_port()], [mute => $s->mute('mute')], [rubbish => $s->rubbish('rubbish')],
    [refusing => $s->tcp('no', sub { my ($c) = @_; syswrite $c, "220 x\r\n"; while (<$c>) { syswrite $c, /^EHLO/ ? "250 x\r\n" : "550 5.7.1 not you\r\n" } })],
    [dribbling => $s->tcp('drip', sub { my ($c) = @_; while (1) { syswrite($c, '2') or last; sleep 0.2 } })],
) {
    my ($name, $port) = @$_;
    my $start = time;
    my ($out, $err) = elsewhere($port, $call);
    is($out, 'true', "$name: none");
    like($err, qr/^info: mail failed: 127\.0\.0\.1:$port/, 'and a record');
    cmp_ok(time - $start, '<', 5, 'in time');
}
my $start = time;
elsewhere($s->mute('mute2'), $call, '--limits', 'max_time=1');
cmp_ok(time - $start, '<', 4, "the run's own limit holds");
$gw->stop;
$s->stop;
done_testing;
