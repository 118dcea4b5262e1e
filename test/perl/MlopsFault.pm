# A cluster of its own installation, in which memory runs out, disks are full, and the
# trainer is what a test makes of it; see test/fault/fault.c.
package MlopsFault;
use strict;
use warnings;

use Cwd 'abs_path';
use Exporter 'import';
use MlopsRun;
use PostgreSQL::Test::Utils;

our @EXPORT = qw(fault_cluster replace_trainer restore_trainer patch_trainer wrap_trainer hold_trainer release_trainer
	fail_memory fill_disk free_disk fault_library);

my ($library, $trainer, $control, $fifo, $gate);

# Path of the library of faults, built.
sub fault_library
{
	chomp(my $pg_config = `command -v pg_config`);
	system_or_bail('make', '-s', "PG_CONFIG=$pg_config", 'build/fault.so');
	return abs_path('build/fault.so');
}

sub fault_cluster
{
	my ($name, $settings) = @_;
	my $directory = PostgreSQL::Test::Utils::tempdir('fault');
	my $installation = copy_installation();

	$library = fault_library();
	chomp(my $libdir = `$installation/bin/pg_config --pkglibdir`);
	$trainer = "$libdir/mlops_trainer";
	rename $trainer, "$trainer.real" or die "$trainer: $!";
	restore_trainer();
	$control = abs_path($directory) . '/control';
	append_to_file($control, pack('l4', 0, 0, 0, 0));
	$fifo = abs_path($directory) . '/fifo';
	system_or_bail('mkfifo', $fifo);
	# nobody waits for the other end, and no end of file releases all
	open $gate, '+<', $fifo or die "$fifo: $!";

	local @ENV{ 'LD_PRELOAD', 'FAULT_FILE' } = ($library, $control);
	return new_cluster($name, $settings, install_path => $installation);
}

# The trainer becomes these bytes; undef: there is none.
sub replace_trainer
{
	my ($bytes) = @_;
	unlink $trainer;
	return if !defined $bytes;
	append_to_file("$trainer.new", $bytes);
	chmod 0755, "$trainer.new";
	rename "$trainer.new", $trainer or die "$trainer: $!";
}

# The real one again.
sub restore_trainer
{
	unlink $trainer;
	link "$trainer.real", $trainer or die "$trainer: $!";
}

# The real one with some bytes of its file changed.
sub patch_trainer
{
	my ($from, $to) = @_;
	my $bytes = slurp_file("$trainer.real", 0);
	$bytes =~ s/\Q$from\E/$to/g or die "the trainer has no $from";
	replace_trainer($bytes);
}

# The real one after shell commands, with faults.
sub wrap_trainer
{
	my ($commands, $arguments, %fault) = @_;
	my $variables = join ' ', map { "$_=$fault{$_}" } keys %fault;
	$variables = "export LD_PRELOAD=$library $variables" if $variables;
	replace_trainer("#!/bin/sh\n$commands\n$variables\nexec $trainer.real " . ($arguments // '"$@"') . "\n");
}

# Trainers wait before they begin, until somebody releases them; one release is for one.
sub hold_trainer { wrap_trainer("read -r _ < $fifo") }

sub release_trainer
{
	syswrite $gate, "\n" or die "$fifo: $!";
}

sub write_control
{
	my ($at, @values) = @_;
	open my $out, '+<:raw', $control or die "$control: $!";
	seek $out, 4 * $at, 0;
	print $out pack('l*', @values);
	close $out;
}

# Of that process the allocation after so many fails, and perhaps further ones.
sub fail_memory
{
	my ($pid, $countdown, $failures) = @_;
	write_control(0, 0, $countdown, $failures // 1);
	write_control(0, $pid);
}

# No file gets longer: of queries and runs (temp), or of tables (data).
sub fill_disk { write_control(3, { temp => 1, data => 2 }->{ $_[0] }) }
sub free_disk { write_control(3, 0) }

1;
