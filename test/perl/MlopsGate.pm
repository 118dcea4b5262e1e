# Stops processes of the extension exactly at a point, without anything in the product.
#
# A gate is a name.  While the test holds its advisory lock the gate is closed, and
# who comes to it waits there.  Gates inside transactions are triggers on the
# extension's tables: one fires at its statement, a deferred one right before the
# commit record.  The point after the commit record and before anybody knows is the
# wait for a synchronous standby that does not exist: a deferred trigger turns that
# wait on for its own transaction, in which the writer never asks for it.
package MlopsGate;
use strict;
use warnings;

use Exporter 'import';
use MlopsRun;
use PostgreSQL::Test::Utils;
use Test::More;
use Time::HiRes qw(time usleep);

our @EXPORT = qw(set_up_gates executor_of wait_until_gone kill_postmaster stop_sorting $gate_settings);

# For postgresql.conf: who asks for synchronous_commit waits for ever.
our $gate_settings = "wal_level = replica\nmax_wal_senders = 2\nsynchronous_standby_names = 'nobody'\nsynchronous_commit = local\n";

# What stops where: gate => [table, event, condition].  Each has the points NAME (in
# the statement), NAME_committing and NAME_committed.  Progress is that of model "point".
my %points = (
	claim => [ 'run', 'UPDATE', q{OLD.status = 'queued' AND NEW.status = 'running'} ],
	progress => [ 'run', 'UPDATE', q{OLD.status = 'running' AND NEW.status = 'running' AND OLD.progress_at IS DISTINCT FROM NEW.progress_at AND NEW.model = 'point'} ],
	blob => [ 'model_blob', 'INSERT', 'true' ],
	publish => [ 'run', 'UPDATE', q{OLD.status = 'running' AND NEW.status = 'succeeded'} ],
	submit => [ 'run', 'INSERT', 'true' ],
	deploy => [ 'alias', 'UPDATE', 'true' ],
	observe => [ 'drift_state', 'INSERT', 'true' ]);

# Make the gates of a database; all are open.  Queries pass a gate with gate.pass(name).
sub set_up_gates
{
	my ($node, $database) = @_;
	my $sql = q{
		CREATE SCHEMA gate;
		GRANT USAGE ON SCHEMA gate TO PUBLIC;
		CREATE FUNCTION gate.is_open(name text) RETURNS boolean LANGUAGE sql
			RETURN pg_try_advisory_xact_lock_shared(hashtext(name));
		CREATE FUNCTION gate.pass(name text) RETURNS boolean LANGUAGE plpgsql AS
			'BEGIN WHILE NOT gate.is_open(name) LOOP PERFORM pg_sleep(0.01); END LOOP; RETURN true; END';
		CREATE FUNCTION gate.hold() RETURNS trigger LANGUAGE plpgsql AS
			'BEGIN PERFORM gate.pass(TG_ARGV[0]); RETURN NULL; END';
		CREATE FUNCTION gate.hold_answer() RETURNS trigger LANGUAGE plpgsql AS
			'BEGIN IF NOT gate.is_open(TG_ARGV[0]) THEN PERFORM set_config(''synchronous_commit'', ''on'', true); END IF; RETURN NULL; END';
	};
	while (my ($name, $point) = each %points)
	{
		my ($table, $event, $condition) = @$point;
		for my $moment ([ $name, '', 'hold' ], [ "${name}_committing", 'CONSTRAINT', 'hold' ], [ "${name}_committed", 'CONSTRAINT', 'hold_answer' ])
		{
			my ($gate, $constraint, $function) = @$moment;
			$sql .= "CREATE $constraint TRIGGER gate_$gate AFTER $event ON mlops.$table "
			  . ($constraint ? 'DEFERRABLE INITIALLY DEFERRED ' : '')
			  . "FOR EACH ROW WHEN ($condition) EXECUTE FUNCTION gate.$function('$gate');\n";
		}
	}
	$node->safe_psql($database, $sql);
}

# A session that opens and closes gates; they all open when it ends.
sub new
{
	my ($class, $node, $database) = @_;
	my $session = $node->background_psql($database);
	$session->set_query_timer_restart;
	return bless { node => $node, database => $database, session => $session }, $class;
}

sub close
{
	my ($self, @gates) = @_;
	$self->{session}->query_safe("SELECT pg_advisory_lock(hashtext('$_'))") for @gates;
}

sub open
{
	my ($self, @gates) = @_;
	$self->{session}->query_safe("SELECT pg_advisory_unlock(hashtext('$_'))") for @gates;
}

# Until a process that meets the condition on pg_stat_activity stands at a gate; returns its pid.
sub wait_at
{
	my ($self, $gate, $condition) = @_;
	my $event = $gate =~ /_committed$/ ? 'SyncRep' : 'PgSleep';
	my $where = "FROM pg_stat_activity WHERE wait_event = '$event' AND $condition";
	$self->{node}->poll_query_until($self->{database}, "SELECT count(*) = 1 $where") or die "nobody at gate $gate";
	return $self->{node}->safe_psql($self->{database}, "SELECT pid $where");
}

# Also after a crash.
sub quit
{
	my ($self) = @_;
	eval { $self->{session}->quit };
}

# The process that holds the lock of a run, once there is one that meets the condition.
sub executor_of
{
	my ($node, $database, $run, $condition) = @_;
	my $where = "FROM pg_locks l JOIN pg_stat_activity a USING (pid) WHERE l.locktype = 'userlock' AND l.objsubid = 1"
	  . " AND l.objid = $run AND l.database = (SELECT oid FROM pg_database WHERE datname = '$database')"
	  . ' AND ' . ($condition // 'true');
	$node->poll_query_until($database, "SELECT count(*) = 1 $where") or die "run $run has no such executor";
	return $node->safe_psql($database, "SELECT l.pid $where");
}

# Wait until processes are gone, or dead and not reaped; returns the seconds it took, or undef.
sub wait_until_gone
{
	my ($timeout, @pids) = @_;
	my $start = time;
	while (grep { (eval { slurp_file("/proc/$_/stat") } // ') X') !~ /\) [XZ]/ } @pids)
	{
		return undef if time - $start > $timeout;
		usleep(2_000);
	}
	return time - $start;
}

# SIGKILL to the postmaster; returns the seconds until the other processes are gone, or undef.
sub kill_postmaster
{
	my ($node, @others) = @_;
	my $postmaster = postmaster_pid($node);
	my $deadline = time + $PostgreSQL::Test::Utils::timeout_default;

	$node->kill9;
	my $took = wait_until_gone(10, @others);
	# until its parent has reaped it, a new one takes it for alive
	usleep(2_000) while kill(0, $postmaster) && time < $deadline;
	return $took;
}

# Stop the executor of a run while it sorts.  Its query waits at a gate, which "release" opens.
sub stop_sorting
{
	my ($node, $database, $run, $pid, $release) = @_;
	my ($path) = glob($node->data_dir . "/base/pgsql_tmp/pgsql_tmp_mlops_run/*_${run}_*/progress");
	my $deadline = time + $PostgreSQL::Test::Utils::timeout_default;

	$release->();
	usleep(100) until (eval { slurp_file($path) } // '') =~ /sorting/ || time > $deadline;
	kill 'STOP', $pid;
	die "run $run was not caught sorting" if time > $deadline || children_of($pid);
}

1;
