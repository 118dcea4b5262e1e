# Monitors of queries: when they are pulled, and what happens meanwhile.  H05 and so on
# are cases of a catalogue of faults.
use strict;
use warnings FATAL => 'all';

use PostgreSQL::Test::Cluster;
use PostgreSQL::Test::Utils;
use Test::More;

use lib 'test/perl';
use MlopsRun;

my $node = new_cluster('query', "shared_preload_libraries = 'mlops'\nmlops.monitor_interval = 1\n");

sub run_sql { return $node->safe_psql('postgres', shift); }
sub as_alice { return $node->safe_psql('postgres', shift, extra_params => [ '-U', 'alice' ]); }
sub poll { return $node->poll_query_until('postgres', shift); }

run_sql($constant_model);
run_sql(q{
	CREATE EXTENSION mlops;
	CREATE ROLE alice LOGIN;
	GRANT CREATE ON SCHEMA public TO alice;
	GRANT EXECUTE ON ALL ROUTINES IN SCHEMA mlops TO alice});
as_alice(q{
	SELECT mlops.register_model('m', constant_model(1, 2), signature => '{"features": ["a", "b"]}');
	CREATE TABLE seen AS SELECT (i % 100)::float8 AS a, (i * 37 % 101)::float8 AS b FROM generate_series(1, 5000) i;
	SELECT mlops.set_reference('m/1', 'SELECT * FROM seen');
	CREATE TABLE source AS SELECT now() - i * interval '1 minute' AS at, (i % 100)::float8 AS a, (i * 37 % 101)::float8 AS b, i % 20 AS entity, 1.0 AS y
		FROM generate_series(-180, 3000) i;
	CREATE TABLE gate (x int);
	CREATE FUNCTION pass_gate() RETURNS bigint LANGUAGE plpgsql AS 'BEGIN RETURN (SELECT count(*) FROM gate); END';
	SELECT mlops.create_monitor('q', 'm', query => 'SELECT a, b, at, y, 1.0 AS p FROM source WHERE at >= $1 AND at < $2', window_size => '1 hour',
		time_column => 'at', label => 'y', prediction => 'p')});

# H05: after a pause of the server each missed window is pulled, one after another (H06).
ok(poll("SELECT queried_until IS NOT NULL FROM mlops.monitor_state WHERE monitor = 'q'"), 'the first look only says where to begin');
is(run_sql("SELECT count(*) FROM mlops.run WHERE kind = 'monitor'"), '0', 'and pulls nothing');
run_sql("UPDATE mlops.monitor_state SET queried_until = queried_until - interval '3 hours' WHERE monitor = 'q'; SELECT mlops.tick()");
ok(poll("SELECT count(*) >= 3 AND bool_and(evaluated_at IS NOT NULL) FROM mlops.drift_window WHERE monitor = 'q'"), 'H05: missed windows are pulled');
is(run_sql("SELECT bool_and(n_rows = 60 AND window_end - window_start = '1 hour') FROM mlops.drift_window WHERE monitor = 'q'"), 't', 'each with its rows');
is(run_sql(q{SELECT count(*) FROM mlops.run a, mlops.run b WHERE a.kind = 'monitor' AND b.kind = 'monitor' AND a.id < b.id
	AND a.ended_at > b.started_at}), '0', 'H06: never two at a time');
is(run_sql("SELECT count(*) FROM mlops.performance_history WHERE monitor = 'q' AND metric = 'mse' AND value = 0"),
	run_sql("SELECT count(*) FROM mlops.drift_window WHERE monitor = 'q'"), 'with their performance');
run_sql("UPDATE mlops.monitor_state SET queried_until = '2001-01-01' WHERE monitor = 'q'; SELECT mlops.tick()");
ok(poll("SELECT queried_until = date_trunc('hour', now(), 'UTC') FROM mlops.monitor_state WHERE monitor = 'q'"), 'H04: a clock that jumped');
ok(poll("SELECT count(*) = 0 FROM mlops.run WHERE status IN ('queued', 'running')"), 'H04: is caught up with');
cmp_ok(run_sql("SELECT count(*) FROM mlops.drift_window WHERE monitor = 'q'"), '<=', 11, 'H04: starts no storm');

# Labels that come late: the window is pulled again when they are complete.
as_alice("SELECT mlops.alter_monitor('q', label_delay => '100 days')");
my $run = as_alice("SELECT mlops.check_monitor('q')");
ok(wait_for($node, 'postgres', $run, "status = 'succeeded'"), 'a window whose labels are not complete');
is(run_sql("SELECT count(*) FROM mlops.drift_window WHERE monitor = 'q' AND pull_at > now() + interval '90 days'"), '1', 'is to be pulled again');
my $before = run_sql('SELECT max(id) FROM mlops.run');
run_sql("UPDATE mlops.drift_window SET pull_at = now() WHERE pull_at IS NOT NULL; SELECT mlops.tick()");
ok(poll("SELECT count(*) = 1 FROM mlops.run WHERE id > $before AND status = 'succeeded'"), 'and is');

# Each entity counts once.
as_alice(q{SELECT mlops.create_monitor('entities', 'm', query => 'SELECT a, b, entity FROM source WHERE at >= $1 AND at < $2', window_size => '1 hour', sample_key => 'entity')});
$run = as_alice("SELECT mlops.check_monitor('entities')");
wait_for($node, 'postgres', $run, "status = 'succeeded'");
is(run_sql("SELECT n_rows FROM mlops.drift_window WHERE monitor = 'entities'"), '20', 'sample_key counts each entity once');

# No rows are a window, too.
as_alice(q{SELECT mlops.create_monitor('nothing', 'm', query => 'SELECT a, b FROM source WHERE false AND $1 < $2', window_size => '1 hour')});
$run = as_alice("SELECT mlops.check_monitor('nothing')");
wait_for($node, 'postgres', $run, "status = 'succeeded'");
ok(poll("SELECT count(*) = 1 FROM mlops.monitor_status WHERE monitor = 'nothing' AND status = 'insufficient' AND n_rows = 0"), 'no rows are insufficient');

# H11: altered, paused and dropped while a pull is under way.
my $locker = $node->background_psql('postgres');
as_alice(q{SELECT mlops.create_monitor('slow', 'm', query => 'SELECT a, b, pass_gate() FROM source WHERE $1 < $2', window_size => '1 hour')});
for my $change ("SELECT mlops.pause_monitor('slow'); SELECT mlops.pause_monitor('slow', false)",
	"SELECT mlops.alter_monitor('slow', alpha => 0.05)", "SELECT mlops.drop_monitor('slow')")
{
	$locker->query_safe('BEGIN; LOCK TABLE gate');
	$run = as_alice("SELECT mlops.check_monitor('slow')");
	ok(poll("SELECT count(*) = 1 FROM pg_stat_activity WHERE backend_type = 'mlops run' AND wait_event_type = 'Lock'"), 'a pull waits');
	as_alice($change);
	$locker->query_safe('COMMIT');
	ok(wait_for($node, 'postgres', $run, "status IN ('succeeded', 'failed')"), "H11: $change");
}
$locker->quit;
is(run_sql("SELECT count(*) FROM mlops.drift_window WHERE monitor = 'slow'"), '0', 'H11: nothing is left of a dropped monitor');

# A query that writes, or is canceled, harms nobody.
as_alice(q{CREATE FUNCTION write() RETURNS int LANGUAGE sql AS 'INSERT INTO gate VALUES (1) RETURNING 1';
	SELECT mlops.create_monitor('writes', 'm', query => 'SELECT write() AS a WHERE $1 < $2', window_size => '1 hour')});
$run = as_alice("SELECT mlops.check_monitor('writes')");
ok(wait_for($node, 'postgres', $run, "status = 'failed' AND error LIKE '%read-only%'"), 'a query cannot write');
is(run_sql('SELECT count(*) FROM gate'), '0', 'and has not');
as_alice("SELECT mlops.create_monitor('long', 'm', query => 'SELECT count(*)::float8 AS a FROM source s, source t, source u WHERE \$1 < \$2', window_size => '1 hour')");
$run = as_alice("SELECT mlops.check_monitor('long')");
wait_for($node, 'postgres', $run, "phase = 'reading'");
as_alice("SELECT mlops.cancel($run)");
ok(wait_for($node, 'postgres', $run, "status = 'canceled'"), 'a pull can be canceled');

unlike(slurp_file($node->logfile), qr/TRAP|PANIC|terminated by signal/, 'the server is healthy');
done_testing();
