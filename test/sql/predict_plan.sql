-- what the planner makes of predictions: honest costs, parallel scans, and no error for any model
SET client_min_messages = warning;
CREATE ROLE regress_plan_stranger;
CREATE SCHEMA plan_test;
GRANT USAGE ON SCHEMA plan_test TO regress_plan_stranger;
SET search_path = plan_test;

-- n complete trees over one number, or three classes of them
CREATE FUNCTION make_model(n_trees int, depth int, num_class int = 0) RETURNS bytea LANGUAGE sql AS $$
	WITH size AS (SELECT (2 ^ (depth + 1))::int - 1 AS n, (2 ^ depth)::int - 1 AS inner_nodes),
	tree AS (SELECT t, json_build_object('id', t,
			'left_children', json_agg(CASE WHEN i < inner_nodes THEN 2 * i + 1 ELSE -1 END ORDER BY i),
			'right_children', json_agg(CASE WHEN i < inner_nodes THEN 2 * i + 2 ELSE -1 END ORDER BY i),
			'parents', json_agg(CASE WHEN i = 0 THEN 2147483647 ELSE (i - 1) / 2 END ORDER BY i),
			'split_indices', json_agg(0 ORDER BY i), 'split_conditions', json_agg(i / 10.0 ORDER BY i), 'default_left', json_agg(0 ORDER BY i),
			'base_weights', json_agg(0.0 ORDER BY i), 'loss_changes', json_agg(0.0 ORDER BY i), 'sum_hessian', json_agg(1.0 ORDER BY i),
			'split_type', json_agg(0 ORDER BY i), 'categories', '[]'::json, 'categories_nodes', '[]'::json, 'categories_segments', '[]'::json, 'categories_sizes', '[]'::json,
			'tree_param', json_build_object('num_nodes', n::text, 'num_feature', '1', 'num_deleted', '0', 'size_leaf_vector', '0')) AS tree
		FROM size, generate_series(0, n_trees - 1) t, generate_series(0, n - 1) i GROUP BY t, n)
	SELECT convert_to(json_build_object('version', '{1,7,4}'::int[], 'learner', json_build_object(
		'attributes', json_build_object(), 'feature_names', '[]'::json, 'feature_types', '[]'::json,
		'learner_model_param', json_build_object('base_score', '5E-1', 'num_class', num_class::text, 'num_feature', '1', 'num_target', '1', 'boost_from_average', '1'),
		'objective', CASE WHEN num_class > 0 THEN json_build_object('name', 'multi:softprob', 'softmax_multiclass_param', json_build_object('num_class', num_class::text))
			ELSE json_build_object('name', 'reg:squarederror', 'reg_loss_param', json_build_object('scale_pos_weight', '1')) END,
		'gradient_booster', json_build_object('name', 'gbtree', 'model', json_build_object(
			'gbtree_model_param', json_build_object('num_trees', n_trees::text, 'num_parallel_tree', '1', 'size_leaf_vector', '0'),
			'tree_info', json_agg(CASE WHEN num_class > 0 THEN t % num_class ELSE 0 END ORDER BY t), 'trees', json_agg(tree ORDER BY t)))))::text, 'UTF8') FROM tree $$;
SELECT mlops.register_model('small', make_model(2, 2), '{"features": ["a"]}'), mlops.register_model('large', make_model(150, 6), '{"features": ["a"]}'),
	mlops.register_model('deep', make_model(50, 9), '{"features": ["a"]}'), mlops.register_model('seven', make_model(14, 2, 7), '{"features": ["a"], "classes": ["1", "2", "3", "4", "5", "6", "7"]}');
SELECT model, n_trees FROM mlops.model_version ORDER BY model;
CREATE TABLE point AS SELECT i AS id, i % 100 / 10.0::real AS a FROM generate_series(1, 1000000) i;
ALTER TABLE point ADD PRIMARY KEY (id);
VACUUM ANALYZE point;

-- cost per row of a call, in cpu_operator_cost
CREATE FUNCTION plan_cost(query text, OUT cost float8, OUT rows float8) LANGUAGE plpgsql SET max_parallel_workers_per_gather = 0 AS $$
DECLARE
	plan jsonb;
BEGIN
	EXECUTE 'EXPLAIN (FORMAT json) ' || query INTO plan;
	cost := plan -> 0 -> 'Plan' ->> 'Total Cost';
	rows := plan -> 0 -> 'Plan' ->> 'Plan Rows';
END $$;
CREATE FUNCTION call_cost(call text) RETURNS float8 LANGUAGE sql AS $$
	SELECT ((plan_cost('SELECT ' || call || ' FROM point p')).cost - (plan_cost('SELECT id FROM point p')).cost) / 1000000 / 0.0025 $$;
SELECT call_cost('mlops.predict(''small'', p)') BETWEEN 20 AND 100 AS small, call_cost('mlops.predict(''large'', p)') BETWEEN 150 AND 1000 AS large,
	call_cost('mlops.predict(''large'', p)') > call_cost('mlops.predict(''deep'', p)') AS large_above_deep, call_cost('mlops.predict(''deep'', p)') > call_cost('mlops.predict(''small'', p)') AS deep_above_small;
SELECT f, call_cost(format('mlops.%s(''large/1'', p)', f)) = call_cost('mlops.predict(''large@champion'', p)') AS as_predict
FROM unnest('{predict_class,predict_array,predict_raw,predict_proba}'::text[]) f ORDER BY f;
SELECT (plan_cost('SELECT * FROM mlops.predict_classes(''seven'', 1.0)')).rows;

-- a large scan is parallel at default settings, and predicts below the Gather
EXPLAIN (COSTS OFF, VERBOSE) SELECT sum(mlops.predict('small', p)) FROM point p;
EXPLAIN (COSTS OFF, VERBOSE) SELECT id, mlops.predict('large', p) FROM point p;
EXPLAIN (COSTS OFF) SELECT count(*) FROM point p WHERE mlops.predict('large', p) > 0.5;
EXPLAIN (COSTS OFF) SELECT mlops.predict_agg('large', p) FROM point p WHERE a = 3;
-- one row, or few, are not
EXPLAIN (COSTS OFF) SELECT id, mlops.predict('large', p) FROM point p WHERE id = 17;
EXPLAIN (COSTS OFF) SELECT sum(mlops.predict('large', p)) FROM point p WHERE id BETWEEN 17 AND 170;
-- the cheaper condition comes first, whichever is written first
EXPLAIN (COSTS OFF) SELECT id FROM point p WHERE mlops.predict('large', p) > 0.5 AND mlops.predict('small', p) > 0.5 AND a = 3;

-- so are the rows of a batch, where their query is worth it
CREATE FUNCTION costly(a float8) RETURNS boolean LANGUAGE plpgsql PARALLEL SAFE COST 1000 AS $$ BEGIN RETURN true; END $$;
CREATE FUNCTION pid() RETURNS int LANGUAGE plpgsql PARALLEL SAFE AS $$ BEGIN RETURN pg_backend_pid(); END $$;
SET parallel_leader_participation = off;
SELECT count(*), bool_and(key::int <> pg_backend_pid()) AS by_workers
FROM mlops.predict_batch('small', 'SELECT pid() AS pid, * FROM point WHERE id % 50 = 0 AND costly(a)', 'pid');
RESET parallel_leader_participation;

-- no error and the cost of the function, where the model is not known: no such model, no
-- such version, no reference at all, NULL, a parameter, a column, a stable expression
SELECT left(model, 20) AS model, call_cost(format('mlops.predict(%s, p)', model)) BETWEEN 49 AND 54 AS by_default
FROM unnest(ARRAY['''absent''', '''small/2''', '''small@absent''', '''''', '''no name''', '''' || repeat('x', 10000) || '''', 'NULL', '''small'' || id', 'current_user::text', '(SELECT ''large''::text)']) model;
PREPARE generic(text) AS SELECT mlops.predict($1, p) FROM point p WHERE id = 17;
SET plan_cache_mode = force_generic_plan;
EXPLAIN (COSTS OFF) EXECUTE generic('large');
EXECUTE generic('large');
EXPLAIN (COSTS OFF) EXECUTE generic('absent');
EXECUTE generic('absent');
SET plan_cache_mode = force_custom_plan;
EXPLAIN (COSTS OFF) EXECUTE generic('absent');
RESET plan_cache_mode;
SELECT count(mlops.predict('absent', p)) FROM point p WHERE false;
-- nor where planning is all there is: views, functions, constraints
CREATE VIEW absent_view AS SELECT mlops.predict('absent', p) FROM point p;
EXPLAIN (COSTS OFF) SELECT * FROM absent_view WHERE predict > 1;
CREATE FUNCTION absent_function(p plan_test.point) RETURNS float8 LANGUAGE sql AS $$ SELECT mlops.predict('absent', p) $$;
EXPLAIN (COSTS OFF) SELECT absent_function(p) FROM point p WHERE id = 17;
CREATE TABLE checked (a real, CHECK (mlops.predict('absent', a) > 0));
INSERT INTO checked VALUES (1);

-- who may not use a model gets the same costs as for one that does not exist
GRANT SELECT ON point TO regress_plan_stranger;
SET ROLE regress_plan_stranger;
SELECT call_cost('mlops.predict(''large'', p)') = call_cost('mlops.predict(''absent'', p)') AS same;
SELECT (plan_cost('SELECT * FROM mlops.predict_classes(''seven'', 1.0)')).rows;
RESET ROLE;
SELECT mlops.grant_model('large', 'regress_plan_stranger', 'predict');
SET ROLE regress_plan_stranger;
SELECT call_cost('mlops.predict(''large'', p)') > call_cost('mlops.predict(''absent'', p)') AS larger;
RESET ROLE;
-- what one statement learned does not outlive it
BEGIN;
SELECT call_cost('mlops.predict(''large'', p)') > 100 AS before;
SELECT mlops.register_model('large', make_model(2, 2), '{"features": ["a"]}'), mlops.set_alias('large', 'champion', 2);
SELECT call_cost('mlops.predict(''large'', p)') > 100 AS after;
SAVEPOINT s;
SELECT mlops.set_alias('large', 'champion', 1);
SELECT call_cost('mlops.predict(''large'', p)') > 100 AS moved;
ROLLBACK TO s;
SELECT call_cost('mlops.predict(''large'', p)') > 100 AS rolled_back;
ROLLBACK;
-- only the planner has what the support function wants
DO $$ BEGIN PERFORM mlops.predict_support(NULL); EXCEPTION WHEN undefined_function OR feature_not_supported THEN RAISE WARNING 'refused'; END $$;

DROP SCHEMA plan_test CASCADE;
TRUNCATE mlops.model, mlops.model_blob CASCADE;
DROP ROLE regress_plan_stranger;
