package State;
# A penstock-policyd of its own, and a client of its state socket: what the tests in this folder
# share.
use strict;
use warnings;
use Exporter 'import';
use IO::Socket::UNIX;
use Penstock;

our @EXPORT = qw(state_start state_connect ask rate);

# Options as Penstock->new. The daemon is started unless start => 0.
sub state_start {
    my (%o) = @_;
    my $start = delete $o{start} // 1;
    my $more = delete $o{conf} // '';
    my $gw = Penstock->new(milter => 0, sink => 0, %o);
    $gw->{conf} = "state_socket = \"unix:$gw->{dir}/run/state\"\n$more";
    $gw->write_conf;
    $gw->start_policyd if $start;
    return $gw;
}

sub state_connect {
    my ($gw) = @_;
    return IO::Socket::UNIX->new(Peer => "$gw->{dir}/run/state");
}

# Sends a request to [c] and reads the answer: {name => value}, or undef if the connection ended.
sub ask {
    my ($c, $request, %attrs) = @_;
    my $text = "request=$request\n";
    for my $name (sort keys %attrs) {
        my $value = $attrs{$name};
        $value =~ s/([\n\r\0%])/sprintf '%%%02X', ord $1/ge;
        $text .= "$name=$value\n";
    }
    local $SIG{PIPE} = 'IGNORE';
    print {$c} "$text\n" or return;
    $c->flush;
    my %answer;
    while (defined(my $line = readline $c)) {
        chomp $line;
        return \%answer if $line eq '';
        my ($name, $value) = split /=/, $line, 2;
        $value =~ s/%([0-9A-F]{2})/chr hex $1/ge;
        $answer{$name} = $value;
    }
    return;
}

# 1 or 0: may another event happen? With a limit of 0: how many were there.
sub rate {
    my ($c, $space, $entry, $limit, $interval) = @_;
    my $answer = ask($c, 'rate', space => $space, entry => $entry, limit => $limit, interval => $interval // 3600) // return;
    return $limit ? $answer->{yes} : $answer->{events};
}

1;
