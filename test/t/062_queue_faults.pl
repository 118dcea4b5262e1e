# Faults of the queue and of its processes, by the catalogue's ids Q01 to Q23: what
# is submitted runs exactly once or ends with a reason, and nobody else notices.
use strict;
use warnings;

use Cwd 'abs_path';
use Fcntl qw(O_RDONLY);
use File::Copy 'cp';
use MlopsHealth;
use MlopsRun;
use PostgreSQL::Test::Utils;
use Test::More;
use Time::HiRes qw(time usleep);

# A trainer of our own: it is looked for beside the library.
chomp(my $installed = `pg_config --pkglibdir`);
my $folder = abs_path(PostgreSQL::Test::Utils::tempdir('own'));
symlink "$installed/mlops.so", "$folder/mlops.so" or die "$folder: $!";
cp("$installed/mlops_trainer", "$folder/mlops_trainer") or die "$folder: $!";
chmod 0755, "$folder/mlops_trainer";

my $node = new_cluster('faults', qq{
shared_preload_libraries = '$folder/mlops.so'
mlops.max_concurrent_runs = 2
log_min_messages = debug1
});
set_up($node, 'postgres');
$node->safe_psql('postgres', q{
	CREATE ROLE bob LOGIN;
	GRANT EXECUTE ON ALL ROUTINES IN SCHEMA mlops TO bob;
	GRANT SELECT ON flower TO bob;
	SET ROLE alice;
	CREATE TABLE nothing (LIKE flower);
	GRANT SELECT ON nothing TO bob;});
my $health = MlopsHealth->new($node, 'postgres');
my $postmaster = postmaster_pid($node);
END { kill 'CONT', $postmaster if $postmaster }

sub value { return $node->safe_psql('postgres', $_[0]) }

sub row
{
	my ($run, $columns) = @_;
	return value("SELECT $columns FROM mlops.run WHERE id = $run");
}

sub wait_run
{
	my ($run, $condition) = @_;
	return wait_for($node, 'postgres', $run, $condition);
}

# A run that fails at once: its query has no rows.
sub start_cheap
{
	my ($model, $role) = @_;
	return value("SET ROLE " . ($role // 'alice') . "; SELECT mlops.train('$model', 'SELECT * FROM nothing', 'big', key => '{id}')");
}

sub start_slow
{
	my ($model) = @_;
	return start_training($node, 'postgres', $model, "params => '$slow_params'");
}

sub start_trained_slow
{
	my $run = start_slow(@_);
	wait_run($run, "phase = 'training'") or die "run $run does not train";
	return $run;
}

# Pids of the processes of a kind: launcher, dispatcher, run.
sub pids
{
	return split ' ', value("SELECT coalesce(string_agg(pid::text, ' '), '') FROM pg_stat_activity WHERE backend_type = 'mlops $_[0]'");
}

sub wait_for_process
{
	my ($kind, $count) = @_;
	return $node->poll_query_until('postgres', "SELECT count(*) = $count FROM pg_stat_activity WHERE backend_type = 'mlops $kind'");
}

sub log_since
{
	return slurp_file($node->logfile, $_[0]);
}

sub count_lines
{
	my ($from, $what) = @_;
	return scalar grep { /$what/ && !/LOG:  statement:/ } split /\n/, log_since($from);
}

# Cancel a run as alice; how long it takes to be canceled.
sub cancel_takes
{
	my ($run) = @_;
	my $start = time;
	value("SET ROLE alice; SELECT mlops.cancel($run)");
	wait_run($run, "status = 'canceled'") or die "run $run is not canceled";
	return time - $start;
}

# A running row as a lost executor would leave it: without lock, process and files.
sub orphan
{
	my ($run) = @_;
	value("UPDATE mlops.run SET status = 'running', attempt = attempt + 1, started_at = clock_timestamp() WHERE id = $run; SELECT mlops.tick()");
}

# A session that is connected already, as it must be before the postmaster is stopped.
sub session
{
	my ($role) = @_;
	my $session = $node->background_psql('postgres', on_error_stop => 0);
	$session->query_safe('SET client_min_messages = error');
	$session->query_safe("SET ROLE $role") if $role;
	return $session;
}

# Q01: what is rolled back does not start.
{
	wait_for_process('dispatcher', 0);
	my $offset = -s $node->logfile;
	value(q{SET ROLE alice; BEGIN; SELECT mlops.train('undone', 'SELECT * FROM flower', 'big', key => '{id}'); ROLLBACK});
	unlike(log_since($offset), qr/starting background worker process "mlops/, 'Q01: a rolled back submission starts no process');
	value(q{SET ROLE alice; BEGIN; SAVEPOINT s; SELECT mlops.train('undone', 'SELECT * FROM flower', 'big', key => '{id}'); ROLLBACK TO s; COMMIT});
	value(q{SET ROLE alice; DO $$ BEGIN PERFORM mlops.train('undone', 'SELECT * FROM flower', 'big', key => '{id}'); RAISE 'no';
		EXCEPTION WHEN raise_exception THEN NULL; END $$});
	is(value("SELECT (SELECT count(*) FROM mlops.run), (SELECT count(*) FROM mlops.model)"), '0|0',
		'Q01: a savepoint and an exception block leave nothing');
	change_settings($node, log_min_messages => 'warning');
	$health->check('Q01');
}

# Q02: prepared transactions.
{
	my @runs = map { value(qq{SET ROLE alice; BEGIN;
		SELECT mlops.train('$_', 'SELECT * FROM flower', 'big', key => '{id}', num_boost_round => 5);
		PREPARE TRANSACTION '$_'}) } 'kept', 'undone';
	value("COMMIT PREPARED 'kept'");
	value("ROLLBACK PREPARED 'undone'");
	$node->reload;
	ok(wait_run($runs[0], "status = 'succeeded'"), 'Q02: a run of a prepared transaction runs after another session committed it');
	is(value("SELECT count(*) FROM mlops.run WHERE model = 'undone'"), 0, 'Q02: that of one rolled back is not there');
	$health->check('Q02');
}

# Q05: many dispatchers at once.
{
	my $run = start_trained_slow('crowd');
	my ($dispatcher) = pids('dispatcher');
	value('SELECT mlops.tick() FROM generate_series(1, 8)') for 1 .. 5;
	my $cheap = start_cheap('crowd_cheap');
	ok(wait_run($cheap, "status = 'failed'"), 'Q05: the queue goes on while others want to be the dispatcher');
	wait_for_process('dispatcher', 1);
	is(join(' ', pids('dispatcher')), $dispatcher, 'Q05: the first one stays');
	is(row($cheap, 'attempt') . row($run, 'attempt'), '11', 'Q05: nothing is started twice');
	cancel_takes($run);
	$health->check('Q05');
}

# Q06: cancel in each state, by anybody.
{
	my $session = session();
	change_settings($node, 'mlops.max_concurrent_runs' => 0);
	my $run = start_training($node, 'postgres', 'cancels');
	is(value("SET ROLE alice; BEGIN; SELECT mlops.cancel($run); SELECT mlops.cancel($run); COMMIT"), "t\nt", 'Q06: a queued run can be canceled, twice');
	ok(wait_run($run, "status = 'canceled' AND attempt = 0"), 'Q06: and never starts');
	change_settings($node, 'mlops.max_concurrent_runs' => 2);

	# claimed, and its process cannot start yet
	my $slow = start_trained_slow('cancels');
	kill 'STOP', $postmaster;
	$run = $session->query_safe(q{SELECT mlops.train('cancels', 'SELECT * FROM flower', 'big', key => '{id}') FROM set_config('role', 'alice', false)});
	my $claimed = 0;
	for (1 .. 300)
	{
		last if $claimed = $session->query_safe("SELECT count(*) FROM mlops.run WHERE id = $run AND status = 'running'");
		usleep(100_000);
	}
	$session->query_safe("SELECT mlops.cancel($run)");
	kill 'CONT', $postmaster;
	is($claimed, 1, 'Q06: a run is claimed');
	ok(wait_run($run, "status = 'canceled' AND crashes = 0 AND attempt = 1"), 'Q06: and canceled before its process starts');
	is(value("SELECT mlops.cancel($slow)"), 't', 'Q06: an administrator may cancel');
	ok(wait_run($slow, "status = 'canceled'"), 'Q06: and does');
	is(value("SELECT mlops.cancel($slow)"), 'f', 'Q06: not twice');

	$run = start_trained_slow('cancels');
	my (undef, undef, $err) = $node->psql('postgres', "SET ROLE bob; SELECT mlops.cancel($run)");
	like($err, qr/run $run does not exist/, 'Q06: a stranger may not, and learns nothing');
	is(value("SELECT count(*) FROM mlops.cancel_request"), 0, 'Q06: he leaves no request');
	value("SET ROLE alice; SELECT mlops.grant_model('cancels', 'bob', 'own'); SET ROLE bob; SELECT mlops.cancel($run)");
	ok(wait_run($run, "status = 'canceled'"), 'Q06: an owner of the model may');
	$session->quit;

	# a race with success: one or the other
	my @runs;
	for my $try (0 .. 9)
	{
		push @runs, start_training($node, 'postgres', 'race', "num_boost_round => " . ($try + 2));
		usleep(60_000 * $try);
		value("SELECT mlops.cancel($runs[-1])");
	}
	my $list = join ',', @runs;
	$node->poll_query_until('postgres', "SELECT count(*) = 0 FROM mlops.run WHERE status IN ('queued', 'running')");
	is(value("SELECT count(*) FROM mlops.run r LEFT JOIN mlops.model_version v ON v.run_id = r.id
		WHERE r.id IN ($list) AND status || (v.run_id IS NOT NULL)::text NOT IN ('succeededtrue', 'canceledfalse')"), 0,
		'Q06: in a race a run succeeds with a version or is canceled without one');
	note(value("SELECT string_agg(status || ' ' || n, ', ') FROM (SELECT status, count(*) AS n FROM mlops.run WHERE id IN ($list) GROUP BY 1) s"));
	is(value('SELECT count(*) FROM mlops.cancel_request'), 0, 'Q06: no request is left');
	$health->check('Q06');
}

# Q07, Q08: signals to each kind of process.
{
	my $run = start_training($node, 'postgres', 'signaled', 'num_boost_round => 400');
	wait_run($run, "phase = 'training'");
	my %process = map { $_ => (pids($_))[0] } qw(launcher dispatcher run);
	for my $signal (qw(HUP USR1 USR2 PIPE ALRM WINCH CONT CHLD))
	{
		kill $signal, values %process;
	}
	kill 'INT', @process{ 'launcher', 'dispatcher' } for 1 .. 20;
	is(value("SELECT count(*) FROM pg_stat_activity WHERE pid IN ($process{launcher}, $process{dispatcher})"), 2,
		'Q07: launcher and dispatcher survive cancels and whatever else is sent to them');
	ok(wait_run($run, "status = 'succeeded' AND attempt = 1"), 'Q07: the run notices nothing');
	$run = start_trained_slow('signaled');
	value("SELECT pg_cancel_backend(pid) FROM pg_stat_activity WHERE backend_type = 'mlops run'");
	ok(wait_run($run, "status = 'canceled' AND crashes = 0"), 'Q07: a cancel of the executor cancels the run');
	$health->check('Q07');

	$run = start_trained_slow('signaled');
	%process = map { $_ => (pids($_))[0] } qw(launcher dispatcher run);
	my $start = time;
	value("SELECT pg_terminate_backend($process{launcher}), pg_terminate_backend($process{dispatcher})");
	ok($node->poll_query_until('postgres', "SELECT count(*) = 2 FROM pg_stat_activity
		WHERE backend_type IN ('mlops launcher', 'mlops dispatcher') AND pid NOT IN ($process{launcher}, $process{dispatcher})"),
		'Q08: a terminated launcher comes back, and the dispatcher with it');
	cmp_ok(time - $start, '<', 30, 'Q08: soon');
	ok(row($run, "status = 'running' AND attempt = 1") eq 't', 'Q08: the run goes on meanwhile');
	value("SELECT pg_terminate_backend($process{run})");
	ok(wait_run($run, "status = 'failed' AND sqlstate = '57P01' AND crashes = 0"), 'Q08: a terminated executor is a failure, not a crash');
	$health->check('Q08');
}

# Q09: a dispatcher lost between the claim and the start of the executor.
{
	my $session = session();
	my $slow = start_trained_slow('claims');
	kill 'STOP', $postmaster;
	my $run = $session->query_safe(q{SELECT mlops.train('claims', 'SELECT * FROM flower', 'big', key => '{id}', num_boost_round => 3) FROM set_config('role', 'alice', false)});
	for (1 .. 300)
	{
		last if $session->query_safe("SELECT count(*) FROM mlops.run WHERE id = $run AND status = 'running'");
		usleep(100_000);
	}
	$session->query_safe("RESET ROLE; SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE backend_type = 'mlops dispatcher'");
	kill 'CONT', $postmaster;
	ok(wait_run($run, "status = 'succeeded' AND attempt = 1 AND crashes = 0"), 'Q09: a claimed run survives the loss of its dispatcher');
	cancel_takes($slow);
	$session->quit;
	$run = start_cheap('claims_lost');
	wait_run($run, "status = 'failed'");
	orphan($run);
	ok(wait_run($run, "status = 'queued' AND crashes = 1 AND attempt = 2"), 'Q09: one that never started is found by its missing lock and counted once');
	value("SELECT mlops.cancel($run)");
	$health->check('Q09');
}

# Q10: no process is known by a number that somebody else may have by now.
{
	is(value("SELECT count(*) FROM pg_attribute a JOIN pg_class c ON c.oid = a.attrelid
		WHERE relnamespace = 'mlops'::regnamespace AND relkind IN ('r', 'p') AND attname ~ 'pid'"), 0, 'Q10: no table holds a pid');
	my $run = start_cheap('recycled');
	wait_run($run, "status = 'failed'");
	my $innocent = session('bob');
	$innocent->query_safe("SELECT pg_advisory_lock($run), pg_advisory_lock(0, $run)");
	value("INSERT INTO mlops.cancel_request VALUES ($run, 'alice')");
	orphan($run);
	ok(wait_run($run, "status = 'canceled'"), 'Q10: an orphan is canceled');
	is($innocent->query('SELECT 42'), 42, 'Q10: a session with locks of the same number lives on');
	$innocent->quit;
	$health->check('Q10');
}

# Q12: fewer places by a reload.
{
	my @runs = map { start_trained_slow("places_$_") } 1, 2;
	change_settings($node, 'mlops.max_concurrent_runs' => 1);
	my $run = start_cheap('places');
	cancel_takes($runs[1]);
	is(row($run, 'status') . row($runs[0], 'status'), 'queuedrunning', 'Q12: runs beyond a lowered limit finish, and none takes their place');
	change_settings($node, 'mlops.max_concurrent_runs' => 0);
	cancel_takes($runs[0]);
	ok(wait_for_process('dispatcher', 0), 'Q12: with no places the dispatcher leaves');
	is(row($run, 'status'), 'queued', 'Q12: what is queued stays');
	change_settings($node, 'mlops.max_concurrent_runs' => 2);
	ok(wait_run($run, "status = 'failed'"), 'Q12: and runs when a reload allows it');
	# a dispatcher may just be starting, with the settings of before
	my $started = 0;
	for (1 .. 8)
	{
		change_settings($node, 'mlops.max_concurrent_runs' => 0);
		$node->append_conf('postgresql.conf', "mlops.max_concurrent_runs = 2\n");
		$run = start_cheap('places');
		$node->reload;
		$started += wait_run($run, "status = 'failed'");
	}
	is($started, 8, 'Q12: also one that is submitted at the same time');
	$health->check('Q12');
}

# Q14: rows that nobody but a superuser can write.
{
	my @cases = (
		[ "attempt = 2147483647", 'failed', qr/integer out of range/ ],
		[ "recipe = '{}'", 'failed', qr/argument "model" must not be null/ ],
		[ "recipe = 'null'", 'failed', qr/recipe is not a JSON object/ ],
		[ "recipe = '[1, 2]'", 'failed', qr/recipe is not a JSON object/ ],
		[ q{recipe = recipe || '{"query": 7}'}, 'failed', qr/argument "query" must not be null/ ],
		[ q{recipe = recipe || '{"query": "DROP TABLE flower"}'}, 'failed', qr/not DROP TABLE/ ],
		[ q{recipe = recipe || '{"params": "none", "split": 3, "key": {}, "context": []}'}, 'failed', qr/argument "params" must be a JSON object/ ],
		[ q{recipe = recipe || '{"num_boost_round": 1e300}'}, 'failed', qr/"num_boost_round" must be between/ ],
		[ "submitted_by = 4000000000", 'failed', qr/role with OID 4000000000, the submitter of the run, does not exist/ ],
		[ "submitted_by = 0", 'failed', qr/does not exist/ ],
		[ "submitted_by = (SELECT oid FROM pg_roles WHERE rolname = current_user)", 'failed', qr/superuser/ ],
		[ "submitted_by = 'pg_monitor'", 'failed', qr/no LOGIN/ ],
		[ "kind = 'import'", 'failed', qr/a run of kind "import" cannot be started/ ],
		[ "kind = 'monitor'", 'failed', qr/recipe of a monitor has no "window_start"/ ],
		[ "kind = 'compare'", 'failed', qr/recipe of a comparison has no "champion"/ ],
		[ "not_before = '-infinity', crashes = 2147483647", 'succeeded', qr/^$/ ],
		[ "parent_version = 77, version = 99, num_round = NULL, n_rows = -1", 'succeeded', qr/^$/ ]);
	change_settings($node, 'mlops.max_concurrent_runs' => 0);
	my $never = start_training($node, 'postgres', 'never', 'num_boost_round => 2');
	value("UPDATE mlops.run SET not_before = 'infinity' WHERE id = $never");
	my $i = 0;
	for my $case (@cases)
	{
		push @$case, start_training($node, 'postgres', 'corrupt_' . $i++, 'num_boost_round => 2');
		value("UPDATE mlops.run SET $case->[0] WHERE id = $case->[3]");
	}
	my $good = start_training($node, 'postgres', 'uncorrupted', 'num_boost_round => 2');
	change_settings($node, 'mlops.max_concurrent_runs' => 2);
	ok(wait_run($good, "status = 'succeeded'"), 'Q14: a good run of the same role runs behind corrupt ones');
	for my $case (@cases)
	{
		my ($change, $status, $error, $run) = @$case;
		wait_run($run, "status = '$status'");
		is(row($run, 'status'), $status, "Q14: $change: $status");
		like(row($run, "coalesce(error, '')"), $error, 'Q14: with a reason');
	}
	ok(wait_for_process('dispatcher', 0), 'Q14: nobody spins for a run at infinity');
	is(row($never, 'status'), 'queued', 'Q14: which waits');
	my ($code) = $node->psql('postgres', "UPDATE mlops.run SET model = NULL WHERE id = $never");
	is($code, 3, 'Q14: a run without a model cannot be');
	value("SELECT mlops.cancel($never)");

	# crashes that cannot be counted any more
	my $run = start_cheap('counted');
	wait_run($run, "status = 'failed'");
	value("UPDATE mlops.run SET crashes = 2147483647 WHERE id = $run");
	orphan($run);
	ok(wait_run($run, "status = 'quarantined'"), 'Q14: too many crashes to count are enough');
	$health->check('Q14');
}

# Q15, Q16: what is tried again, when, and how often.
{
	my $run = start_cheap('permanent');
	ok(wait_run($run, "status = 'failed' AND attempt = 1 AND crashes = 0"), 'Q15: an error of the query is final');
	for my $crash (1, 2)
	{
		my $delay = 300 * $crash;
		orphan($run);
		ok(wait_run($run, "status = 'queued' AND crashes = $crash"), "Q15: crash $crash is counted");
		is(row($run, "not_before - started_at BETWEEN interval '$delay s' AND interval '${\ ($delay + 60)} s'"), 't', "Q15: the next attempt is $delay s later");
	}
	is(row($run, 'attempt'), 3, 'Q15: nobody tries before');
	orphan($run);
	ok(wait_run($run, "status = 'quarantined' AND error = '3 attempts ended without a result' AND ended_at IS NOT NULL"),
		'Q16: the third crash is the last');
	my (undef, undef, $err) = $node->psql('postgres', "CALL mlops.wait_run($run)");
	like($err, qr/run $run of model "permanent" was quarantined: 3 attempts ended without a result/, 'Q16: who waits is told');
	value('SELECT mlops.tick()');
	is(value("SET ROLE alice; SELECT mlops.cancel($run)"), 'f', 'Q16: it has ended');
	value("INSERT INTO nothing SELECT * FROM flower LIMIT 200");
	my $again = value("SET ROLE alice; SELECT mlops.train('permanent', 'SELECT * FROM nothing', 'big', key => '{id}', num_boost_round => 2)");
	ok(wait_run($again, "status = 'succeeded' AND attempt = 1"), 'Q16: it can be submitted again');
	value("UPDATE mlops.run SET status = 'queued', crashes = 0, error = NULL, not_before = now() WHERE id = $run; SELECT mlops.tick()");
	ok(wait_run($run, "status = 'succeeded' AND attempt = 5"), 'Q16: an administrator can put it back');
	value('TRUNCATE nothing');
	$health->check('Q15');
	is(value("SELECT count(*) FROM mlops.run WHERE status = 'running'"), 0, 'Q16: nothing is left');
}

# Q17: the deadline, in each phase. That we never send SIGKILL to a server process is a rule of test/lint.
{
	change_settings($node, 'mlops.max_run_time' => '2s');
	my $run = value(q{SET ROLE alice; SELECT mlops.train('late', 'SELECT *, (SELECT pg_sleep(600) IS NULL)::int AS n FROM flower', 'big', key => '{id}')});
	ok(wait_run($run, "status = 'failed' AND sqlstate = '57014' AND error LIKE '%mlops.max_run_time (2 s)'"), 'Q17: while the query runs');
	$run = start_slow('late');
	ok(wait_run($run, "status = 'failed' AND sqlstate = '57014' AND error LIKE '%mlops.max_run_time (2 s)'"), 'Q17: in a round');
	change_settings($node, 'mlops.max_run_time' => '10s');
	$run = start_training($node, 'postgres', 'late', 'num_boost_round => 2');
	wait_run($run, "status = 'succeeded'");
	my $holder = session('alice');
	$holder->query_safe("BEGIN; SELECT mlops.set_alias('late', 'champion', 1)");
	$run = start_training($node, 'postgres', 'late', "num_boost_round => 3, promote => 'if_not_worse'");
	ok($node->poll_query_until('postgres', "SELECT count(*) > 0 FROM pg_locks JOIN pg_stat_activity USING (pid)
		WHERE backend_type = 'mlops dispatcher' AND NOT granted"), 'Q17: a run waits to be published');
	change_settings($node, 'mlops.max_run_time' => '1s');
	ok(wait_run($run, "clock_timestamp() - started_at > interval '5 seconds'"), 'Q17: for longer than it may run');
	is(row($run, 'status'), 'running', 'Q17: what is trained is not thrown away for a lock');
	$holder->query_safe('COMMIT');
	ok(wait_run($run, "status = 'succeeded'"), 'Q17: but published');
	$holder->quit;
	change_settings($node, 'mlops.max_run_time' => '1d');
	$health->check('Q17');
}

# Q18: an executor that reacts to nothing.
{
	my $run = start_trained_slow('deaf');
	my ($pid) = pids('run');
	my $offset = -s $node->logfile;
	kill 'STOP', $pid;
	value("SELECT mlops.cancel($run)");
	my $other = start_cheap('hearing');
	ok(wait_run($other, "status = 'failed'"), 'Q18: others run beside an executor that does not stop');
	ok($node->wait_for_log(qr/mlops run $run has not stopped/, $offset), 'Q18: the log tells');
	$other = start_cheap('hearing');
	wait_run($other, "status = 'failed'");
	is(row($run, 'status'), 'running', 'Q18: it is waited for');
	kill 'CONT', $pid;
	ok(wait_run($run, "status = 'canceled'"), 'Q18: until it stops');
	is(count_lines($offset, "has not stopped"), 1, 'Q18: the log tells once');
	$health->check('Q18');
}

# Q22: the log of what goes wrong for long.
{
	my $offset = -s $node->logfile;
	my $run = start_cheap('loud');
	wait_run($run, "status = 'failed'");
	cmp_ok(count_lines($offset, 'LOG|ERROR|WARNING|FATAL'), '<=', 5, 'Q22: a failed run is a few lines of log');
	my $slow = start_trained_slow('loud_slow');
	my ($executor) = pids('run');
	my $progressing = start_training($node, 'postgres', 'loud_progress', 'num_boost_round => 100000');
	wait_run($progressing, "phase = 'training'");
	my $administrator = session();
	$offset = -s $node->logfile;
	# reads go on, nothing can be written
	$administrator->query_safe('BEGIN; LOCK TABLE mlops.run IN SHARE MODE');
	value("SELECT pg_cancel_backend($executor)");
	ok($node->poll_query_until('postgres', "SELECT clock_timestamp() - xact_start > interval '6 seconds' FROM pg_stat_activity
		WHERE state = 'idle in transaction'"), 'Q22: for a while neither an end nor progress can be recorded');
	cmp_ok(count_lines($offset, 'mlops dispatcher could not|ended without'), '<=', 3, 'Q22: which is no reason to repeat it');
	$administrator->query_safe('COMMIT');
	$administrator->quit;
	ok(wait_run($slow, "status = 'canceled'"), 'Q22: and it is recorded when it can be');
	cancel_takes($progressing);
	$health->check('Q22');
}

# Q23: errors in the dispatcher's own work.
{
	my $offset = -s $node->logfile;
	value(q{
		CREATE FUNCTION refuse() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN RAISE 'not %', NEW.model; END $$;
		CREATE TRIGGER refuse BEFORE UPDATE ON mlops.run FOR EACH ROW WHEN (NEW.model = 'poison') EXECUTE FUNCTION refuse()});
	my $poison = start_cheap('poison');
	my $run = start_cheap('healthy', 'bob');
	ok(wait_run($run, "status = 'failed'"), 'Q23: others run beside a run that cannot be recorded');
	ok($node->wait_for_log(qr/could not refuse a run: not poison/, $offset), 'Q23: the log tells');
	$node->poll_query_until('postgres', "SELECT count(*) > 0 FROM pg_stat_activity WHERE backend_type = 'mlops dispatcher'");
	my ($dispatcher) = pids('dispatcher');
	for my $i (1 .. 3)
	{
		$run = start_cheap("healthy_$i", 'bob');
		wait_run($run, "status = 'failed'");
	}
	is(join(' ', pids('dispatcher')), $dispatcher, 'Q23: the dispatcher goes on');
	cmp_ok(count_lines($offset, 'not poison'), '<=', 3, 'Q23: the log does not repeat it');
	value('DROP TRIGGER refuse ON mlops.run; DROP FUNCTION refuse');
	ok(wait_run($poison, "status = 'failed' AND attempt = 1"), 'Q23: the run starts when it can');

	# every look at the queue fails
	$offset = -s $node->logfile;
	$run = start_training($node, 'postgres', 'looks', q{params => '{"num_parallel_tree": 100, "max_depth": 10}', num_boost_round => 1000});
	wait_run($run, "phase = 'training'");
	value('ALTER TABLE mlops.cancel_request RENAME COLUMN run_id TO other');
	ok(wait_for_process('dispatcher', 0), 'Q23: after ten errors the dispatcher leaves');
	my $left = value('SELECT clock_timestamp()');
	cmp_ok(count_lines($offset, 'mlops dispatcher could not'), '<=', 3, 'Q23: with a few lines of log');
	value('ALTER TABLE mlops.cancel_request RENAME COLUMN other TO run_id; SELECT mlops.tick()');
	ok($node->poll_query_until('postgres', "SELECT status = 'running' AND attempt = 1 AND progress_at > '$left' FROM mlops.run WHERE id = $run"),
		'Q23: the next one finds the queue again, and the run that went on');
	cancel_takes($run);
	$health->check('Q23');
}

# B12: cancel within two seconds.
{
	my $limit = 2;
	my $run = value(q{SET ROLE alice; SELECT mlops.train('sorted', 'SELECT f.*, md5((f.id * g)::text) AS key FROM flower f, generate_series(1, 100) g', 'big', key => '{key}', exclude => '{id}')});
	ok(wait_run($run, "phase = 'sorting' OR status <> 'running' AND attempt > 0"), 'B12: a run sorts');
	is(row($run, 'phase'), 'sorting', 'B12: and has a while to go');
	cmp_ok(cancel_takes($run), '<', $limit, 'B12: canceled within two seconds in the sort');

	$run = start_cheap('backed_off');
	wait_run($run, "status = 'failed'");
	orphan($run);
	wait_run($run, "status = 'queued'");
	cmp_ok(cancel_takes($run), '<', $limit, 'B12: canceled within two seconds during back-off');
	is(row($run, 'crashes'), 1, 'B12: after a crash');

	# between fork and exec: a lease on the trainer's file keeps exec waiting
	my $trainer = "$folder/mlops_trainer";
	local $SIG{IO} = 'IGNORE';
	sysopen my $file, $trainer, O_RDONLY or die "$trainer: $!";
	SKIP:
	{
		# F_SETLEASE, F_WRLCK
		skip "no lease on $trainer: $!", 3 if !fcntl($file, 1024, 1);
		$run = start_training($node, 'postgres', 'forked');
		my @forked;
		for (1 .. 600)
		{
			last if @forked = trainers($node);
			usleep(50_000);
		}
		is(scalar(@forked), 1, 'B12: there is a child');
		like(readlink("/proc/$forked[0]/exe"), qr{/postgres$}, 'B12: between fork and exec');
		cmp_ok(cancel_takes($run), '<', $limit, 'B12: canceled within two seconds there');
	}
	close $file;
	$health->check('B12 cancel');
}

# B12: what one role holds keeps nobody else waiting.
{
	value(q{
		SELECT mlops.set_role_limit('-', max_concurrent_runs => 1);
		SET ROLE alice;
		CREATE TABLE gate (open int);
		CREATE FUNCTION look() RETURNS bigint LANGUAGE plpgsql AS 'BEGIN RETURN (SELECT count(*) FROM public.gate); END';
		CREATE FUNCTION sleep() RETURNS trigger LANGUAGE plpgsql AS 'BEGIN PERFORM pg_sleep(600); RETURN NULL; END';
		CREATE CONSTRAINT TRIGGER sleep AFTER INSERT ON gate DEFERRABLE INITIALLY DEFERRED FOR EACH ROW EXECUTE FUNCTION sleep()});
	my $locker = session();
	$locker->query_safe('BEGIN; LOCK TABLE gate');
	my @runs = map { value(qq{SET ROLE alice; SELECT mlops.train('gate_$_', 'SELECT *, look() AS n FROM flower', 'big', key => '{id}')}) } 1 .. 3;
	ok($node->poll_query_until('postgres',
		"SELECT count(*) = 1 FROM pg_stat_activity WHERE backend_type = 'mlops run' AND wait_event_type = 'Lock'"), 'B12: a run of one role waits for a lock');
	my $run = start_cheap('beside', 'bob');
	ok(wait_run($run, "status = 'failed'"), 'B12: one of another role does not');
	is(value("SELECT count(*) FROM mlops.run WHERE model LIKE 'gate\\_%' AND status = 'queued'"), 2, 'B12: the role has one place');
	value("SELECT mlops.cancel($_)") for @runs;
	$locker->query_safe('COMMIT'); $locker->quit;
	$node->poll_query_until('postgres', "SELECT count(*) = 0 FROM mlops.run WHERE status IN ('queued', 'running')");

	my $committing = session('alice');
	$committing->query_until(qr/committing/, q{BEGIN; INSERT INTO gate VALUES (1);
		SELECT mlops.train('deferred', 'SELECT * FROM flower', 'big', key => '{id}');
		\echo committing
		COMMIT;
		});
	ok($node->poll_query_until('postgres', "SELECT count(*) = 1 FROM pg_stat_activity WHERE wait_event = 'PgSleep' AND query LIKE 'COMMIT%'"),
		'B12: a deferred trigger keeps a submission from committing');
	$run = start_cheap('beside', 'bob');
	ok(wait_run($run, "status = 'failed'"), 'B12: others submit and run');
	value("SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE wait_event = 'PgSleep'");
	eval { $committing->quit };
	is(value("SELECT count(*) FROM mlops.run WHERE model = 'deferred'"), 0, 'B12: what has not committed is not there');
	value("SELECT mlops.set_role_limit('-')");
	$health->check('B12 others');
}

# Q11: without a worker slot.
{
	value('CREATE DATABASE second'); set_up($node, 'second');
	$node->append_conf('postgresql.conf', "max_worker_processes = 5\nmlops.max_concurrent_runs = 1\n");
	$node->restart;
	$health->check('Q11 before', restart => 1);
	# launchers of logical replication and of ours, dispatcher and executor of one database, dispatcher of the other
	my $slow = start_trained_slow('slots');
	my $offset = -s $node->logfile;
	my $run = start_training($node, 'second', 'slots', 'num_boost_round => 2');
	ok($node->poll_query_until('second', "SELECT clock_timestamp() - submitted_at > interval '8 seconds' FROM mlops.run WHERE id = $run"),
		'Q11: a run has no slot for a while');
	is($node->safe_psql('second', "SELECT status, attempt, not_before = submitted_at FROM mlops.run WHERE id = $run"), 'queued|0|t', 'Q11: it keeps its place in the queue');
	is(count_lines($offset, 'mlops found no free worker slot'), 1, 'Q11: the log tells once');
	cancel_takes($slow);
	ok(wait_for($node, 'second', $run, "status = 'succeeded' AND crashes = 0"), 'Q11: it starts when there is a slot');
	$health->check('Q11');
}
done_testing();
