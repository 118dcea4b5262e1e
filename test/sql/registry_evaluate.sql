-- evaluate and compare: metrics of stored versions on the rows of a query
-- a stump on a: 0 up to split, then 1 (regression), or logistic of -0.5 and 0.5
CREATE FUNCTION regress_make_model(split text, objective text DEFAULT 'reg:squarederror', category int DEFAULT NULL) RETURNS bytea LANGUAGE sql
RETURN convert_to(replace(replace(replace('{"learner":{"attributes":{},"feature_names":["a","b"],"feature_types":[],"gradient_booster":{"model":{"gbtree_model_param":{"num_parallel_tree":"1","num_trees":"1","size_leaf_vector":"0"},"tree_info":[0],"trees":[{"base_weights":[0,-0.5,0.5],CATEGORIES"default_left":[1,0,0],"id":0,"left_children":[1,-1,-1],"loss_changes":[1,0,0],"parents":[2147483647,0,0],"right_children":[2,-1,-1],"split_conditions":[SPLIT,-0.5,0.5],"split_indices":[0,0,0],"sum_hessian":[4,2,2],"tree_param":{"num_deleted":"0","num_feature":"2","num_nodes":"3","size_leaf_vector":"0"}}]},"name":"gbtree"},"learner_model_param":{"base_score":"5E-1","boost_from_average":"0","num_class":"0","num_feature":"2","num_target":"1"},"objective":{"name":"OBJECTIVE","reg_loss_param":{"scale_pos_weight":"1"}}},"version":[1,7,4]}',
	'SPLIT', split), 'OBJECTIVE', objective), 'CATEGORIES', CASE WHEN category IS NULL THEN '"categories":[],"categories_nodes":[],"categories_segments":[],"categories_sizes":[],"split_type":[0,0,0],'
	ELSE format('"categories":[%s],"categories_nodes":[0],"categories_segments":[0],"categories_sizes":[1],"split_type":[1,0,0],', category) END), 'UTF8');
CREATE TABLE regress_rows AS SELECT id, (id % 10)::float8 AS a, (id * 7 % 13)::int AS b, (id * 37 % 101) / 100.0::float8 AS y FROM generate_series(1, 200) id;
SELECT mlops.register_model('regress_r', regress_make_model('4.5'));
SELECT mlops.register_model('regress_r', regress_make_model('6.5'));
SELECT mlops.register_model('regress_c', regress_make_model('4.5', 'binary:logistic'), signature => '{"features": ["a", "b"], "classes": ["no", "yes"]}');

-- the same numbers as plain SQL
SELECT metric, round(value::numeric, 6) AS value, round(std_error::numeric, 6) AS std_error, n
FROM mlops.evaluate('regress_r/1', 'SELECT * FROM regress_rows', 'y') ORDER BY metric;
SELECT abs(value - (SELECT avg(abs(y - p)) FROM (SELECT y, (a >= 4.5)::int AS p FROM regress_rows) s)) < 1e-7 AS mae,
	abs(std_error - (SELECT stddev(abs(y - p)) / sqrt(count(*)) FROM (SELECT y, (a >= 4.5)::int AS p FROM regress_rows) s)) < 1e-7 AS std_error
FROM mlops.evaluate('regress_r', 'SELECT a, b, y FROM regress_rows ORDER BY random()', 'y') WHERE metric = 'mae';
SELECT metric, round(value::numeric, 6) AS value, n FROM mlops.evaluate('regress_c', $$SELECT a, b, CASE WHEN y > 0.4 THEN 'yes' ELSE 'no' END AS y FROM regress_rows$$, 'y') ORDER BY metric;

-- it is on record, under the digest that dataset_digest and any order of rows give
SELECT r.kind, r.status, r.version, r.n_rows, r.recipe ->> 'target' AS target, count(*) AS metrics, bool_and(m.dataset = 'query' AND m.n = 200) AS on_query
FROM mlops.run r JOIN mlops.metric m ON m.run_id = r.id WHERE r.model = 'regress_r' AND r.kind = 'evaluate' GROUP BY r.id ORDER BY r.id;
SELECT count(*), count(DISTINCT digest), min(n_rows), min(relations::text), bool_and(snapshot IS NOT NULL AND lsn IS NOT NULL AND system_identifier IS NOT NULL),
	bool_and(context ? 'as_of' AND context ? 'search_path'), min(jsonb_array_length(columns)) FROM mlops.dataset WHERE query ~ 'y FROM regress_rows O|[*] FROM regress_rows';

-- too little to judge by
SELECT metric, value, std_error, n FROM mlops.evaluate('regress_r', 'SELECT * FROM regress_rows WHERE false', 'y') ORDER BY metric;
SELECT metric, round(value::numeric, 6) AS value, n FROM mlops.evaluate('regress_c', $$SELECT a, b, 'yes' AS y FROM regress_rows$$, 'y') ORDER BY metric;
SELECT metric, value IS NOT NULL AS defined, n FROM mlops.evaluate('regress_r', 'SELECT a, b, CASE WHEN id < 3 THEN y END AS y FROM regress_rows', 'y') ORDER BY metric;
SELECT n_rows, n_dropped FROM mlops.dataset ORDER BY id DESC LIMIT 1;

-- what does not fit
SELECT * FROM mlops.evaluate('regress_r', 'SELECT * FROM regress_rows');
SELECT * FROM mlops.evaluate('regress_r', 'SELECT * FROM regress_rows', 'z');
SELECT * FROM mlops.evaluate('regress_r', 'SELECT a, y FROM regress_rows', 'y');
SELECT * FROM mlops.evaluate('regress_r', 'SELECT a, b::text AS b, y FROM regress_rows', 'y');
SELECT * FROM mlops.evaluate('regress_r', 'DELETE FROM regress_rows RETURNING *', 'y');
SELECT * FROM mlops.evaluate('regress_r', 'SELECT 1; SELECT 2', 'y');
SELECT * FROM mlops.evaluate('regress_r', 'SELECT a, b, y FROM regress_missing', 'y');
SELECT * FROM mlops.evaluate('regress_c', $$SELECT a, b, 'maybe' AS y FROM regress_rows$$, 'y');
SELECT * FROM mlops.evaluate('regress_r/9', 'SELECT * FROM regress_rows', 'y');
SELECT * FROM mlops.evaluate(NULL, 'SELECT * FROM regress_rows', 'y');
BEGIN READ ONLY;
SELECT * FROM mlops.evaluate('regress_r', 'SELECT * FROM regress_rows', 'y');
ROLLBACK;

-- compare: one reading, differences to the first, confidence from paired rows
SELECT metric, version, round(value::numeric, 6) AS value, n, round(difference::numeric, 6) AS difference,
	round(ci_low::numeric, 6) AS ci_low, round(ci_high::numeric, 6) AS ci_high
FROM mlops.compare('{regress_r@champion,regress_r/2}', 'SELECT * FROM regress_rows', 'y', unseen_only => false) WHERE metric IN ('mse', 'rmse', 'r2');
SELECT abs(c.difference - s.d) < 1e-7 AS difference, abs(c.ci_low - (s.d - 1.959963984540054 * s.e)) < 1e-7 AS ci_low, abs(c.ci_high - (s.d + 1.959963984540054 * s.e)) < 1e-7 AS ci_high
FROM mlops.compare('{regress_r/1,regress_r/2}', 'SELECT * FROM regress_rows', 'y', false) c,
	(SELECT avg(d) AS d, stddev(d) / sqrt(count(*)) AS e FROM (SELECT (y - (a >= 6.5)::int) ^ 2 - (y - (a >= 4.5)::int) ^ 2 AS d FROM regress_rows) l) s
WHERE c.metric = 'mse' AND c.version = 'regress_r/2';
SELECT mlops.compare('{regress_r/1,regress_c/1}', 'SELECT * FROM regress_rows', 'y', false);
SELECT mlops.compare('{}', 'SELECT * FROM regress_rows', 'y');
SELECT mlops.compare('{regress_r,NULL}', 'SELECT * FROM regress_rows', 'y');
SELECT mlops.compare('{regress_r}', 'SELECT * FROM regress_rows', 'y');

-- versions whose dictionaries differ: Oslo has code 1 in version 1 and 2 in version 2; Rome and Lima are new to one or both
SELECT mlops.register_model('regress_d', regress_make_model('0', category => code), signature => jsonb_build_object('features',
	jsonb_build_array(jsonb_build_object('name', 'a', 'type', 'text', 'kind', 'category', 'categories', labels), '{"name": "b", "type": "integer", "kind": "numeric"}'::jsonb)))
FROM (VALUES (1, '["Bern", "Oslo"]'::jsonb), (2, '["Bern", "Lima", "Oslo"]')) v (code, labels);
CREATE TABLE regress_cities AS SELECT (ARRAY['Bern', 'Lima', 'Oslo', 'Rome', NULL])[1 + id % 5] AS a, id AS b, (id % 7) / 7.0::float8 AS y FROM generate_series(1, 100) id;
SELECT c.version, count(*), count(*) FILTER (WHERE c.value = e.value AND c.n = 100) AS as_alone, round(max(c.value) FILTER (WHERE c.metric = 'mse')::numeric, 6) = round(avg((SELECT avg((y - p) ^ 2)
	FROM (SELECT y, mlops.predict(c.version, a, b) AS p FROM regress_cities) s))::numeric, 6) AS as_predicted
FROM mlops.compare('{regress_d/1,regress_d/2}', 'SELECT * FROM regress_cities', 'y', false) c,
	LATERAL mlops.evaluate(c.version, 'SELECT * FROM regress_cities', 'y') e WHERE e.metric = c.metric GROUP BY c.version ORDER BY c.version;

-- unseen rows: the hold-out that the recipes have in common
CREATE FUNCTION regress_set_recipe(v int, r jsonb, refitted boolean DEFAULT false) RETURNS void LANGUAGE sql AS
	$$UPDATE mlops.model_version SET recipe = r, refit = refitted WHERE model = 'regress_r' AND version = v$$;
CREATE FUNCTION regress_unseen(refs text[] DEFAULT '{regress_r/1,regress_r/2}', query text DEFAULT 'SELECT * FROM regress_rows', target name DEFAULT 'y') RETURNS text LANGUAGE plpgsql AS $$
DECLARE answer text; reason text;
BEGIN
	SELECT string_agg(DISTINCT n::text, ',') INTO answer FROM mlops.compare(refs, query, target);
	RETURN answer;
EXCEPTION WHEN SQLSTATE 'ML005' THEN GET STACKED DIAGNOSTICS reason = PG_EXCEPTION_DETAIL;
	RETURN reason;
END $$;
SELECT regress_set_recipe(1, '{"target": "y", "key": ["id"]}'), regress_set_recipe(2, '{"target": "y", "key": ["id"]}');
SELECT regress_unseen();
SELECT regress_unseen(query => 'SELECT b, y, a, id, now() AS at FROM regress_rows WHERE id <= 100') || '+' || regress_unseen(query => 'SELECT * FROM regress_rows WHERE id > 100') AS the_same_rows_in_parts;
SELECT regress_set_recipe(2, '{"target": "y", "key": ["id"], "test_size": 0.1}');
SELECT regress_unseen() AS fewer, regress_unseen('{regress_r/1}') AS as_before;
SELECT regress_set_recipe(2, '{"target": "y", "key": ["b"]}');
SELECT regress_unseen();
SELECT regress_set_recipe(2, '{"target": "y", "key": ["id"]}', true);
SELECT regress_unseen();
SELECT regress_set_recipe(2, '{"target": "y", "key": ["id"], "split": "time", "split_by": "a"}');
SELECT regress_unseen('{regress_r/2}');
SELECT regress_set_recipe(1, '{"target": "y"}'), regress_set_recipe(2, '{"target": "y"}');
SELECT regress_unseen() AS whole_row, regress_unseen(query => 'SELECT y, b, a FROM regress_rows') AS other_order, regress_unseen(query => 'SELECT a, b, y AS z FROM regress_rows', target => 'z') AS other_target;
SELECT regress_set_recipe(1, '{"target": "y", "split": "column", "split_by": "held"}'), regress_set_recipe(2, '{"target": "y", "split": "column", "split_by": "held"}');
SELECT regress_unseen(query => 'SELECT *, id <= 30 AS held FROM regress_rows');
SELECT n, bool_and(value IS NULL) FROM mlops.compare('{regress_r/1}', 'SELECT *, false AS held FROM regress_rows', 'y') GROUP BY n;

DROP FUNCTION regress_make_model, regress_set_recipe, regress_unseen;
DROP TABLE regress_rows, regress_cities;
SET client_min_messages = warning;
TRUNCATE mlops.model, mlops.model_blob, mlops.dataset CASCADE;
