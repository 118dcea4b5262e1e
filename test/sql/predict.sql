-- predict and its relatives: input shapes, results, errors, and which version answers
SET client_min_messages = warning;
CREATE ROLE regress_predict_owner;
CREATE ROLE regress_predict_reader;
CREATE SCHEMA predict_test;
SET search_path = predict_test;
GRANT ALL ON SCHEMA predict_test TO regress_predict_owner, regress_predict_reader;

-- XGBoost's JSON from the essentials.  The numbers in the expected output are those of
-- libxgboost 1.7.4 (Booster.predict, with output_margin for predict_raw) for these bytes.
CREATE FUNCTION xgb_tree(id int, num_feature int, "left" int[], "right" int[], feature int[], condition numeric(20, 4)[],
						 default_left int[], categories int[] = '{}') RETURNS json LANGUAGE sql AS $$
	SELECT json_build_object('id', id, 'left_children', "left", 'right_children', "right",
		'parents', (SELECT array_agg(coalesce((SELECT p - 1 FROM generate_series(1, n) p
				WHERE "left"[p] = i OR "right"[p] = i), 2147483647) ORDER BY i) FROM generate_series(0, n - 1) i),
		'split_indices', feature, 'split_conditions', condition::numeric(20, 4)[],
		'default_left', default_left, 'base_weights', array_fill(0.0, ARRAY[n]),
		'loss_changes', array_fill(0.0, ARRAY[n]), 'sum_hessian', array_fill(1.0, ARRAY[n]),
		-- only the root may be categorical
		'split_type', CASE WHEN c > 0 THEN '{1}'::int[] ELSE '{0}' END || array_fill(0, ARRAY[n - 1]),
		'categories', categories, 'categories_nodes', array_fill(0, ARRAY[least(c, 1)]),
		'categories_segments', array_fill(0, ARRAY[least(c, 1)]),
		'categories_sizes', array_fill(c, ARRAY[least(c, 1)]),
		'tree_param', json_build_object('num_nodes', n::text, 'num_feature', num_feature::text,
			'num_deleted', '0', 'size_leaf_vector', '0'))
	FROM (SELECT cardinality("left") AS n, cardinality(categories) AS c) s $$;
CREATE FUNCTION xgb_model(objective text, num_class int, num_feature int, trees json[], groups int[],
						  base_score text = '5E-1') RETURNS bytea LANGUAGE sql AS $$
	SELECT convert_to(json_build_object('version', '{1,7,4}'::int[], 'learner', json_build_object(
		'attributes', json_build_object(), 'feature_names', '[]'::json, 'feature_types', '[]'::json,
		'learner_model_param', json_build_object('base_score', base_score, 'num_class', num_class::text,
			'num_feature', num_feature::text, 'num_target', '1', 'boost_from_average', '1'),
		'objective', json_build_object('name', objective,
			CASE WHEN num_class > 0 THEN 'softmax_multiclass_param' ELSE 'reg_loss_param' END,
			CASE WHEN num_class > 0 THEN json_build_object('num_class', num_class::text)
				 ELSE json_build_object('scale_pos_weight', '1') END),
		'gradient_booster', json_build_object('name', 'gbtree', 'model', json_build_object(
			'gbtree_model_param', json_build_object('num_trees', cardinality(trees)::text,
				'num_parallel_tree', '1', 'size_leaf_vector', '0'),
			'tree_info', groups, 'trees', to_json(trees)))))::text, 'UTF8') $$;

-- a < 2.5 (missing: yes) then b < 10 (missing: no); b < 5 (missing: yes)
CREATE TABLE bytes AS
SELECT 'price/1' AS ref, xgb_model('reg:squarederror', 0, 2, ARRAY[
		xgb_tree(0, 2, '{1,3,-1,-1,-1}', '{2,4,-1,-1,-1}', '{0,1,0,0,0}', '{2.5,10,7.25,-1.5,0.125}', '{1,0,0,0,0}'),
		xgb_tree(1, 2, '{1,-1,-1}', '{2,-1,-1}', '{1,0,0}', '{5,0.1,-0.3}', '{1,0,0}')], '{0,0}') AS model
UNION ALL
SELECT 'price/2', xgb_model('reg:squarederror', 0, 2, ARRAY[
		xgb_tree(0, 2, '{1,3,-1,-1,-1}', '{2,4,-1,-1,-1}', '{0,1,0,0,0}', '{2.5,10,7.25,-1.5,0.125}', '{1,0,0,0,0}'),
		xgb_tree(1, 2, '{1,-1,-1}', '{2,-1,-1}', '{1,0,0}', '{5,0.1,-0.3}', '{1,0,0}')], '{0,0}', '1.05E1')
UNION ALL
-- city in (Oslo, Rome) (missing: no) then v[1] < 0.5; ok < 1 (missing: no) and then v[2] < -1
SELECT 'leave/1', xgb_model('binary:logistic', 0, 4, ARRAY[
		xgb_tree(0, 4, '{1,-1,3,-1,-1}', '{2,-1,4,-1,-1}', '{1,0,2,0,0}', '{0,-0.9,0.5,0.4,1.1}', '{1,0,0,0,0}', '{1,2}'),
		xgb_tree(1, 4, '{1,-1,3,-1,-1}', '{2,-1,4,-1,-1}', '{0,0,3,0,0}', '{1,0.2,-1,-0.6,0.7}', '{0,0,1,0,0}')], '{0,0}')
UNION ALL
SELECT kind || '/1', xgb_model('multi:' || kind, 3, 2, ARRAY[
		xgb_tree(0, 2, '{1,-1,-1}', '{2,-1,-1}', '{0,0,0}', '{0,-0.2,0.1}', '{0,0,0}'),
		xgb_tree(1, 2, '{1,-1,-1}', '{2,-1,-1}', '{0,0,0}', '{1,0.1,0.9}', '{1,0,0}'),
		xgb_tree(2, 2, '{1,-1,-1}', '{2,-1,-1}', '{0,0,0}', '{2,0.4,0.9}', '{0,0,0}'),
		xgb_tree(3, 2, '{1,-1,-1}', '{2,-1,-1}', '{1,0,0}', '{0,0,0.1}', '{1,0,0}'),
		xgb_tree(4, 2, '{1,-1,-1}', '{2,-1,-1}', '{1,0,0}', '{1.5,0.1,0.1}', '{0,0,0}'),
		xgb_tree(5, 2, '{1,-1,-1}', '{2,-1,-1}', '{1,0,0}', '{3,0.2,0.1}', '{1,0,0}')], '{0,1,2,0,1,2}')
FROM unnest('{softprob,softmax}'::text[]) kind;

GRANT EXECUTE ON FUNCTION mlops.register_model TO regress_predict_owner;
GRANT SELECT ON bytes TO regress_predict_owner;
SET ROLE regress_predict_owner;

SELECT ref, mlops.register_model(split_part(ref, '/', 1), model,
	CASE WHEN ref ~ '^leave' THEN '{"features": [
		{"name": "ok", "type": "boolean", "kind": "boolean"},
		{"name": "city", "type": "text", "kind": "category", "categories": ["Bern", "Oslo", "Rome"]},
		{"name": "v[1]", "type": "real[]", "kind": "numeric", "column": "v", "element": 1},
		{"name": "v[2]", "type": "real[]", "kind": "numeric", "column": "v", "element": 2}],
		"classes": ["stays", "leaves"]}'
		WHEN ref ~ '^soft' THEN '{"features": ["a", "b"], "classes": ["x", "y", "z"]}'
		ELSE '{"features": ["a", "b"]}' END::jsonb) AS version
FROM bytes ORDER BY ref;

-- a row by name: order is free, further columns are ignored, NULL and NaN are missing
CREATE TABLE house (id int, b int, note text, a float8);
INSERT INTO house VALUES (1, 1, 'q', 0), (2, 4, 'q', 1), (3, 20, NULL, 1), (4, 4, 'w', 3),
	(5, NULL, NULL, NULL), (6, NULL, '', 1), (7, 4, 'z', 'NaN');
CREATE TABLE customer (id int, v numeric[], city text, ok bool);
INSERT INTO customer VALUES (1, '{1,2}', 'Bern', true), (2, '{0,-2}', 'Oslo', false),
	(3, NULL, 'Rome', true), (4, '{0,0}', NULL, NULL), (5, '{0,0}', 'Wien', false);

SELECT id, mlops.predict('price', h), mlops.predict('price@champion', h) = mlops.predict('price/1', h) AS same,
	mlops.predict('price/2', h) AS second, mlops.predict_array('price', h), mlops.predict_raw('price/2', h)
FROM house h ORDER BY id;
SELECT id, mlops.predict('leave', c), mlops.predict_class('leave', c), mlops.predict_proba('leave', c),
	mlops.predict_raw('leave', c), mlops.predict_array('leave', c) FROM customer c ORDER BY id;
SELECT id, class, probability FROM customer c, mlops.predict_classes('leave', c) WHERE id < 3 ORDER BY id, probability;
SELECT id, mlops.predict_class('softprob', h), mlops.predict_proba('softprob', h), mlops.predict_raw('softprob', h)
FROM house h ORDER BY id;
SELECT id, mlops.predict_class('softmax', h), mlops.predict_array('softmax', h),
	mlops.predict_proba('softmax', h) = mlops.predict_array('softprob', h) AS same FROM house h ORDER BY id;

-- binary:logitraw predicts margins; its classes still go by probability
SELECT mlops.register_model('raw', convert_to(replace(convert_from(model, 'UTF8'), 'binary:logistic', 'binary:logitraw'), 'UTF8'),
	(SELECT signature FROM mlops.model_version WHERE model = 'leave') || '{"classes": ["stays", "leaves"]}') FROM bytes WHERE ref = 'leave/1';
SELECT id, mlops.predict('raw', c), mlops.predict_class('raw', c),
	abs((mlops.predict_proba('raw', c))[2] - 1 / (1 + exp(-mlops.predict('raw', c)))) < 1e-7 AS is_sigmoid FROM customer c ORDER BY id;

-- the threshold belongs to the version, and counts from itself on
SELECT mlops.set_threshold('leave/1', 0.4501660168170929);
SELECT id, mlops.predict_class('leave', c) FROM customer c ORDER BY id;
SELECT mlops.set_threshold('leave/1', 0.7);
SELECT string_agg(DISTINCT mlops.predict_class('leave', c), ',') FROM customer c;
SELECT mlops.set_threshold('leave/1', 0.5);

-- other shapes
SELECT mlops.predict('price', '{"a": 1, "b": 20, "c": [{}]}'::jsonb) AS jsonb, mlops.predict('price', '{"b": null, "a": null}'::json) AS json,
	mlops.predict('price', ARRAY[3, 4]) AS int_array, mlops.predict('price', '{3,4}'::numeric[]) AS numeric_array,
	mlops.predict('price', VARIADIC '[5:6]={1,NULL}'::float8[]) AS variadic_array, mlops.predict('price', 1::int8, 20::real) AS arguments;
SELECT mlops.predict('leave', false, 'Oslo'::text, '{0,-2}'::float8[]) AS arguments,
	mlops.predict('leave', '{"v": [null, 2], "ok": true, "city": "Bern"}'::jsonb) AS object;
CREATE DOMAIN house_domain AS house;
SELECT mlops.predict('price', s) AS subquery, mlops.predict('price', (7, 4, 'z', 3)::house::house_domain) AS domain
FROM (SELECT 3.0 AS a, 4::smallint AS b) s;
SELECT mlops.predict('price', h) FROM (TABLE house ORDER BY id LIMIT 2) h;

-- times, and names that no column can have
SELECT mlops.register_model('clock', model, jsonb_build_object('features', ARRAY[
	'{"name": "day", "type": "date", "kind": "numeric"}',
	jsonb_build_object('name', repeat('long ', 20), 'type', 'real', 'kind', 'numeric')])) FROM bytes WHERE ref = 'price/1';
SELECT mlops.predict('clock', '2000-01-04'::date, 4) AS day_3, mlops.predict('clock', '2000-01-02'::date, 20) AS day_1,
	mlops.predict('clock', jsonb_build_object('day', '2000-01-04', repeat('long ', 20), 4)) AS object;
SELECT mlops.predict('clock', ARRAY[3, 4]);
SELECT mlops.predict('clock', 3, 4);
SELECT mlops.predict('clock', jsonb_build_object('day', 3, repeat('long ', 20), 4));
SELECT mlops.predict('clock', jsonb_build_object('day', 'no day', repeat('long ', 20), 4));

-- NULL: no row, no answer
SELECT mlops.predict('price', h) IS NULL AS row, mlops.predict('price', NULL::jsonb) IS NULL AS object,
	mlops.predict('price', 'null'::jsonb) IS NULL AS json_null, mlops.predict('price', NULL::float8[]) IS NULL AS array,
	mlops.predict('price', NULL) IS NULL AS literal, mlops.predict(NULL, ROW(1)) IS NULL AS model,
	mlops.predict_class('softprob', h) IS NULL AS class, mlops.predict_proba('softprob', h) IS NULL AS proba,
	mlops.predict_raw('softprob', h) IS NULL AS raw, mlops.predict_array('softprob', h) IS NULL AS all_numbers,
	(SELECT count(*) FROM mlops.predict_classes('leave', NULL::customer)) AS lines
FROM (SELECT 1) one LEFT JOIN house h ON false;

-- S01, S02: errors
SELECT mlops.predict('price', s) FROM (SELECT 1 AS a, 2 AS c) s;
SELECT mlops.predict('price', s) FROM (SELECT 1 AS a, 'x'::text AS b) s;
SELECT mlops.predict('leave', s) FROM (SELECT true AS ok, 7 AS city, '{1,2}'::float8[] AS v) s;
SELECT mlops.predict('leave', s) FROM (SELECT true AS ok, 'x'::text AS city, '{1,2,3}'::float8[] AS v) s;
SELECT mlops.predict('price', s) FROM (SELECT 1 AS a, 2 AS b, 3 AS b) s;
SELECT mlops.predict('price', s) FROM (SELECT 'inf'::float8 AS a, 2 AS b) s;
SELECT mlops.predict('price', s) FROM (SELECT 1 AS a, 1e39::float8 AS b) s;
SELECT mlops.predict('price', ROW(1, 2));
SELECT mlops.predict('price', 1);
SELECT mlops.predict('price', 1, 2, 3);
SELECT mlops.predict('price', 1, '2');
SELECT mlops.predict('price', '{"a": 1, "b": 2}') = mlops.predict('price', 1, 2) AS untyped_object;
SELECT mlops.predict('price', 'x'::text, 1);
SELECT mlops.predict('price', '{"a": 1}'::jsonb);
SELECT mlops.predict('price', '{"a": 1, "b": "2"}'::jsonb);
SELECT mlops.predict('price', '{"a": 1, "b": 1e500}'::jsonb);
SELECT mlops.predict('leave', '{"v": {}, "ok": true, "city": "Bern"}'::jsonb);
SELECT mlops.predict('leave', '{"v": [1, "x"], "ok": true, "city": "Bern"}'::jsonb);
SELECT mlops.predict('leave', '{"v": [1, 2], "ok": 1, "city": "Bern"}'::jsonb);
SELECT mlops.predict('price', '[1, 2]'::jsonb);
SELECT mlops.predict('price', '1'::jsonb);
SELECT mlops.predict('price', '{'::json);
SELECT mlops.predict('price', '{}'::float8[]);
SELECT mlops.predict('price', '{1,2,3}'::float8[]);
SELECT mlops.predict('price', '{{1,2}}'::float8[]);
SELECT mlops.predict('price', '{a,b}'::text[]);
SELECT mlops.predict('price');
SELECT mlops.predict('softprob', h) FROM house h;
SELECT mlops.predict('softmax', h) FROM house h;
SELECT mlops.predict_class('price', h) FROM house h;
SELECT mlops.predict_proba('price', h) FROM house h;
SELECT * FROM mlops.predict_classes('price', '{1,2}'::int[]);
SELECT mlops.predict('absent', h) FROM house h;
SELECT mlops.predict('price/3', h) FROM house h;
SELECT mlops.predict('price@next', h) FROM house h;
SELECT mlops.predict('no such name', h) FROM house h;

-- one call site, several row types, several models, more than are remembered
SELECT mlops.predict(m, h) FROM unnest('{price/1,price/2,price@champion,price/1}'::text[]) m, house h WHERE id = 4;
SELECT sum(mlops.predict(CASE i % 3 WHEN 0 THEN 'price' WHEN 1 THEN 'price/2' END, h)), count(*)
FROM generate_series(1, 3000) i, house h WHERE h.id = 4;
DO $$
BEGIN
	FOR i IN 2..20 LOOP
		PERFORM mlops.set_alias('price', 'a' || i, 1 + i % 2);
	END LOOP;
END $$;
SELECT sum(mlops.predict('price@a' || 2 + i % 19, h)) FROM generate_series(0, 379) i, house h WHERE h.id = 4;
CREATE FUNCTION make_record(i int) RETURNS record LANGUAGE plpgsql AS $$
DECLARE
	r record;
BEGIN
	CASE i % 6
		WHEN 0 THEN SELECT 3 AS a, 4 AS b INTO r;
		WHEN 1 THEN SELECT 4.0 AS b, 3::int8 AS a INTO r;
		WHEN 2 THEN SELECT * FROM house WHERE id = 4 INTO r;
		WHEN 3 THEN SELECT 'x' AS x, 3::real AS a, 4::int2 AS b INTO r;
		WHEN 4 THEN SELECT 3::int2 AS a, 1 AS x, 4::real AS b INTO r;
		ELSE SELECT 3::numeric AS a, 4::numeric AS b INTO r;
	END CASE;
	RETURN r;
END $$;
SELECT mlops.predict('price', make_record(i)), count(*) FROM generate_series(1, 60) i GROUP BY 1;

-- ALTER TABLE between executions, plans kept
PREPARE cheap AS SELECT id, mlops.predict('price', h) FROM house h WHERE id = $1;
SET plan_cache_mode = force_generic_plan;
EXECUTE cheap(4);
ALTER TABLE house DROP COLUMN note, ALTER COLUMN b TYPE numeric, ADD COLUMN c text DEFAULT 'c';
EXECUTE cheap(4);
ALTER TABLE house RENAME COLUMN a TO aa;
EXECUTE cheap(4);
ALTER TABLE house RENAME COLUMN aa TO a;
EXECUTE cheap(4);
RESET plan_cache_mode;
CREATE FUNCTION alter_between() RETURNS SETOF float8 LANGUAGE plpgsql AS $$
DECLARE
	h house;
	n int;
BEGIN
	FOR i IN 1..4 LOOP
		SELECT * INTO h FROM house WHERE id = 4;
		RETURN NEXT mlops.predict('price', h);
		EXECUTE format('ALTER TABLE house ADD COLUMN x%s int DEFAULT %s', i, i);
	END LOOP;
END $$;
SELECT alter_between();
-- partitions with another order of columns
CREATE TABLE part (a float8, b int) PARTITION BY LIST (b);
CREATE TABLE part1 (b int, junk text, a float8);
ALTER TABLE part1 DROP COLUMN junk;
ALTER TABLE part ATTACH PARTITION part1 FOR VALUES IN (4);
CREATE TABLE part2 PARTITION OF part DEFAULT;
INSERT INTO part VALUES (3, 4), (1, 20);
SELECT tableoid::regclass, mlops.predict('price', part) FROM part ORDER BY 1;
SELECT mlops.predict('price', part1) FROM part1;
-- S04, S11: views, cursors, aggregates, ORDER BY, triggers, generated SQL functions
CREATE VIEW priced AS SELECT h.id, mlops.predict('price', h) AS price FROM house h;
SELECT * FROM priced WHERE price > 1 ORDER BY price DESC;
SELECT round(avg(mlops.predict('price', h))::numeric, 6), max(mlops.predict_class('softprob', h)) FROM house h;
CREATE TABLE scored (a float8, b int, p float8);
CREATE FUNCTION score_new() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
	NEW.p := mlops.predict('price', NEW);
	RETURN NEW;
END $$;
CREATE TRIGGER score BEFORE INSERT ON scored FOR EACH ROW EXECUTE FUNCTION score_new();
INSERT INTO scored VALUES (3, 4), (1, 20) RETURNING *;
-- S04: it cannot stand where values must not change
CREATE INDEX ON house (mlops.predict('price', a, b));
CREATE TABLE generated (a float8, p float8 GENERATED ALWAYS AS (mlops.predict('price', a, 1)) STORED);
CREATE MATERIALIZED VIEW priced_once AS SELECT id, price FROM priced;
SELECT bool_and(o.price IS NOT DISTINCT FROM p.price) AS same FROM priced_once o JOIN priced p USING (id);
SELECT tableoid::regclass, b FROM part WHERE b = 4 + (mlops.predict('price', 1, 20) IS NULL)::int;

-- C02: which version answers: this transaction's own changes, also undone ones
BEGIN;
DECLARE before CURSOR FOR SELECT mlops.predict('price', h) FROM house h WHERE id IN (1, 2, 3) ORDER BY id;
FETCH before;
SELECT mlops.set_alias('price', 'champion', 2);
SELECT mlops.predict('price', h) FROM house h WHERE id = 4;
FETCH before;
SAVEPOINT s;
SELECT mlops.set_alias('price', 'champion', 1);
SELECT mlops.predict('price', h) FROM house h WHERE id = 4;
ROLLBACK TO s;
SELECT mlops.predict('price', h) FROM house h WHERE id = 4;
FETCH before;
ROLLBACK;
SELECT mlops.predict('price', h) FROM house h WHERE id = 4;
-- the same expression in PL/pgSQL, across changes and an exception that undoes one
CREATE FUNCTION follow(r house) RETURNS SETOF float8 LANGUAGE plpgsql AS $$
DECLARE
	p float8;
BEGIN
	FOR i IN 1..5 LOOP
		BEGIN
			PERFORM mlops.set_alias('price', 'champion', 1 + i % 2);
			p := mlops.predict('price', r);
			RETURN NEXT p;
			IF i = 3 THEN
				RAISE division_by_zero;
			END IF;
		EXCEPTION WHEN division_by_zero THEN
			RETURN NEXT mlops.predict('price', r);
		END;
	END LOOP;
END $$;
SELECT follow(h) FROM house h WHERE id = 4;
SELECT mlops.set_alias('price', 'champion', 1);
-- S01: a deleted version does not answer, whatever is cached
BEGIN;
SELECT mlops.predict('leave/1', c) FROM customer c WHERE id = 1;
SELECT mlops.set_alias('leave', 'champion', NULL);
SELECT mlops.delete_model_version('leave/1');
SAVEPOINT s;
SELECT mlops.predict('leave/1', c) FROM customer c WHERE id = 1;
ROLLBACK TO s;
SELECT mlops.predict('leave', c) FROM customer c WHERE id = 1;
ROLLBACK;
SELECT mlops.predict('leave', c) FROM customer c WHERE id = 1;

-- rights, at every statement and for the user of the moment
SET ROLE regress_predict_reader;
SELECT mlops.predict('price', 3, 4);
SELECT mlops.predict('absent', 3, 4);
SET ROLE regress_predict_owner;
SELECT mlops.grant_model('price', 'regress_predict_reader', 'predict');
SET ROLE regress_predict_reader;
SELECT mlops.predict('price', 3, 4);
SELECT mlops.predict('leave', 3, 4);
RESET ROLE;
CREATE FUNCTION score_as_definer(m text) RETURNS float8 LANGUAGE sql SECURITY DEFINER AS 'SELECT mlops.predict(m, 3, 4)';
ALTER FUNCTION score_as_definer OWNER TO regress_predict_owner;
CREATE FUNCTION try_predict(m text) RETURNS text LANGUAGE plpgsql AS $$
BEGIN
	RETURN mlops.predict(m, 3, 4)::text;
EXCEPTION WHEN OTHERS THEN
	RETURN SQLSTATE;
END $$;
SET ROLE regress_predict_reader;
SELECT score_as_definer('price/2'), try_predict('price/2'), try_predict('softprob');
RESET ROLE;
DO $$
DECLARE
	p text;
BEGIN
	FOR i IN 1..4 LOOP
		IF i = 3 THEN
			RESET ROLE;
			PERFORM mlops.revoke_model('price', 'regress_predict_reader', 'predict');
		END IF;
		SET ROLE regress_predict_reader;
		p := try_predict('price');
		RAISE WARNING '%: %', i, p;
	END LOOP;
	RESET ROLE;
END $$;

-- S04: parallel workers give the same, and it is allowed there
SET ROLE regress_predict_owner;
CREATE TABLE many AS SELECT i AS id, (i % 5)::float8 AS a, i % 13 AS b FROM generate_series(1, 20000) i;
ANALYZE many;
SET max_parallel_workers_per_gather = 0;
SELECT count(*), sum(mlops.predict('price', m)::numeric), sum((mlops.predict_raw('softprob', m))[2]::numeric) FROM many m;
SET max_parallel_workers_per_gather = 2;
SET parallel_setup_cost = 0;
SET parallel_tuple_cost = 0;
SET min_parallel_table_scan_size = 0;
EXPLAIN (COSTS OFF) SELECT count(*), sum(mlops.predict('price', m)::numeric), sum((mlops.predict_raw('softprob', m))[2]::numeric) FROM many m;
SELECT count(*), sum(mlops.predict('price', m)::numeric), sum((mlops.predict_raw('softprob', m))[2]::numeric) FROM many m;
SELECT count(set_config(name, 'on', false)) FROM pg_settings WHERE name IN ('force_parallel_mode', 'debug_parallel_query');
SELECT mlops.predict('price', 3, 4), mlops.predict_class('leave', true, 'Rome'::text, NULL::float8[]);
SELECT count(set_config(name, 'off', false)) FROM pg_settings WHERE name IN ('force_parallel_mode', 'debug_parallel_query');
RESET ROLE;

DROP SCHEMA predict_test CASCADE;
