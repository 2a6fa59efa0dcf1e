package Held;
# A penstock-quarantined of its own with an SMTP sink in the place of Postfix: what the tests in
# this folder share.
use strict;
use warnings;
use Exporter 'import';
use IO::Socket::INET;
use JSON::PP qw(decode_json);
use Penstock;

our @EXPORT = qw(held_start put_mail withdraw files audit $mail);

# A header of ours, a folded line, bytes outside ASCII, dots.
our $mail = "X-Penstock-Recipient: evil\@example.com\r\nFrom: Ann <ann\@example.org>\r\nSubject: hello\r\n\tworld\r\n\r\n.\r\nb\xc3\xb6dy\r\n..dots\r\n";

# Options as Penstock->new; sink => 0: nothing listens where mail is released to.
sub held_start {
    my (%o) = @_;
    my $port = Penstock::free_port();
    my $gw = Penstock->new(milter => 0, reinject_port => $port, sink_port => $port, %o);
    $gw->let_libdb_leak;
    $gw->start_sink if $gw->{sink};
    $gw->start_quarantined;
    $gw->{q} = "$gw->{dir}/state/quarantine/1";
    return $gw;
}

# Stores [count] messages; their ids.
sub put_mail {
    my ($gw, %o) = @_;
    my $in = "$gw->{dir}/message";
    Penstock::write_file($in, $o{data} // $mail);
    my @cmd = (Penstock::build_dir() . '/t/quarantine/put', $o{directory} // $gw->{q}, $o{count} // 1,
        $o{from} // 'ann@example.org', $o{to} // 'bob@example.com', $o{reason} // 'Looks like spam');
    my $cmd = join ' ', map { my $w = $_; $w =~ s/'/'\\''/g; "'$w'" } @cmd;
    my @ids = `$cmd < '$in' 2>'$gw->{dir}/put.err'`;
    die Penstock::read_file("$gw->{dir}/put.err") if $? && !$o{may_fail};
    chomp @ids;
    return wantarray ? @ids : $ids[0];
}

sub withdraw {
    my ($gw, @ids) = @_;
    return system(Penstock::build_dir() . '/t/quarantine/put', $gw->{q}, 'withdraw', @ids) == 0;
}

# The files below [folder] of the quarantine, sorted.
sub files {
    my ($gw, $folder) = @_;
    my @all = sort grep { -f } glob("$gw->{q}/$folder/* $gw->{q}/$folder/*/*");
    return @all;
}

# The audit log as records. A kill may leave a line that is cut off: [cut] of them, at most.
sub audit {
    my ($gw, $cut) = @_;
    my (@records, @damaged);
    for (split /\n/, Penstock::read_file("$gw->{dir}/state/quarantine.audit")) {
        my $record = eval { decode_json($_) };
        push @{ $record ? \@records : \@damaged }, $record // $_;
    }
    die "the audit log is damaged: $damaged[0]\n" if @damaged > ($cut // 0);
    return @records;
}

1;
