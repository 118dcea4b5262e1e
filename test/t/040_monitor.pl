# Monitors under trouble: crashes, killed processes, a standby, dump and restore, many
# writers, roles that lose their rights.  G05, G07, G08 and so on are cases of a
# catalogue of faults.
use strict;
use warnings FATAL => 'all';

use PostgreSQL::Test::Cluster;
use PostgreSQL::Test::Utils;
use Test::More;

use lib 'test/perl';
use MlopsRun;

my $node = PostgreSQL::Test::Cluster->new('primary');
$node->init(allows_streaming => 1);
$node->append_conf('postgresql.conf', "shared_preload_libraries = 'mlops'\nmlops.monitor_interval = 1\n"
	. "max_prepared_transactions = 5\nmax_connections = 40\nautovacuum = off\nmax_worker_processes = 16\n");
$node->start;

sub run_sql { return $node->safe_psql('postgres', shift); }
sub poll { return $node->poll_query_until('postgres', shift); }

# Rows in windows and rows that wait, of a monitor.
sub counted
{
	return run_sql(qq{SELECT (SELECT coalesce(sum(n_rows), 0) FROM mlops.drift_window WHERE monitor = '$_[0]')
		+ (SELECT coalesce(sum(n_rows), 0) FROM mlops.drift_state WHERE monitor = '$_[0]')});
}

run_sql($constant_model);
run_sql(q{
	CREATE EXTENSION mlops;
	CREATE ROLE alice LOGIN; CREATE ROLE writer LOGIN;
	GRANT CREATE ON SCHEMA public TO alice;
	GRANT EXECUTE ON ALL ROUTINES IN SCHEMA mlops TO alice;
	SET SESSION AUTHORIZATION alice;
	SELECT mlops.register_model('m', constant_model(1, 2), signature => '{"features": ["a", "b"]}');
	CREATE TABLE seen AS SELECT (i % 100)::float8 AS a, (i * 37 % 101)::float8 AS b FROM generate_series(1, 5000) i;
	SELECT mlops.set_reference('m/1', 'SELECT * FROM seen');
	CREATE TABLE live (id serial, at timestamptz DEFAULT '2026-01-01 00:00Z', a float8, b float8);
	GRANT INSERT ON live TO writer; GRANT USAGE ON SEQUENCE live_id_seq TO writer;
	SELECT mlops.create_monitor('w', 'm', 'live', time_column => 'at', window_size => '1 hour');
});

# The launcher has rows counted and evaluated by itself.
run_sql('INSERT INTO live (a, b) SELECT i % 100, i * 37 % 101 FROM generate_series(1, 1000) i');
ok(poll("SELECT count(*) = 1 FROM mlops.drift_history WHERE monitor = 'w' AND role = 'dataset' AND status = 'ok' AND n_current = 1000"),
	'a window like the reference is ok');
run_sql("INSERT INTO live (at, a, b) SELECT '2026-01-01 01:00Z', 50 + i % 100, i * 37 % 101 FROM generate_series(1, 1000) i");
ok(poll("SELECT count(*) = 1 FROM mlops.drift_history WHERE monitor = 'w' AND feature = 'a' AND status = 'drift' AND window_start = '2026-01-01 01:00Z'"),
	'a shifted column drifts');
is(run_sql("SELECT drifted FROM mlops.monitor_status WHERE monitor = 'w'"), '{a}', 'and no other');
ok(poll("SELECT count(*) = 0 FROM pg_stat_activity WHERE backend_type = 'mlops dispatcher'"), 'then no process is left');

# G05: what replication applies is not counted.
my $before = counted('w');
run_sql('SET session_replication_role = replica; INSERT INTO live (a, b) VALUES (1, 2)');
is(counted('w'), $before, 'G05: rows of session_replication_role replica are not counted');

# G07: the extension's tables are out of order, the user's statement is not.
run_sql('ALTER TABLE mlops.model_reference RENAME TO gone');
my ($failed, undef, $complaint) = $node->psql('postgres', 'INSERT INTO live (a, b) VALUES (1, 2)');
is("$failed|$complaint", '0|', 'G07: a statement that cannot be counted succeeds');
run_sql('ALTER TABLE mlops.gone RENAME TO model_reference');
ok(poll("SELECT n_errors > 0 FROM mlops.monitor_state WHERE monitor = 'w'"), 'G07: the error is counted');

# Subtransactions that write nothing get no transaction ids, which would overflow.
my $xid = run_sql('SELECT pg_current_xact_id()');
run_sql('DO $$ BEGIN FOR i IN 1 .. 10000 LOOP INSERT INTO live (a, b) VALUES (1, 2); END LOOP; END $$');
cmp_ok(run_sql('SELECT pg_current_xact_id()') - $xid, '<', 1000, 'ten thousand statements take one transaction id');

# G08: writers at once, each counted exactly once, also through folds.
$before = run_sql('SELECT count(*) FROM live');
my $counted = counted('w');
my $script = $node->basedir . '/write.sql';
append_to_file($script, "\\set n random(1, 3)\nINSERT INTO live (a, b) SELECT i, i FROM generate_series(1, :n) i;\n");
$node->command_ok([ 'pgbench', '-n', '-c', '16', '-t', '200', '-f', $script, '-h', $node->host, '-p', $node->port, 'postgres' ],
	'G08: 16 writers');
is(counted('w') - $counted, run_sql('SELECT count(*) FROM live') - $before, 'G08: each row counts once');

# Killed in the middle of a fold: nothing is lost, nothing counts twice.
$before = counted('w');
for my $i (1 .. 5)
{
	run_sql("INSERT INTO live (a, b) SELECT 1, 2 FROM generate_series(1, 100); SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE backend_type = 'mlops dispatcher'");
}
is(counted('w'), $before + 500, 'K: a terminated dispatcher loses nothing');
run_sql('INSERT INTO live (a, b) SELECT 1, 2 FROM generate_series(1, 100)');
$node->stop('immediate');
$node->start;
is(counted('w'), $before + 600, 'K: nor does a crash of the server');
ok(poll("SELECT count(*) = 0 FROM mlops.drift_state"), 'K: what waited is counted after the start');
is(counted('w'), $before + 600, 'K: once');

# A prepared transaction commits without our callback.
run_sql("BEGIN; INSERT INTO live (a, b) VALUES (1, 2); PREPARE TRANSACTION 'p'");
run_sql("COMMIT PREPARED 'p'");
is(counted('w'), $before + 601, 'G10: a prepared transaction counts');

# A writer who holds a lock on the monitor's state only delays.
my $locker = $node->background_psql('postgres');
$locker->query_safe("BEGIN; SELECT FROM mlops.monitor_state WHERE monitor = 'w' FOR UPDATE");
run_sql('INSERT INTO live (a, b) VALUES (1, 2)');
is(counted('w'), $before + 602, 'a locked monitor does not stop writers');
$locker->query_safe('COMMIT');
$locker->quit;
ok(poll("SELECT count(*) = 0 FROM mlops.drift_state"), 'and is counted afterwards');

# A standby reads all, and writes nothing.
$node->backup('b');
my $standby = PostgreSQL::Test::Cluster->new('standby');
$standby->init_from_backup($node, 'b', has_streaming => 1);
$standby->start;
run_sql('INSERT INTO live (a, b) VALUES (1, 2)');
$node->wait_for_catchup($standby);
ok($standby->safe_psql('postgres', "SELECT count(*) > 0 FROM mlops.drift_histogram WHERE monitor = 'w'") eq 't', 'a standby shows histograms');
my ($code, $out, $err) = $standby->psql('postgres', "SELECT mlops.check_monitor('w')");
like($err, qr/cannot execute|read-only|recovery/, 'and checks nothing');
is($standby->safe_psql('postgres', "SELECT count(*) FROM pg_stat_activity WHERE backend_type LIKE 'mlops%'"), '0', 'no worker runs there');
$standby->stop;

# Query mode as the owner, who loses his rights: H08, and H06, no pile of runs.
run_sql(q{SET SESSION AUTHORIZATION alice;
	SELECT mlops.create_monitor('q', 'm', query => 'SELECT * FROM live WHERE a IS NOT NULL AND $1 < $2', window_size => '1 hour')});
my $run = run_sql("SET SESSION AUTHORIZATION alice; SELECT mlops.check_monitor('q')");
ok(wait_for($node, 'postgres', $run, "status = 'succeeded'"), 'a query is pulled');
is(run_sql("SELECT n_rows = (SELECT count(*) FROM live) FROM mlops.drift_window WHERE monitor = 'q'"), 't', 'with all its rows');
$run = run_sql("SET SESSION AUTHORIZATION alice; SELECT mlops.check_monitor('q')");
wait_for($node, 'postgres', $run, "status = 'succeeded'");
is(run_sql("SELECT count(*), sum(n_rows) = (SELECT count(*) FROM live) FROM mlops.drift_window WHERE monitor = 'q'"), '1|t', 'a second pull takes the place of the first');
is(run_sql("SELECT submitted_by FROM mlops.run WHERE id = $run"), 'alice', 'G14: by the owner');
run_sql('ALTER TABLE live OWNER TO postgres; REVOKE ALL ON live FROM alice');
for my $i (1 .. 5)
{
	$run = run_sql("SET SESSION AUTHORIZATION alice; SELECT mlops.check_monitor('q')");
	wait_for($node, 'postgres', $run, "status = 'failed' AND error LIKE '%permission denied%'") or die 'no failure';
	poll("SELECT failures = $i FROM mlops.monitor_state WHERE monitor = 'q'") or die "not failure $i";
}
is(run_sql("SELECT state, pause_reason FROM mlops.monitor_status WHERE monitor = 'q'"),
	'paused|the query failed 5 times in a row', 'H08: a monitor whose owner lost his rights is parked');
ok(poll("SELECT count(*) = 0 FROM mlops.drift_state"), 'H08: the others go on');
# triggers count only what the monitor's owner may read
my $blind = counted('w');
run_sql('INSERT INTO live (a, b) VALUES (1, 2)');
ok(poll("SELECT last_error LIKE '%may not read the table%' FROM mlops.monitor_state WHERE monitor = 'w'"), 'P05: also that of a table');
run_sql('GRANT SELECT ON live TO alice');
run_sql('INSERT INTO live (a, b) VALUES (1, 2)');
ok(poll("SELECT sum(n_rows) = $blind + 1 FROM mlops.drift_window WHERE monitor = 'w'"), 'P05: which goes on when he has them again');

# Dump and restore: triggers, windows and settings come along, and nothing counts twice.
my $dump = $node->basedir . '/dump';
$node->command_ok([ 'pg_dump', '-Fc', '-f', $dump, $node->connstr('postgres') ], 'pg_dump');
run_sql('CREATE DATABASE restored');
$node->command_ok([ 'pg_restore', '-d', $node->connstr('restored'), $dump ], 'pg_restore');
for my $table (qw(monitor monitor_state drift_window drift_profile drift_measure drift_performance))
{
	is($node->safe_psql('restored', "SELECT r FROM mlops.$table r ORDER BY r::text"),
		run_sql("SELECT r FROM mlops.$table r ORDER BY r::text"), "$table is restored");
}
$before = $node->safe_psql('restored', "SELECT sum(n_rows) FROM mlops.drift_window WHERE monitor = 'w'");
$node->safe_psql('restored', 'INSERT INTO live (a, b) VALUES (1, 2)');
ok($node->poll_query_until('restored', "SELECT sum(n_rows) = $before + 1 FROM mlops.drift_window WHERE monitor = 'w'"),
	'the restored table is watched');
$node->safe_psql('restored', 'DROP EXTENSION mlops');
is($node->safe_psql('restored', "SELECT count(*) FROM pg_trigger WHERE tgname LIKE 'mlops%'"), '0', 'DROP EXTENSION takes the triggers along');
$node->safe_psql('restored', 'INSERT INTO live (a, b) VALUES (1, 2)');

# A dropped table: its monitor pauses with the reason.
run_sql('DROP TABLE live');
run_sql('SELECT mlops.tick()');
ok(poll("SELECT state = 'paused' AND pause_reason = 'the table was dropped' FROM mlops.monitor_status WHERE monitor = 'w'"),
	'G06: a monitor of a dropped table pauses');

unlike(slurp_file($node->logfile), qr/TRAP|PANIC|terminated by signal 11/, 'the server is healthy');
done_testing();
