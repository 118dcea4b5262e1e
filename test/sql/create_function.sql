-- functions made for one model: their arguments, results, rights and errors
\set VERBOSITY default
SET client_min_messages = warning;
CREATE ROLE regress_mlops_maker;
CREATE ROLE regress_mlops_caller;
CREATE ROLE regress_mlops_stranger;
CREATE SCHEMA made AUTHORIZATION regress_mlops_maker;
CREATE SCHEMA "Odd ""schema" AUTHORIZATION regress_mlops_maker;
GRANT USAGE ON SCHEMA made TO regress_mlops_caller, regress_mlops_stranger;
GRANT EXECUTE ON FUNCTION mlops.register_model TO regress_mlops_maker;
-- what an attacker would put before pg_catalog
CREATE SCHEMA hostile;
GRANT USAGE ON SCHEMA hostile TO PUBLIC;
CREATE FUNCTION hostile.predict(text, record) RETURNS float8 LANGUAGE plpgsql AS 'BEGIN RETURN 666; END';
CREATE TYPE hostile.text AS (x int);
CREATE DOMAIN hostile.float8 AS int;
CREATE FUNCTION hostile.named_row(text[], float8) RETURNS record LANGUAGE sql AS 'SELECT ROW(666)';
SET search_path = made;

-- One tree over n features: 0 while feature number "split" is below 1.5 or missing, else 1.
CREATE FUNCTION stump(n int, split int = 0) RETURNS bytea LANGUAGE sql IMMUTABLE AS $$
	SELECT convert_to(format('{"learner":{"attributes":{},"feature_names":[],"feature_types":[],"gradient_booster":{"model":'
		'{"gbtree_model_param":{"num_parallel_tree":"1","num_trees":"1","size_leaf_vector":"0"},"tree_info":[0],"trees":[{"base_weights":[0,-0.5,0.5],'
		'"categories":[],"categories_nodes":[],"categories_segments":[],"categories_sizes":[],"default_left":[1,0,0],"id":0,"left_children":[1,-1,-1],'
		'"loss_changes":[1,0,0],"parents":[2147483647,0,0],"right_children":[2,-1,-1],"split_conditions":[1.5,-0.5,0.5],"split_indices":[%s,0,0],'
		'"split_type":[0,0,0],"sum_hessian":[4,2,2],"tree_param":{"num_deleted":"0","num_feature":"%s","num_nodes":"3","size_leaf_vector":"0"}}]},"name":"gbtree"},'
		'"learner_model_param":{"base_score":"5E-1","boost_from_average":"0","num_class":"0","num_feature":"%2$s","num_target":"1"},'
		'"objective":{"name":"reg:squarederror","reg_loss_param":{"scale_pos_weight":"1"}}},"version":[1,7,4]}', split, n), 'UTF8') $$;

SET ROLE regress_mlops_maker;
SET search_path = made;
SELECT mlops.register_model('stump', stump(2), '{"features": ["a", "b"]}');

-- the simple case, and what the catalog shows of it
SELECT mlops.create_function('stump', 'score');
SELECT score(1, 2), score(2, 2), score(b => 9, a => 1.5), score(NULL, 2), score('2', '1');
SELECT pg_get_function_arguments(oid) AS arguments, pg_get_function_result(oid) AS result, provolatile, proparallel, prosecdef, proowner::regrole, proacl,
	obj_description(oid) AS comment FROM pg_proc WHERE oid = 'score'::regproc;
-- not part of the extension: dumped, and dropped by its owner
SELECT count(*) FROM pg_depend WHERE objid = 'score'::regproc AND deptype = 'e';
-- untyped parameters, generic plans
PREPARE s AS SELECT score($1, $2);
SELECT parameter_types FROM pg_prepared_statements WHERE name = 's';
SET plan_cache_mode = force_generic_plan;
EXECUTE s(2, 7);
EXECUTE s(NULL, 7);
RESET plan_cache_mode;

-- the caller's rights instead of the owner's; the planner sees through it, and EXECUTE is PUBLIC's
SELECT mlops.create_function('stump', 'made.look', security => 'invoker');
EXPLAIN (VERBOSE, COSTS OFF) SELECT look(i, 1) FROM generate_series(1, 3) i;
SELECT pg_get_functiondef('look'::regproc), obj_description('look'::regproc);
SELECT string_agg(look(i, 1)::text, ' ') AS look, string_agg(score(i, 1)::text, ' ') AS score FROM generate_series(0, 3) i;

-- who may call: EXECUTE governs one, the right to predict the other
SET ROLE regress_mlops_caller;
SELECT made.score(2, 1);
SELECT made.look(2, 1);
SET ROLE regress_mlops_maker;
GRANT EXECUTE ON FUNCTION score TO regress_mlops_caller;
SET ROLE regress_mlops_caller;
SELECT made.score(2, 1);
SELECT mlops.predict('stump', 2, 1);
SELECT mlops.create_function('stump', 'pg_temp.mine');
SET ROLE regress_mlops_maker;
SELECT mlops.grant_model('stump', 'regress_mlops_caller', 'predict');
SET ROLE regress_mlops_caller;
SELECT made.look(2, 1);
-- the right to predict suffices to make one, CREATE on the schema is wanted too
SELECT mlops.create_function('stump', 'made.mine');
SELECT mlops.create_function('stump', 'pg_temp.mine') IS NOT NULL AS made;
SELECT pg_temp.mine(2, 1);
DROP FUNCTION pg_temp.mine;
-- it goes with its owner's right
SET ROLE regress_mlops_maker;
SELECT mlops.revoke_model('stump', 'regress_mlops_caller', 'predict');
SET ROLE regress_mlops_caller;
SELECT made.look(2, 1);
SELECT made.score(2, 1);

-- names taken; replacing keeps rights, and takes them from PUBLIC only with a change to definer
SET ROLE regress_mlops_maker;
SELECT mlops.create_function('stump', 'score');
SELECT mlops.create_function('stump', 'score', replace => true);
SELECT proacl FROM pg_proc WHERE oid = 'score'::regproc;
SELECT mlops.create_function('stump', 'score', security => 'invoker', replace => true), mlops.create_function('stump', 'look', replace => true);
SELECT proname, proacl, prosecdef FROM pg_proc WHERE oid IN ('score'::regproc, 'look'::regproc) ORDER BY proname;
SELECT mlops.create_function('stump', 'score', output => 'predict_array', replace => true);
CREATE FUNCTION other(text) RETURNS text LANGUAGE sql AS 'SELECT $1';
SELECT mlops.create_function('stump', 'other');
SELECT mlops.create_function('stump', 'other', replace => true);
SET ROLE regress_mlops_stranger;
SELECT mlops.create_function('stump', 'made.score', replace => true);

-- versions and aliases; a function follows by name of its features, not by their order
SET ROLE regress_mlops_maker;
SELECT mlops.register_model('stump', stump(3, 2), '{"features": ["b", "c", "a"]}');
SELECT mlops.create_function('stump/1', 'score_1'), mlops.create_function('stump/2', 'score_2');
SELECT mlops.register_model('stump', stump(2, 1), '{"features": ["b", "a"]}');
SELECT mlops.set_alias('stump', 'champion', 3, expected_version => 1);
SELECT score(2, 1), look(2, 1), score(1, 2), look(1, 2), score_1(2, 1), score_2(1, 1, 2);
SELECT mlops.set_alias('stump', 'champion', 2);
SELECT score(2, 1);
SELECT look(2, 1);
SELECT mlops.create_function('stump', 'score', replace => true);
DROP FUNCTION score;
SELECT mlops.create_function('stump', 'score');
SELECT score(a => 2, b => 1, c => 0);
SELECT mlops.set_alias('stump', 'champion', 1);
SELECT score(a => 2, b => 1, c => 0);

-- types of arguments
SELECT mlops.register_model('types', stump(14, 8), '{"features": [{"name": "i2", "type": "smallint"}, {"name": "i8", "type": "bigint"}, {"name": "r", "type": "real"},
	{"name": "n", "type": "numeric"}, {"name": "ok", "type": "boolean", "kind": "boolean"}, {"name": "city", "type": "text", "kind": "category", "categories": ["Bern", "Oslo"]},
	{"name": "mood", "type": "made.mood", "kind": "category", "categories": ["sad", "ok"]}, {"name": "id", "type": "uuid", "kind": "category", "categories": ["00000000-0000-0000-0000-000000000001"]},
	{"name": "day", "type": "date"}, {"name": "t", "type": "time without time zone"}, {"name": "at", "type": "timestamp with time zone"}, {"name": "v[1]", "type": "real[]", "column": "v", "element": 1},
	{"name": "v[2]", "type": "real[]", "column": "v", "element": 2}, {"name": "hostile", "type": "text); DROP TABLE x; --"}]}');
SELECT mlops.create_function('types', 'types');
SELECT pg_get_function_identity_arguments('types'::regproc);
SELECT types(1::smallint, 2, 3::real, 4.5, true, 'Oslo', 'ok', NULL, day, '12:00', now(), '{1,2}', 1) FROM unnest('{2000-01-02,2000-01-03}'::date[]) day;

-- names: keywords, capitals, spaces, quotes, dollars, unicode, names of PL/pgSQL, and functions called likewise
SELECT mlops.register_model('odd', stump(12, 11), '{"features": ["select", "Capital", "with space", "double\"quote", "single''quote", "back\\slash", "a$1", "ünï", "found", "new", "{a,b}", "%s"]}');
SELECT mlops.create_function('odd', 'odd')::regproc, mlops.create_function('odd', '"Odd ""schema"."The ""Function"', security => 'invoker')::regproc, mlops.create_function('odd', '"select"')::regproc,
	mlops.create_function('odd', 'Folded')::regproc, mlops.create_function('odd', '"ünï"')::regproc;
SELECT odd(0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 2), "Odd ""schema"."The ""Function"(0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 2), "select"(0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 1), folded("%s" => 2, "select" => 0, "Capital" => 0,
	"with space" => 0, "double""quote" => 0, "single'quote" => 0, "back\slash" => 0, "a$1" => 0, "ünï" => 0, found => 0, new => 0, "{a,b}" => 0), "ünï"(2, 2, 2, 2, 2, 2, 2, 2, 2, 2, 2, 1.4);
SET standard_conforming_strings = off;
SELECT mlops.create_function('odd', 'odd', replace => true)::regproc;
SELECT odd(0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 2);
RESET standard_conforming_strings;
SELECT mlops.register_model('long', stump(1), jsonb_build_object('features', ARRAY[repeat('x', 64)]));
SELECT mlops.create_function('long', 'long');
SELECT mlops.create_function('stump', 'a.b.c.d');
SELECT mlops.create_function('stump', '');
SELECT mlops.create_function('stump', 'absent.f');

-- one feature; as many as fit; more: one composite argument
SELECT mlops.register_model('one', stump(1), '{"features": ["x"]}'),
	mlops.register_model('n99', stump(99, 98), jsonb_build_object('features', (SELECT array_agg('x' || i ORDER BY i) FROM generate_series(1, 99) i))),
	mlops.register_model('n100', stump(100, 99), jsonb_build_object('features', (SELECT array_agg('x' || i ORDER BY i) FROM generate_series(1, 100) i))),
	mlops.register_model('n1601', stump(1601), jsonb_build_object('features', (SELECT array_agg('x' || i) FROM generate_series(1, 1601) i)));
SELECT mlops.create_function('one', 'one');
SELECT one(2);
SELECT mlops.create_function('n99', 'n99')::regproc, mlops.create_function('n99', 'n99i', security => 'invoker')::regproc;
DO $$
DECLARE answer text;
BEGIN
	EXECUTE (SELECT format('SELECT n99(%s, 2) || n99i(%1$s, 2)::text || n99(%1$s, 1)::text', string_agg('0', ', ')) FROM generate_series(1, 98) i) INTO answer;
	RAISE WARNING '%', answer;
END $$;
SELECT mlops.create_function('n100', 'n100'), mlops.create_function('n100', 'n100i', security => 'invoker');
SELECT count(*), min(atttypid::regtype::text), max(attname) FILTER (WHERE attnum = 100) FROM pg_attribute WHERE attrelid = 'n100_row'::regclass;
SELECT n100(jsonb_populate_record(NULL::n100_row, '{"x100": 2}')), n100i(jsonb_populate_record(NULL::n100i_row, '{"x100": 2}')), n100(jsonb_populate_record(NULL::n100_row, '{"x99": 2}')), n100(NULL);
SELECT obj_description('n100'::regproc, 'pg_proc'), obj_description('n100_row'::regtype, 'pg_type');
SELECT mlops.create_function('n100', 'n100', replace => true);
ALTER TYPE n100_row ADD ATTRIBUTE more int;
SELECT mlops.create_function('n100', 'n100', replace => true);
CREATE TYPE taken_row AS ENUM ('a');
SELECT mlops.create_function('n100', 'taken');
SELECT mlops.create_function('n1601', 'n1601');
SELECT mlops.create_function('n100', repeat('f', 63)), to_regtype(repeat('f', 59) || '_row') IS NOT NULL AS shortened;

-- results
SELECT mlops.register_model('three', convert_to(replace(replace(replace(replace(convert_from(stump(1), 'UTF8'), '"num_class":"0"', '"num_class":"3"'), 'reg:squarederror', 'multi:softprob'),
	'reg_loss_param', 'softmax_multiclass_param'), '"scale_pos_weight":"1"', '"num_class":"3"'), 'UTF8'), '{"features": ["x"], "classes": ["p", "q", "r"]}');
SELECT mlops.create_function('three', 'three'), mlops.create_function('three', 'three_proba', 'predict_proba'), mlops.create_function('three', 'three_raw', 'predict_raw', 'invoker');
SELECT pg_get_function_result(oid), proname FROM pg_proc WHERE pronamespace = 'made'::regnamespace AND proname ~ '^three' ORDER BY proname;
SELECT three(2), three(1), three_proba(2) = mlops.predict_proba('three', ARRAY[2]) AS proba, three_raw(2) = mlops.predict_raw('three', ARRAY[2]) AS raw;
SELECT mlops.create_function('stump', 'f', 'predict_class');
SELECT mlops.create_function('three', 'f', 'predict');
SELECT mlops.create_function('stump', 'f', 'predict_classes');
SELECT mlops.create_function('stump', 'f', 'lower');
SELECT mlops.create_function('stump', 'f', security => 'owner');
SELECT mlops.create_function('stump', NULL);
SELECT mlops.create_function('absent', 'f');
SELECT mlops.create_function('stump/9', 'f');

-- a hostile search_path changes nothing, neither when it is made nor when it is called
SET search_path = hostile, made, pg_catalog;
SELECT mlops.create_function('one', 'made.safe'), mlops.create_function('one', 'made.safe_i', security => 'invoker');
SELECT made.safe(2), made.safe_i(2);
RESET search_path;

-- parallel workers
CREATE TABLE made.many AS SELECT i % 4 AS a, i % 3 AS b FROM generate_series(1, 20000) i;
ANALYZE made.many;
SELECT sum(made.score_1(a, b)) FROM made.many;
SET parallel_setup_cost = 0;
SET parallel_tuple_cost = 0;
SET min_parallel_table_scan_size = 0;
SET max_parallel_workers_per_gather = 2;
EXPLAIN (COSTS OFF) SELECT sum(made.score_1(a, b)) FROM made.many;
SELECT sum(made.score_1(a, b)), count(*) FILTER (WHERE a >= 2) AS reference FROM made.many;
RESET parallel_setup_cost;
RESET parallel_tuple_cost;
RESET min_parallel_table_scan_size;
RESET max_parallel_workers_per_gather;

-- not where nothing may be written
BEGIN READ ONLY;
SELECT mlops.create_function('one', 'made.f');
ROLLBACK;
CREATE MATERIALIZED VIEW made.trap AS SELECT mlops.create_function('one', 'made.f');
-- rolled back, it leaves nothing
BEGIN;
SELECT mlops.create_function('n100', 'made.undone');
ROLLBACK;
SELECT to_regproc('made.undone'), to_regtype('made.undone_row');

RESET ROLE;
SET client_min_messages = warning;
DROP SCHEMA made, "Odd ""schema", hostile CASCADE;
TRUNCATE mlops.model, mlops.model_blob, mlops.dataset CASCADE;
REVOKE ALL ON FUNCTION mlops.register_model FROM regress_mlops_maker;
DROP ROLE regress_mlops_maker, regress_mlops_caller, regress_mlops_stranger;
