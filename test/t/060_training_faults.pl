# T08-T24: trainings whose query, table, trainer or disk goes wrong.  What needs no
# cluster of its own is in test/sql (train_*) and test/isolation; limits are in 004.
use strict;
use warnings;

use MlopsFault;
use MlopsGate;
use MlopsHealth;
use MlopsRun;
use PostgreSQL::Test::Utils;
use Test::More;
use Time::HiRes qw(time);

my $node = fault_cluster('faults', qq{
shared_preload_libraries = 'mlops'
mlops.max_concurrent_runs = 4
$gate_settings});
set_up($node, 'postgres');
set_up_gates($node, 'postgres');
my $gate = MlopsGate->new($node, 'postgres');
my $health = MlopsHealth->new($node, 'postgres');

sub sql { return $node->safe_psql('postgres', $_[0]); }
sub as_alice { return sql("SET ROLE alice; $_[0]"); }
sub row { return sql("SELECT $_[1] FROM mlops.run WHERE id = $_[0]"); }

# Enqueue a training of a query; returns the run.
sub train
{
	my ($model, $query, $arguments) = @_;
	$query =~ s/'/''/g;
	return as_alice("SELECT mlops.train('$model', '$query', 'big', key => '{id}', num_boost_round => 2" . ($arguments ? ", $arguments" : '') . ')');
}

# One test: the run ends like this; returns its error.
sub ends_as
{
	my ($run, $wanted, $name) = @_;
	local $Test::Builder::Level = $Test::Builder::Level + 1;
	wait_for($node, 'postgres', $run, "ended_at IS NOT NULL OR crashes > 0");
	my ($outcome, $error) = split /\|/, row($run, "concat_ws(' ', status, sqlstate, nullif(crashes, 0)), error"), 2;
	is($outcome, $wanted, $name) or diag($error);
	return $error;
}

# A query whose function does something before the first row.
my $tricks = 0;
sub trick
{
	my ($body) = @_;
	my $name = 'trick_' . ++$tricks;
	as_alice("CREATE FUNCTION $name() RETURNS boolean LANGUAGE plpgsql AS \$\$ BEGIN $body; RETURN true; END \$\$");
	return "SELECT f.* FROM flower f, (SELECT $name() AS done OFFSET 0) t WHERE done";
}

# T08: side effects of the query
my $plain = train('plain', 'SELECT * FROM flower');
is(ends_as($plain, 'succeeded', 'a plain training') // '', '', 'has no error');
my $digest = q{(SELECT encode(digest, 'hex') FROM mlops.dataset d WHERE d.id = dataset_id),
	(SELECT encode(digest, 'hex') FROM mlops.model_version v WHERE v.model = run.model AND v.version = run.version)};
for my $case (
	[ 'PERFORM pg_terminate_backend(pg_backend_pid()), pg_sleep(60)', 'failed 57P01' ],
	[ 'PERFORM pg_cancel_backend(pg_backend_pid()), pg_sleep(60)', 'canceled 57014' ],
	[ 'PERFORM pg_terminate_backend(pid) FROM pg_stat_activity WHERE pid <> pg_backend_pid()', 'failed 42501' ],
	[ q{PERFORM set_config('role', 'postgres', false)}, 'failed 42501' ],
	[ q{PERFORM set_config('session_authorization', 'postgres', false)}, 'failed 42501' ],
	[ q{PERFORM set_config('transaction_read_only', 'off', false)}, 'failed 25001' ],
	[ 'CREATE TEMP TABLE run (id bigint)', 'failed 25006' ],
	[ q{PERFORM set_config('exit_on_error', 'on', false); RAISE 'no'}, 'failed 57P01' ])
{
	my ($body, $wanted) = @$case;
	ends_as(train('effects', trick($body)), $wanted, "T08: $body");
}
$health->check('T08');

# T09: what a query can leave behind, it leaves in a session that ends
as_alice(q{
	CREATE SCHEMA decoy;
	CREATE TABLE decoy.run AS SELECT 0::bigint AS id, 'queued'::text AS status;
	CREATE TABLE decoy.model_version AS SELECT ''::text AS model;
	CREATE FUNCTION decoy.lower(text) RETURNS text LANGUAGE plpgsql AS $$ BEGIN RAISE 'decoy'; END $$;
	CREATE FUNCTION decoy.equal(bigint, bigint) RETURNS boolean LANGUAGE plpgsql AS $$ BEGIN RAISE 'decoy'; END $$;
	CREATE OPERATOR decoy.= (LEFTARG = bigint, RIGHTARG = bigint, FUNCTION = decoy.equal)}) if !eval { sql('GRANT CREATE ON DATABASE postgres TO alice'); 0 };
my $left = train('plain', trick(q{
	EXECUTE 'DECLARE kept CURSOR WITH HOLD FOR SELECT 1';
	EXECUTE 'PREPARE kept AS SELECT 1';
	PERFORM pg_advisory_lock(1, 1), pg_advisory_lock_shared(7), pg_advisory_xact_lock(8), pg_advisory_unlock_all(), pg_advisory_lock(2);
	PERFORM pg_notify('left', 'behind');
	PERFORM set_config(name, value, false) FROM (VALUES ('search_path', 'decoy, pg_catalog'), ('row_security', 'off'), ('statement_timeout', '1ms'), ('lock_timeout', '1ms'),
		('idle_in_transaction_session_timeout', '1ms'), ('idle_session_timeout', '1ms'), ('work_mem', '64kB'), ('temp_buffers', '100'), ('client_encoding', 'LATIN1'),
		('default_transaction_isolation', 'serializable'), ('default_transaction_read_only', 'on'), ('synchronous_commit', 'remote_apply'), ('DateStyle', 'SQL'),
		('TimeZone', 'Asia/Tokyo'), ('extra_float_digits', '-15'), ('bytea_output', 'escape'), ('exit_on_error', 'on'), ('quote_all_identifiers', 'on'),
		('check_function_bodies', 'off'), ('enable_seqscan', 'off'), ('jit', 'on'), ('client_min_messages', 'error'), ('application_name', 'mlops dispatcher')) s (name, value)}));
ends_as($left, 'succeeded', 'T09: a query that leaves what it can');
is(row($left, $digest), row($plain, $digest), 'T09: reads the same rows and makes the same bytes');
is(sql('SELECT (SELECT count(*) FROM decoy.run WHERE id <> 0) + (SELECT count(*) FROM decoy.model_version WHERE model <> $$$$)'), 0, 'T09: no decoy was written to');
is(sql("SELECT count(*) FROM pg_locks WHERE locktype = 'advisory'"), 0, 'T09: its locks went with its session');
for my $setting ([ 'session_replication_role', 'replica' ], [ 'mlops.trainer_memory', '0' ], [ 'mlops.max_rows', '0' ], [ 'log_statement', 'none' ])
{
	my $error = ends_as(train('effects', trick("PERFORM set_config('$setting->[0]', '$setting->[1]', false)")), 'failed ' . ($setting->[0] =~ /mlops/ ? '55P02' : '42501'),
		"T09: a query that sets $setting->[0]");
	like($error, qr/\Q$setting->[0]\E/, 'T09: with the name');
}
my $log = slurp_file($node->logfile);
unlike($log, qr/ERROR:  decoy/, 'T09: no decoy was called');
$health->check('T09');

# T10: what would run at the commit of the query, and what watches DDL
sql(q{
	CREATE TABLE audit (who name, what text);
	GRANT INSERT, SELECT ON audit TO PUBLIC;
	CREATE FUNCTION watch() RETURNS event_trigger LANGUAGE plpgsql AS $$ BEGIN INSERT INTO public.audit VALUES (session_user, tg_tag); END $$;
	CREATE EVENT TRIGGER watch ON ddl_command_start EXECUTE FUNCTION watch();
	SET ROLE alice;
	CREATE TABLE bait (n int);
	CREATE FUNCTION escape() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN
		EXECUTE 'ALTER ROLE alice SUPERUSER'; INSERT INTO public.audit VALUES (session_user, 'escaped'); RETURN NULL; END $$;
	CREATE CONSTRAINT TRIGGER escape AFTER INSERT ON bait DEFERRABLE INITIALLY DEFERRED FOR EACH ROW EXECUTE FUNCTION escape();
});
sql('TRUNCATE audit');
for my $body ('INSERT INTO bait VALUES (1)', q{EXECUTE 'SET TRANSACTION READ WRITE'; INSERT INTO bait VALUES (1)},
	q{BEGIN INSERT INTO bait VALUES (1); EXCEPTION WHEN read_only_sql_transaction THEN NULL; END; EXECUTE 'SET CONSTRAINTS ALL IMMEDIATE'})
{
	sql('DROP EVENT TRIGGER watch');
	my $query = trick($body);
	sql('CREATE EVENT TRIGGER watch ON ddl_command_start EXECUTE FUNCTION watch()');
	ends_as(train('escape', $query), $body =~ /WHEN/ ? 'succeeded' : $body =~ /WRITE/ ? 'failed 25001' : 'failed 25006', "T10: $body");
}
is(sql('SELECT count(*) FROM bait'), 0, 'T10: no row for the trigger');
is(sql(q{SELECT string_agg(who || ': ' || what, '; ') FROM audit}), '', 'T10: no trigger fired, as nobody');
is(sql("SELECT rolsuper FROM pg_roles WHERE rolname = 'alice'"), 'f', 'T10: alice is no superuser');
sql('DROP EVENT TRIGGER watch');
$health->check('T10');

# T12: a lock for longer than lock_timeout, and a deadlock
as_alice(q{CREATE TABLE first (n int); CREATE TABLE second (n int)});
sql(q{ALTER ROLE alice SET lock_timeout = '200ms'});
my $user = $node->background_psql('postgres', on_error_stop => 0);
$user->query_safe("BEGIN; LOCK first");
my $error = ends_as(train('locked', trick('PERFORM count(*) FROM first')), 'failed 55P03', 'T12: a lock for longer than lock_timeout');
like($error, qr/due to lock timeout/, 'T12: with the reason');
$user->query_safe('COMMIT');
sql(q{ALTER ROLE alice RESET lock_timeout; ALTER ROLE alice SET deadlock_timeout = '20ms'});
my $victim = train('locked', trick(q{PERFORM count(*) FROM first;
	WHILE NOT EXISTS (SELECT FROM pg_locks WHERE relation = 'first'::regclass AND NOT granted) LOOP PERFORM pg_sleep(0.01); END LOOP; /* allowed: polls */ PERFORM count(*) FROM second}));
$user->query_safe("SET deadlock_timeout = '10min'; BEGIN; LOCK second");
$node->poll_query_until('postgres', "SELECT EXISTS (SELECT FROM pg_locks WHERE relation = 'first'::regclass AND granted)");
$user->query_safe('LOCK first');
ends_as($victim, 'failed 40P01', 'T12: the run is the victim of a deadlock');
is($user->query_safe('SELECT 5'), 5, 'T12: the other transaction goes on');
$user->query_safe('COMMIT');
sql('ALTER ROLE alice RESET deadlock_timeout');
$health->check('T12');

# T13: rows that change while they are read
sql('CREATE TABLE garden AS TABLE flower; GRANT ALL ON garden TO alice');
my $moving = q{SELECT * FROM garden WHERE id <> 10000 OR gate.pass('t13')};
my $before = train('moving', $moving);
wait_for($node, 'postgres', $before, 'ended_at IS NOT NULL');
$gate->close('t13');
my $during = train('moving', $moving);
$gate->wait_at('t13', "backend_type = 'mlops run'");
sql('UPDATE garden SET a = a + 1, b = NULL WHERE id > 5000; DELETE FROM garden WHERE id % 7 = 0; INSERT INTO garden SELECT 20000 + id, a, b, c, d, colour, big FROM garden LIMIT 300');
$gate->open('t13');
ends_as($during, 'succeeded', 'T13: a training while its rows change');
is(row($during, "n_rows, $digest"), row($before, "n_rows, $digest"), 'T13: sees one snapshot');
my $after = train('moving', $moving);
ends_as($after, 'succeeded', 'T13: the next one');
isnt(row($after, $digest), row($before, $digest), 'T13: sees the changes');
$health->check('T13');

# T14: nothing is held while the trainer works
hold_trainer();
my $long = train('long', 'SELECT * FROM garden');
wait_for($node, 'postgres', $long, "phase = 'loading'");
is(sql("SELECT count(*), count(backend_xmin), count(backend_xid) FROM pg_stat_activity WHERE backend_type = 'mlops run'"), '1|0|0', 'T14: the executor holds no snapshot');
is(sql("SELECT count(*) FROM pg_locks l JOIN pg_stat_activity USING (pid) WHERE backend_type = 'mlops run' AND l.relation IS NOT NULL"), 0, 'T14: nor any table');
sql('DELETE FROM garden');
sql('VACUUM garden');
is(sql("SELECT pg_relation_size('garden')"), 0, 'T14: VACUUM takes all rows away');
sql('DROP TABLE garden');

# T24: what the run was for goes while the trainer works
release_trainer();
ends_as($long, 'succeeded', 'T14: the run goes on');
$health->check('T14') if restore_trainer();
sql(q{
	CREATE ROLE bob LOGIN; GRANT EXECUTE ON ALL ROUTINES IN SCHEMA mlops TO bob; GRANT SELECT ON flower TO bob;
	SET ROLE bob; SELECT mlops.train('lent', 'SELECT * FROM flower', 'big', key => '{id}', num_boost_round => 1) AS run \gset
	SELECT mlops.wait(:run); SELECT mlops.grant_model('lent', 'alice', 'own')});
wait_for($node, 'postgres', train('twice', 'SELECT * FROM flower', "promote => 'never'"), 'ended_at IS NOT NULL');
wait_for($node, 'postgres', train('twice', 'SELECT * FROM flower', 'refit => true'), 'ended_at IS NOT NULL');
sql("SELECT mlops.set_alias('twice', 'champion', 2)");
hold_trainer();
my $lost = train('lent', 'SELECT * FROM flower');
my $again = train('twice', 'SELECT * FROM flower');
my $gone = train('gone', 'SELECT * FROM flower');
wait_for($node, 'postgres', $_, "phase = 'loading'") for $lost, $again, $gone;
sql("SET ROLE bob; SELECT mlops.revoke_model('lent', 'alice', 'own')");
sql("SELECT mlops.delete_model_version('twice/1')");
my $executor = sql("SELECT pid FROM pg_locks WHERE locktype = 'userlock' AND objsubid = 1 AND objid = $gone");
sql("DELETE FROM mlops.run WHERE id = $gone; DELETE FROM mlops.model_privilege WHERE model = 'gone'; DELETE FROM mlops.model WHERE name = 'gone'");
ok($node->poll_query_until('postgres', "SELECT count(*) = 0 FROM pg_stat_activity WHERE pid = $executor"), 'T24: the executor of a deleted model ends');
release_trainer() for 1 .. 2;
$error = ends_as($lost, 'failed 42501', 'T24: the submitter no longer owns the model');
like($error, qr/no longer has the right "own"/, 'T24: with the reason');
ends_as($again, 'succeeded', 'T24: the bytes of a version that was deleted meanwhile');
is(row($again, 'version'), 3, 'T24: are a new version');
is(sql("SELECT count(*) FROM mlops.model_version WHERE model = 'lent' OR model = 'gone'"), 1, 'T24: no other version was made');
restore_trainer();
$health->check('T24');

# T16: what never ends is left at the limit
for my $case ([ 'max_rows', '1', 'SELECT generate_series(1, 10000000000) AS id, 1 AS x, true AS big', qr/more than mlops\.max_rows \(1000\) rows/ ],
	[ 'max_spool_size', '1MB', 'SELECT generate_series(1, 10000000000) AS id, 1 AS x, true AS big', qr/more than mlops\.max_spool_size \(1 MB\)/ ],
	[ 'max_columns', '1000', 'SELECT generate_series(1, 10000000000) AS id, array_fill(1, ARRAY[1001]) AS x, true AS big', qr/1001 features, more than mlops\.max_columns \(1000\)/ ])
{
	my ($setting, $value, $query, $reason) = @$case;
	my $usual = sql("SHOW mlops.$setting");
	change_settings($node, "mlops.$setting" => $value);
	$error = ends_as(train('endless', $query), 'failed 54000', "T16: rows without end, mlops.$setting");
	like($error, $reason, 'T16: with the limit');
	change_settings($node, "mlops.$setting" => $usual);
}
$health->check('T16');

# T19: libxgboost in trouble
for my $case ([ 'error', qr/^training failed: libxgboost: no more treesx{800,}$/ ], [ 'throw', qr/^trainer was terminated by signal 6.*too long/s ],
	[ 'abort', qr/^trainer was terminated by signal 6/ ], [ 'crash', qr/^trainer was terminated by signal 11/ ])
{
	my ($what, $reason) = @$case;
	wrap_trainer('', undef, FAULT_XGB => $what);
	$error = ends_as(train('shaken', 'SELECT * FROM flower'), 'failed ML006', "T19: $what in libxgboost");
	like($error, $reason, 'T19: with the reason');
	cmp_ok(length $error, '<=', 8000, 'T19: which is short');
}
wrap_trainer('', undef, FAULT_XGB => 'flood');
my $size = -s $node->logfile;
wait_for($node, 'postgres', my $flood = train('shaken', 'SELECT * FROM flower'), 'ended_at IS NOT NULL');
cmp_ok(length row($flood, 'error'), '<=', 8000, 'T19: 20 MB of output are no error of that size');
cmp_ok((-s $node->logfile) - $size, '<', 20000, 'T19: nor fill the log');
restore_trainer();
$health->check('T19');

# T20: a trainer that cannot start
my %broken = (
	'no library' => [ sub { patch_trainer('libxgboost.so', 'libxgboost.no') }, qr/^trainer could not be started.*libxgboost\.no.*Check that mlops_trainer and libxgboost are installed/s ],
	'no symbol' => [ sub { patch_trainer("\0XGBoostVersion\0", "\0XGBoostNoSuchs\0") }, qr/^trainer could not be started.*XGBoostNoSuchs/s ],
	'another protocol' => [ sub { wrap_trainer('', '0') }, qr/^training failed: mlops_trainer speaks protocol \d+ only/ ],
	'no trainer' => [ sub { replace_trainer(undef) }, qr/^could not execute .*mlops_trainer".*Install mlops_trainer beside mlops\.so/s ],
	'no program' => [ sub { replace_trainer("\x7fELF nothing") }, qr/^trainer could not be started/ ]);
for my $what (sort keys %broken)
{
	my ($break, $reason) = @{$broken{$what}};
	$break->();
	my $run = train('unstarted', 'SELECT * FROM flower');
	wait_for($node, 'postgres', $run, 'ended_at IS NOT NULL OR crashes > 0');
	like(row($run, 'error'), $reason, "T20: $what: the run says so");
	is(row($run, 'status, attempt, crashes'), 'failed|1|0', "T20: $what: it failed once");
	is(as_alice(q{SELECT count(*) FROM flower f WHERE mlops.predict('plain', f) IS NULL}), 0, "T20: $what: serving goes on");
}
restore_trainer();
$health->check('T20');

# T22: no room for rows, model or version
my $blobs = 'SELECT count(*), sum(length(bytes)) FROM mlops.model_blob';
my $stored = sql($blobs);
fill_disk('temp');
$error = ends_as(train('full', 'SELECT * FROM flower'), 'failed 53100', 'T22: no room for the rows');
like($error, qr/No space left on device/, 'T22: with the reason');
free_disk();
wrap_trainer('', undef, FAULT_FD => 8);
like(ends_as(train('full', 'SELECT * FROM flower'), 'failed ML006', 'T22: no room for the model'), qr/could not write the model: No space left/, 'T22: with the reason');
restore_trainer();
hold_trainer();
my $big = train('full', 'SELECT * FROM flower', q{params => '{"num_parallel_tree": 60, "max_depth": 8}'});
wait_for($node, 'postgres', $big, "phase = 'loading'");
$stored = sql($blobs);
fill_disk('data');
release_trainer();
$error = ends_as($big, 'failed 53100', 'T22: no room for the version');
like($error, qr/could not extend file|No space left on device/, 'T22: with the reason');
is(sql($blobs), $stored, 'T22: nothing of it is stored');
free_disk();
restore_trainer();
sql(q{ALTER ROLE alice SET temp_file_limit = '100kB'; ALTER ROLE alice SET maintenance_work_mem = '1MB'});
like(ends_as(train('full', 'SELECT * FROM flower'), 'failed 53400', 'T22: temp_file_limit'), qr/temp_file_limit/, 'T22: with the limit');
sql('ALTER ROLE alice RESET ALL');
ends_as(train('full', 'SELECT * FROM flower', q{params => '{"num_parallel_tree": 60, "max_depth": 8}'}), 'succeeded', 'T22: with room it is made');
$health->check('T22');

$gate->quit;
$user->quit;
done_testing();
