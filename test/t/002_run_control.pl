# Control of runs: no snapshot while training, cancel, a killed trainer, limits,
# and databases that can be dropped.
use strict;
use warnings;

use MlopsRun;
use PostgreSQL::Test::Utils;
use Test::More;
use Time::HiRes qw(time);

my $node = new_cluster('control', "mlops.max_concurrent_runs = 2\n");
set_up($node, 'postgres');

sub status_of
{
	return $node->safe_psql('postgres', "SELECT status FROM mlops.run WHERE id = $_[0]");
}

# While it trains: no snapshot, and an own process in a sandbox.
my $run = start_training($node, 'postgres', 'slow', "params => '$slow_params'");
ok(wait_for($node, 'postgres', $run, "phase = 'training'"), 'a slow training trains');
is($node->safe_psql('postgres',
	"SELECT count(*), count(backend_xmin), count(backend_xid) FROM pg_stat_activity WHERE backend_type = 'mlops run'"),
	'1|0|0', 'T14: no snapshot is held while training');
is($node->safe_psql('postgres', "SELECT usename FROM pg_stat_activity WHERE backend_type = 'mlops run'"),
	'alice', 'the executor is a session of the submitter');
my @trainers = trainers($node);
is(scalar(@trainers), 1, 'there is one trainer');
my $status_file = slurp_file("/proc/$trainers[0]/status");
like($status_file, qr/^NoNewPrivs:\s+1$/m, 'it has no new privileges');
like($status_file, qr/^SigBlk:\s+0000000000000000$/m, 'no signal blocked');
like($status_file, qr/^SigCgt:\s+0000000000000000$/m, 'no signal handler');
is(readlink("/proc/$trainers[0]/cwd"), '/', 'and stands in /');
my @descriptors = map { readlink($_) } glob("/proc/$trainers[0]/fd/*");
is(scalar(grep { m{pg_wal|/base/\d|socket:} } @descriptors), 0, 'it inherited no file of the server')
	or diag(join "\n", @descriptors);
like(slurp_file("/proc/$trainers[0]/limits"), qr/^Max cpu time +86401 /m, 'its processor time is limited');
is(slurp_file("/proc/$trainers[0]/oom_score_adj") + 0, 1000, 'it is the first victim of the kernel');

# A waiter that commits between looks holds no snapshot either.
my $waiter = $node->background_psql('postgres', on_error_stop => 0);
$waiter->query_until(qr/started/, "\\echo started\nCALL mlops.wait_run($run);\n");
ok($node->poll_query_until('postgres', q{
	SELECT count(*) = 1 FROM pg_stat_activity
	WHERE query LIKE 'CALL mlops.wait_run%' AND wait_event = 'Extension'
		AND backend_xmin IS NULL AND backend_xid IS NULL}), 'the waiter holds none either');
is($node->safe_psql('postgres', "SELECT status, phase, num_round FROM mlops.progress WHERE run = $run"),
	'running|training|100', 'view progress shows it');

# Cancel inside a round.
my $start = time;
is($node->safe_psql('postgres', "SET ROLE alice; SELECT mlops.cancel($run)"), 't', 'cancel is accepted');
ok(wait_for($node, 'postgres', $run, "status = 'canceled'"), 'the run is canceled');
cmp_ok(time - $start, '<', 2, 'B12: within two seconds, in the middle of a round');
ok($node->poll_query_until('postgres', "SELECT count(*) = 0 FROM pg_stat_activity WHERE backend_type = 'mlops run'"),
	'its executor is gone');
is(scalar(grep { -e "/proc/$_" } @trainers), 0, 'and its trainer');
is($node->safe_psql('postgres', "SET ROLE alice; SELECT mlops.cancel($run)"), 'f', 'a second cancel does nothing');
is($node->safe_psql('postgres', 'SELECT count(*) FROM mlops.cancel_request'), 0, 'no request is left');
$waiter->quit;

# kill -9 of the trainer fails the run, and nothing else notices.
my $bystander = $node->background_psql('postgres');
$bystander->query_safe('SELECT 1');
$run = start_training($node, 'postgres', 'slow', "params => '$slow_params'");
wait_for($node, 'postgres', $run, "phase = 'training'");
kill 'KILL', trainers($node);
ok(wait_for($node, 'postgres', $run, "status = 'failed'"), 'K03: kill -9 of the trainer fails the run');
is($node->safe_psql('postgres', "SELECT sqlstate, split_part(error, E'\\n', 1), crashes FROM mlops.run WHERE id = $run"),
	'ML006|trainer was terminated by signal 9: Killed|0', 'with the reason');
is($bystander->query_safe('SELECT 2'), '2', 'other sessions live on');
$bystander->quit;

# Native tools on the executor.
for my $case ([ 'pg_cancel_backend(pid)', 'canceled' ], [ 'pg_terminate_backend(pid)', 'failed' ])
{
	my ($tool, $status) = @$case;
	$run = start_training($node, 'postgres', 'slow', "params => '$slow_params'");
	wait_for($node, 'postgres', $run, "phase = 'training'");
	$node->safe_psql('postgres', "SELECT $tool FROM pg_stat_activity WHERE backend_type = 'mlops run'");
	ok(wait_for($node, 'postgres', $run, "status = '$status' AND crashes = 0"), ($status eq 'canceled' ? 'K02, Q07' : 'K01, Q08') . ": $tool: $status, not crashed");
}
is(scalar(trainers($node)), 0, 'no trainer survives its executor');

# So early that the executor is still reading the run's own row.
change_settings($node, 'mlops.max_concurrent_runs' => '0');
$run = start_training($node, 'postgres', 'early');
my $holder = $node->background_psql('postgres');
$holder->query_safe('BEGIN; LOCK TABLE mlops.model');
change_settings($node, 'mlops.max_concurrent_runs' => '2');
$node->safe_psql('postgres', 'SELECT mlops.tick()');
ok($node->poll_query_until('postgres', q{SELECT count(*) = 1 FROM pg_stat_activity
	WHERE backend_type = 'mlops run' AND wait_event_type = 'Lock'}), 'an executor waits for the row of its model');
$node->safe_psql('postgres', "SELECT pg_cancel_backend(pid) FROM pg_stat_activity WHERE backend_type = 'mlops run'");
ok(wait_for($node, 'postgres', $run, "status = 'canceled' AND crashes = 0"), 'canceled before it began: not crashed');
$holder->query_safe('COMMIT');
$holder->quit;

# A lost dispatcher: the next one adopts what runs.
$run = start_training($node, 'postgres', 'adopted', 'num_boost_round => 1500');
wait_for($node, 'postgres', $run, "phase = 'training'");
my $dispatcher = $node->safe_psql('postgres', "SELECT pid FROM pg_stat_activity WHERE backend_type = 'mlops dispatcher'");
$node->safe_psql('postgres', "SELECT pg_cancel_backend($dispatcher) FROM generate_series(1, 10)");
my $round = $node->safe_psql('postgres', "SELECT round FROM mlops.run WHERE id = $run");
ok(wait_for($node, 'postgres', $run, "round > $round"), 'Q07: a canceled dispatcher goes on');
is($node->safe_psql('postgres', "SELECT pid FROM pg_stat_activity WHERE backend_type = 'mlops dispatcher'"),
	$dispatcher, 'in the same process');
$node->safe_psql('postgres', "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE backend_type = 'mlops dispatcher'");
$node->safe_psql('postgres', 'SELECT mlops.tick()');
ok(wait_for($node, 'postgres', $run, "status = 'succeeded'"), 'K11, Q19: a run survives the loss of its dispatcher');
is($node->safe_psql('postgres', "SELECT attempt FROM mlops.run WHERE id = $run"), 1, 'in its first attempt');
$run = start_training($node, 'postgres', 'adopted', "params => '$slow_params'");
wait_for($node, 'postgres', $run, "phase = 'training'");
$node->safe_psql('postgres', "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE backend_type = 'mlops dispatcher'");
$node->safe_psql('postgres', "SELECT mlops.cancel($run)");
ok(wait_for($node, 'postgres', $run, "status = 'canceled'"), 'Q19: an adopted run can be canceled');

# While the query waits for a lock.
my $locker = $node->background_psql('postgres');
$node->safe_psql('postgres', q{
	SET ROLE alice;
	CREATE TABLE gate (open int);
	CREATE FUNCTION look() RETURNS bigint LANGUAGE plpgsql AS 'BEGIN RETURN (SELECT count(*) FROM gate); END'});
$locker->query_safe('BEGIN; LOCK TABLE gate');
$run = $node->safe_psql('postgres', q{
	SET ROLE alice;
	SELECT mlops.train('waiting', 'SELECT *, look() AS n FROM flower', 'big', key => '{id}')});
ok($node->poll_query_until('postgres',
	"SELECT count(*) = 1 FROM pg_stat_activity WHERE backend_type = 'mlops run' AND wait_event_type = 'Lock'"), 'a query waits for a lock');
$start = time;
$node->safe_psql('postgres', "SET ROLE alice; SELECT mlops.cancel($run)");
ok(wait_for($node, 'postgres', $run, "status = 'canceled'"), 'and is canceled');
cmp_ok(time - $start, '<', 2, 'B12: within two seconds, while its query waits for a lock');
$locker->query_safe('COMMIT');
$locker->quit;

# Limits.
my @runs = map { start_training($node, 'postgres', "parallel_$_", "params => '$slow_params'") } 1 .. 4;
ok($node->poll_query_until('postgres', "SELECT count(*) = 2 FROM mlops.run WHERE status = 'running' AND phase = 'training'"),
	'two runs train');
is($node->safe_psql('postgres', "SELECT count(*) FROM mlops.run WHERE status = 'queued'"), 2, 'two wait');
is($node->safe_psql('postgres', "SELECT count(*) FROM pg_stat_activity WHERE backend_type = 'mlops run'"), 2,
	'and have no process');
$node->safe_psql('postgres', "SET ROLE alice; SELECT mlops.cancel(id) FROM mlops.run WHERE status = 'queued'");
ok($node->poll_query_until('postgres', "SELECT count(*) = 0 FROM mlops.run WHERE status = 'queued'"),
	'queued runs are canceled beside running ones');
$node->safe_psql('postgres', "SET ROLE alice; SELECT mlops.cancel(id) FROM mlops.run WHERE status = 'running'");
ok($node->poll_query_until('postgres', "SELECT count(*) = 0 FROM mlops.run WHERE status = 'running'"), 'then those');

change_settings($node, 'mlops.max_queued_runs' => '1', 'mlops.max_concurrent_runs' => '0');
$run = start_training($node, 'postgres', 'flower');
my ($code, $out, $err) = $node->psql('postgres',
	"SELECT mlops.train('flower', 'SELECT * FROM flower', 'big')", extra_params => [ '-U', 'alice' ]);
like($err, qr/role "alice" already has 1 unfinished runs/, 'Q21: the queue of a role is limited');
ok($node->poll_query_until('postgres', "SELECT count(*) = 0 FROM pg_stat_activity WHERE backend_type LIKE 'mlops%'"),
	'Q12: max_concurrent_runs = 0 starts nothing');
is(status_of($run), 'queued', 'the run waits');
change_settings($node, 'mlops.max_queued_runs' => '100', 'mlops.max_concurrent_runs' => '2');
$node->safe_psql('postgres', 'SELECT mlops.tick()');
ok(wait_for($node, 'postgres', $run, "status = 'succeeded'"), 'until the setting allows it');
change_settings($node, 'mlops.max_run_time' => '1');
$run = start_training($node, 'postgres', 'slow', "params => '$slow_params'");
ok(wait_for($node, 'postgres', $run, "status = 'failed' AND error LIKE '%mlops.max_run_time%'"), 'Q17: run time is limited');
change_settings($node, 'mlops.max_run_time' => '0', 'mlops.trainer_memory' => '100');
$run = start_training($node, 'postgres', 'flower');
ok(wait_for($node, 'postgres', $run, "status = 'failed' AND error LIKE '%mlops.trainer_memory%'"), 'memory is limited');
change_settings($node, 'mlops.trainer_memory' => '4096');

# A long queue of one role does not keep another waiting.
change_settings($node, 'mlops.max_concurrent_runs' => '0');
$node->safe_psql('postgres', q{
	CREATE ROLE bob LOGIN; GRANT EXECUTE ON ALL ROUTINES IN SCHEMA mlops TO bob; GRANT SELECT ON flower TO bob;
	SET ROLE alice; SELECT mlops.train('many', 'SELECT * FROM flower', 'big', key => '{id}', num_boost_round => i) FROM generate_series(1, 30) i;
	SET ROLE bob; SELECT mlops.train('one', 'SELECT * FROM flower', 'big', key => '{id}')});
change_settings($node, 'mlops.max_concurrent_runs' => '1');
$node->safe_psql('postgres', 'SELECT mlops.tick()');
ok($node->poll_query_until('postgres', "SELECT count(*) = 31 FROM mlops.run WHERE model IN ('many', 'one') AND status = 'succeeded'"),
	'all runs of two roles are done');
cmp_ok($node->safe_psql('postgres', q{SELECT count(*) FROM mlops.run a, mlops.run b
	WHERE a.model = 'many' AND b.model = 'one' AND a.started_at < b.started_at}), '<=', 1, 'Q13: the roles took turns');

# Submitters that may not any more.
change_settings($node, 'mlops.max_concurrent_runs' => '0');
$run = start_training($node, 'postgres', 'flower');
$node->safe_psql('postgres', 'ALTER ROLE alice NOLOGIN');
change_settings($node, 'mlops.max_concurrent_runs' => '2');
$node->safe_psql('postgres', 'SELECT mlops.tick()');
ok(wait_for($node, 'postgres', $run, "status = 'failed' AND error LIKE '%no LOGIN%'"),
	'a submitter who lost LOGIN fails his run only');
$node->safe_psql('postgres', 'ALTER ROLE alice LOGIN');

# Settings of a role reach the query, not the bookkeeping.
$node->safe_psql('postgres', q{
	CREATE ROLE impostor; GRANT impostor TO alice;
	ALTER ROLE alice SET role = impostor; ALTER ROLE alice SET statement_timeout = '300ms';
	ALTER ROLE alice SET default_transaction_read_only = on});
$run = start_training($node, 'postgres', 'flower');
ok(wait_for($node, 'postgres', $run, "status = 'succeeded'"), 'B12: ALTER ROLE SET does no harm');
$run = $node->safe_psql('postgres', q{SET ROLE alice;
	SELECT mlops.train('flower', 'SELECT f.*, (SELECT count(g.a + h.a) FROM flower g, flower h WHERE g.id <> f.id) AS n FROM flower f', 'big', key => '{id}')});
ok(wait_for($node, 'postgres', $run, "status = 'failed' AND error LIKE '%statement timeout%'"),
	'the submitter\'s statement_timeout holds for his query');
$node->safe_psql('postgres', 'ALTER ROLE alice RESET ALL');

# A database is free as soon as its queue is empty.
$node->safe_psql('postgres', 'CREATE DATABASE short');
set_up($node, 'short');
$run = start_training($node, 'short', 'flower', 'num_boost_round => 3');
wait_for($node, 'short', $run, "status = 'succeeded'");
$start = time;
$node->safe_psql('postgres', 'DROP DATABASE short');
cmp_ok(time - $start, '<', 1, 'O01: DROP DATABASE within a second after the last run');

unlike(slurp_file($node->logfile), qr/TRAP|PANIC|server process .* was terminated/, 'the server is healthy');
done_testing();
