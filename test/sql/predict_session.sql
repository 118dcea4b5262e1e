-- what a session keeps between statements: never older than the snapshot, the rights and the types of now
SET client_min_messages = warning;
CREATE ROLE regress_session_owner;
CREATE ROLE regress_session_group;
CREATE ROLE regress_session_reader;
CREATE SCHEMA session_test;
SET search_path = session_test;
GRANT ALL ON SCHEMA session_test TO regress_session_owner, regress_session_reader;

-- one tree: label 1 of the first feature gives 10 * value, all else gives value
CREATE FUNCTION label_model(value int) RETURNS bytea LANGUAGE sql AS $$
	SELECT convert_to(json_build_object('version', '{1,7,4}'::int[], 'learner', json_build_object(
		'attributes', json_build_object(), 'feature_names', '[]'::json, 'feature_types', '[]'::json,
		'learner_model_param', json_build_object('base_score', '0E0', 'num_class', '0', 'num_feature', '2', 'num_target', '1', 'boost_from_average', '1'),
		'objective', json_build_object('name', 'reg:squarederror', 'reg_loss_param', json_build_object('scale_pos_weight', '1')),
		'gradient_booster', json_build_object('name', 'gbtree', 'model', json_build_object(
			'gbtree_model_param', json_build_object('num_trees', '1', 'num_parallel_tree', '1', 'size_leaf_vector', '0'),
			'tree_info', '{0}'::int[], 'trees', json_build_array(json_build_object('id', 0,
				'left_children', '{1,-1,-1}'::int[], 'right_children', '{2,-1,-1}'::int[], 'parents', '{2147483647,0,0}'::int[],
				'split_indices', '{0,0,0}'::int[], 'split_conditions', ARRAY[0, value, 10 * value]::numeric(9, 2)[], 'default_left', '{1,0,0}'::int[],
				'base_weights', '{0,0,0}'::numeric(2, 1)[], 'loss_changes', '{0,0,0}'::numeric(2, 1)[], 'sum_hessian', '{1,1,1}'::numeric(2, 1)[],
				'split_type', '{1,0,0}'::int[], 'categories', '{1}'::int[], 'categories_nodes', '{0}'::int[],
				'categories_segments', '{0}'::int[], 'categories_sizes', '{1}'::int[],
				'tree_param', json_build_object('num_nodes', '3', 'num_feature', '2', 'num_deleted', '0', 'size_leaf_vector', '0')))))))::text, 'UTF8') $$;
CREATE FUNCTION label_signature(label name, number name) RETURNS jsonb LANGUAGE sql AS $$
	SELECT jsonb_build_object('features', jsonb_build_array(
		jsonb_build_object('name', label, 'type', 'text', 'kind', 'category', 'categories', '["high", "low"]'::jsonb),
		jsonb_build_object('name', number, 'type', 'real', 'kind', 'numeric'))) $$;
GRANT EXECUTE ON FUNCTION mlops.register_model TO regress_session_owner;
SET ROLE regress_session_owner;
SELECT mlops.register_model('kept', label_model(v), label_signature('l', 'x')) AS version FROM generate_series(1, 2) v;
SELECT mlops.register_model('kept', label_model(3), label_signature('l', 'y')) AS version;
CREATE TABLE item (x real, l text);
INSERT INTO item VALUES (1, 'high'), (2, 'low');

-- a prepared statement with a generic plan, and an expression that PL/pgSQL keeps
SET plan_cache_mode = force_generic_plan;
PREPARE rows AS SELECT string_agg(mlops.predict('kept', i)::text, ' ' ORDER BY x) FROM item i;
PREPARE one AS SELECT mlops.predict('kept', 'low'::text, 1::real), mlops.predict('kept/2', 'low'::text, 1::real) AS second;
CREATE FUNCTION as_expression() RETURNS text LANGUAGE plpgsql AS $$
DECLARE
	p text;
BEGIN
	p := mlops.predict('kept', 'low'::text, 1::real);
	RETURN p;
EXCEPTION WHEN OTHERS THEN
	RETURN SQLSTATE;
END $$;
EXECUTE rows;
EXECUTE one;
SELECT as_expression();
-- promotion, committed and undone
SELECT mlops.set_alias('kept', 'champion', 2);
EXECUTE rows;
SELECT as_expression();
BEGIN;
SELECT mlops.set_alias('kept', 'champion', 1);
EXECUTE rows;
EXECUTE one;
SELECT as_expression();
ROLLBACK;
EXECUTE rows;
SELECT as_expression();
-- a version with other columns, and back
SELECT mlops.set_alias('kept', 'champion', 3);
EXECUTE rows;
EXECUTE one;
ALTER TABLE item RENAME COLUMN x TO y;
EXECUTE one;
SELECT string_agg(mlops.predict('kept', i)::text, ' ' ORDER BY y) FROM item i;
ALTER TABLE item RENAME COLUMN y TO x;
SELECT mlops.set_alias('kept', 'champion', 1);
EXECUTE rows;

-- C14: our tables get other files, in this transaction and for good; their rows other places
RESET ROLE;
CLUSTER mlops.alias USING alias_pkey;
EXECUTE rows;
BEGIN;
CLUSTER mlops.alias USING alias_pkey;
CLUSTER mlops.model_version USING model_version_pkey;
EXECUTE rows;
SELECT mlops.set_alias('kept', 'champion', 2);
EXECUTE rows;
EXECUTE one;
ROLLBACK;
EXECUTE rows;
EXECUTE one;
VACUUM FULL mlops.alias;
SELECT mlops.set_alias('kept', 'champion', 2);
EXECUTE rows;
VACUUM (FULL, FREEZE) mlops.model_version;
VACUUM FREEZE mlops.alias;
EXECUTE rows;
EXECUTE one;
-- rows that stand where others stood
BEGIN;
CREATE TEMP TABLE saved AS TABLE mlops.alias;
DELETE FROM mlops.alias;
EXECUTE rows;
ROLLBACK;
BEGIN;
CREATE TEMP TABLE saved AS TABLE mlops.alias;
TRUNCATE mlops.alias, mlops.traffic;
INSERT INTO mlops.alias SELECT * FROM saved ORDER BY model DESC, version DESC;
EXECUTE rows;
UPDATE mlops.alias SET version = 1 WHERE model = 'kept';
EXECUTE rows;
SELECT as_expression();
ROLLBACK;
EXECUTE rows;
BEGIN ISOLATION LEVEL SERIALIZABLE;
EXECUTE rows;
SELECT mlops.set_alias('kept', 'champion', 1);
EXECUTE rows;
COMMIT;
EXECUTE rows;

-- C11: rights: by a grant, through a group, to all; each taken away between two executions
SET ROLE regress_session_reader;
EXECUTE one;
RESET ROLE;
SELECT mlops.grant_model('kept', 'regress_session_group', 'predict');
GRANT regress_session_group TO regress_session_reader;
SET ROLE regress_session_reader;
EXECUTE one;
SELECT as_expression();
RESET ROLE;
REVOKE regress_session_group FROM regress_session_reader;
SET ROLE regress_session_reader;
EXECUTE one;
SELECT as_expression();
RESET ROLE;
SELECT mlops.grant_model('kept', '-', 'predict');
SET ROLE regress_session_reader;
EXECUTE one;
RESET ROLE;
SELECT mlops.revoke_model('kept', '-', 'predict');
SET ROLE regress_session_reader;
EXECUTE one;
SELECT as_expression();
-- the owner's right does not stay for who comes after
RESET ROLE;
SET ROLE regress_session_owner;
EXECUTE one;
RESET ROLE;
SET ROLE regress_session_reader;
EXECUTE one;
RESET ROLE;

-- types of users: labels added, renamed, dropped and made anew
SET ROLE regress_session_owner;
CREATE TYPE level AS ENUM ('high');
CREATE TABLE measured (l level, x real);
INSERT INTO measured VALUES ('high', 1);
PREPARE measure AS SELECT mlops.predict('kept', m), mlops.predict('kept', m.l, m.x) AS arguments FROM measured m;
EXECUTE measure;
ALTER TYPE level RENAME VALUE 'high' TO 'low';
EXECUTE measure;
DROP TABLE measured;
DROP TYPE level;
CREATE TYPE level AS ENUM ('low', 'high');
CREATE TABLE measured (x real, l level);
INSERT INTO measured VALUES (1, 'low');
EXECUTE measure;
ALTER TABLE measured ALTER COLUMN l TYPE text USING CASE l WHEN 'low' THEN 'high' END;
EXECUTE measure;
ALTER TABLE measured ALTER COLUMN x TYPE text;
EXECUTE measure;
RESET ROLE;
-- a string type that is not the server's own; nothing of it may stay
CREATE TYPE word;
CREATE FUNCTION word_in(cstring) RETURNS word LANGUAGE internal IMMUTABLE STRICT AS 'textin';
CREATE FUNCTION word_out(word) RETURNS cstring LANGUAGE internal IMMUTABLE STRICT AS 'textout';
CREATE TYPE word (INPUT = word_in, OUTPUT = word_out, LIKE = text, CATEGORY = 'S');
CREATE TABLE worded AS SELECT v::text::word AS l, 1::real AS x FROM unnest('{low,high}'::text[]) v;
PREPARE words AS SELECT w.l, mlops.predict('kept', w), mlops.predict('kept', w.l, w.x) AS arguments FROM worded w;
EXECUTE words;
EXECUTE words;
CREATE OR REPLACE FUNCTION word_out(word) RETURNS cstring LANGUAGE internal IMMUTABLE STRICT AS 'varcharout';
EXECUTE words;

-- every type of fixed width, with NULLs, with columns between, in old rows and in any order: feature i
-- below one half gives 0, above 4^i, and missing 2 * 4^i
CREATE FUNCTION digit_tree(i int, n int) RETURNS json LANGUAGE sql AS $$
	SELECT json_build_object('id', i, 'left_children', '{1,-1,3,-1,-1}'::int[], 'right_children', '{2,-1,4,-1,-1}'::int[],
		'parents', '{2147483647,0,0,2,2}'::int[], 'split_indices', ARRAY[i, 0, i, 0, 0],
		'split_conditions', ARRAY[0.5, 0, 1e9, 4 ^ i, 2 * 4 ^ i]::numeric(12, 1)[], 'default_left', '{0,0,0,0,0}'::int[],
		'base_weights', array_fill(0.0, ARRAY[5]), 'loss_changes', array_fill(0.0, ARRAY[5]), 'sum_hessian', array_fill(1.0, ARRAY[5]),
		'split_type', '{0,0,0,0,0}'::int[], 'categories', '{}'::int[], 'categories_nodes', '{}'::int[],
		'categories_segments', '{}'::int[], 'categories_sizes', '{}'::int[],
		'tree_param', json_build_object('num_nodes', '5', 'num_feature', n::text, 'num_deleted', '0', 'size_leaf_vector', '0')) $$;
SELECT mlops.register_model('digits', convert_to((SELECT json_build_object('version', '{1,7,4}'::int[], 'learner', json_build_object(
		'attributes', json_build_object(), 'feature_names', '[]'::json, 'feature_types', '[]'::json,
		'learner_model_param', json_build_object('base_score', '0E0', 'num_class', '0', 'num_feature', '9', 'num_target', '1', 'boost_from_average', '1'),
		'objective', json_build_object('name', 'reg:squarederror', 'reg_loss_param', json_build_object('scale_pos_weight', '1')),
		'gradient_booster', json_build_object('name', 'gbtree', 'model', json_build_object(
			'gbtree_model_param', json_build_object('num_trees', '9', 'num_parallel_tree', '1', 'size_leaf_vector', '0'),
			'tree_info', array_fill(0, ARRAY[9]), 'trees', json_agg(digit_tree(i, 9) ORDER BY i)))))::text
	FROM generate_series(0, 8) i), 'UTF8'), jsonb_build_object('features', ARRAY[
		'{"name": "b", "type": "boolean", "kind": "boolean"}', '{"name": "i2", "type": "smallint", "kind": "numeric"}',
		'{"name": "i4", "type": "integer", "kind": "numeric"}', '{"name": "i8", "type": "bigint", "kind": "numeric"}',
		'{"name": "f4", "type": "real", "kind": "numeric"}', '{"name": "f8", "type": "double precision", "kind": "numeric"}',
		'{"name": "d", "type": "date", "kind": "numeric"}', '{"name": "t", "type": "time without time zone", "kind": "numeric"}',
		'{"name": "ts", "type": "timestamp without time zone", "kind": "numeric"}']::jsonb[])) AS version;
CREATE FUNCTION digit(value float8, i int) RETURNS float8 LANGUAGE sql IMMUTABLE AS $$
	SELECT CASE WHEN value IS NULL OR value = 'NaN' THEN 2 WHEN value < 0.5 THEN 0 ELSE 1 END * 4.0 ^ i $$;
CREATE TABLE source AS SELECT
	CASE WHEN i & 1 = 0 THEN i & 2 = 0 END AS b, CASE WHEN i & 4 = 0 THEN (i >> 3 & 1)::int2 END AS i2,
	CASE WHEN i % 3 > 0 THEN i % 3 - 1 END AS i4, CASE WHEN i % 5 > 0 THEN (i % 5)::int8 - 2 END AS i8,
	CASE WHEN i % 7 > 1 THEN (i % 7 - 4)::float4 WHEN i % 7 = 1 THEN 'NaN' END AS f4, CASE WHEN i % 11 > 0 THEN i % 11 - 5.25::float8 END AS f8,
	CASE WHEN i % 13 > 0 THEN '2000-01-01'::date + i % 13 - 6 END AS d, CASE WHEN i % 17 > 0 THEN '00:00'::time + (i % 2) * interval '1 s' END AS t,
	CASE WHEN i % 19 > 0 THEN '1970-01-01'::timestamp + (i % 19 - 9) * interval '1 s' END AS ts,
	'x'::"char" AS x, i
FROM generate_series(0, 999) i
UNION ALL
SELECT true, 1::int2, k, k + 1, k, k, '2000-01-01'::date + k, '00:00:01', '1970-01-01 00:00:01', 'x', 1000 + k FROM generate_series(0, 1) k;
CREATE VIEW expected AS SELECT i, digit(b::int, 0) + digit(i2, 1) + digit(i4, 2) + digit(i8, 3) + digit(f4, 4) + digit(f8, 5)
	+ digit(d - '2000-01-01'::date, 6) + digit(extract(epoch FROM t), 7) + digit(extract(epoch FROM ts), 8) AS p FROM source;
CREATE TABLE same_order AS SELECT b, i2, i4, i8, f4, f8, d, t, ts, i FROM source;
CREATE TABLE between AS SELECT x, ts, i2, i, f8, x AS x2, b, f4, x AS x3, i8, t, x AS x4, d, i4 FROM source;
CREATE TABLE varied AS SELECT x, i, ts, f8, repeat('v', i % 5) AS word, b, i8, i2, f4, NULL::text AS n, i4, t, d FROM source;
CREATE TABLE older AS SELECT i, b, i2, i4, i8, f4, f8 FROM source;
ALTER TABLE older ADD COLUMN dropped int, ADD COLUMN d date, ADD COLUMN t time DEFAULT '00:00:01', ADD COLUMN ts timestamp DEFAULT '1970-01-01 00:00:01';
ALTER TABLE older DROP COLUMN dropped;
CREATE TABLE wide AS SELECT i, b, i2, i4, i8, f4::float8, f8, d, t, ts FROM source;
ANALYZE source, same_order, between, varied, wide;
SELECT count(*), count(DISTINCT p) AS answers, count(*) FILTER (WHERE mlops.predict('digits', o) IS DISTINCT FROM p) AS same_order,
	count(*) FILTER (WHERE mlops.predict('digits', bt.whole) IS DISTINCT FROM p) AS between,
	count(*) FILTER (WHERE mlops.predict('digits', v) IS DISTINCT FROM p) AS varied,
	count(*) FILTER (WHERE mlops.predict('digits', w) IS DISTINCT FROM p) AS wide,
	count(*) FILTER (WHERE mlops.predict('digits', w.b, w.i2, w.i4, w.i8, w.f4, w.f8, w.d, w.t, w.ts) IS DISTINCT FROM p) AS arguments,
	count(*) FILTER (WHERE mlops.predict('digits', v.b, v.i2, v.i4::numeric, v.i8, v.f4, v.f8::numeric, v.d, v.t, v.ts) IS DISTINCT FROM p) AS numerics,
	count(*) FILTER (WHERE mlops.predict('digits', to_jsonb(o) || jsonb_build_object('f4', nullif(o.f4, 'NaN'))) IS DISTINCT FROM p) AS object
FROM expected JOIN same_order o USING (i) JOIN (SELECT i, c AS whole FROM between c) bt USING (i) JOIN varied v USING (i) JOIN wide w USING (i);
SELECT count(*) FILTER (WHERE mlops.predict('digits', o) IS DISTINCT FROM digit(b::int, 0) + digit(i2, 1) + digit(i4, 2) + digit(i8, 3)
	+ digit(f4, 4) + digit(f8, 5) + digit(NULL, 6) + digit(1, 7) + digit(1, 8)) AS older FROM older o;
-- the row that a trigger gets is as it was stored, without columns that came later
CREATE FUNCTION keep_old() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
	INSERT INTO removed VALUES (OLD.i, mlops.predict('digits', OLD));
	RETURN OLD;
END $$;
CREATE TABLE removed (i int, p float8);
CREATE TRIGGER keep_old BEFORE DELETE ON older FOR EACH ROW EXECUTE FUNCTION keep_old();
CREATE TABLE older_now AS SELECT i, mlops.predict('digits', o) AS p FROM older o;
DELETE FROM older;
SELECT count(*) > 1000 AS many, count(*) FILTER (WHERE r.p IS DISTINCT FROM o.p) AS different FROM removed r JOIN older_now o USING (i);
-- rows kept as values, of a type that gained and lost columns since
CREATE TYPE kept_row AS (b bool, i2 int2, i4 int4, i8 int8, f4 float4, f8 float8);
CREATE TABLE holder AS SELECT i, ROW(b, i2, i4, i8, f4, f8)::kept_row AS r FROM source;
ALTER TYPE kept_row ADD ATTRIBUTE d date CASCADE, ADD ATTRIBUTE t time CASCADE, ADD ATTRIBUTE ts timestamp CASCADE;
SELECT count(*) FILTER (WHERE mlops.predict('digits', r) IS DISTINCT FROM digit(b::int, 0) + digit(i2, 1) + digit(i4, 2) + digit(i8, 3)
	+ digit(f4, 4) + digit(f8, 5) + digit(NULL, 6) + digit(NULL, 7) + digit(NULL, 8)) AS holder FROM holder JOIN source USING (i);
ALTER TYPE kept_row DROP ATTRIBUTE i2 CASCADE;
SELECT mlops.predict('digits', r) FROM holder;
-- what is too large is found wherever it stands
SELECT mlops.predict('digits', s) FROM (SELECT b, i2, i4, i8, f4, 1e300::float8 AS f8, d, t, ts FROM source WHERE i = 1) s;
SELECT mlops.predict('digits', b, i2, i4, i8, '-inf'::float4, f8, d, t, ts) FROM source WHERE i = 1;
UPDATE same_order SET ts = 'infinity' WHERE i = 1000;
SELECT mlops.predict('digits', o) FROM same_order o WHERE i = 1000;
UPDATE same_order SET d = '-infinity' WHERE i = 7;
SELECT mlops.predict('digits', o) FROM same_order o WHERE i = 7;

-- more combinations of types and row types than are remembered, and names longer than any
SELECT string_agg(mlops.predict('kept', l, x)::text, ' ') FROM item;
SELECT mlops.predict('kept', l::varchar, x::numeric), mlops.predict('kept', l::char(9), x::int), mlops.predict('kept', l::varchar, x::float8),
	mlops.predict('kept', l::text, x::int8), mlops.predict('kept', l::varchar, x::int2), mlops.predict('kept', l::char(5), x),
	mlops.predict('kept', l::varchar, x), mlops.predict('kept', l, x::int), mlops.predict('kept', l, x::numeric),
	mlops.predict('kept', l, x::int2), mlops.predict('kept', l, x) FROM item;
SELECT mlops.predict(repeat('k', 300), l, x) FROM item;
SELECT mlops.predict('kept@' || repeat('k', 300), l, x) FROM item;

ALTER TABLE mlops.alias SET WITHOUT CLUSTER;
ALTER TABLE mlops.model_version SET WITHOUT CLUSTER;
RESET search_path;
DROP SCHEMA session_test CASCADE;
SET client_min_messages = error;
DROP OWNED BY regress_session_reader, regress_session_group;
