# The promise that holds after every fault: the server lives, others are served,
# nothing is left over, nothing is half done, and the next run succeeds.
#
#     my $health = MlopsHealth->new($node, 'postgres');    # after set_up
#     $health->check('T05');                  # one test
#     $health->check('K04', crash => 1);      # a server process was killed on purpose
#     $health->check('K06', restart => 1);    # the server was restarted on purpose
package MlopsHealth;
use strict;
use warnings;

use MlopsRegistry;
use MlopsRun;
use PostgreSQL::Test::Utils;
use Test::More;
use Time::HiRes qw(usleep);

# What no server log may say, whatever happened.
my $never_logged = qr/PANIC|TRAP:|cache lookup failed|could not find (?:block|tuple)|unexpected (?:chunk|node|message)
	|refcount leak|reference leak|snapshot .* still active|(?:file|descriptor) leak|resource was not closed/x;
my $process_died = qr/(?:process|worker "[^"]*") \(PID \d+\) was terminated by signal/;

# What does not exist in a settled database: name => count.
my %unsettled = (
	'executor' => "SELECT count(*) FROM pg_stat_activity WHERE backend_type IN ('mlops run', 'mlops schedule')",
	'lock' => "SELECT count(*) FROM pg_locks l WHERE locktype IN ('userlock', 'advisory')
		AND NOT EXISTS (SELECT FROM pg_stat_activity a WHERE a.pid = l.pid AND backend_type = 'mlops dispatcher')",
	'running run' => "SELECT count(*) FROM mlops.run WHERE status = 'running'",
	'hand-over' => "SELECT count(*) FROM pg_ls_dir('base/pgsql_tmp/pgsql_tmp_mlops_run', true, false) f",
	'half-written forest' => "SELECT count(*) FROM pg_ls_dir('base/pgsql_tmp/pgsql_tmp_mlops', true, false) f
		WHERE f !~ '^[0-9a-f]{64}-[0-9]+\$'");
my $unsettled = join(' UNION ALL ', map { "SELECT '$_' AS what, ($unsettled{$_}) AS n" } sort keys %unsettled);
$unsettled = "SELECT coalesce(string_agg(n || ' x ' || what, ', '), '') FROM ($unsettled) u WHERE n > 0";

sub new
{
	my ($class, $node, $database) = @_;
	my $self = bless { node => $node, database => $database // 'postgres' }, $class;
	$self->{preloaded} = $node->safe_psql($self->{database}, 'SHOW shared_preload_libraries') =~ /mlops/;
	$self->remember;
	return $self;
}

# The server as it is now: its postmaster, the start of its shared memory, a session of somebody else.
sub remember
{
	my ($self) = @_;
	my $node = $self->{node};
	$self->{postmaster} = postmaster_pid($node);
	if ($self->{bystander}) { eval { $self->{bystander}->quit } }
	$self->{bystander} = $node->background_psql($self->{database}, on_error_stop => 0);
	$self->{bystander}->set_query_timer_restart;
	$self->{bystander}->query('SELECT 1');
	$self->{log_offset} = -s $node->logfile;
}

# What is wrong, as a list of sentences.
sub complaints
{
	my ($self, %what) = @_;
	my ($node, $database) = @$self{ 'node', 'database' };
	my @wrong;
	my $log = slurp_file($node->logfile, $self->{log_offset});

	push @wrong, "the log says: $_" for $log =~ /^.*$never_logged.*$/mg;
	if ($what{crash} || $what{restart})
	{
		$node->wait_for_log(qr/database system is ready to accept connections/, $self->{log_offset});
	}
	else
	{
		push @wrong, "the log says: $_" for $log =~ /^.*$process_died.*$/mg;
		my $served = eval { $self->{bystander}->query('SELECT 42') } // '';
		push @wrong, 'another session is not served' if $served ne '42';
	}
	push @wrong, 'the postmaster is another one' if !$what{restart} && postmaster_pid($node) != $self->{postmaster};
	if ($self->{preloaded})
	{
		push @wrong, 'the launcher is gone'
		  if !$node->poll_query_until($database, "SELECT count(*) = 1 FROM pg_stat_activity WHERE backend_type = 'mlops launcher'");
	}

	my $run = start_training($node, $database, 'health', 'num_boost_round => 2');
	push @wrong, 'the next run is ' . $node->safe_psql($database, "SELECT status || coalesce(': ' || error, '') FROM mlops.run WHERE id = $run")
	  if !wait_for($node, $database, $run, "status = 'succeeded'");

	my $left;
	for (1 .. 300)
	{
		$left = join(', ', grep { $_ ne '' } $node->safe_psql($database, $unsettled), half_done($node, $database));
		last if $left eq '';
		usleep(100_000);
	}
	push @wrong, "left over: $left" if $left ne '';
	push @wrong, "process $_ is left" for trainers($node);
	return @wrong;
}

# One test: everything is healthy after the case of this name.
sub check
{
	my ($self, $name, %what) = @_;
	local $Test::Builder::Level = $Test::Builder::Level + 1;
	my @wrong = $self->complaints(%what);
	ok(@wrong == 0, "$name: all is healthy afterwards") or diag(join "\n", @wrong);
	$self->remember;
	return @wrong == 0;
}

1;
