-- predict_batch and predict_agg: the numbers of predict, bit for bit; rights; what a query may be
SET client_min_messages = warning;
CREATE ROLE regress_batch_owner;
CREATE ROLE regress_batch_reader;
CREATE SCHEMA batch_test;
SET search_path = batch_test;
GRANT USAGE ON SCHEMA batch_test TO regress_batch_owner, regress_batch_reader;
GRANT EXECUTE ON FUNCTION mlops.register_model TO regress_batch_owner;

-- complete trees over four numbers and a category (the last feature; the roots split on odd labels)
CREATE FUNCTION make_model(objective text, num_class int, n_trees int, depth int) RETURNS bytea LANGUAGE sql AS $$
	WITH size AS (SELECT (2 ^ (depth + 1))::int - 1 AS n, (2 ^ depth)::int - 1 AS inner_nodes),
	random AS (SELECT t, i, abs(hashint8extended(t * 1000 + i, 1) % 1000000) AS r FROM size, generate_series(0, n_trees - 1) t, generate_series(0, n - 1) i),
	tree AS (SELECT t, json_build_object('id', t,
			'left_children', json_agg(CASE WHEN i < inner_nodes THEN 2 * i + 1 ELSE -1 END ORDER BY i),
			'right_children', json_agg(CASE WHEN i < inner_nodes THEN 2 * i + 2 ELSE -1 END ORDER BY i),
			'parents', json_agg(CASE WHEN i = 0 THEN 2147483647 ELSE (i - 1) / 2 END ORDER BY i),
			'split_indices', json_agg(CASE WHEN i = 0 THEN 4 WHEN i < inner_nodes THEN r % 4 ELSE 0 END ORDER BY i),
			'split_conditions', json_agg(((r - 500000) / 1000000.0)::numeric(8, 6) ORDER BY i),
			'default_left', json_agg(r / 10 % 2 ORDER BY i),
			'base_weights', json_agg(0.0 ORDER BY i), 'loss_changes', json_agg(0.0 ORDER BY i), 'sum_hessian', json_agg(1.0 ORDER BY i),
			'split_type', json_agg(CASE WHEN i = 0 THEN 1 ELSE 0 END ORDER BY i),
			'categories', '[1]'::json, 'categories_nodes', '[0]'::json, 'categories_segments', '[0]'::json, 'categories_sizes', '[1]'::json,
			'tree_param', json_build_object('num_nodes', n::text, 'num_feature', '5', 'num_deleted', '0', 'size_leaf_vector', '0')) AS tree
		FROM random, size GROUP BY t, n)
	SELECT convert_to(json_build_object('version', '{1,7,4}'::int[], 'learner', json_build_object(
		'attributes', json_build_object(), 'feature_names', '[]'::json, 'feature_types', '[]'::json,
		'learner_model_param', json_build_object('base_score', '5E-1', 'num_class', num_class::text, 'num_feature', '5', 'num_target', '1', 'boost_from_average', '1'),
		'objective', json_build_object('name', objective,
			CASE WHEN num_class > 0 THEN 'softmax_multiclass_param' ELSE 'reg_loss_param' END,
			CASE WHEN num_class > 0 THEN json_build_object('num_class', num_class::text) ELSE json_build_object('scale_pos_weight', '1') END),
		'gradient_booster', json_build_object('name', 'gbtree', 'model', json_build_object(
			'gbtree_model_param', json_build_object('num_trees', n_trees::text, 'num_parallel_tree', '1', 'size_leaf_vector', '0'),
			'tree_info', json_agg(CASE WHEN num_class > 0 THEN t % num_class ELSE 0 END ORDER BY t), 'trees', json_agg(tree ORDER BY t))))) ::text, 'UTF8') FROM tree $$;
CREATE FUNCTION signature(classes text[]) RETURNS jsonb LANGUAGE sql AS $$
	SELECT jsonb_build_object('classes', classes) || '{"features": [
		{"name": "a", "type": "real", "kind": "numeric"}, {"name": "b", "type": "numeric", "kind": "numeric"},
		{"name": "v[1]", "type": "real[]", "kind": "numeric", "column": "v", "element": 1},
		{"name": "v[2]", "type": "real[]", "kind": "numeric", "column": "v", "element": 2},
		{"name": "c", "type": "text", "kind": "category", "categories": ["even", "odd"]}]}' $$;
SET ROLE regress_batch_owner;
SELECT mlops.register_model('amount', make_model('reg:squarederror', 0, 7, 3), signature(NULL) - 'classes') AS amount,
	mlops.register_model('yes_no', make_model('binary:logistic', 0, 9, 4), signature('{no,yes}')) AS yes_no,
	mlops.register_model('kind', make_model('multi:softprob', 3, 12, 2), signature('{x,y,z}')) AS kind;
RESET ROLE;
-- NULLs, a label that the dictionary does not have, more rows than three blocks
CREATE TABLE sample AS SELECT i AS id, CASE WHEN i % 7 > 0 THEN (i * 37 % 101 / 50.0 - 1)::real END AS a,
	CASE WHEN i % 5 > 0 THEN i * 53 % 97 / 48.0 - 1 END AS b,
	CASE WHEN i % 11 > 0 THEN ARRAY[(i * 71 % 89 / 44.0 - 1)::real, CASE WHEN i % 3 > 0 THEN (i * 31 % 83 / 41.0 - 1)::real END] END AS v,
	(ARRAY['even', 'odd', 'other', NULL])[1 + i % 4] AS c, 'ignored' AS further
FROM generate_series(1, 3500) i;
INSERT INTO sample (id) VALUES (0);

-- equal to predict, row by row; the label goes by the threshold
SELECT mlops.set_threshold('yes_no', 0.6);
SELECT count(*), count(DISTINCT prediction) > 100 AS varied, count(class) AS classes, max(version) AS version,
	count(*) FILTER (WHERE prediction IS DISTINCT FROM mlops.predict('amount', s)) AS different
FROM mlops.predict_batch('amount', 'TABLE sample', 'id') p JOIN sample s ON s.id::text = p.key;
SELECT count(*), count(DISTINCT prediction) > 100 AS varied, count(*) FILTER (WHERE class = 'yes') BETWEEN 100 AND 3000 AS both,
	count(*) FILTER (WHERE prediction IS DISTINCT FROM mlops.predict('yes_no', s)) AS different,
	count(*) FILTER (WHERE class IS DISTINCT FROM mlops.predict_class('yes_no', s)) AS other_class
FROM mlops.predict_batch('yes_no', 'TABLE sample', 'id') p JOIN sample s ON s.id::text = p.key;
SELECT count(*), count(prediction) AS predictions, count(DISTINCT class) AS classes,
	count(*) FILTER (WHERE class IS DISTINCT FROM mlops.predict_class('kind', s)) AS other_class
FROM mlops.predict_batch('kind', 'TABLE sample', 'id') p JOIN sample s ON s.id::text = p.key;
SELECT cardinality(p), p = q AS same, array_position(ids, 0) FROM (
	SELECT mlops.predict_agg('yes_no', s ORDER BY id), array_agg(mlops.predict('yes_no', s) ORDER BY id), array_agg(id ORDER BY id)
	FROM sample s) t (p, q, ids);

-- every number of rows around a block
SELECT count(*) AS sizes, sum(n) AS rows, sum(different) AS different FROM unnest('{0,1,3,4,5,255,256,257,1023,1024,1025,2048,3072,3501}'::int[]) size,
	LATERAL (SELECT count(*), count(*) FILTER (WHERE prediction IS DISTINCT FROM mlops.predict('yes_no', s)) FROM
		mlops.predict_batch('yes_no', format('SELECT * FROM sample ORDER BY id LIMIT %s', size), 'id') p JOIN sample s ON s.id::text = p.key) t (n, different);
SELECT count(*) AS sizes, sum(cardinality(p)) AS rows, bool_and(p IS NOT DISTINCT FROM q) AS same FROM unnest('{0,1,3,4,5,255,256,257,512,3501}'::int[]) size,
	LATERAL (SELECT mlops.predict_agg('yes_no', s ORDER BY id), array_agg(mlops.predict('yes_no', s) ORDER BY id) FROM sample s WHERE id < size) t (p, q);

-- keys: any type as its cast to text, NULL, a feature, none; wide ones cut the block short
SELECT key FROM mlops.predict_batch('amount', 'SELECT id % 2 = 0 AS k, * FROM sample WHERE id < 2 ORDER BY id', 'k');
SELECT key FROM mlops.predict_batch('amount', 'SELECT ''x ''::char(5) AS k, * FROM sample WHERE id < 1', 'k');
SELECT key FROM mlops.predict_batch('amount', 'SELECT 1.50 AS k, * FROM sample WHERE id < 1', 'k');
SELECT key FROM mlops.predict_batch('amount', 'SELECT (id, further) AS k, * FROM sample WHERE id = 1', 'k');
SELECT key FROM mlops.predict_batch('amount', 'SELECT date ''2020-02-29'' AS k, * FROM sample WHERE id = 1', 'k');
SELECT key, prediction IS NOT NULL AS predicted FROM mlops.predict_batch('amount', 'SELECT * FROM sample WHERE id IN (0, 1, 2) ORDER BY id', 'c');
SELECT key, prediction IS NOT NULL AS predicted FROM mlops.predict_batch('amount', 'SELECT * FROM sample WHERE id = 1', NULL);
SELECT count(*), sum(length(key)), count(DISTINCT key) FROM mlops.predict_batch('amount', 'SELECT repeat(md5(id::text), 1000) AS k, * FROM sample WHERE id < 300', 'k');

-- rows in the order of the query; what a query may be
SELECT array_agg(key) FROM (SELECT key FROM mlops.predict_batch('amount', E'SELECT * FROM sample WHERE id < 5 ORDER BY id DESC;  -- a comment', 'id')) s;
SELECT count(*) FROM mlops.predict_batch('amount', 'SELECT * FROM sample WHERE $1 = now() /* open', 'id');
SELECT count(*) FROM mlops.predict_batch('amount', 'SELECT * FROM sample WHERE $1 = now() -- the end', 'id');
SELECT count(*) FROM mlops.predict_batch('amount', 'SELECT * FROM sample WHERE false', 'id');
SELECT count(*) FROM mlops.predict_batch('amount', 'WITH w AS (TABLE sample) SELECT * FROM w UNION ALL TABLE w', 'id');
SELECT count(*) FROM mlops.predict_batch('amount', 'SELECT random() AS a, 1 AS b, ARRAY[1, 2] AS v, ''odd'' AS c FROM generate_series(1, 5)', NULL);
SELECT key, class FROM mlops.predict_batch('kind', $$VALUES (1)$$, 'column1');
SELECT count(*) FROM mlops.predict_batch('amount', '', 'id');
SELECT count(*) FROM mlops.predict_batch('amount', 'SELECT 1; SELECT 2', 'id');
SELECT count(*) FROM mlops.predict_batch('amount', 'DELETE FROM sample', 'id');
SELECT count(*) FROM mlops.predict_batch('amount', 'SELECT * INTO copy FROM sample', 'id');
SELECT count(*) FROM mlops.predict_batch('amount', 'WITH d AS (DELETE FROM sample RETURNING *) SELECT * FROM d', 'id');
SELECT count(*) FROM mlops.predict_batch('amount', 'SELECT * FROM sample FOR UPDATE', 'id');
SELECT count(*) FROM mlops.predict_batch('amount', 'SELECT nothing FROM sample', 'id');
SELECT count(*) FROM mlops.predict_batch('amount', 'SELECT FROM WHERE', 'id');
SELECT count(*) FROM mlops.predict_batch('amount', 'SELECT 1 / (id - 2000), * FROM sample', 'id');
SELECT count(*) FROM mlops.predict_batch('amount', 'TABLE sample', 'no_key');
SELECT count(*) FROM mlops.predict_batch('amount', 'SELECT id, * FROM sample', 'id');
SELECT count(*) FROM mlops.predict_batch('amount', 'SELECT id, a, b FROM sample', 'id');
SELECT count(*) FROM mlops.predict_batch('amount', 'SELECT id, a::text, b, v, c FROM sample', 'id');
SELECT count(*) FROM mlops.predict_batch('amount', 'SELECT id, a, b, ARRAY[1, 2, 3] AS v, c FROM sample', 'id');
SELECT count(*) FROM mlops.predict_batch('amount', NULL, 'id');
SELECT count(*) FROM mlops.predict_batch(NULL, 'TABLE sample', 'id');
SELECT count(*) FROM mlops.predict_batch('absent', 'TABLE sample', 'id');
SELECT count(*) FROM mlops.predict_batch('amount/2', 'TABLE sample', 'id');
-- in the target list, in LATERAL, in a read-only transaction, under a cursor
SELECT (mlops.predict_batch('amount', 'SELECT * FROM sample WHERE id < 3 ORDER BY id', 'id')).key;
SELECT i, count(*) FROM generate_series(1, 3) i, mlops.predict_batch('amount', format('SELECT * FROM sample WHERE id < %s', i), 'id') GROUP BY i ORDER BY i;
BEGIN READ ONLY;
DECLARE c CURSOR FOR SELECT key FROM mlops.predict_batch('amount', 'SELECT * FROM sample ORDER BY id', 'id');
FETCH 2 FROM c;
ROLLBACK;
-- the rows of the statement's snapshot, and a query that writes behind the back of STABLE
CREATE FUNCTION add_row() RETURNS int LANGUAGE sql AS 'INSERT INTO batch_test.sample (id) VALUES (-1) RETURNING 1';
SELECT count(*) FROM mlops.predict_batch('amount', 'SELECT * FROM sample s WHERE id > 0 OR add_row() = 1', 'id');
SELECT count(*) FROM sample WHERE id < 0;
DELETE FROM sample WHERE id < 0;

-- predict_agg: shapes of input, NULL, groups, windows, DISTINCT, FILTER, several versions in a group
SELECT mlops.predict_agg('amount', a, b, v, c ORDER BY id) = mlops.predict_agg('amount', s ORDER BY id) AS arguments,
	mlops.predict_agg('amount', to_jsonb(s) ORDER BY id) = mlops.predict_agg('amount', s ORDER BY id) AS objects
FROM sample s;
SELECT mlops.predict_agg('amount', s) FROM sample s WHERE false;
SELECT p = q AS same, array_positions(p, NULL) = array_positions(q, NULL) AS same_nulls, cardinality(array_positions(p, NULL)) AS nulls FROM (
	SELECT mlops.predict_agg(CASE WHEN id % 13 > 0 THEN 'amount' END, CASE WHEN id % 10 > 0 THEN s END ORDER BY id),
		array_agg(CASE WHEN id % 13 > 0 AND id % 10 > 0 THEN mlops.predict('amount', s) END ORDER BY id) FROM sample s) t (p, q);
SELECT mlops.predict_agg('amount', NULL::sample), mlops.predict_agg(NULL, s) FROM sample s WHERE id < 3;
SELECT count(*), bool_and(p = q) AS same, sum(cardinality(p)) AS rows FROM (
	SELECT mlops.predict_agg(m, s ORDER BY id, m), array_agg(mlops.predict(m, s) ORDER BY id, m)
	FROM sample s, unnest('{amount,yes_no,amount@champion}'::text[]) m GROUP BY id % 10) t (p, q);
SELECT count(*), bool_and(p = q) AS same, sum(cardinality(p)) AS rows FROM (
	SELECT mlops.predict_agg('amount', s ORDER BY id), array_agg(mlops.predict('amount', s) ORDER BY id)
	FROM sample s GROUP BY GROUPING SETS ((), (c), (id % 1000), (c, id % 7))) t (p, q);
SET enable_sort = off;
SELECT count(*), bool_and(p = q) AS same FROM (
	SELECT mlops.predict_agg(CASE WHEN id % 3 = 0 THEN 'amount' ELSE 'yes_no' END, s), array_agg(mlops.predict(CASE WHEN id % 3 = 0 THEN 'amount' ELSE 'yes_no' END, s))
	FROM sample s GROUP BY id % 1000) t (p, q);
SET work_mem = '64kB';
SELECT count(*), bool_and(p = q) AS same FROM (
	SELECT mlops.predict_agg('amount', s), array_agg(mlops.predict('amount', s)) FROM sample s GROUP BY id % 1777) t (p, q);
RESET work_mem;
RESET enable_sort;
-- after errors with rows in wait
DO $$
BEGIN
	FOR i IN 1..50 LOOP
		BEGIN
			PERFORM mlops.predict_agg('amount', s), count(1 / (id - i * 20)) FROM batch_test.sample s GROUP BY id % 7;
			RAISE WARNING 'no error';
		EXCEPTION WHEN division_by_zero THEN NULL;
		END;
	END LOOP;
END $$;
SELECT p = q AS same FROM (SELECT mlops.predict_agg('amount', s), array_agg(mlops.predict('amount', s)) FROM sample s) t (p, q);
SELECT count(*), bool_and(p = q) AS same FROM (
	SELECT mlops.predict_agg('amount', s) OVER w, array_agg(mlops.predict('amount', s)) OVER w
	FROM sample s WHERE id < 600 WINDOW w AS (ORDER BY id)) t (p, q);
SELECT count(*), bool_and(p = q) AS same FROM (
	SELECT mlops.predict_agg('amount', s) OVER w, array_agg(mlops.predict('amount', s)) OVER w
	FROM sample s WHERE id < 600 WINDOW w AS (PARTITION BY id % 3 ORDER BY id ROWS BETWEEN 5 PRECEDING AND 3 FOLLOWING)) t (p, q);
SELECT cardinality(mlops.predict_agg('amount', s) FILTER (WHERE id <= 10)), cardinality(mlops.predict_agg(DISTINCT 'amount', 1, 2, ARRAY[1, 2], c)) FROM sample s;
SELECT bool_and(p = q) FROM generate_series(1, 3) i, LATERAL (
	SELECT mlops.predict_agg('amount', s ORDER BY id), array_agg(mlops.predict('amount', s) ORDER BY id) FROM sample s WHERE id % 3 = i % 3) t (p, q);
SELECT mlops.predict_agg('kind', s) FROM sample s;
SELECT mlops.predict_agg('absent', s) FROM sample s;
SELECT mlops.predict_agg('amount', 1, 2) FROM sample s;

-- rights: of the caller, on model and rows
CREATE TABLE secret AS TABLE sample;
CREATE TABLE shared AS TABLE sample;
GRANT SELECT ON sample, shared TO regress_batch_reader;
ALTER TABLE shared ENABLE ROW LEVEL SECURITY;
CREATE POLICY a_few ON shared USING (id < 10);
CREATE FUNCTION wrapped(query text) RETURNS bigint LANGUAGE sql SECURITY DEFINER AS $$ SELECT count(*) FROM mlops.predict_batch('amount', query, 'id') $$;
SET ROLE regress_batch_reader;
SELECT count(*) FROM mlops.predict_batch('amount', 'TABLE sample', 'id');
SELECT mlops.predict_agg('amount', s) FROM sample s;
RESET ROLE;
SELECT mlops.grant_model('amount', 'regress_batch_reader', 'predict');
SET ROLE regress_batch_reader;
SELECT count(*) FROM mlops.predict_batch('amount', 'TABLE sample', 'id');
SELECT count(*) FROM mlops.predict_batch('amount', 'TABLE secret', 'id');
SELECT count(*) FROM mlops.predict_batch('amount', 'TABLE shared', 'id');
SELECT DISTINCT key FROM mlops.predict_batch('amount', 'SELECT current_user AS k, * FROM sample', 'k');
SELECT wrapped('TABLE secret'), wrapped('TABLE shared');
DO $$ BEGIN PERFORM mlops.predict_agg_step(NULL, 'amount', 1); EXCEPTION WHEN undefined_function OR feature_not_supported THEN RAISE WARNING 'refused'; END $$;
RESET ROLE;
-- names mean what they mean to the caller; ours do not
CREATE SCHEMA hostile;
CREATE FUNCTION hostile.now() RETURNS timestamptz LANGUAGE sql AS $$ SELECT NULL::timestamptz $$;
CREATE VIEW hostile.sample AS SELECT * FROM batch_test.sample WHERE id < 5;
CREATE FUNCTION hostile.text(int) RETURNS text LANGUAGE sql AS $$ SELECT 'hostile' $$;
SET search_path = hostile, pg_catalog;
SELECT count(*), max(key) FROM mlops.predict_batch('amount', 'SELECT * FROM sample WHERE $1 = pg_catalog.now()', 'id');
RESET search_path;

-- a model that moves meanwhile: one version for all rows of a call
SET ROLE regress_batch_owner;
SELECT mlops.register_model('amount', batch_test.make_model('reg:squarederror', 0, 3, 3), batch_test.signature(NULL) - 'classes');
RESET ROLE;
CREATE FUNCTION batch_test.promote(id int) RETURNS boolean LANGUAGE plpgsql AS $$
BEGIN
	IF id % 1000 = 0 THEN PERFORM mlops.set_alias('amount', 'champion', 1 + id / 1000 % 2); END IF;
	RETURN true;
END $$;
SELECT version, count(*) FROM mlops.predict_batch('amount', 'SELECT * FROM batch_test.sample WHERE batch_test.promote(id)', 'id') GROUP BY version;

DROP SCHEMA batch_test, hostile CASCADE;
TRUNCATE mlops.model, mlops.model_blob CASCADE;
REVOKE ALL ON FUNCTION mlops.register_model FROM regress_batch_owner;
DROP ROLE regress_batch_owner, regress_batch_reader;
