# Serving statistics: what is counted, by whom it is seen, and that neither errors,
# subtransactions, parallel workers, a full table nor a restart make them wrong.
use strict;
use warnings;

use MlopsRun;
use PostgreSQL::Test::Cluster;
use PostgreSQL::Test::Utils;
use Test::More;
use Time::HiRes qw(time);

my $primary = PostgreSQL::Test::Cluster->new('primary');
$primary->init(allows_streaming => 1);
$primary->append_conf('postgresql.conf',
	"max_worker_processes = 16\nautovacuum = off\nshared_preload_libraries = 'mlops'\nmlops.stat_max_versions = 20\n");
$primary->start;

# Models that predict a constant from two numbers and a category.
my $setup = "CREATE EXTENSION mlops; $constant_model" . q{
CREATE FUNCTION make_model(name text, value int) RETURNS int LANGUAGE sql AS $$
	SELECT mlops.register_model(name, constant_model(value, 3), '{"features": [
		{"name": "a", "type": "double precision", "kind": "numeric"}, {"name": "b", "type": "double precision", "kind": "numeric"},
		{"name": "c", "type": "text", "kind": "category", "categories": ["x", "y"]}]}') $$;
CREATE TABLE spot AS SELECT i, i::float8 AS a, CASE WHEN i % 4 = 0 THEN NULL WHEN i % 9 = 0 THEN 'NaN' ELSE i::float8 END AS b,
	CASE WHEN i % 7 = 0 THEN NULL WHEN i % 10 = 0 THEN 'unseen' WHEN i % 2 = 0 THEN 'x' ELSE 'y' END AS c FROM generate_series(1, 1000) i;
SELECT make_model('m', v) FROM generate_series(1, 2) v;
};
my $counts = 'calls, rows, errors_model, errors_input, errors_canceled, errors_other';

sub sql { my ($node, $query, $database) = @_; return $node->safe_psql($database // 'postgres', $query); }
sub reset_stat { sql($primary, 'SELECT mlops.stat_prediction_reset()'); return; }

# Counts of a version of model m, by default of version 1.
sub counts_of
{
	my ($columns, $version, $node) = @_;
	return sql($node // $primary, "SELECT $columns FROM mlops.stat_prediction
		WHERE database = current_database() AND model = 'm' AND version = " . ($version // 1));
}

sql($primary, $setup);
$primary->backup('base');
is(sql($primary, 'SELECT count(*) FROM mlops.stat_prediction'), '0', 'empty before the first call');

# Counts of a scan, against SQL's own.
my $before = time;
sql($primary, "SELECT sum(mlops.predict('m', p)) FROM spot p");
is(counts_of($counts), '1000|1000|0|0|0|0', 'calls and rows of a scan');
is(counts_of('missing_values, unseen_categories'), sql($primary, q{
	SELECT count(*) FILTER (WHERE b IS NULL OR b = 'NaN') + count(*) FILTER (WHERE c IS NULL),
		count(*) FILTER (WHERE c = 'unseen') FROM spot}), 'missing values and unseen categories');
is(counts_of('cache_builds + cache_maps'), '1', 'one load of the forest');
is(counts_of("since BETWEEN to_timestamp($before) - interval '1 s' AND clock_timestamp() AND last_call >= since"), 't', 'since when');
is(counts_of('timed_calls BETWEEN calls - 127 AND calls'), 't', 'the latencies of a scan stand for all but the last calls');

# Every shape of a row, NULLs, another version.
reset_stat();
sql($primary, q{
	SELECT mlops.predict('m', 1.0, NULL::float8, 'z'::text), mlops.predict_array('m/1', '{"a": 1, "b": null, "c": "z"}'::jsonb),
		mlops.predict_raw('m@champion', p) FROM spot p WHERE i = 1;
	SELECT mlops.predict('m', NULL::spot), mlops.predict(NULL, p) FROM spot p WHERE i <= 2;
	SELECT mlops.predict('m/2', p) FROM spot p WHERE i <= 5;
});
is(counts_of($counts), '5|3|0|0|0|0', 'a NULL row is a call, a NULL model is none');
is(counts_of('missing_values, unseen_categories'), '2|2', 'what the rows lacked');
is(counts_of($counts, 2), '5|5|0|0|0|0', 'another version has counts of its own');

# One statement per call: all are timed.
reset_stat();
sql($primary, "SELECT mlops.predict('m', 1.0, 2.0, 'x'::text);\n" x 200);
is(counts_of('calls, timed_calls'), '200|200', 'every statement is timed');
is(counts_of('0 < p50_ms AND p50_ms <= p95_ms AND p95_ms <= p99_ms AND p99_ms <= max_ms AND mean_ms <= max_ms'), 't', 'quantiles are ordered');
is(sql($primary, q{
	SELECT sum(l.timed_calls) = min(s.timed_calls), bool_and(low_ms < high_ms),
		min(low_ms) <= min(p50_ms), max(high_ms) >= min(max_ms),
		coalesce(sum(l.timed_calls) FILTER (WHERE high_ms <= p50_ms), 0) <= 100, sum(l.timed_calls) FILTER (WHERE low_ms <= p50_ms) >= 100
	FROM mlops.stat_prediction s JOIN mlops.stat_prediction_latency l USING (database, model, version) WHERE model = 'm'}),
	't|t|t|t|t|t', 'the histogram fits');

# Errors by class: of the model, of the row, of the function, of numbers.
reset_stat();
sub call_fails
{
	my ($query, $state) = @_;
	my ($status, $stdout, $stderr) = $primary->psql('postgres', "\\set VERBOSITY sqlstate\n$query");
	like($stderr, qr/ERROR:  $state/, "$query fails with $state");
	return;
}
call_fails("SELECT mlops.predict('absent', 1)", 'ML001');
call_fails("SELECT mlops.predict('m\@absent', 1)", 'ML001');
call_fails("SELECT mlops.predict('m/9', 1)", 'ML001');
call_fails("SELECT mlops.predict('m', 1)", 'ML004');
call_fails("SELECT mlops.predict('m', 1e300, 1, 'x'::text)", '22003');
call_fails("SELECT mlops.predict('m', 1, 1, NULL)", '42P18');
call_fails("SELECT mlops.predict_class('m', p) FROM spot p", '42809');
is(counts_of($counts), '4|0|0|4|0|0', 'errors of the row and the function');
call_fails("SELECT * FROM mlops.predict_batch('m', 'SELECT 1e300::float8 AS a, 1 AS b, ''x''::text AS c', NULL)", '22003');
call_fails("SELECT mlops.predict_agg('m', 1e300, 1, 'x'::text)", '22003');
is(counts_of($counts), '6|0|0|6|0|0', 'errors of rows in batches');
call_fails("SELECT mlops.predict_agg('absent', 1)", 'ML001');
is(sql($primary, "SELECT $counts FROM mlops.stat_prediction WHERE model IS NULL AND version IS NULL"), '4|0|4|0|0|0', 'errors without a version');

# Canceled while the model is looked up, and while it is loaded from its bytes.
sub share_forests
{
	my $value = shift;
	sql($primary, "ALTER SYSTEM SET mlops.shared_cache = $value");
	$primary->reload;
	$primary->poll_query_until('postgres', "SELECT current_setting('mlops.shared_cache') = '$value'") or die 'setting has no effect';
	return;
}
share_forests('off');
reset_stat();
my $locker = $primary->background_psql('postgres');
$locker->query_safe('BEGIN; LOCK mlops.model_blob');
call_fails("SET statement_timeout = '200ms'; SELECT mlops.predict('m', 1, 1, 'x'::text)", '57014');
call_fails("SET lock_timeout = '200ms'; SELECT mlops.predict('m', 1, 1, 'x'::text)", '55P03');
my $waiter = $primary->background_psql('postgres', on_error_stop => 0);
my $start = time;
$waiter->query_until(qr/started/, "\\echo started\nSELECT mlops.predict('m/2', 1, 1, 'x'::text);\n");
ok($primary->poll_query_until('postgres', q{SELECT count(*) = 1 FROM pg_stat_activity
	WHERE wait_event_type = 'Lock' AND clock_timestamp() - query_start > '300 ms'}), 'a call waits for a lock');
$locker->query_safe('COMMIT');
$waiter->query_safe('SELECT 1');
my $elapsed_ms = (time - $start) * 1000;
is(counts_of($counts), '2|0|0|0|1|1', 'a canceled call and one that waited for a lock for too long');
is(counts_of("calls, errors_other, max_ms > 200 AND max_ms < $elapsed_ms", 2), '1|0|t', 'the time of a call that waited for a lock');
$locker->query_safe('BEGIN; LOCK mlops.alias');
# not a constant, which planning would look up and wait for
$waiter->query_until(qr/started/, "\\echo started\nSELECT mlops.predict((SELECT 'm'::text), 1, 1, 'x'::text);\n");
ok($primary->poll_query_until('postgres', q{SELECT pg_terminate_backend(pid) FROM pg_stat_activity
	WHERE wait_event_type = 'Lock'}), 'a session is terminated in a call');
ok($primary->poll_query_until('postgres', q{SELECT errors_canceled = 1 FROM mlops.stat_prediction WHERE model IS NULL}), 'and counts as canceled');
$locker->query_safe('COMMIT');
$locker->quit;
eval { $waiter->quit };
share_forests('on');

# A message in a call that goes on: before its version is known, and after.
reset_stat();
sql($primary, q{
	SET client_min_messages = debug5;
	SELECT mlops.predict('m', 1, 1, 'x'::text);});
sql($primary, 'ALTER SYSTEM SET log_lock_waits = on');
sql($primary, q{ALTER SYSTEM SET deadlock_timeout = '10ms'});
$primary->reload;
my $log = -s $primary->logfile;
$locker = $primary->background_psql('postgres');
$waiter = $primary->background_psql('postgres');
$locker->query_safe('BEGIN; LOCK mlops.alias');
$waiter->query_until(qr/started/, "\\echo started\nSELECT mlops.predict((SELECT 'm'), 1, 1, 'x'::text);\n");
$primary->wait_for_log(qr/still waiting for AccessShareLock/, $log);
$locker->query_safe('COMMIT');
$waiter->query_safe('SELECT 1');
is(counts_of($counts), '2|2|0|0|0|0', 'messages are no errors');
is(sql($primary, "SELECT count(*) FROM mlops.stat_prediction WHERE model IS NULL"), '0', 'nor calls without a version');
$locker->quit;
$waiter->quit;
sql($primary, "ALTER SYSTEM RESET $_") for qw(log_lock_waits deadlock_timeout);
$primary->reload;

# Groups whose model does not give one number: no row was predicted.
reset_stat();
sql($primary, q{SELECT mlops.register_model('pair', convert_to(replace(convert_from(constant_model(1, 3), 'UTF8'),
	'"num_target": "1"', '"num_target": "2"'), 'UTF8'), '{"features": [
	{"name": "a", "type": "double precision", "kind": "numeric"}, {"name": "b", "type": "double precision", "kind": "numeric"},
	{"name": "c", "type": "text", "kind": "category", "categories": ["x", "y"]}]}')});
call_fails("SELECT mlops.predict_agg('pair', p) FROM spot p", '42809');
is(sql($primary, q{SELECT coalesce(sum(rows), 0) FROM mlops.stat_prediction WHERE model = 'pair'}), '0', 'no rows');

# A function that a model has no answer for: the row is an error.
reset_stat();
sql($primary, q{SELECT mlops.register_model('line', convert_to(jsonb_set(convert_from(constant_model(1, 3), 'UTF8')::jsonb,
	'{learner,gradient_booster}', '{"name": "gblinear", "model": {"boosted_rounds": 1, "weights": [0.5, 1, 1, 0]}}')::text, 'UTF8'),
	'{"features": ["a", "b", "c"]}')});
call_fails("SELECT mlops.predict_leaf('line', 1, 2, 3)", '42809');
is(sql($primary, "SELECT $counts FROM mlops.stat_prediction WHERE model = 'line'"), '1|0|0|1|0|0', 'leaves of a linear model');

# Errors that PL/pgSQL handles, in subtransactions, at one call site; then all is rolled back.
reset_stat();
sql($primary, q{
	BEGIN;
	DO $$
	DECLARE p float8;
	BEGIN
		FOR k IN 1..300 LOOP
			BEGIN
				p := mlops.predict(CASE WHEN k % 3 = 0 THEN 'm' WHEN k % 3 = 1 THEN 'absent' ELSE 'm/2' END,
					CASE WHEN k % 2 = 0 THEN 1 ELSE 1e300 END, 1.0, 'x'::text);
			EXCEPTION WHEN OTHERS THEN NULL;
			END;
		END LOOP;
	END $$;
	ROLLBACK;
});
is(counts_of($counts) . ' ' . counts_of($counts, 2), '100|50|0|50|0|0 100|50|0|50|0|0', 'handled errors are counted once');
is(sql($primary, "SELECT $counts FROM mlops.stat_prediction WHERE model IS NULL"), '100|0|100|0|0|0', 'likewise without a version');

# A transaction sees its own counts, also of statements that failed in part.
is(sql($primary, q{
	SELECT mlops.stat_prediction_reset();
	BEGIN;
	SELECT count(mlops.predict('m', p)) FROM spot p;
	SAVEPOINT s;
	\set ON_ERROR_STOP 0
	SELECT mlops.predict('m', CASE WHEN i < 100 THEN a ELSE 1e300 END, b, c) IS NULL FROM spot WHERE i BETWEEN 91 AND 200;
	\set ON_ERROR_STOP 1
	ROLLBACK TO s;
	SELECT calls, rows, errors_input FROM mlops.stat_prediction WHERE model = 'm';
	ROLLBACK}) =~ /(\d+\|.*)/ && $1, '1010|1009|1', 'counts within a transaction');

# Parallel workers.
reset_stat();
my $parallel = q{
	SET max_parallel_workers_per_gather = 3; SET min_parallel_table_scan_size = 0;
	SET parallel_setup_cost = 0; SET parallel_tuple_cost = 0; SET parallel_leader_participation = off;};
my $scan = "SELECT sum(mlops.predict('m', p)) FROM spot p";
like(sql($primary, "$parallel EXPLAIN $scan"), qr/Workers Planned/, 'a parallel plan');
sql($primary, "$parallel $scan");
is(counts_of('calls, rows'), '1000|1000', 'calls in parallel workers are counted once');

# Many sessions at once, some of whose calls fail.
reset_stat();
my $script = $primary->basedir . '/calls.sql';
append_to_file($script, q{
	\set i random(1, 1000)
	SELECT mlops.predict('m', p) FROM spot p WHERE p.i = :i;
	DO $$ BEGIN PERFORM mlops.predict('m', 1e300, 1.0, 'x'::text); EXCEPTION WHEN OTHERS THEN END $$;
});
$primary->command_ok([ 'pgbench', '-n', '-c', '6', '-t', '200', '--random-seed=11', '-f', $script, 'postgres' ], 'pgbench');
is(counts_of($counts), '2400|1200|0|1200|0|0', 'no call of six sessions is lost');
is(counts_of('sum(timed_calls)'), '1200', 'nor any duration');

# Two databases with the same model.
reset_stat();
sql($primary, 'CREATE DATABASE "Other db"');
sql($primary, $setup, 'Other db');
sql($primary, "SELECT mlops.predict('m', p) FROM spot p WHERE i <= 3");
sql($primary, "SELECT mlops.predict('m', p) FROM spot p WHERE i <= 4", 'Other db');
is(sql($primary, 'SELECT database, calls FROM mlops.stat_prediction ORDER BY 1'), "Other db|4\npostgres|3", 'databases are told apart');
sql($primary, 'SELECT mlops.stat_prediction_reset()', 'Other db');
is(sql($primary, 'SELECT database, calls FROM mlops.stat_prediction'), 'postgres|3', 'a reset is one of the own database');
sql($primary, "SELECT mlops.predict('m', p) FROM spot p WHERE i <= 4", 'Other db');

# Rights.
sql($primary, q{
	SELECT make_model('secret', 3);
	SELECT mlops.predict('secret', p) FROM spot p WHERE i <= 7;
	SELECT mlops.grant_model('m', '-', 'predict');
	CREATE ROLE nobody; CREATE ROLE watcher; GRANT pg_read_all_stats TO watcher; CREATE ROLE boss;
	GRANT EXECUTE ON FUNCTION mlops.stat_prediction_reset TO boss;
});
$primary->psql('postgres', "SELECT mlops.predict('absent', 1)");
my $seen = "SELECT string_agg(concat_ws(':', database, model, calls), ' ' ORDER BY database, model) FROM mlops.stat_prediction";
is(sql($primary, "SET ROLE nobody; $seen"), 'postgres:m:3', 'a role sees the models of this database that it may use');
is(sql($primary, "SET ROLE nobody; SELECT string_agg(DISTINCT model, ' ') FROM mlops.stat_prediction_latency"), 'm', 'likewise in the histogram');
is(sql($primary, "SET ROLE watcher; $seen"), 'Other db:m:4 postgres:m:3 postgres:secret:7 postgres:1', 'pg_read_all_stats sees all');
call_fails('SET ROLE nobody; SELECT mlops.stat_prediction_reset()', '42501');
call_fails('SET ROLE nobody; SET mlops.track_predictions = off', '42501');
sql($primary, "SET ROLE boss; SELECT mlops.stat_prediction_reset('m', 2)");
is(counts_of('calls'), '3', 'a reset of another version changes nothing');
sql($primary, "SET ROLE boss; SELECT mlops.stat_prediction_reset('m', 1)");
is(sql($primary, $seen), 'Other db:m:4 postgres:secret:7 postgres:1', 'a reset of one version');
sql($primary, "SELECT mlops.predict('m/' || v, p) FROM spot p, generate_series(1, 2) v WHERE i = 1; SELECT mlops.stat_prediction_reset('m')");
is(sql($primary, $seen), 'Other db:m:4 postgres:secret:7 postgres:1', 'a reset of all versions of a model');
sql($primary, 'DROP DATABASE "Other db"');
is(sql($primary, $seen), 'postgres:secret:7 postgres:1', 'rows of a dropped database are gone');

# Turned off for a session.
reset_stat();
$primary->psql('postgres', "SET mlops.track_predictions = off; SELECT mlops.predict('m', p) FROM spot p;
	SELECT mlops.predict_class('m', p) FROM spot p; SELECT mlops.predict('absent', 1)", on_error_stop => 0);
is(sql($primary, 'SELECT count(*) FROM mlops.stat_prediction'), '0', 'nothing is counted when turned off');

# More versions than there is room for.
sql($primary, q{
	SELECT make_model('many' || k, k) FROM generate_series(1, 60) k;
	SELECT mlops.predict('many' || k, 1.0, 1.0, 'x'::text) FROM generate_series(1, 60) k;
});
is(sql($primary, q{SELECT tracking, versions BETWEEN 10 AND 20, max_versions, evictions >= 40 FROM mlops.stat_prediction_info()}),
	't|t|20|t', 'a full table makes room');
is(sql($primary, q{
	SELECT mlops.stat_prediction_reset();
	SELECT mlops.predict('many' || k, 1.0, 1.0, 'x'::text) FROM generate_series(1, 19) k;
	SELECT mlops.predict('many' || k, 1.0, 1.0, 'x'::text) FROM generate_series(2, 19) k;
	SELECT mlops.predict('many' || k, 1.0, 1.0, 'x'::text) FROM generate_series(20, 21) k;
	SELECT 'first', count(*) FILTER (WHERE model = 'many1') FROM mlops.stat_prediction}) =~ /(first.*)/ && $1, 'first|0',
	'what was not used for longest left');

# One call site with more versions than it remembers.
reset_stat();
sql($primary, "SELECT mlops.predict('many' || 1 + k % 18, 1.0, NULL::float8, 'x'::text) FROM generate_series(1, 1800) k");
is(sql($primary, 'SELECT count(*), min(calls), max(calls), sum(missing_values) FROM mlops.stat_prediction'), '18|100|100|1800',
	'a model per row');

# The standby counts what is predicted there.
reset_stat();
sql($primary, "SELECT mlops.predict('m', p) FROM spot p WHERE i <= 2");
my $standby = PostgreSQL::Test::Cluster->new('standby');
$standby->init_from_backup($primary, 'base', has_streaming => 1);
$standby->start;
$primary->wait_for_catchup($standby);
is(sql($standby, 'SELECT count(*) FROM mlops.stat_prediction'), '0', 'a standby starts empty');
sql($standby, "$parallel $scan");
is(counts_of('calls, rows', 1, $standby), '1000|1000', 'it counts its own calls');
is(counts_of('calls'), '2', 'the primary does not');
sql($standby, 'SELECT mlops.stat_prediction_reset()');
is(sql($standby, 'SELECT count(*) FROM mlops.stat_prediction'), '0', 'a reset on the standby');
$standby->stop;

# A restart begins anew, and so does a crash.
$primary->restart;
is(sql($primary, 'SELECT count(*) FROM mlops.stat_prediction'), '0', 'empty after a restart');
sql($primary, "SELECT mlops.predict('m', p) FROM spot p WHERE i <= 2");
is(counts_of('calls'), '2', 'and counts again');
$primary->stop('immediate');
$primary->start;
is(sql($primary, 'SELECT count(*) FROM mlops.stat_prediction'), '0', 'empty after a crash');

# Without preload.
$primary->append_conf('postgresql.conf', "shared_preload_libraries = ''\n");
$primary->restart;
is(sql($primary, "$scan; SELECT count(*) FROM mlops.stat_prediction; SELECT count(*) FROM mlops.stat_prediction_latency;
	SELECT * FROM mlops.stat_prediction_info(); SELECT mlops.stat_prediction_reset()"), "1000\n0\n0\nf|||\n", 'without preload all is empty');

$primary->stop;
done_testing();
