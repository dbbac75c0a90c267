#!/usr/bin/perl
# full-pipe.pl COMMAND...: runs COMMAND with a non-blocking pipe as standard output. The pipe is full until COMMAND has
# printed the number of errors on standard error. Prints what COMMAND wrote to the pipe.
use strict;
use warnings;
use Fcntl;

pipe(my $out, my $into) or die $!;
pipe(my $err, my $said) or die $!;
fcntl($into, F_SETFL, O_WRONLY | O_NONBLOCK) or die $!;
while (defined syswrite($into, 'x' x 4096)) { }
defined(my $pid = fork) or die $!;
if (!$pid) {
    open(STDOUT, '>&', $into) or die $!;
    open(STDERR, '>&', $said) or die $!;
    exec @ARGV;
}
close $_ for $into, $said;
while (<$err>) { last if /^\d+ errors?$/ }
local $/;
my $all = <$out>;
$all =~ s/^x+//;
print $all;
