#!/usr/bin/perl
# hsl.t - the command hsl: its options, exit codes, and how errors look. What scripts do is t/hsl.t.
use strict;
use warnings;
use File::Temp qw(tempdir);
use Penstock;
use Test::More;

my $dir = tempdir('penstock-XXXXXX', TMPDIR => 1, CLEANUP => 1);
my $program = Penstock::program('hsl');
my $input = '';

sub hsl {
    my (@args) = @_;
    Penstock::write_file("$dir/in", $input);
    my $pid = fork // die "fork: $!";
    if ($pid == 0) {
        chdir $dir;
        open STDIN, '<', "$dir/in";
        open STDOUT, '>', "$dir/out";
        open STDERR, '>', "$dir/err";
        exec $program, @args or exit 127;
    }
    waitpid $pid, 0;
    return ($? & 127 ? 128 + ($? & 127) : $? >> 8, Penstock::read_file("$dir/out"), Penstock::read_file("$dir/err"));
}

sub gives {
    my ($name, $args, $code, $out, $err) = @_;
    my @got = hsl(@$args);
    is($got[0], $code, "$name: exit $code");
    ref $out ? like($got[1], $out, '... output') : is($got[1], $out, '... output');
    ref $err ? like($got[2], $err, '... errors') : is($got[2], $err, '... errors');
}

Penstock::write_file("$dir/ok.hsl", "echo \"a\";\necho 1 + 1;\n");
Penstock::write_file("$dir/bad.hsl", "echo 1 +;\nfoo();\n");
Penstock::write_file("$dir/deep.hsl", "function a() {\n\treturn 1 / 0;\n}\nfunction b() { return a(); }\necho \"first\";\nb();\n");
Penstock::write_file("$dir/warn.hsl", "echo \"\\d\";\n");
Penstock::write_file("$dir/mail.hsl", "if (\$size > 5) Quarantine(\"mailquarantine:1\");\nDeliver();\n");
Penstock::write_file("$dir/data.hsl", "echo file(\"file://words.txt\");\n");
mkdir "$dir/data";
Penstock::write_file("$dir/data/words.txt", "there\n");
Penstock::write_file("$dir/words.txt", "here\n");

gives('a file', ['ok.hsl'], 0, "a\n2\n", '');
gives('code', ['-e', 'echo "x";'], 0, "x\n", '');
$input = 'echo "from stdin"; echo $u;';
gives('standard input', ['-'], 1, "from stdin\n",
    "<stdin>:1:25: undefined variable \$u\n    echo \"from stdin\"; echo \$u;\n                            ^\n");
gives('run-time error with its trace', ['deep.hsl'], 1, "first\n",
    "deep.hsl:2:11: division by zero\n     return 1 / 0;\n              ^\ndeep.hsl:4:23: called from here\ndeep.hsl:6:1: called from here\n");
gives('errors at compile time', ['bad.hsl'], 65, '', qr/^bad\.hsl:1:9: syntax error, unexpected ;.*\n    echo 1 \+;\n            \^\n/);
Penstock::write_file("$dir/bom.hsl", "\xef\xbb\xbfecho nope();");
gives('a byte order mark', ['bom.hsl'], 65, '', "bom.hsl:1:6: unknown function nope\n    echo nope();\n         ^\n");
gives('check in order', ['-c', 'ok.hsl'], 0, '', '');
gives('check with a warning', ['--check', 'warn.hsl'], 0, '', qr/^warn\.hsl:1:7: warning: unknown escape/);
gives('warnings are not shown when running', ['warn.hsl'], 0, "\\d\n", '');
gives('check for a flow', ['-c', '--context=mail', 'mail.hsl'], 0, '', '');
gives('check for another flow', ['-c', '--context', 'recipient', 'mail.hsl'], 65, '', qr/function Deliver is not available in the rcpt flow/);
gives('running a flow', ['--context=mail', 'mail.hsl'], 2, '', qr/only be checked/);
gives('unknown flow', ['-c', '--context=nothing', 'ok.hsl'], 2, '', qr/there is no flow nothing/);
gives('files beside the script', ['data.hsl'], 0, "[0=>\"here\"]\n", '');
gives('files in --data', ['--data', 'data', 'data.hsl'], 0, "[0=>\"there\"]\n", '');
gives('--data that is not there', ['--data', 'nodata', 'data.hsl'], 66, '', qr/nodata/);
gives('--disassemble', ['--disassemble', 'ok.hsl'], 0, qr/\S.*\n.*\S/, '');
gives('--disassemble of a flow', ['--disassemble', '--context=mail', 'mail.hsl'], 0, qr/Quarantine/, '');
gives('no such file', ['nothere.hsl'], 66, '', qr/^hsl: .*nothere\.hsl.*No such file/);
gives('a folder', ['data'], 66, '', qr/^hsl: .*data/);
gives('nothing', [], 2, '', qr/^hsl: name a script, or - for standard input\nTry "hsl --help"\.$/);
gives('two files', ['ok.hsl', 'ok.hsl'], 2, '', qr/^hsl: name one script\nTry "hsl --help"\.$/);
gives('unknown option', ['--what', 'ok.hsl'], 2, '', qr/unrecognized option .*\nTry "hsl --help"\.$/);
gives('help', ['-h'], 0, qr/^usage: hsl /, '');
gives('syslog', ['-e', 'syslog("warning", "odd"); echo "even";'], 0, "even\n", "warning: odd\n");
gives('a long output is not cut', ['-e', 'for ($i = 0; $i < 2000; $i++) echo "line " . "x" * 100;'], 0, qr/\A(?:line x{100}\n){2000}\z/, '');
# It ended by SIGPIPE, and so it did when a server went away during a look-up.
Penstock::write_file("$dir/wide.hsl", 'for ($i = 0; $i < 9999; $i++) echo "x" * 99;');
my $gone = `bash -c '"\$0" "\$1" | true; exit \${PIPESTATUS[0]}' "$program" "$dir/wide.hsl" 2>&1`;
is($? >> 8, 74, 'nobody reads the output: an error, no signal');
is($gone, "hsl: cannot write to standard output\n", '... and it says so');
gives('an option behind the script', ['ok.hsl', '-c'], 0, '', '');

# hostile source
Penstock::write_file("$dir/empty.hsl", '');
gives('an empty file', ['empty.hsl'], 0, '', '');
Penstock::write_file("$dir/binary.hsl", join '', map { chr(($_ * 7919) % 256) } 1 .. 5000);
my ($code, $out, $err) = hsl('binary.hsl');
is($code, 65, 'binary rubbish: exit 65');
unlike($err, qr/[\x00-\x09\x0b-\x1f\x7f]/, '... and nothing of it reaches the terminal');
Penstock::write_file("$dir/large.hsl", "// x\n" x 1_000_000);
gives('over max_source', ['large.hsl'], 66, '', qr/^hsl: .*large\.hsl/);

done_testing;
