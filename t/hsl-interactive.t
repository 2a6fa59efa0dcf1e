#!/usr/bin/perl
# hsl-interactive.t - the interactive mode of hsl on a pseudo-terminal, as a person uses it: values,
# several lines, errors, history, completion, Ctrl-C, Ctrl-D.
#
# PENSTOCK_BUILDDIR is where the programs are, default ".". Needs IO::Pty (libio-pty-perl).
use strict;
use warnings;
use Cwd qw(abs_path);
use File::Temp qw(tempdir);
use IO::Select;
use POSIX ();
use Test::More;
use Time::HiRes qw(time);

use IO::Pty;    # libio-pty-perl

my $SECONDS = 20;    # for one answer
my $hsl = abs_path(($ENV{PENSTOCK_BUILDDIR} // '.') . '/hsl/hsl');
my $home = tempdir(CLEANUP => 1);
my ($pty, $pid, $seen);

sub spew {
    my ($path, $text) = @_;
    open my $f, '>:raw', $path or die "$path: $!\n";
    print $f $text;
    close $f or die "$path: $!\n";
}

# Starts hsl in a folder of its own.
sub start {
    my (@args) = @_;
    $pty = IO::Pty->new;
    $pid = fork // die "fork: $!\n";
    if ($pid == 0) {
        $pty->make_slave_controlling_terminal;
        my $tty = $pty->slave;
        close $pty;
        $tty->set_winsize(24, 100);
        open STDIN, '<&', $tty;
        open STDOUT, '>&', $tty;
        open STDERR, '>&', $tty;
        $ENV{HOME} = $home;
        $ENV{TERM} = 'dumb';
        $ENV{LC_ALL} = 'C.UTF-8';
        $ENV{NO_COLOR} = '1' if !$ENV{WANT_COLOR};
        delete $ENV{XDG_STATE_HOME} if !$ENV{WANT_STATE};
        chdir $home;
        exec $hsl, @args or exit 127;
    }
    $pty->close_slave;
    $seen = '';
}

# Reads until [$pattern] is there; gives what came up to its end, without what the terminal needs.
sub expect {
    my ($pattern) = @_;
    my $until = time + $SECONDS;
    my $select = IO::Select->new($pty);
    while ($seen !~ /$pattern/) {
        my $left = $until - time;
        last if $left <= 0 || !$select->can_read($left);
        my $n = sysread $pty, my $piece, 65536;
        last if !$n;
        $seen .= $piece;
    }
    if ($seen !~ /$pattern/) {
        diag("waited for /$pattern/, got: $seen");
        return '';
    }
    my $text = substr $seen, 0, $+[0], '';
    wait_raw($until) if $text =~ /(?:hsl|\.\.\.)> \z/;
    $text =~ s/\r//g;
    return $text;
}

# The prompt is printed before the terminal stops echoing by itself.
sub wait_raw {
    my ($until) = @_;
    my $termios = POSIX::Termios->new;
    while (time < $until) {
        $termios->getattr(fileno $pty);
        return if !($termios->getlflag & POSIX::ICANON());
        select undef, undef, undef, 0.005;
    }
}

sub type { syswrite $pty, $_[0] }

# Types a line; what was printed before the next prompt, without the echoed line.
sub line {
    my ($text) = @_;
    type("$text\n");
    my $out = expect(qr/(?:\n|\A)(?:hsl|\.\.\.)> \z/);
    $out =~ s/\n?(?:hsl|\.\.\.)> \z//;
    $out =~ s/\A[^\n]*\n?//;
    return $out;
}

# Leaves; gives the exit code.
sub leave {
    type("\x04");
    expect(qr/\n\z/);
    my $until = time + $SECONDS;
    while (time < $until) {
        my $got = waitpid $pid, 1;
        return $? if $got == $pid;
        select undef, undef, undef, 0.02;
    }
    kill 'KILL', $pid;
    waitpid $pid, 0;
    return -1;
}

# --- Values, state, several lines -----------------------------------------------------------------

start('--limits', 'max_instructions=1000000000000,max_time=120');
ok(expect(qr/hsl> \z/), 'a prompt');
is(line('1 + 2'), '3', 'the value of an expression');
is(line('$name = "world";'), '', 'an assignment is silent');
is(line('echo "hello $name"'), 'hello world', 'a variable stays; the semicolon may be left out');
is(line('["a", "k" => none]'), '[0=>"a","k"=>none]', 'an array');
is(line('"a\"b\n"'), '"a\"b\x0A"', 'a string is printed with quotes and escapes');
is(line('syslog("info", "to the log")'), 'info: to the log', 'none is not printed');
is(line('"na\x1b[31mughty"'), '"na\x1B[31mughty"', 'no control bytes reach the terminal');
type("function twice(\$n) {\n");
expect(qr/\.\.\.> \z/);
type("    return \$n * 2;\n");
expect(qr/\.\.\.> \z/);
is(line('}'), '', 'a function over several lines');
is(line('twice(21)'), '42', 'and it can be called');
is(line('class Counter {'), '', 'a class begins');
line('  private $n = 0;');
line('  function inc() { $this->n += 1; return $this->n; }');
is(line('}'), '', 'and ends');
is(line('$c = Counter(); $c->inc(); $c->inc()'), '2', 'an object');
is(line('$c->inc()'), '3', 'that lives on');
is(line("\"å\" . length(\"å\")"), "\"å2\"", 'UTF-8');

# --- Errors -------------------------------------------------------------------------------------

like(line('echo $nope'), qr/\A<input \d+>:1:6: undefined variable \$nope\n    echo \$nope\n {9}\^\z/, 'a run-time error with its line and a caret');
like(line('1 +* 2'), qr/:1:4: syntax error, unexpected \*.*\n    1 \+\* 2\n       \^\z/s, 'a syntax error');
like(line('foo()'), qr/unknown function foo/, 'an unknown function');
mkdir "$home/lib";
spew("$home/lib/one.hsl", "include \"./two.hsl\";\n");
spew("$home/lib/two.hsl", "\necho 1 / 0;\n");
spew("$home/lib/bad.hsl", "echo 1;\necho 2 3;\n");
spew("$home/two.hsl", "another file\nof this name\n");
like(line('include "lib/bad"'), qr/\Alib\/bad:2:8: syntax error.*\n    echo 2 3;\n {11}\^\n/,
    'the line in a file that is named without .hsl');
spew("$home/lib/large.hsl", ';' x 4_200_000);
like(line('include "lib/large"'), qr/: limit: source \(4194304 bytes\) exceeded\n/,
    'a file that is too large by itself is told the limit');
spew("$home/lib/open.hsl", "if (1) {\n");
like(line('include "lib/open"'), qr/\Alib\/open:2:1: syntax error, unexpected end of file/,
    'no further line is waited for when a file ends early');
like(line('include "lib/one"'), qr/\A\.\/two\.hsl:2:8: division by zero\n    echo 1 \/ 0;\n {11}\^/,
    'and in one that is named from beside it');
type("function thrower() {\n");
expect(qr/\.\.\.> \z/);
type("    throw \"deep\";\n");
expect(qr/\.\.\.> \z/);
line('}');
like(line('thrower()'), qr/:2:5: uncaught exception: deep\n        throw "deep";\n        \^\n<input \d+>:1:1: called from here\z/, 'an error in a function of an earlier step shows that step');
is(line('if (true) {'), '', 'an open block waits');
like(line(''), qr/unexpected end of file/, 'an empty line ends the wait');
is(line('twice(4)'), '8', 'all goes on');
type("if (true) {\n");
expect(qr/\.\.\.> \z/);
type("\x03");
is(expect(qr/hsl> \z/) =~ /hsl> \z/, 1, 'Ctrl-C drops what was typed');
is(line('twice(5)'), '10', 'all goes on after that');

# --- Ctrl-C -------------------------------------------------------------------------------------

type("\$n = 0; while (true) { \$n += 1; if (\$n == 1000) echo \"busy\"; }\n");
ok(expect(qr/\nbusy\r\n/), 'a script at work');
type("\x03");
like(expect(qr/hsl> \z/), qr/:1:\d+: interrupted\n/, 'Ctrl-C ends a script');
is(line('$n >= 1000'), 'true', 'its variables are there');
type("echo \"zzz\"; sleep(15)\n");
ok(expect(qr/\nzzz\r\n/), 'a script that sleeps');
my $before = time;
type("\x03");
like(expect(qr/hsl> \z/), qr/interrupted/, 'and a sleep');
cmp_ok(time - $before, '<', 10, 'at once');

# --- Completion ---------------------------------------------------------------------------------

type("str_up\t");
like(expect(qr/str_upper/), qr/str_upper/, 'the name of a function');
type("(\"x\") . twi\t");
is(line('(1)'), '"X2"', 'and of one that was declared');
type("\$na\t");
is(line(''), '"world"', 'a variable');
type("str_l\t");
my $list = expect(qr/str_lstrip\s+hsl> str_l/);
like($list, qr/str_lower/, 'several: they are listed');
type("\x15");
expect(qr/hsl> /);
is(line('1'), '1', 'the line is empty again');
type("\$c->in\t");
is(line('()'), '4', 'a method');
is(leave(), 0, 'Ctrl-D leaves with 0');

# --- History ------------------------------------------------------------------------------------

ok(-s "$home/.hsl_history", 'there is a history');
is((stat "$home/.hsl_history")[2] & 077, 0, 'for nobody else');
start();
expect(qr/hsl> \z/);
is(line('"remember me"'), '"remember me"', 'another session');
type("\x10");
is(line(''), '"remember me"', 'the line before comes back');
type("\x10\x10");
type("\x01\x0b");
is(line('2'), '2', 'and can be dropped');
is(leave(), 0, 'it ends');
start();
expect(qr/hsl> \z/);
type("\x10\x10");
is(line(''), '"remember me"', 'the next session knows it');
leave();
{
    local $ENV{WANT_STATE} = 1;
    local $ENV{XDG_STATE_HOME} = "$home/state";
    start();
    expect(qr/hsl> \z/);
    line('3');
    leave();
    ok(-s "$home/state/penstock/hsl_history", 'XDG_STATE_HOME is respected');
}

# --- Options --------------------------------------------------------------------------------------

start('--limits', 'max_instructions=1000', '--time');
expect(qr/hsl> \z/);
like(line('while (true) {}'), qr/limit: instruction budget \(1000\) exceeded/, 'limits hold');
like(line('1'), qr/\A1\nrun \d+\.\d+ s, \d+ instructions, memory peak \d+ bytes\z/, '--time');
is(leave(), 0, 'it ends');
{
    local $ENV{WANT_COLOR} = 1;
    delete local $ENV{NO_COLOR};
    start();
    expect(qr/hsl> \z/);
    like(line('$x'), qr/\e\[1;31mundefined variable \$x\e\[0m/, 'colour on a terminal');
    leave();
}
start('-e', 'echo $x;');
like(expect(qr/\^/), qr/\A[^\e]*undefined variable[^\e]*\^\z/, 'no colour with NO_COLOR');
waitpid $pid, 0;
is($?, 1 << 8, 'a script error gives 1');

done_testing;
