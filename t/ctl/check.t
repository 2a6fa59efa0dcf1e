#!/usr/bin/perl
# check.t - penstock check and config: every mistake at once, each with its place and line.
use strict;
use warnings;
use File::Temp qw(tempdir);
use Penstock;
use Test::More;

my $dir = tempdir('penstock-XXXXXX', TMPDIR => 1, CLEANUP => 1);
my $conf = "$dir/penstock.conf";
my $program = Penstock::program('penstock');

sub ctl { return Penstock::call($program, '-c', $conf, @_) }

sub write_conf {
    my ($more) = @_;
    Penstock::write_file($conf, "flow_directory = \"$dir\"\ndata_directory = \"$dir\"\n$more");
}
my $flows = "mailserver 1 {\n  access_flow = \"access.hsl\"\n  domain any {\n    recipient_flow = \"rcpt.hsl\"\n    mail_flow = \"mail.hsl\"\n  }\n}\n";

Penstock::write_file("$dir/access.hsl", "Allow();\n");
Penstock::write_file("$dir/rcpt.hsl", "Accept();\n");
Penstock::write_file("$dir/mail.hsl", "if (GetHeader(\"X\") == \"y\") Quarantine(\"mailquarantine:1\");\nDeliver();\n");
write_conf($flows);
my ($code, $out, $err) = ctl('check');
is($code, 0, 'in order: 0');
is($err, '', '... nothing on standard error');

# warnings do not refuse
Penstock::write_file("$dir/mail.hsl", "\$x = \"\\d\";\nDeliver();\n");
($code, $out, $err) = ctl('check');
is($code, 0, 'a warning: 0');
is($err, "mail.hsl:1:7: warning: unknown escape \\d stays as it is\n    \$x = \"\\d\";\n          ^\n", '... with source line and caret');

# five mistakes of five kinds
Penstock::write_file("$dir/mail.hsl", "if (\$size > 9)\n\tDelivver();\n");
Penstock::write_file("$dir/rcpt.hsl", "if (1 {\n}\n");
write_conf("max_instruktions = 5\nmax_call_depth = 3\n" . $flows =~ s/domain any \{/domain any {\n    transport = "mailtransport:9"/r);
($code, $out, $err) = ctl('check');
is($code, 78, 'five mistakes: EX_CONFIG');
like($err, qr/^\Q$conf\E:3:1: unknown parameter "max_instruktions" at the top level; did you mean "max_instructions"\?\n    max_instruktions = 5\n    \^$/m, 'unknown parameter');
like($err, qr/^\Q$conf\E:4:\d+: max_call_depth: .*10 to 10000\n    max_call_depth = 3\n/m, 'out of range');
like($err, qr/^\Q$conf\E:8:5: transport: there is no section mailtransport 9; add "mailtransport 9 \{ \}" or name one that is there\n/m, 'section that does not exist');
like($err, qr/^rcpt\.hsl:1:7: syntax error, unexpected \{.*\n    if \(1 \{\n          \^$/m, 'syntax error in a script');
like($err, qr/^mail\.hsl:2:2: unknown function Delivver\n     Delivver\(\);\n     \^$/m, 'unknown function, caret below it in spite of a tab');
is(scalar(() = $err =~ /^\S+:\d+:\d+: /mg), 5, '... and nothing else');

# a script that is not there, one outside, the wrong flow
Penstock::write_file("$dir/rcpt.hsl", "Deliver();\n");
write_conf("mailserver 1 {\n  access_flow = \"nothere.hsl\"\n  domain any {\n    recipient_flow = \"rcpt.hsl\"\n    mail_flow = \"../../etc/passwd\"\n  }\n}\n");
($code, $out, $err) = ctl('check');
is($code, 78, 'scripts that cannot be used: EX_CONFIG');
like($err, qr/^\Q$conf\E:3: access_flow: cannot use the script "nothere\.hsl": .*No such file/m, '... missing');
like($err, qr/^\Q$conf\E:5: mail_flow: cannot use the script "\.\.\/\.\.\/etc\/passwd": /m, '... outside of the folder');
like($err, qr/^rcpt\.hsl:1:1: function Deliver is not available in the rcpt flow$/m, '... for another flow');

# lists of limits: each mistake once, however many scripts it concerns
write_conf("access_limits = \"max_time=9h\"\nmail_limits = \"max_tme=1\"\nrecipient_limits = \"max_array=x\"\n" . $flows
    . $flows =~ s/mailserver 1/mailserver 2/r =~ s/mail\.hsl/access.hsl/r);
($code, $out, $err) = ctl('check');
is($code, 78, 'wrong lists of limits: EX_CONFIG');
is(scalar(() = $err =~ /^\Q$conf\E: $_: /mg), 1, "... $_ once") for qw(access_limits recipient_limits mail_limits);

# what is no configuration at all
Penstock::write_file($conf, "mailserver {\n");
($code, $out, $err) = ctl('check');
is($code, 78, 'syntax error: EX_CONFIG');
like($err, qr/^\Q$conf\E:\d+/, '... with its place');
unlink $conf;
($code, $out, $err) = ctl('check');
is($code, 78, 'no configuration: EX_CONFIG');
like($err, qr/\Q$conf\E.*No such file/, '... named');

# --- config ---

write_conf("retention = 3\n");
($code, $out, $err) = ctl('config');
is($code, 78, 'config of a broken configuration: EX_CONFIG');
write_conf("max_time = 15s\nmailquarantine 7 { retention = 90d }\n");
($code, $out, $err) = ctl('config');
is($code, 0, 'config: 0');
like($out, qr/^max_time = 15$/m, '... prints what is set');
like($out, qr/^mailquarantine "?7"? \{\n\s+retention = 90d\n\}/m, '... and sections');
unlike($out, qr/max_memory/, '... no defaults');
(undef, $out) = ctl('config', '--all');
like($out, qr/^max_memory = 64M$/m, '--all: defaults too');
Penstock::write_file("$dir/again.conf", $out);
my (undef, $again) = ctl('-c', "$dir/again.conf", 'config', '--all');
is($again, $out, '... and can be read again');

# --- the command line ---

for my $case ([[], 'no command'], [['nothing'], 'unknown command'], [['check', 'x'], 'an operand too much'], [['check', '--x'], 'unknown option'],
    [['quarantine'], 'half a command'], [['quarantine', 'x'], 'half a command and an unknown word'])
{
    my ($code, $out, $err) = ctl(@{ $case->[0] });
    is($code, 64, "$case->[1]: EX_USAGE");
    isnt($err, '', '... told');
    is($out, '', '... on standard error only');
}
for my $case (['-h'], ['check', '-h'], ['quarantine', '-h'], ['log', '--help']) {
    my ($code, $out, $err) = ctl(@$case);
    is($code . $err, '0', "@$case: 0");
    like($out, qr/^usage: penstock /, '... usage on standard output');
}

done_testing;
