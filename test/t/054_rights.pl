# Whose rights everything that runs later has.  The names of the checks begin with
# the case they are for: A1 (stored queries), P04 to P12.
use strict;
use warnings;
use utf8;

use MlopsRun;
use PostgreSQL::Test::Utils;
use Test::More;

my $node = new_cluster('rights', q{
shared_preload_libraries = 'mlops, pg_stat_statements'
pg_stat_statements.track = all
log_statement = all
log_min_duration_statement = 0
mlops.monitor_interval = 1
});
set_up($node, 'postgres');

sub sql { return $node->safe_psql('postgres', $_[0]); }

# Standard error of statements that must fail.
sub refusal
{
	my ($statements, %options) = @_;
	my ($status, $out, $err) = $node->psql('postgres', $statements, %options);
	return $status == 0 ? 'no error' : $err;
}

# Run queued work while nothing starts, then let it.
sub held { change_settings($node, 'mlops.max_concurrent_runs' => '0'); }

sub released
{
	change_settings($node, 'mlops.max_concurrent_runs' => '2');
	sql('SELECT mlops.tick()');
}

my $log_position = 0;

# Lines of the trojan since the last call: who it ran as, each once.
sub sung
{
	my $log = slurp_file($node->logfile, $log_position);
	$log_position = -s $node->logfile;
	my %seen = map { $_ => 1 } $log =~ /LOG:  trojan (.*)/g;
	return join(', ', sort keys %seen);
}

# A1: Mallory owns a model, and hides in every query that it stores a function that
# tries to be somebody else.  The administrators of all this have her password to nothing.
sql(q{
	CREATE ROLE boss LOGIN; CREATE ROLE mallory LOGIN;
	GRANT EXECUTE ON FUNCTION mlops.train TO mallory;
	CREATE TABLE secret AS SELECT 'secret'::text AS what; REVOKE ALL ON secret FROM PUBLIC; GRANT SELECT ON secret TO boss;
	CREATE SCHEMA lair AUTHORIZATION mallory; GRANT USAGE ON SCHEMA lair TO PUBLIC;
	SET SESSION AUTHORIZATION mallory;
	CREATE TABLE lair.rows AS SELECT i AS id, i % 7 AS x, i % 7 > 3 AS y, now() - interval '30 hours' AS at FROM generate_series(1, 300) i;
	GRANT SELECT ON lair.rows TO PUBLIC;
	CREATE FUNCTION lair.trojan(what text) RETURNS int LANGUAGE plpgsql AS $$
	DECLARE attempt text;
	BEGIN
		RAISE LOG 'trojan % as % / %', what, session_user, current_user;
		FOREACH attempt IN ARRAY ARRAY['RESET ROLE', 'SET ROLE boss', 'SET SESSION AUTHORIZATION DEFAULT', 'SET SESSION AUTHORIZATION boss', 'RESET SESSION AUTHORIZATION'] LOOP
			BEGIN
				EXECUTE attempt;
				PERFORM FROM secret;
				RAISE LOG 'trojan % read the secret by %', what, attempt;
			EXCEPTION WHEN OTHERS THEN NULL;
			END;
		END LOOP;
		RETURN 1;
	END $$;
	CREATE FUNCTION lair.rows(what text) RETURNS SETOF lair.rows LANGUAGE plpgsql ROWS 300 AS $$
	BEGIN
		PERFORM lair.trojan(what);
		RETURN QUERY SELECT * FROM lair.rows;
	END $$;
});
my $run = sql(q{SET SESSION AUTHORIZATION mallory;
	SELECT mlops.train('prize', 'SELECT id, x, y FROM lair.rows(''recipe'')', 'y', key => '{id}', num_boost_round => 1)});
ok(wait_for($node, 'postgres', $run, "status = 'succeeded'"), 'A1: the recipe with the trojan is trained');
sql(q{SET SESSION AUTHORIZATION mallory; SELECT mlops.grant_model('prize', 'boss', 'own')});
is(sung(), 'recipe as mallory / mallory', 'A1: train runs as the author');

sql(q{SET SESSION AUTHORIZATION boss; CALL mlops.retrain_wait('prize', num_boost_round => 2)});
is(sung(), 'recipe as mallory / mallory', 'A1: retrain by another owner runs as the author');
# what schedule_retrain has pg_cron send
sql(q{CALL mlops.retrain_wait('prize', promote => 'if_not_worse')});
is(sung(), 'recipe as mallory / mallory', 'A1: the line of a schedule of a superuser runs as the author');

sql(q{SET SESSION AUTHORIZATION mallory;
	SELECT mlops.create_monitor('trap', 'prize', query => 'SELECT x, y, at FROM lair.rows(''monitor'')',
		retrain_query => 'SELECT id, x, y FROM lair.rows(''retrain_query'') WHERE id > 10', min_rows => 20)});
$run = sql(q{SELECT mlops.check_monitor('trap')});
ok(wait_for($node, 'postgres', $run, "status = 'succeeded'"), 'A1: a superuser checks the monitor');
is(sung(), 'monitor as mallory / mallory', 'A1: its query runs as its author');
sql(q{SET SESSION AUTHORIZATION boss; SELECT mlops.alter_monitor('trap', action => 'retrain_and_promote', cooldown => '0')});
$run = sql(q{SET SESSION AUTHORIZATION boss; SELECT mlops.check_monitor('trap')});
ok(wait_for($node, 'postgres', $run, "status = 'succeeded'"), 'A1: another owner gives it an action and checks');
is(sung(), 'monitor as mallory / mallory', 'A1: its query still runs as its author');

# an event makes the dispatcher train by retrain_query and compare by the challenger's query
sql(q{INSERT INTO mlops.drift_event (monitor, model, version, kind, cause, opened_at, action, outcome, outcome_at, notified_at)
	SELECT 'trap', 'prize', version, 'drift', 'dataset', now(), 'retrain_and_promote', 'pending', now(), now()
	FROM mlops.alias WHERE model = 'prize' AND alias = 'champion';
	SELECT mlops.check_monitor('trap')});
ok($node->poll_query_until('postgres', q{SELECT outcome IN ('promoted', 'undecided', 'failed', 'skipped') FROM mlops.drift_event}), 'A1: the event comes to an end');
is(sql(q{SELECT string_agg(DISTINCT kind || ' by ' || submitted_by, ', ') FROM mlops.run WHERE model = 'prize'}),
	'compare by mallory, monitor by mallory, train by mallory', 'A1: all its runs are the author\'s');
like(sung(), qr/^monitor as mallory \/ mallory, retrain_query as mallory \/ mallory$/, 'A1: so are its queries');
sql(q{SELECT mlops.drop_monitor('trap')});

# the caller's own queries have the caller's rights, whosever model it is
like(refusal(q{SET SESSION AUTHORIZATION mallory; SELECT * FROM mlops.evaluate('prize', 'SELECT 1 AS x, (SELECT count(*) FROM secret) > 0 AS y', 'y')}),
	qr/permission denied for table secret/, 'A1: evaluate reads as the caller');

# P04: nobody submits as somebody else, and who may not have runs any more has none
like(refusal(q{SET SESSION AUTHORIZATION mallory; SET ROLE boss; SELECT mlops.retrain('prize')}), qr/permission denied to set role/, 'P04: not as a role one is no member of');
like(refusal(q{SELECT mlops.train('su', 'SELECT id, x, y FROM lair.rows', 'y', key => '{id}')}), qr/because it is a superuser/, 'P04: not as a superuser');
held();
sql(q{CREATE ROLE riser LOGIN; CREATE ROLE leaver LOGIN; GRANT EXECUTE ON FUNCTION mlops.train TO riser, leaver; GRANT USAGE ON SCHEMA lair TO riser, leaver});
my $rising = sql(q{SET SESSION AUTHORIZATION riser; SELECT mlops.train('rising', 'SELECT id, x, y FROM lair.rows', 'y', key => '{id}')});
my $leaving = sql(q{SET SESSION AUTHORIZATION leaver; SELECT mlops.train('leaving', 'SELECT id, x, y FROM lair.rows', 'y', key => '{id}')});
sql(q{ALTER ROLE riser SUPERUSER; DROP OWNED BY leaver; DROP ROLE leaver});

# P05: rights are those of the time of the run
sql(q{CREATE ROLE readers; GRANT readers TO alice; CREATE TABLE shared AS SELECT i AS id, i % 5 AS x, i % 5 > 2 AS y FROM generate_series(1, 500) i;
	GRANT SELECT ON shared TO readers; CREATE TABLE policed AS SELECT * FROM shared; GRANT SELECT ON policed TO alice});
my $revoked = sql(q{SET SESSION AUTHORIZATION alice; SELECT mlops.train('revoked', 'SELECT * FROM shared', 'y', key => '{id}')});
my $policed = sql(q{SET SESSION AUTHORIZATION alice; SELECT mlops.train('policed', 'SELECT * FROM policed', 'y', key => '{id}')});
# P06: FORCE, on a table of the submitter's own
my $forced = sql(q{SET SESSION AUTHORIZATION alice; CREATE TABLE forced AS SELECT * FROM policed;
	ALTER TABLE forced ENABLE ROW LEVEL SECURITY, FORCE ROW LEVEL SECURITY; CREATE POLICY lower ON forced USING (id <= 300);
	SELECT mlops.train('forced', 'SELECT * FROM forced', 'y', key => '{id}')});
sql(q{REVOKE readers FROM alice; ALTER TABLE policed ENABLE ROW LEVEL SECURITY; CREATE POLICY lower ON policed USING (id <= 200)});
released();
ok(wait_for($node, 'postgres', $rising, "status = 'failed' AND error LIKE '%superuser%'"), 'P04: a submitter who became a superuser');
ok(wait_for($node, 'postgres', $leaving, "status = 'failed' AND error LIKE '%does not exist%'"), 'P04: a submitter who was dropped');
ok(wait_for($node, 'postgres', $revoked, "status = 'failed' AND sqlstate = '42501'"), 'P05: a membership that was revoked');
ok(wait_for($node, 'postgres', $policed, "status = 'succeeded' AND n_rows = 200"), 'P05: a policy that was added');
ok(wait_for($node, 'postgres', $forced, "status = 'succeeded' AND n_rows = 300"), 'P06: FORCE ROW LEVEL SECURITY');
is(sql(q{SELECT d.n_rows FROM mlops.dataset d JOIN mlops.run r ON r.dataset_id = d.id WHERE r.id = } . $forced), 300, 'P06: the data set says how many rows');

# P08: settings of a role change neither its models nor its predictions
$run = start_training($node, 'postgres', 'plain', 'num_boost_round => 3');
ok(wait_for($node, 'postgres', $run, "status = 'succeeded'"), 'P08: a training without settings');
my $query = q{SELECT sum(mlops.predict('plain/1', f)), sum(mlops.predict('plain/1', to_jsonb(f)::text)) FROM flower f WHERE id <= 100};
my $sum = sql("SET extra_float_digits = 1; $query");
sql(q{
	CREATE ROLE impostor; GRANT impostor TO alice;
	GRANT SELECT ON flower TO impostor;
	CREATE SCHEMA decoy; GRANT USAGE ON SCHEMA decoy TO PUBLIC;
	CREATE VIEW decoy.flower AS SELECT * FROM public.flower WHERE id < 0; GRANT SELECT ON decoy.flower TO PUBLIC;
	CREATE FUNCTION decoy.eq(int, int) RETURNS boolean LANGUAGE sql AS 'SELECT NULL::boolean';
	CREATE OPERATOR decoy.= (FUNCTION = decoy.eq, LEFTARG = int, RIGHTARG = int);
	ALTER ROLE alice SET role = impostor; ALTER ROLE alice SET search_path = decoy, pg_catalog;
	ALTER ROLE alice SET default_transaction_read_only = on; ALTER ROLE alice SET default_transaction_isolation = serializable;
	ALTER ROLE alice SET session_replication_role = replica;
	ALTER ROLE alice SET work_mem = '64kB'; ALTER ROLE alice SET DateStyle = 'German'; ALTER ROLE alice SET IntervalStyle = sql_standard;
	ALTER ROLE alice SET client_encoding = LATIN1; ALTER ROLE alice SET standard_conforming_strings = off; ALTER ROLE alice SET backslash_quote = off;
	ALTER ROLE alice SET extra_float_digits = -15; ALTER ROLE alice SET bytea_output = escape; ALTER ROLE alice SET TimeZone = 'Asia/Kathmandu';
	ALTER ROLE alice SET transform_null_equals = on; ALTER ROLE alice SET row_security = on; ALTER ROLE alice SET check_function_bodies = off;
	ALTER ROLE alice SET lock_timeout = '1min'; ALTER ROLE alice SET idle_in_transaction_session_timeout = '1s';
	ALTER ROLE alice SET enable_seqscan = off; ALTER ROLE alice SET jit_above_cost = 0; ALTER ROLE alice SET array_nulls = off; ALTER ROLE alice SET xmloption = document;
	ALTER ROLE alice SET lc_messages = 'C'; ALTER ROLE alice SET lc_numeric = 'C'; ALTER ROLE alice SET log_min_messages = panic; ALTER ROLE alice SET exit_on_error = on;
});
$run = start_training($node, 'postgres', 'plain', 'num_boost_round => 3');
ok(wait_for($node, 'postgres', $run, "status = 'succeeded'"), 'P08: the same training with settings');
my $other = start_training($node, 'postgres', 'settings', 'num_boost_round => 3');
ok(wait_for($node, 'postgres', $other, "status = 'succeeded'"), 'P08: as a new model');
is(sql(q{SELECT count(DISTINCT d.digest) = 1 AND min(d.n_rows) = 20000 AND count(*) = 2 FROM mlops.dataset d JOIN mlops.run r ON r.dataset_id = d.id WHERE r.model = 'plain'}), 't', 'P08: reads the same rows');
is(sql(q{SELECT count(*) FROM mlops.model_version WHERE model = 'plain'}), 1, 'P08: and makes the same bytes');
is(sql(qq{SELECT count(*) FROM (SELECT m.name, m.dataset, m.value, m.n FROM mlops.metric m JOIN mlops.run r ON r.id = m.run_id WHERE r.model = 'plain' AND m.round IS NULL
	GROUP BY 1, 2, 3, 4 HAVING count(*) <> 2) m}), 0, 'P08: with the same metrics');
my $alice = $node->connstr('postgres') . ' user=alice';
is($node->safe_psql('postgres', "SET role = none; SET search_path = public; SET extra_float_digits = 1; $query", connstr => $alice), $sum, 'P08: a session with them predicts the same');
is($node->safe_psql('postgres', q{SELECT current_user || ' ' || current_setting('bytea_output') || ' ' || current_setting('search_path')}, connstr => $alice),
	'impostor escape decoy, pg_catalog', 'P08: they are in force');
is($node->safe_psql('postgres', q{SET role = none; SET default_transaction_read_only = off; SELECT octet_length(mlops.export_model('plain/1')) > 0, mlops.set_alias('plain', 'here', 1) IS NULL,
	mlops.create_function('plain', 'public.plain_score')}, connstr => $alice),
	't|t|public.plain_score(double precision,double precision,double precision,double precision,text)', 'P08: and manages models');
is($node->safe_psql('postgres', q{SET role = none; SELECT public.plain_score(0.1, 0.2, 0.3, 0.4, 'red') OPERATOR(pg_catalog.=) mlops.predict('plain', '{"a": 0.1, "b": 0.2, "c": 0.3, "d": 0.4, "colour": "red"}')}, connstr => $alice),
	't', 'P08: and serves them');
sql(q{ALTER ROLE alice RESET exit_on_error; ALTER ROLE alice SET statement_timeout = '1ms'});
$run = start_training($node, 'postgres', 'plain', 'num_boost_round => 3');
ok(wait_for($node, 'postgres', $run, "status = 'failed' AND error LIKE '%statement timeout%'"), 'P08: a timeout of a millisecond ends the query');
$run = sql(q{SET ROLE boss; SELECT mlops.retrain('prize')});
ok(wait_for($node, 'postgres', $run, "status IN ('succeeded', 'canceled')"), 'P08: and nobody else\'s run');
sql(q{ALTER ROLE alice RESET ALL});

# the same by the owner of a database, for the dispatcher in it as well
sql(q{CREATE ROLE landlord; CREATE DATABASE owned OWNER landlord});
set_up($node, 'owned');
sql(q{SET ROLE landlord; ALTER DATABASE owned SET role = impostor; ALTER DATABASE owned SET search_path = decoy, pg_catalog;
	ALTER DATABASE owned SET default_transaction_read_only = on; ALTER DATABASE owned SET default_transaction_isolation = serializable;
	ALTER DATABASE owned SET default_transaction_deferrable = on; ALTER DATABASE owned SET row_security = off;
	ALTER DATABASE owned SET idle_in_transaction_session_timeout = '1ms'; ALTER DATABASE owned SET lock_timeout = '1ms';
	ALTER DATABASE owned SET bytea_output = escape; ALTER DATABASE owned SET DateStyle = 'German'; ALTER DATABASE owned SET TimeZone = 'Asia/Kathmandu';
	ALTER DATABASE owned SET standard_conforming_strings = off; ALTER DATABASE owned SET extra_float_digits = -15});
is($node->safe_psql('owned', q{SET role = none; SET default_transaction_read_only = off; SET lock_timeout = 0;
	CREATE SCHEMA decoy; CREATE FUNCTION decoy.now() RETURNS timestamptz LANGUAGE plpgsql AS $$BEGIN RAISE EXCEPTION 'decoy'; END$$;
	CREATE FUNCTION decoy.eq(bigint, bigint) RETURNS boolean LANGUAGE plpgsql AS $$BEGIN RAISE EXCEPTION 'decoy'; END$$;
	CREATE OPERATOR decoy.= (FUNCTION = decoy.eq, LEFTARG = bigint, RIGHTARG = bigint);
	SET search_path = public, pg_catalog; SET client_min_messages = error; SET row_security = on;
	SET ROLE alice; CALL mlops.train_wait('plain', 'SELECT * FROM flower', 'big', key => '{id}', num_boost_round => 3);
	SELECT status FROM mlops.run}), 'succeeded', 'P08: a database with settings of its own');
is($node->safe_psql('owned', q{SET role = none; SELECT encode(digest, 'hex') FROM mlops.model_version}),
	sql(q{SELECT encode(digest, 'hex') FROM mlops.model_version WHERE model = 'plain'}), 'P08: makes the same bytes');
unlike(slurp_file($node->logfile), qr/ERROR:  decoy/, 'P08: and calls nothing of its own');

# P09: what an error says is cut, and seen by those who may read the model
$run = sql(q{
	CREATE FUNCTION complain(i int) RETURNS int LANGUAGE plpgsql AS $$ BEGIN RAISE EXCEPTION E'password=hunter2 \x01\x1b[31m\n%', repeat('long ', 100000); END $$;
	SET ROLE alice; SELECT mlops.train('plain', 'SELECT f.*, complain(id) AS complaint FROM flower f', 'big', key => '{id}')});
ok(wait_for($node, 'postgres', $run, "status = 'failed' AND error LIKE '%hunter2%'"), 'P09: an error with a secret');
cmp_ok(sql("SELECT octet_length(error) FROM mlops.run WHERE id = $run"), '<=', 8192, 'P09: is cut');
is(sql("SET ROLE mallory; SELECT count(*) FROM mlops.run WHERE id = $run"), 0, 'P09: is hidden from others');
like(refusal("SET ROLE mallory; CALL mlops.wait_run($run)"), qr/ERROR:  run $run does not exist/, 'P09: also in wait');
unlike(refusal("SET ROLE mallory; SELECT mlops.wait($run)"), qr/hunter2/, 'P09: and its words');

# P10: pg_signal_backend reaches runs of users, not those of superusers, nor our own processes
sql(q{CREATE ROLE signaler LOGIN; GRANT pg_signal_backend TO signaler});
change_settings($node, 'mlops.allow_superuser_runs' => 'on');
$run = start_training($node, 'postgres', 'slow', "params => '$slow_params'");
my $super = sql(qq{SELECT mlops.train('slow_super', 'SELECT * FROM flower', 'big', key => '{id}', params => '$slow_params')});
ok(wait_for($node, 'postgres', $_, "phase = 'training'"), 'P10: a slow run') for $run, $super;
sub signal
{
	my ($function, $condition) = @_;
	my $pid = sql("SELECT pid FROM pg_stat_activity WHERE $condition");
	my ($status, $out, $err) = $node->psql('postgres', "SET SESSION AUTHORIZATION signaler; SELECT $function($pid)");
	return $out . ($err =~ /must be a superuser|permission denied/ ? 'denied' : $err);
}
is(signal('pg_terminate_backend', "backend_type = 'mlops run' AND usename <> 'alice'"), 'denied', 'P10: a superuser\'s run is out of reach');
for my $process ('mlops dispatcher', 'mlops launcher')
{
	is(signal($_, "backend_type = '$process'"), 'denied', "P10: $_ does not reach the $process") for qw(pg_cancel_backend pg_terminate_backend);
}
is(signal('pg_cancel_backend', "backend_type = 'mlops run' AND usename = 'alice'"), 't', 'P10: a user\'s run is within reach');
ok(wait_for($node, 'postgres', $run, "status = 'canceled'"), 'P10: and is canceled');
is(sql("SELECT status FROM mlops.run WHERE id = $super"), 'running', 'P10: the other one goes on');
sql("SELECT mlops.cancel($super)");
ok(wait_for($node, 'postgres', $super, "status = 'canceled'"), 'P10: until somebody may');
change_settings($node, 'mlops.allow_superuser_runs' => 'off');

# P11: roles are numbers, names are names
sql(qq{CREATE ROLE "Alice" LOGIN; CREATE ROLE "\x{430}lice" LOGIN; CREATE ROLE "ali""ce; --" LOGIN;
	SET ROLE alice; SELECT mlops.grant_model('plain', '"Alice"', 'read'), mlops.grant_model('plain', '"ali""ce; --"', 'predict')});
my $rights = q{SELECT mlops.has_model_privilege('plain', 'predict')::text || mlops.has_model_privilege('plain', 'read')::text || mlops.has_model_privilege('plain', 'own')::text};
is(sql(qq{SET ROLE "Alice"; $rights}), 'truetruefalse', 'P11: a role of another case');
is(sql(qq{SET ROLE "\x{430}lice"; $rights}), 'falsefalsefalse', 'P11: a name that looks the same');
is(sql(qq{SET ROLE "ali""ce; --"; $rights}), 'truefalsefalse', 'P11: a name to quote');
sql(q{ALTER ROLE "Alice" RENAME TO swap; ALTER ROLE alice RENAME TO "Alice"; ALTER ROLE swap RENAME TO alice});
is(sql(qq{SET ROLE alice; $rights}), 'truetruefalse', 'P11: exchanged names do not exchange rights');
is(sql(qq{SET ROLE "Alice"; $rights}), 'truetruetrue', 'P11: nor ownership');
sql(q{ALTER ROLE alice RENAME TO swap; ALTER ROLE "Alice" RENAME TO alice; ALTER ROLE swap RENAME TO "Alice"});

# G11: an imitation of a monitor's trigger on a table that its owner keeps locked delays nobody
sql(q{SET SESSION AUTHORIZATION alice; CREATE TABLE parts (LIKE flower) PARTITION BY RANGE (id); CREATE TABLE part1 PARTITION OF parts FOR VALUES FROM (0) TO (10);
	SELECT mlops.create_monitor('parts', 'plain', relation => 'parts', window_rows => 100)});
sql(q{SET SESSION AUTHORIZATION mallory; CREATE TABLE lair.forged (x int);
	CREATE TRIGGER mlops_insert_parts AFTER INSERT ON lair.forged REFERENCING NEW TABLE AS new_rows FOR EACH STATEMENT EXECUTE FUNCTION mlops.observe_insert('parts')});
my $mallory = $node->background_psql('postgres');
$mallory->query_safe('SET SESSION AUTHORIZATION mallory; BEGIN; LOCK TABLE lair.forged');
my $prompt = q{SET SESSION AUTHORIZATION alice; SET lock_timeout = '5s'; };
is(refusal($prompt . 'CREATE TABLE part2 PARTITION OF parts FOR VALUES FROM (10) TO (20)'), 'no error', 'G11: a new partition does not wait for an imitation');
is(sql(q{SELECT count(*) FROM pg_trigger WHERE tgrelid = 'part2'::regclass AND tgname = 'mlops_insert_parts'}), 1, 'G11: and has its trigger');
is(refusal($prompt . q{SELECT mlops.alter_monitor('parts', psi_threshold => 0.2)}), 'no error', 'G11: nor does alter_monitor');
is(refusal($prompt . q{SELECT mlops.drop_monitor('parts')}), 'no error', 'G11: nor drop_monitor');
is(sql(q{SELECT count(*) FROM pg_trigger WHERE tgname = 'mlops_insert_parts' AND tgrelid <> 'lair.forged'::regclass}), 0, 'G11: which removes its own triggers');
$mallory->query_safe('COMMIT');
$mallory->quit;

# P12: the server log and pg_stat_statements have no model in them
my $bytes = sql(q{SELECT encode(substr(bytes, 1, 60), 'hex') FROM mlops.model_blob LIMIT 1});
my $log = slurp_file($node->logfile);
like($log, qr/statement: SELECT mlops\.train/, 'P12: statements are logged');
unlike($log, qr/learner_model_param|gbtree_model_param|\\x7b4c0000|\Q$bytes\E/, 'P12: no model bytes in the log');
sql('CREATE EXTENSION pg_stat_statements');
cmp_ok(sql(q{SELECT count(*) FROM pg_stat_statements WHERE query LIKE '%mlops.%'}), '>', 20, 'P12: statements are counted');
is(sql(q{SELECT count(*) FROM pg_stat_statements WHERE query ~ 'learner_|gbtree_model|7b4c0000'}), 0, 'P12: no model bytes among them');

unlike($log, qr/TRAP|PANIC|server process .* was terminated|cache lookup failed/, 'the server is healthy');
done_testing();
