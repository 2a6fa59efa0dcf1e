package Flow;

# Runs a flow script by t/net/many, any number of times at once; see there for what it prints.
#
#   my $f = Flow->new($server, 'auth', 'Accept();', config => FILE, data => FOLDER,
#       limits => 'max_time=2', names => { 'test.example.org' => '127.0.0.1:8080' });
#   my $r = $f->run(200, saslusername => 'joe');    # or begin(...), and finish() later
#   $r->{outcomes}{Accept}, $r->{longest}, $r->{descriptors}
#   $f->records;                                    # what was logged since the last call
#   $f->end;                                        # descriptors left open, undef if it died

use strict;
use warnings;
use IPC::Open2;
use Penstock;

my $count = 0;

sub new {
    my ($class, $server, $flow, $script, %o) = @_;
    my $name = 'flow' . ++$count;
    my $dir = $server->{dir};
    $server->write("$name.hsl", $script);
    my @command = (Penstock::build_dir() . '/t/net/many', '-f', $flow);
    push @command, '-c', $o{config} if $o{config};
    push @command, '-d', $o{data} if $o{data};
    push @command, '-l', $o{limits} if $o{limits};
    push @command, '-n', "$_=$o{names}{$_}" for sort keys %{ $o{names} // {} };
    my $self = bless { err => "$dir/$name.err", read => 0 }, $class;
    open my $stderr, '>&', \*STDERR or die "dup: $!";
    open STDERR, '>', $self->{err} or die "$self->{err}: $!";
    $self->{pid} = eval { open2($self->{out}, $self->{in}, @command, "$dir/$name.hsl") };
    my $why = $@;
    open STDERR, '>&', $stderr or die "dup: $!";
    die $why if !$self->{pid};
    return $self;
}

sub begin {
    my ($self, $n, %vars) = @_;
    print { $self->{in} } join("\t", $n, map { "$_=$vars{$_}" } sort keys %vars), "\n";
    $self->{in}->flush;
    my $line = readline $self->{out};
    defined $line && $line eq "running\n" or die 'no runs: ' . $self->records;
}

sub finish {
    my ($self) = @_;
    my %r;
    while (defined(my $line = readline $self->{out})) {
        chomp $line;
        return \%r if $line eq '';
        if ($line =~ /^(longest|descriptors) (.*)/) { $r{$1} = $2 }
        elsif ($line =~ /^(\d+) (.*)/) { $r{outcomes}{$2} = $1 }
    }
    die 'the runs came to no end: ' . $self->records;
}

sub run {
    my ($self, @what) = @_;
    $self->begin(@what);
    return $self->finish;
}

sub records {
    my ($self) = @_;
    my $new = substr Penstock::read_file($self->{err}) // '', $self->{read};
    $self->{read} += length $new;
    return $new;
}

sub end {
    my ($self) = @_;
    my $pid = delete $self->{pid} or return;
    close $self->{in};
    my ($left) = join('', readline $self->{out}) =~ /^left (-?\d+)$/m;
    waitpid $pid, 0;
    return $? == 0 ? $left : undef;
}

1;
