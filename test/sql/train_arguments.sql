-- what train refuses before anything is queued; nothing runs in this test
CREATE ROLE regress_mlops_trainer LOGIN;
GRANT EXECUTE ON FUNCTION mlops.train TO regress_mlops_trainer;
GRANT EXECUTE ON PROCEDURE mlops.train_wait TO regress_mlops_trainer;
CREATE SCHEMA arguments AUTHORIZATION regress_mlops_trainer;
SET ROLE regress_mlops_trainer;
SET search_path = arguments, public;
CREATE TABLE t AS SELECT i AS id, i % 7 AS a, i % 5 AS b, i % 3 AS c, i % 2 = 0 AS y FROM generate_series(1, 100) i;

-- T06, T07: queries
SELECT mlops.train('m', NULL, 'y');
SELECT mlops.train('m', '', 'y');
SELECT mlops.train('m', ' -- nothing', 'y');
SELECT mlops.train('m', 'SELECT * FROM t; SELECT * FROM t', 'y');
SELECT mlops.train('m', 'SELECT * FROM t; DROP TABLE t', 'y');
SELECT mlops.train('m', 'INSERT INTO t DEFAULT VALUES RETURNING *', 'y');
SELECT mlops.train('m', 'WITH d AS (DELETE FROM t RETURNING *) SELECT * FROM d', 'y');
SELECT mlops.train('m', 'SELECT * INTO u FROM t', 'y');
SELECT mlops.train('m', 'SELECT * FROM t FOR UPDATE', 'y');
SELECT mlops.train('m', 'CREATE TABLE u AS SELECT * FROM t', 'y');
SELECT mlops.train('m', 'EXPLAIN SELECT * FROM t', 'y');
SELECT mlops.train('m', 'SELEC * FROM t', 'y');
SELECT mlops.train('m', 'SELECT * FROM t WHERE ''', 'y');
SELECT mlops.train('m', 'SELECT * FROM missing', 'y');
SELECT mlops.train('m', 'SELECT * FROM t WHERE id > $2', 'y');
SELECT mlops.train('m', 'COPY t TO STDOUT', 'y');
SELECT mlops.train('m', 'CALL mlops.wait_run(1)', 'y');
SELECT mlops.train('m', 'DO $$ BEGIN END $$', 'y');
SELECT mlops.train('m', 'UPDATE t SET a = 1 RETURNING *', 'y');
SELECT mlops.train('m', 'EXECUTE s', 'y');
SELECT mlops.train('m', 'SELECT * FROM t WHERE $q$', 'y');
SELECT mlops.train('m', 'SELECT * FROM t /* ', 'y');
SELECT mlops.train('m', '   ' || chr(10), 'y');
SELECT mlops.train('m', E'SELECT * FROM t WHERE \'\xff\' = \'\'', 'y');
\set VERBOSITY terse
SELECT mlops.train('m', 'SELECT *, ' || repeat('1 + ', 2500000) || '1 AS n FROM t', 'y');
SELECT length(mlops.train('m', '/*' || repeat('x', 10000000) || '*/ SELECT * FROM nowhere', 'y')::text);
\set VERBOSITY default
CREATE TEMP TABLE temporary AS SELECT * FROM t;
SELECT mlops.train('m', 'SELECT * FROM temporary', 'y');

-- T02: columns
SELECT mlops.train('m', 'SELECT * FROM t', 'Y');
SELECT mlops.train('m', 'SELECT * FROM t', 'y', key => '{nope}');
SELECT mlops.train('m', 'SELECT * FROM t', 'y', key => '{NULL}');
SELECT mlops.train('m', 'SELECT * FROM t', 'y', weight => 'nope');
SELECT mlops.train('m', 'SELECT * FROM t', 'y', exclude => '{nope}');
SELECT mlops.train('m', 'SELECT y FROM t', 'y');
SELECT mlops.train('m', 'SELECT *, now() AS at FROM t', 'y');

-- arguments
SELECT mlops.train(NULL, 'SELECT * FROM t', 'y');
SELECT mlops.train('no name', 'SELECT * FROM t', 'y');
SELECT mlops.train('m', 'SELECT * FROM t', 'y', task => 'clustering');
SELECT mlops.train('m', 'SELECT * FROM t', 'y', task => 'ranking');
SELECT mlops.train('m', 'SELECT * FROM t', 'a', qid => 'id', task => 'regression');
SELECT mlops.train('m', 'SELECT * FROM t', 'a', qid => 'id', key => '{id}');
SELECT mlops.train('m', 'SELECT * FROM t', 'a', target_upper => 'b', task => 'regression');
SELECT mlops.train('m', 'SELECT * FROM t', 'y', num_boost_round => 0);
SELECT mlops.train('m', 'SELECT * FROM t', 'y', num_boost_round => 2147483647);
SELECT mlops.train('m', 'SELECT * FROM t', 'y', early_stopping_rounds => -1);
SELECT mlops.train('m', 'SELECT * FROM t', 'y', split => 'random');
SELECT mlops.train('m', 'SELECT * FROM t', 'y', split => 'time');
SELECT mlops.train('m', 'SELECT * FROM t', 'y', split_by => 'a');
SELECT mlops.train('m', 'SELECT * FROM t', 'y', test_size => 1);
SELECT mlops.train('m', 'SELECT * FROM t', 'y', test_size => 'NaN');
SELECT mlops.train('m', 'SELECT * FROM t', 'y', validation_size => 0, early_stopping_rounds => 5);
SELECT mlops.train('m', 'SELECT * FROM t', 'y', gap => '-1 day');
SELECT mlops.train('m', 'SELECT * FROM t', 'y', label_delay => '-1 day');
SELECT mlops.train('m', 'SELECT * FROM t', 'y', as_of => 'infinity');
SELECT mlops.train('m', 'SELECT * FROM t', 'y', class_weight => 'heavy');
SELECT mlops.train('m', 'SELECT * FROM t', 'y', threshold => '1.5');
SELECT mlops.train('m', 'SELECT * FROM t', 'a', task => 'regression', threshold => 'f1');
SELECT mlops.train('m', 'SELECT * FROM t', 'y', promote => 'always');
SELECT mlops.train('m', 'SELECT * FROM t', 'y', promote => 'gate');
SELECT mlops.train('m', 'SELECT * FROM t', 'y', tags => '[1]');

-- T15: parameters, each with what the error says
CREATE FUNCTION try(params jsonb, task text DEFAULT NULL) RETURNS text LANGUAGE plpgsql AS $$
DECLARE
	hint text;
BEGIN
	PERFORM mlops.train('m', 'SELECT * FROM t', CASE WHEN task IS NULL THEN 'y' ELSE 'a' END, params => try.params, task => try.task);
	RAISE EXCEPTION 'accepted';
EXCEPTION WHEN OTHERS THEN
	GET STACKED DIAGNOSTICS hint = PG_EXCEPTION_HINT;
	RETURN SQLSTATE || ' ' || SQLERRM || coalesce(' / ' || nullif(hint, ''), '');
END $$;
SET client_min_messages = warning;
SELECT p AS params, try(p::jsonb) FROM unnest(ARRAY[
	'{"max_dept": 3}', '{"learnin_rate": 0.1}', '{"xyzzy": 1}', '{"": 1}', '{"objectiv": "binary:logistic"}',
	'{"max_depth": -1}', '{"max_depth": 2.5}', '{"max_depth": "deep"}', '{"max_depth": {"a": 1}}', '{"max_depth": [3]}', '{"max_depth": 2147483648}',
	'{"eta": 0}', '{"eta": 1.01}', '{"eta": 1e308}', '{"eta": "NaN"}', '{"eta": "inf"}', '{"eta": true}', '{"subsample": 0}', '{"gamma": -1}', '{"lambda": 1e40}',
	'{"nthread": 0}', '{"nthread": 100}', '{"nthread": 10000}', '{"n_jobs": 2}', '{"device": "cuda"}', '{"gpu_id": 0}', '{"tree_method": "gpu_hist"}',
	'{"updater": "/etc/passwd"}', '{"max_depth": -1, "max_depth": -2}', '{"eta": {"eta": 0.1}}', '{"eta": 1e400}', '{"seed": 18446744073709551616}', '{"process_type": "update"}', '{"model_in": "/etc/passwd"}', '{"num_class": 3}', '{"random_state": 1}', '{"n_estimators": 10}', '{"verbosity": 3}',
	'{"booster": "gbforest"}', '{"booster": "gblinear", "max_depth": 3}', '{"rate_drop": 0.5}', '{"booster": "dart", "rate_drop": 2}',
	'{"objective": "rank:ndcg"}', '{"objective": "binary:hinge"}', '{"objective": "multi:softmax"}', '{"objective": 1}', '{"huber_slope": 1}',
	'{"eval_metric": "accuracy"}', '{"eval_metric": "error@x"}', '{"eval_metric": "ndcg@/etc/passwd"}', '{"eval_metric": ["auc", "foo"]}',
	'{"monotone_constraints": "up"}', '{"monotone_constraints": {"a": 2}}', '{"monotone_constraints": [0.5]}', '{"interaction_constraints": ["a"]}', '{"interaction_constraints": [[1]]}',
	'{"quantile_alpha": 0.5}', '{"seed": -1}', '{"one_drop": 1}', '{"sampling_method": "gradient_based"}']) p;
SELECT p AS params, try(p::jsonb, 'regression') FROM unnest(ARRAY[
	'{"objective": "binary:logistic"}', '{"objective": "reg:quantileerror", "quantile_alpha": 1}', '{"objective": "reg:quantileerror", "quantile_alpha": []}',
	'{"objective": "reg:quantileerror", "quantile_alpha": [0.1, "x"]}', '{"objective": "reg:tweedie", "tweedie_variance_power": 2}', '{"objective": "reg:squarederror", "tweedie_variance_power": 1.5}', '{"scale_pos_weight": 2}']) p;

-- accepted
SELECT p AS params, try(p::jsonb) FROM unnest(ARRAY[
	'{}', '{"max_depth": 0, "tree_method": "exact"}', '{"eta": "0.3"}', '{"max_depth": null, "xyzzy": null}', '{"booster": "gblinear", "feature_selector": "cyclic"}',
	'{"eval_metric": ["auc", "error@0.4"]}', '{"monotone_constraints": {"a": 1, "b": -1}}', '{"interaction_constraints": [["a", "b"], ["c"]]}', '{"booster": "dart", "one_drop": true}', '{"scale_pos_weight": 3.5}']) p;

-- Q03: where it cannot be called
\set VERBOSITY terse
BEGIN READ ONLY;
SELECT mlops.train('m', 'SELECT * FROM t', 'y');
ROLLBACK;
BEGIN;
CALL mlops.train_wait('m', 'SELECT * FROM t', 'y');
ROLLBACK;
DO $$ BEGIN CALL mlops.wait_run(1); END $$;
CREATE FUNCTION leak() RETURNS bigint LANGUAGE sql AS $$ SELECT mlops.train('m', 'SELECT * FROM t', 'y') $$;
CREATE MATERIALIZED VIEW trap AS SELECT arguments.leak();
SELECT mlops.retrain('m');
SELECT mlops.wait(NULL);
SELECT mlops.wait(4711);
SELECT mlops.cancel(4711);

-- Q20: names, times and numbers at their ends; what is accepted is rolled back
CREATE FUNCTION try_name(name text) RETURNS text LANGUAGE plpgsql AS $$
BEGIN
	PERFORM mlops.train(name, 'SELECT * FROM t', 'y', key => '{id}');
	RAISE 'accepted';
EXCEPTION WHEN OTHERS THEN
	RETURN left(SQLERRM, 60);
END $$;
SELECT left(n, 20) AS name, length(n), try_name(n) FROM unnest(ARRAY['a', repeat('n', 63), repeat('n', 64), repeat('n', 128), repeat('n', 129), '', ' m', 'm/1', 'm@a', 'm"', 'm''', E'm\n', E'm\\', U&'mod\00E8le', '1m', '-m', '..', '_.-']) n;
CREATE FUNCTION try_time(as_of timestamptz, label_delay interval DEFAULT '0') RETURNS text LANGUAGE plpgsql AS $$
BEGIN
	PERFORM mlops.train('m', 'SELECT * FROM t WHERE $1 IS NOT NULL', 'y', key => '{id}', as_of => as_of, label_delay => label_delay);
	RAISE 'accepted';
EXCEPTION WHEN OTHERS THEN
	RETURN SQLERRM;
END $$;
SELECT t, try_time(t::timestamptz) FROM unnest(ARRAY['1970-01-01 UTC', '4714-11-24 BC UTC', '294276-12-31 UTC', 'infinity', '-infinity']) t;
SELECT try_time('4714-11-24 BC UTC', '100 years');
SELECT mlops.train('m', 'SELECT * FROM t', repeat('y', 64)::name);
SELECT mlops.train('m', 'SELECT * FROM t', E'y"\n');
SELECT mlops.wait(-1);
SELECT mlops.wait(9223372036854775807);
SELECT mlops.cancel(-9223372036854775808);
SELECT mlops.cancel(NULL) IS NULL AS nothing;
CALL mlops.wait_run(NULL);
CALL mlops.wait_run(4711, '-1 day');
RESET ROLE;
SELECT mlops.train('m', 'SELECT * FROM arguments.t', 'y');
SELECT count(*) FROM mlops.run WHERE model = 'm';
DROP SCHEMA arguments CASCADE;
DROP OWNED BY regress_mlops_trainer;
DROP ROLE regress_mlops_trainer;
