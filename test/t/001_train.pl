# Runs without shared_preload_libraries: from train to a version, what a rollback
# leaves, equal digests, and rights.
use strict;
use warnings;

use MlopsRun;
use PostgreSQL::Test::Utils;
use Test::More;

my $node = new_cluster('plain', "mlops.max_threads = 4\n");
set_up($node, 'postgres');

sub as_alice
{
	return $node->safe_psql('postgres', "SET ROLE alice; $_[0]");
}

my $run = start_training($node, 'postgres', 'flower', 'num_boost_round => 20');
ok(wait_for($node, 'postgres', $run, "status = 'succeeded'"), 'a committed training succeeds');
is(as_alice("SELECT model, version FROM mlops.alias WHERE alias = 'champion'"), 'flower|1',
	'its version is the champion');
is(as_alice("SELECT count(*) FROM flower f WHERE mlops.predict_class('flower', f) = f.big::text")
	> 19000, 1, 'the champion predicts');
is(as_alice("SELECT count(*), count(DISTINCT round) FROM mlops.metric
	WHERE run_id = $run AND dataset = 'test' AND round IS NOT NULL"), '20|20',
	'every round has its metric');
is(as_alice("SELECT string_agg(k, ',' ORDER BY k) FROM mlops.run, jsonb_object_keys(environment) k
	WHERE id = $run"), 'library_version,peak_memory_kb,seconds,threads', 'the environment is recorded');
is($node->safe_psql('postgres', "SELECT count(*) FROM pg_ls_dir('base/pgsql_tmp/pgsql_tmp_mlops_run')"),
	0, 'no files are left');

# What a rollback leaves.
my $log_position = -s $node->logfile;
$node->safe_psql('postgres', q{
	SET ROLE alice;
	BEGIN;
	SELECT mlops.train('gone', 'SELECT * FROM flower', 'big');
	ROLLBACK;
	BEGIN;
	SAVEPOINT s;
	SELECT mlops.train('gone', 'SELECT * FROM flower', 'big');
	ROLLBACK TO s;
	COMMIT;
});
is($node->safe_psql('postgres', "SELECT count(*) FROM mlops.run WHERE model = 'gone'"), 0,
	'a rolled back training leaves no run');
is($node->safe_psql('postgres', "SELECT count(*) FROM mlops.model WHERE name = 'gone'"), 0,
	'and no model');

# The same rows give the same bytes: again, in another order, with more threads.
sub digest_after
{
	my ($arguments) = @_;
	my $id = start_training($node, 'postgres', 'flower',
		"num_boost_round => 20" . ($arguments ? ", $arguments" : ''));
	wait_for($node, 'postgres', $id, "status = 'succeeded'") or return 'no success';
	return as_alice("SELECT encode(d.digest, 'hex'), r.version FROM mlops.run r
		JOIN mlops.dataset d ON d.id = r.dataset_id WHERE r.id = $id");
}
my $digest = as_alice("SELECT encode(d.digest, 'hex'), 1 FROM mlops.run r
	JOIN mlops.dataset d ON d.id = r.dataset_id WHERE r.id = $run");
is(digest_after(), $digest, 'T18: training again makes no new version: equal rows, equal bytes');
as_alice('CREATE INDEX flower_b ON flower (b); CLUSTER flower USING flower_b');
is(digest_after(), $digest, 'nor does another physical order');
for my $threads (1, 2, 4)
{
	is(digest_after(qq{params => '{"nthread": $threads}'}), $digest, "nor do $threads threads");
}
as_alice("UPDATE flower SET a = a + 1e-3 WHERE id = 1");
isnt(digest_after(), $digest, 'one changed value does');

# Waiting.
my ($status, $out, $err) = $node->psql('postgres',
	"CALL mlops.train_wait('flower', 'SELECT * FROM flower', 'big', key => '{id}', num_boost_round => 5)",
	extra_params => [ '-U', 'alice' ]);
is($status, 0, 'train_wait');
like($err, qr/made version 3 of model "flower"; the champion is version 1/, 'says what exists');
like($err, qr/SELECT mlops\.set_alias\('flower', 'champion', 3\)/, 'and how to promote it');
($status, $out, $err) = $node->psql('postgres',
	"CALL mlops.train_wait('empty', 'SELECT * FROM flower WHERE false', 'big')",
	extra_params => [ '-U', 'alice' ]);
is($status, 3, 'train_wait of a run that fails fails');
like($err, qr/query returned no rows/, 'with the reason');
is($node->psql('postgres', "BEGIN; CALL mlops.wait_run($run)"), 3, 'wait_run refuses a transaction block');
is(as_alice("SELECT status FROM mlops.wait($run)"), 'succeeded', 'wait on an ended run returns its row');

# Bad input that only the run can see.
as_alice('CREATE TABLE short_lived AS SELECT * FROM flower');
$out = $node->safe_psql('postgres', q{
	SET ROLE alice;
	BEGIN;
	SELECT mlops.train('short', 'SELECT * FROM short_lived', 'big');
	DROP TABLE short_lived;
	COMMIT;
});
wait_for($node, 'postgres', $out, "status = 'failed'");
like($node->safe_psql('postgres', "SELECT sqlstate || error FROM mlops.run WHERE id = $out"),
	qr/^42P01relation "short_lived" does not exist/, 'a table dropped between submit and run');
as_alice('CREATE FUNCTION write() RETURNS int VOLATILE LANGUAGE sql AS
	$$ INSERT INTO flower (id) VALUES (0) RETURNING 1 $$');
($status, $out, $err) = $node->psql('postgres',
	"CALL mlops.train_wait('flower', 'SELECT *, write() FROM flower', 'big')",
	extra_params => [ '-U', 'alice' ]);
like($err, qr/cannot execute INSERT in a read-only transaction/, 'a query that writes');

# Runs have the rights of their submitter.
$node->safe_psql('postgres', 'CREATE TABLE secret AS SELECT * FROM flower');
($status, $out, $err) = $node->psql('postgres',
	"CALL mlops.train_wait('flower', 'SELECT * FROM secret', 'big')", extra_params => [ '-U', 'alice' ]);
like($err, qr/permission denied for table secret/, 'the query runs as the submitter');
($status, $out, $err) = $node->psql('postgres',
	"SELECT mlops.train('other', 'SELECT * FROM flower', 'big')");
like($err, qr/cannot have runs because it is a superuser/, 'superusers have none by default');
$node->safe_psql('postgres', 'CREATE ROLE nologin; GRANT EXECUTE ON ALL ROUTINES IN SCHEMA mlops TO nologin');
($status, $out, $err) = $node->psql('postgres',
	"SET ROLE nologin; SELECT mlops.train('other', 'SELECT 1 AS a, 2 AS b', 'b')");
like($err, qr/because it has no LOGIN/, 'a role without LOGIN has none');
$node->safe_psql('postgres', 'CREATE ROLE bob LOGIN; GRANT EXECUTE ON ALL ROUTINES IN SCHEMA mlops TO bob');
($status, $out, $err) = $node->psql('postgres',
	"SELECT mlops.train('flower', 'SELECT 1 AS a, 2 AS b', 'b')", extra_params => [ '-U', 'bob' ]);
isnt($status, 0, 'nor does a stranger on a model of somebody else');
($status, $out, $err) = $node->psql('postgres', "SELECT mlops.wait($run)", extra_params => [ '-U', 'bob' ]);
like($err, qr/run $run does not exist/, 'who does not see its runs');
($status, $out, $err) = $node->psql('postgres', "SELECT mlops.cancel($run)", extra_params => [ '-U', 'bob' ]);
like($err, qr/run $run does not exist/, 'and cannot cancel them');

# retrain repeats the recipe as its author, whoever owns the model by now.
as_alice("SELECT mlops.grant_model('flower', 'bob', 'own')");
($status, $out, $err) = $node->psql('postgres',
	q{CALL mlops.retrain_wait('flower/1', params => '{"max_depth": 3}', num_boost_round => 30, promote => 'if_not_worse')},
	extra_params => [ '-U', 'bob' ]);
is($status, 0, 'retrain by another owner') or diag($err);
is($node->safe_psql('postgres', q{
	SELECT submitted_by, parent_version, recipe->'params', recipe->>'num_boost_round'
	FROM mlops.run ORDER BY id DESC LIMIT 1}), 'alice|1|{"max_depth": 3}|30', 'runs as the author');
like($node->safe_psql('postgres', 'SELECT notes::text FROM mlops.run ORDER BY id DESC LIMIT 1'),
	qr/promoted: log_loss on the hold-out is/, 'and compares with the champion on the same rows');
($status, $out, $err) = $node->psql('postgres',
	"CALL mlops.retrain_wait('flower', 'SELECT * FROM flower')", extra_params => [ '-U', 'bob' ]);
like($err, qr/permission denied for table flower/, 'a new query runs as the caller');

ok($node->poll_query_until('postgres',
	"SELECT count(*) = 0 FROM pg_stat_activity WHERE backend_type LIKE 'mlops%'"), 'all workers leave');
unlike(slurp_file($node->logfile), qr/TRAP|PANIC|was terminated by signal/, 'the server is healthy');
done_testing();
