# Predictions while another session promotes a hundred times a second: every
# statement is of one version.  And the extension that goes and comes back within
# a session, and a session that meets more models than it keeps.
use strict;
use warnings;

use IPC::Run;
use MlopsRun;
use PostgreSQL::Test::Cluster;
use PostgreSQL::Test::Utils;
use Test::More;

my $node = PostgreSQL::Test::Cluster->new('main');
$node->init;
$node->append_conf('postgresql.conf', "max_worker_processes = 16\nfsync = off\njit = off\n");
$node->start;

# Version n of the model predicts n for every row.
$node->safe_psql('postgres', "CREATE EXTENSION mlops; $constant_model" . q{
SELECT mlops.register_model('m', constant_model(v), '{"features": ["a"]}') FROM generate_series(1, 2) v;
CREATE TABLE rows AS SELECT i, i::real AS a FROM generate_series(1, 50000) i;
VACUUM ANALYZE rows;
CREATE TABLE answers (who text, n bigint, total float8, least float8);
-- as an expression that keeps its state from one statement to the next
CREATE FUNCTION predict_twice(n int) RETURNS void LANGUAGE plpgsql AS $$
DECLARE
	p float8;
BEGIN
	FOR i IN 1..n LOOP
		p := mlops.predict('m', i::real);
		INSERT INTO answers VALUES ('expression', 1, p, p);
	END LOOP;
END $$;
});

# promote.sql in the background, 100 times a second, until the readers are through
my $promote = $node->basedir . '/promote.sql';
append_to_file($promote, "\\set v random(1, 2)\nSELECT mlops.set_alias('m', 'champion', :v);\n");
my $output = '';
my $promoter = IPC::Run::start(
	[ 'pgbench', '-n', '-h', $node->host, '-p', $node->port, '-R', '100', '-T', '120', '-f', $promote, 'postgres' ],
	'>', \$output, '2>', \$output);

my $scan = "INSERT INTO answers SELECT '%s', count(*), sum(p), min(p) FROM (SELECT mlops.predict('m', r) AS p FROM rows r OFFSET 0) s;";
my $prepared = "PREPARE q AS SELECT count(*), sum(mlops.predict('m', r)), min(mlops.predict('m', r)) FROM rows r WHERE i <= \$1;";
$node->safe_psql('postgres', 'SET max_parallel_workers_per_gather = 0;' . sprintf($scan, 'serial') x 40);
$node->safe_psql('postgres', "SET max_parallel_workers_per_gather = 2; SET parallel_setup_cost = 0; SET min_parallel_table_scan_size = 0; SET parallel_tuple_cost = 0; $prepared"
	  . "SELECT count(*), sum(mlops.predict('m', r)), min(mlops.predict('m', r)) FROM rows r \\gset a\nINSERT INTO answers VALUES ('parallel', :acount, :asum, :amin);\n" x 40);
$node->safe_psql('postgres', $prepared
	  . "EXECUTE q(10) \\gset b\nINSERT INTO answers VALUES ('prepared', :bcount, :bsum, :bmin);\n" x 400);
$node->safe_psql('postgres', 'SELECT predict_twice(20000)');
# a transaction in REPEATABLE READ is of one version as a whole
$node->safe_psql('postgres', "BEGIN ISOLATION LEVEL REPEATABLE READ;"
	  . "SELECT sum(mlops.predict('m', r)) AS first FROM rows r \\gset\n"
	  . "INSERT INTO answers SELECT 'repeated', count(*), CASE WHEN sum(mlops.predict('m', r)) = :first THEN :first END, min(mlops.predict('m', r)) FROM rows r;\n" x 20
	  . 'COMMIT;');
$promoter->signal('TERM');
$promoter->finish;

is($node->safe_psql('postgres', q{
	SELECT string_agg(who || ' ' || n, ', ' ORDER BY who) FROM (SELECT who, count(*) AS n FROM answers
		WHERE total = n * least AND least IN (1, 2) GROUP BY who) s}),
	'expression 20000, parallel 40, prepared 400, repeated 20, serial 40', 'C09, S05: every statement is of one version');
is($node->safe_psql('postgres', "SELECT count(DISTINCT least) FROM answers WHERE who IN ('serial', 'prepared')"), '2', 'both versions answered');

# The extension leaves and comes back; nothing of the old models answers.
is($node->safe_psql('postgres', q{
	PREPARE q AS SELECT mlops.predict('m', 1.0::real);
	SELECT mlops.set_alias('m', 'champion', 1) IN (1, 2);
	EXECUTE q;
	DROP EXTENSION mlops CASCADE;
	CREATE EXTENSION mlops;
	DO $$ BEGIN
		PERFORM mlops.predict('m', 1.0::real);
	EXCEPTION WHEN SQLSTATE 'ML001' THEN
		RAISE NOTICE 'none';
	END $$;
	SELECT mlops.register_model('m', constant_model(7), '{"features": ["a"]}');
	EXECUTE q;
	BEGIN;
	DROP EXTENSION mlops CASCADE;
	ROLLBACK;
	EXECUTE q;
}), "t\n1\n1\n7\n7", 'C10: the extension can be made anew within a session');

# Models of many different signatures: right answers, bounded memory.
my $many = $node->safe_psql('postgres', q{
	SELECT count(mlops.register_model('s' || k, constant_model(k), jsonb_build_object('features', jsonb_build_array(jsonb_build_object(
		'name', 'a', 'type', 'text', 'kind', 'category', 'categories', (SELECT jsonb_agg(k || 'label' || i) FROM generate_series(1, 900) i))))))
	FROM generate_series(1, 400) k;
	SELECT count(*) FILTER (WHERE mlops.predict('s' || k, ARRAY['x']) = k) FROM generate_series(1, 400) k, generate_series(1, 2);
	SELECT sum(total_bytes) < 20 * 1024 * 1024 AND sum(total_bytes) > 8 * 1024 * 1024 FROM pg_backend_memory_contexts
	WHERE name IN ('mlops model cache', 'mlops model', 'mlops signature', 'mlops row input', 'mlops row plan');
});
is($many, "400\n800\nt", 'a session bounds what it keeps of models');

$node->stop;
done_testing();
