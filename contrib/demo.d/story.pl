#!/usr/bin/perl
# The story that contrib/demo tells: eight messages through a private gateway, and what became of
# each; then the quarantine, a release, and how to repeat it by hand. Exit status 1 if any of it did
# not happen as told.
use strict;
use warnings;
use File::Basename qw(dirname);
use Penstock;

my $keep = @ARGV && $ARGV[0] eq '--keep';
my $here = dirname(__FILE__);
my %script = map { $_ => Penstock::read_file("$here/$_.hsl") } qw(access recipient mail);
my $gw = Penstock->new(%script, data => { 'whitelist.txt' => Penstock::read_file("$here/whitelist.txt") }, hostname => 'gw.example.com', keep => $keep);
$gw->start;
my $bad = 0;

sub indent { my ($text) = @_; $text =~ s/^/      /gm; return $text =~ s/\n*\z/\n/r }

sub expect {
    my ($ok, $what) = @_;
    return if $ok;
    $bad++;
    print "    !!! this should not be: $what\n";
}

my $seen = 0;
my $number = 0;

# One message: what is sent, what the client was told, what the log says, what arrived.
sub chapter {
    my ($title, $arrivals, $want, %o) = @_;
    printf "\n%d. %s\n", ++$number, $title;
    $gw->clear_mail;
    my $r = $gw->send(from => 'alice@example.org', data => "From: alice\@example.org\nTo: $o{to}[0]\nSubject: $o{subject}\n\nHello,\nthis is message $number.\n", %o);
    my $told = $r->{final} // (grep { !/^2/ } $r->{greeting}, $r->{helo} // (), $r->{mail} // (), @{ $r->{rcpt} })[0] // $r->{greeting};
    print "    the client was told:\n", indent($told);
    expect(scalar($told =~ $want), "the answer should match $want");
    if ($arrivals) { expect($gw->wait_mail($arrivals), 'mail is missing') }
    $gw->wait_queue_empty;
    my @log = $gw->log_records;
    print "    the log says:\n", map { indent("$_->{level}: $_->{text}") } @log[$seen .. $#log];
    $seen = @log;
    my @mail = $gw->mail;
    print "    what arrived:\n";
    print indent('nothing') if !@mail;
    for my $m (@mail) {
        my ($subject) = $m->{head} =~ /^(Subject: .*?)\r$/m;
        print indent(join ', ', "from <$m->{from}> to <@{ $m->{to} }>", $subject, $m->{head} =~ /^(X-(?:Checked|Whitelisted): .*?)\r$/gm);
    }
    expect(@mail == $arrivals, 'number of messages that arrived');
    return $r;
}

print <<"T";

A private Postfix (port $gw->{port}) with penstock-milter and penstock-quarantined is running in
$gw->{dir}.
Its scripts are flows/access.hsl, flows/recipient.hsl and flows/mail.hsl there:

@{[ join "\n", map { indent($script{$_}) } qw(access recipient mail) ]}
T

chapter('A clean message', 1, qr/^250 /, to => ['bob@example.com'], subject => 'Lunch?');
chapter('Junk by its subject', 0, qr/^550 5\.7\.1 .*this looks like junk/, to => ['bob@example.com'], subject => 'You have won the lottery');
chapter('A client that is blocked at connect', 0, qr/^554 /, to => ['bob@example.com'], subject => 'Hi', src => '127.0.0.66');
chapter('A recipient who is refused', 0, qr/^554 5\.7\.1 .*there is no nobody\@example\.com here/, to => ['nobody@example.com'], subject => 'Hi');
chapter('A message that is held', 0, qr/^250 /, to => ['bob@example.com'], subject => 'Invoice 4711');
chapter('One message, three recipients, three fates: dave gets it, bob\'s is held, carol\'s is refused and reported to the sender', 2, qr/^250 /,
    to => ['dave@example.com', 'bob@example.com', 'carol@example.com'], subject => 'Monthly report');
chapter('A script with a mistake: delivered, and the log says where', 1, qr/^250 /, to => ['broken@example.com'], subject => 'Oops');
chapter('A sender on the white list: lottery or not', 1, qr/^250 /, from => 'friend@example.org', to => ['bob@example.com'], subject => 'The lottery of life');

print "\nThe quarantine (penstock quarantine list):\n\n";
my (undef, $list) = $gw->ctl('quarantine', 'list');
print indent($list);
my @held = $gw->held;
expect(@held == 2, 'two messages should be held');
my ($first) = grep { $_->{subject} eq 'Invoice 4711' } @held;
expect($first, 'the invoice should be held');
my (undef, $original) = $gw->ctl('quarantine', 'view', $first->{id});

print "\nReleasing $first->{id} (penstock quarantine release $first->{id}):\n\n";
$gw->clear_mail;
my ($code, $out, $err) = $gw->ctl('quarantine', 'release', $first->{id});
print indent($out . $err);
expect($code == 0, "exit status $code");
expect($gw->wait_mail(1), 'the released message should arrive');
my ($m) = $gw->mail;
my $same = $m && substr($m->{data}, -length $original) eq $original;
print "\n    it arrived; behind the Received line of the gateway it is ", ($same ? 'byte for byte' : 'NOT'), " what was held:\n", indent($m->{data});
expect($same, 'released byte for byte');
($code, $out) = $gw->ctl('quarantine', 'check');
print "    penstock quarantine check: ", ($code ? "exit status $code\n$out" : "everything is in order\n");
expect($code == 0, 'check');

my $bin = join ' ', map { Penstock::program($_) } 'penstock';
print <<"T";

By hand
    Send:     swaks, or any SMTP client, to 127.0.0.1 port $gw->{port}; for example
              printf 'EHLO me\\r\\nMAIL FROM:<a\@example.org>\\r\\nRCPT TO:<bob\@example.com>\\r\\nDATA\\r\\nSubject: invoice\\r\\n\\r\\nhi\\r\\n.\\r\\nQUIT\\r\\n' | nc -C 127.0.0.1 $gw->{port}
    Decide:   edit $gw->{dir}/flows/mail.hsl, then
              $bin -c $gw->{dir}/etc/penstock.conf reload
    Look:     $bin -c $gw->{dir}/etc/penstock.conf log
              $bin -c $gw->{dir}/etc/penstock.conf quarantine list
              $bin -c $gw->{dir}/etc/penstock.conf status
    Arrived:  $gw->{dir}/sink/
T
if ($keep) {
    print "\nIt stays up until you press Enter here (or this program ends).\n";
    $SIG{TERM} = $SIG{INT} = sub { exit 0 };
    my $line = <STDIN>;
    if (!defined $line) { sleep 3600 while 1 }    # no terminal: stay until a signal comes
}
$gw->{keep} = 0;
$gw->stop;
print $bad ? "\n$bad things were not as they should be.\n" : "\nAll as it should be. Everything is stopped and removed.\n";
exit($bad ? 1 : 0);
