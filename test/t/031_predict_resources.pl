# Prediction over many rows: memory stays flat for every shape of input and for
# batches, a cancel is heard at once, parallel workers come by themselves, the cache keeps its limit.
use strict;
use warnings;

use PostgreSQL::Test::Cluster;
use PostgreSQL::Test::Utils;
use Test::More;

my $node = PostgreSQL::Test::Cluster->new('main');
$node->init;
$node->append_conf('postgresql.conf', "max_worker_processes = 16\nfsync = off\njit = off\nmlops.cache_size = 64\n");
$node->start;

# Complete trees over four numbers and a category (the last feature, splits on odd labels).
$node->safe_psql('postgres', q{
CREATE EXTENSION mlops;
CREATE FUNCTION make_model(n_trees int, depth int, seed float8) RETURNS bytea LANGUAGE plpgsql AS $$
DECLARE
	n int := (2 ^ (depth + 1))::int - 1;
	inner_nodes int := (2 ^ depth)::int - 1;
	trees json[];
BEGIN
	PERFORM setseed(seed);
	FOR t IN 0 .. n_trees - 1 LOOP
		trees := trees || (SELECT json_build_object('id', t,
			'left_children', json_agg(CASE WHEN i < inner_nodes THEN 2 * i + 1 ELSE -1 END ORDER BY i),
			'right_children', json_agg(CASE WHEN i < inner_nodes THEN 2 * i + 2 ELSE -1 END ORDER BY i),
			'parents', json_agg(CASE WHEN i = 0 THEN 2147483647 ELSE (i - 1) / 2 END ORDER BY i),
			'split_indices', json_agg(CASE WHEN i = 0 THEN 4 WHEN i < inner_nodes THEN floor(4 * random())::int ELSE 0 END ORDER BY i),
			'split_conditions', json_agg((random() - 0.5)::numeric(8, 6) ORDER BY i),
			'default_left', json_agg((random() > 0.5)::int ORDER BY i),
			'base_weights', json_agg(0.0 ORDER BY i), 'loss_changes', json_agg(0.0 ORDER BY i), 'sum_hessian', json_agg(1.0 ORDER BY i),
			'split_type', json_agg(CASE WHEN i = 0 THEN 1 ELSE 0 END ORDER BY i),
			'categories', '[1]'::json, 'categories_nodes', '[0]'::json, 'categories_segments', '[0]'::json, 'categories_sizes', '[1]'::json,
			'tree_param', json_build_object('num_nodes', n::text, 'num_feature', '5', 'num_deleted', '0', 'size_leaf_vector', '0'))
			FROM generate_series(0, n - 1) i);
	END LOOP;
	RETURN convert_to(json_build_object('version', '{1,7,4}'::int[], 'learner', json_build_object(
		'attributes', json_build_object(), 'feature_names', '[]'::json, 'feature_types', '[]'::json,
		'learner_model_param', json_build_object('base_score', '5E-1', 'num_class', '0', 'num_feature', '5', 'num_target', '1', 'boost_from_average', '1'),
		'objective', json_build_object('name', 'binary:logistic', 'reg_loss_param', json_build_object('scale_pos_weight', '1')),
		'gradient_booster', json_build_object('name', 'gbtree', 'model', json_build_object(
			'gbtree_model_param', json_build_object('num_trees', n_trees::text, 'num_parallel_tree', '1', 'size_leaf_vector', '0'),
			'tree_info', array_fill(0, ARRAY[n_trees]), 'trees', to_json(trees)))))::text, 'UTF8');
END $$;
CREATE FUNCTION signature() RETURNS jsonb LANGUAGE sql AS $$
	SELECT '{"features": [
		{"name": "a", "type": "real", "kind": "numeric"}, {"name": "b", "type": "numeric", "kind": "numeric"},
		{"name": "v[1]", "type": "real[]", "kind": "numeric", "column": "v", "element": 1},
		{"name": "v[2]", "type": "real[]", "kind": "numeric", "column": "v", "element": 2},
		{"name": "c", "type": "text", "kind": "category", "categories": ["even", "odd"]}],
		"classes": ["no", "yes"]}'::jsonb $$;
SELECT mlops.register_model('forest', make_model(20, 4, 0.5), signature());
CREATE TABLE rows AS SELECT i, sin(i)::real AS a, cos(i)::numeric(20, 10) AS b, ARRAY[sin(2 * i), NULL] AS v,
	CASE i % 3 WHEN 0 THEN 'even' WHEN 1 THEN 'odd' END AS c FROM generate_series(1, 1000000) i;
VACUUM ANALYZE rows;
-- kB of private memory of this backend
CREATE FUNCTION rss() RETURNS int LANGUAGE sql VOLATILE AS $$
	SELECT substring(pg_read_file('/proc/self/status') FROM 'RssAnon:\s+(\d+)')::int $$;
});

# Memory at row 100,000, and the most after it, of one statement over a million rows.
sub grow
{
	my ($prediction) = @_;
	return $node->safe_psql('postgres', qq{
		SET max_parallel_workers_per_gather = 0;
		SELECT max(kb) FILTER (WHERE i > 100000) - max(kb) FILTER (WHERE i = 100000)
		FROM (SELECT i, rss() AS kb FROM rows r WHERE $prediction IS NULL OR i % 100000 = 0) s;
	});
}

my %shapes = (
	'a row' => "mlops.predict('forest', r)",
	'an object' => "mlops.predict('forest', to_jsonb(r))",
	'arguments' => "mlops.predict('forest', a, b, v, c)",
	'a record' => "mlops.predict_class('forest', (SELECT s FROM (SELECT a, b, v, c) s))",
	'an array of results' => "mlops.predict_proba('forest', r)",
	'a model name per row' => "mlops.predict('forest' || CASE i % 3 WHEN 0 THEN '' WHEN 1 THEN '/1' ELSE '\@champion' END, r)",
	'lines' => "(SELECT max(probability) FROM mlops.predict_classes('forest', r))");
for my $shape (sort keys %shapes)
{
	my $kb = grow($shapes{$shape});
	ok($kb =~ /^-?\d+$/ && $kb < 2048, "S10: memory does not grow over a million rows: $shape") or diag("grew by '$kb' kB");
}

# The same for the rows of a query, whose results go to disk, and of many groups.
my $kb_of_rows = 'CASE WHEN i % 100000 = 0 THEN rss() END';
my $kb = $node->safe_psql('postgres', qq{
	SET max_parallel_workers_per_gather = 0;
	SELECT count(*) || ' ' || count(prediction) || ' ' || max(kb) FILTER (WHERE n > 1) - max(kb) FILTER (WHERE n = 1) FROM (
		SELECT *, key::int AS kb, CASE WHEN key IS NOT NULL THEN count(key) OVER (ROWS UNBOUNDED PRECEDING) END AS n
		FROM mlops.predict_batch('forest', 'SELECT $kb_of_rows AS kb, * FROM rows', 'kb')) s;
});
ok($kb =~ /^1000000 1000000 (-?\d+)$/ && $1 < 2048, 'S10: memory does not grow over a million rows: predict_batch') or diag("got '$kb'");
$kb = $node->safe_psql('postgres', qq{
	SET max_parallel_workers_per_gather = 0;
	SET enable_hashagg = off;
	SELECT sum(n) || ' ' || max(kb) FILTER (WHERE g > 100) - max(kb) FILTER (WHERE g = 100) FROM (
		SELECT i / 1000 AS g, cardinality(mlops.predict_agg('forest', r)) AS n, max($kb_of_rows) AS kb FROM rows r GROUP BY 1) s;
});
ok($kb =~ /^1000000 (-?\d+)$/ && $1 < 2048, 'memory does not grow over a thousand groups: predict_agg') or diag("got '$kb'");
# Groups side by side share one block.
$kb = $node->safe_psql('postgres', qq{
	SET max_parallel_workers_per_gather = 0;
	SET enable_sort = off;
	SET work_mem = '1GB';
	SELECT sum(n) || ' ' || max(kb) - min(kb) FROM (
		SELECT i % 5000 AS g, cardinality(mlops.predict_agg('forest', r)) AS n, max($kb_of_rows) AS kb FROM rows r GROUP BY 1) s;
});
ok($kb =~ /^1000000 (-?\d+)$/ && $1 < 10240, 'predict_agg needs some bytes per row of many groups') or diag("got '$kb'");
# Four bytes a row, doubled when full, and the array itself.
$kb = $node->safe_psql('postgres', qq{
	SET max_parallel_workers_per_gather = 0;
	SELECT cardinality(p) || ' ' || kb[10] - kb[1] FROM (
		SELECT mlops.predict_agg('forest', r), array_agg(rss()) FILTER (WHERE i % 100000 = 0) FROM rows r) s (p, kb);
});
ok($kb =~ /^1000000 (-?\d+)$/ && $1 < 10240, 'predict_agg needs some bytes per row of a group') or diag("got '$kb'");

# Errors caught in PL/pgSQL, each in a subtransaction, at one call site.
my $growth = $node->safe_psql('postgres', q{
	CREATE FUNCTION catch_errors(n int) RETURNS int LANGUAGE plpgsql AS $$
	DECLARE
		n_errors int := 0;
		p float8;
	BEGIN
		FOR k IN 1..n LOOP
			BEGIN
				p := mlops.predict(CASE WHEN k % 2 = 0 THEN 'forest' ELSE 'absent' END, 1.0, 2.0, '{3,4}'::real[], 'odd'::text);
			EXCEPTION WHEN SQLSTATE 'ML001' THEN
				n_errors := n_errors + 1;
			END;
		END LOOP;
		RETURN n_errors;
	END $$;
	CREATE TEMP TABLE kb AS SELECT catch_errors(2000) AS n, rss() AS before;
	UPDATE kb SET n = catch_errors(20000);
	SELECT n, rss() - before < 2048 FROM kb;
});
is($growth, '10000|t', 'S11: memory does not grow over 20,000 calls, half of them caught errors');

# Errors in the middle of a batch: of the query, and of encoding.
$growth = $node->safe_psql('postgres', q{
	CREATE FUNCTION catch_batches(n int) RETURNS int LANGUAGE plpgsql AS $$
	DECLARE
		n_errors int := 0;
	BEGIN
		FOR k IN 1..n LOOP
			BEGIN
				PERFORM count(*) FROM mlops.predict_batch('forest', CASE WHEN k % 2 = 0
					THEN 'SELECT 1 / (i - 1500) AS k, * FROM rows WHERE i <= 2000'
					ELSE 'SELECT i AS k, a, b, c, CASE WHEN i = 1500 THEN v || 1::float8 ELSE v END AS v FROM rows WHERE i <= 2000' END, 'k');
			EXCEPTION WHEN division_by_zero OR array_subscript_error THEN
				n_errors := n_errors + 1;
			END;
		END LOOP;
		RETURN n_errors;
	END $$;
	CREATE TEMP TABLE kb AS SELECT catch_batches(20) AS n, rss() AS before;
	UPDATE kb SET n = catch_batches(400);
	SELECT n, rss() - before < 2048, (SELECT count(*) FROM pg_cursors), (SELECT count(*) FROM pg_ls_tmpdir()) FROM kb;
});
is($growth, '400|t|0|0', 'batches that end with an error leave no memory, cursor or file');

# A cancel in the middle.
my %long = (
	'scan' => "sum(mlops.predict('forest', r)) FROM rows r, generate_series(1, 1000)",
	'batch' => "count(*) FROM mlops.predict_batch('forest', 'SELECT r.* FROM rows r, generate_series(1, 1000)', 'i')",
	'group' => "mlops.predict_agg('forest', r) FROM rows r, generate_series(1, 1000)");
for my $what (sort keys %long)
{
	my $elapsed = $node->safe_psql('postgres', qq{
		SET statement_timeout = '300ms';
		CREATE FUNCTION long_$what() RETURNS interval LANGUAGE plpgsql AS \$\$
		DECLARE
			start timestamptz := clock_timestamp();
		BEGIN
			PERFORM $long{$what};
			RETURN NULL;
		EXCEPTION WHEN query_canceled THEN
			RETURN clock_timestamp() - start;
		END \$\$;
		SELECT long_$what() < interval '1.3 s';
	});
	is($elapsed, 't', "S07: a canceled $what ends within a second");
}

# Parallel workers at default settings, with the same result.
like($node->safe_psql('postgres', "EXPLAIN SELECT sum(mlops.predict('forest', r)) FROM rows r"),
	qr/Gather/, 'a scan of a million rows is parallel at default settings');
my $sum = "SELECT sum(mlops.predict('forest', r)::numeric), count(mlops.predict_class('forest', r)) FROM rows r";
my $serial = $node->safe_psql('postgres', "SET max_parallel_workers_per_gather = 0; $sum");
is($node->safe_psql('postgres', "SET max_parallel_workers_per_gather = 4; $sum"), $serial, 'S04, S09: parallel and serial sums are equal');

# More models than the cache holds: right answers, open cursors keep theirs.
$node->append_conf('postgresql.conf', 'mlops.cache_size = 1');
$node->restart;
my $answers = $node->safe_psql('postgres', q{
	SELECT mlops.register_model('big' || k, make_model(100, 7, k / 10.0), signature()) FROM generate_series(1, 6) k;
	BEGIN;
	DECLARE c1 CURSOR FOR SELECT mlops.predict('big1', r)::text FROM rows r;
	DECLARE c2 CURSOR FOR SELECT mlops.predict('big2', r)::text FROM rows r;
	FETCH 2 FROM c1;
	FETCH 2 FROM c2;
	SELECT count(DISTINCT mlops.predict('big' || k, r)) FROM rows r, generate_series(1, 6) k WHERE i = 5;
	FETCH 2 FROM c1;
	FETCH 2 FROM c2;
	COMMIT;
	SELECT mlops.predict('big1', r)::text FROM rows r WHERE i <= 4 ORDER BY i;
	SELECT mlops.predict('big2', r)::text FROM rows r WHERE i <= 4 ORDER BY i;
});
my @lines = split /\n/, $answers;
splice(@lines, 0, 6);
is($lines[4], '6', 'six models, six answers');
is("@lines[0, 1, 5, 6]", "@lines[9 .. 12]", 'C05, C16: a cursor keeps its model while others push it out (1)');
is("@lines[2, 3, 7, 8]", "@lines[13 .. 16]", 'C05, C16: a cursor keeps its model while others push it out (2)');
$kb = $node->safe_psql('postgres', q{
	CREATE TEMP TABLE kb AS SELECT rss() AS before, sum(mlops.predict('big' || 1 + i % 6, r)) FROM rows r WHERE i <= 6;
	SELECT sum(mlops.predict('big' || 1 + i % 6, r)) IS NULL FROM rows r WHERE i <= 6000;
	DO $$ BEGIN
		FOR k IN 1..60 LOOP
			PERFORM mlops.predict('big' || 1 + k % 6, r) FROM rows r WHERE i = k;
		END LOOP;
	END $$;
	SELECT rss() - before < 16384 FROM kb;
});
is($kb, "f\nt", 'the memory of models that left the cache is given back');

$node->stop;
done_testing();
