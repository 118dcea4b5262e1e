-- objectives, parameters, targets and classes; retrain and promotion
\set VERBOSITY terse
SET client_min_messages = warning;
CREATE ROLE regress_train_params LOGIN;
GRANT EXECUTE ON FUNCTION mlops.train TO regress_train_params;
CREATE SCHEMA train_params AUTHORIZATION regress_train_params;
\connect - regress_train_params
SET client_min_messages = warning;
SET search_path = train_params, public;

CREATE PROCEDURE wait_all() LANGUAGE plpgsql AS $$
BEGIN
	PERFORM mlops.wait(id, '100 s') FROM mlops.run WHERE model LIKE 'params\_%';
END $$;
-- y is 0 .. 17, t three classes, b two, s a survival time with upper end u, q a group
CREATE TABLE t AS SELECT i AS id, i % 13 AS x, i % 7 AS z, 'c' || i % 5 AS c, i % 12 + i % 7 AS y, (ARRAY['10', '2', '1'])[1 + i % 3] AS t, i % 13 > 6 AS b,
	1 + i % 9 AS s, CASE WHEN i % 4 > 0 THEN 2 + i % 9 END AS u, i % 40 AS q FROM generate_series(1, 400) i;
CREATE TABLE trial (n serial, target text, params text, arguments text DEFAULT '');
CREATE FUNCTION submit_all() RETURNS TABLE (params text, sqlstate text, error text, hint text) LANGUAGE plpgsql AS $$
DECLARE
	trial record;
	columns text;
BEGIN
	FOR trial IN SELECT * FROM trial ORDER BY n LOOP
		BEGIN
			columns := concat_ws(', ', 'x', 'z', 'c', CASE WHEN trial.arguments ~ 'qid' THEN 'q' ELSE 'id' END, trial.target, CASE WHEN trial.arguments ~ 'upper' THEN 'u' END);
			EXECUTE format('SELECT mlops.train(%L, ''SELECT %s FROM t'', %L, params => %L, num_boost_round => 3 %s %s)', 'params_' || trial.n, columns, trial.target, trial.params,
						   CASE WHEN trial.arguments !~ 'qid' THEN ', key => ''{id}''' END, trial.arguments);
		EXCEPTION WHEN OTHERS THEN
			params := concat_ws(' ', trial.params, trial.arguments);
			submit_all.sqlstate := sqlstate;
			error := sqlerrm;
			GET STACKED DIAGNOSTICS hint = PG_EXCEPTION_HINT;
			RETURN NEXT;
		END;
	END LOOP;
END $$;

-- every objective that libxgboost 1.7 has; 3.0 refuses categories with gblinear, 3.3 writes dart as gbtree
INSERT INTO trial (target, params, arguments) SELECT 'y', format('{"objective": "%s"}', o), ', task => ''regression''' FROM unnest(ARRAY['reg:squarederror', 'reg:squaredlogerror', 'reg:pseudohubererror', 'reg:absoluteerror', 'reg:tweedie', 'count:poisson']) o;
INSERT INTO trial (target, params, arguments) VALUES ('s', '{"objective": "reg:gamma"}', ''), ('b', '{"objective": "binary:logistic"}', ''), ('t', '{"objective": "multi:softprob"}', ''),
	('y', '{"objective": "rank:pairwise"}', ', qid => ''q'''), ('y', '{"objective": "rank:ndcg"}', ', qid => ''q'''), ('b', '{"objective": "rank:map"}', ', qid => ''q'''),
	('s', '{"objective": "survival:cox"}', ', task => ''survival'''), ('s', '{"objective": "survival:aft"}', ', target_upper => ''u'''),
	('y', '{"booster": "dart", "rate_drop": 0.5, "one_drop": true}', ''), ('b', '{"booster": "gblinear", "feature_selector": "shuffle"}', ', exclude => ''{c}'''), ('t', '{"booster": "dart"}', ''), ('t', '{"booster": "gblinear"}', ', exclude => ''{c}'''),
	('y', '{"tree_method": "exact", "max_depth": 2}', ', exclude => ''{c}'''), ('y', '{"tree_method": "approx"}', ''), ('y', '{"grow_policy": "lossguide", "max_leaves": 4, "max_depth": 0}', ''),
	('y', '{"num_parallel_tree": 4, "subsample": 0.5, "eta": "0.5"}', ''), ('y', '{"eta": null, "learning_rate": 1, "seed": 7, "base_score": -5}', ''), ('y', '{"monotone_constraints": {"x": -1}, "interaction_constraints": [["x", "z"]]}', ''),
	('b', '{"scale_pos_weight": 3, "eval_metric": ["auc", "error@0.3"]}', ', class_weight => ''balanced'', threshold => ''f1'''), ('t', '{}', ', class_weight => ''balanced''');
SELECT * FROM submit_all();
CALL wait_all();
SELECT concat_ws(' ', trial.params, arguments) AS trial, status, v.task, v.objective, replace(v.booster, 'dart', 'gbtree') AS booster, error FROM trial JOIN mlops.run r ON r.model = 'params_' || n LEFT JOIN mlops.model_version v ON v.run_id = r.id ORDER BY n;
-- what XGBoost was told is stored; a constraint holds
SELECT params - 'objective' AS params FROM mlops.model_version WHERE model = 'params_' || (SELECT n FROM trial WHERE params ~ 'parallel');
SELECT bool_and(mlops.predict('params_' || n, x, 3, 'c1'::text) >= mlops.predict('params_' || n, x + 1, 3, 'c1'::text)) AS falls FROM trial, generate_series(0, 12) x WHERE params ~ 'monotone';

-- T15: refused, or failed with a reason, when the task was known only after reading
DELETE FROM trial;
INSERT INTO trial (target, params) SELECT 'y', p FROM unnest(ARRAY['{"etaa": 1}', '{"ETA": 1}', '{"": 1}', '{"max_dept": 1}', '{"eta": 0}', '{"eta": "NaN"}', '{"eta": 1e400}', '{"eta": [1]}', '{"max_depth": 2.5}', '{"max_depth": -1}', '{"seed": -1}', '{"seed": 2147483648}',
	'{"nthread": 99}', '{"eta": 0.1, "learning_rate": 0.2}', '{"lambda": 1, "reg_lambda": 1}', '{"model_in": "/etc/passwd"}', '{"objective": "reg:squarederror model_in=/etc/passwd"}', '{"process_type": "update"}', '{"booster": "gblinear", "max_depth": 3}', '{"rate_drop": 1}',
	'{"eval_metric": "x"}', '{"eval_metric": "error@"}', '{"eval_metric": "rmse-"}', '{"tree_method": "gpu_hist"}', '{"monotone_constraints": {"x": 2}}', '{"interaction_constraints": [[0]]}']) p;
INSERT INTO trial (target, params, arguments) VALUES ('t', '{"eval_metric": "rmse"}', ''), ('s', '{"objective": "survival:aft"}', ''), ('s', '{"eval_metric": "aft-nloglik"}', ', task => ''survival'''),
	('s', '{"objective": "survival:cox"}', ', target_upper => ''u'''), ('y', '{"booster": "dart"}', ', early_stopping_rounds => 5'), ('y', '{}', ', task => ''regression'', threshold => ''0.3'''), ('y', '{}', ', task => ''regression'', class_weight => ''balanced'''),
	('y', '{"eval_metric": "auc"}', ''), ('y', '{"eval_metric": "mlogloss"}', ''), ('y', '{"scale_pos_weight": 2}', ''), ('y', '{"monotone_constraints": {"none": 1}}', ''), ('y', '{"monotone_constraints": [1]}', ''), ('y', '{}', ', class_weight => ''balanced'''),
	('y', '{}', ', threshold => ''f1'''), ('y', '{"objective": "reg:gamma"}', ''), ('y', '{"objective": "reg:logistic"}', ''), ('y', '{}', ', task => ''binary'''), ('y', '{}', ', positive => ''1'''), ('b', '{}', ', positive => ''yes'''), ('t', '{}', ', task => ''multiclass'', positive => ''2''');
SELECT params, sqlstate, left(error, 100) AS error, left(hint, 60) AS hint FROM submit_all();
CALL wait_all();
SELECT concat_ws(' ', trial.params, arguments) AS trial, r.sqlstate, regexp_replace(regexp_replace(error, '\n.*', ''), '(libxgboost: ).*(label|base_score) must be .*', '\1value out of range') AS error FROM trial JOIN mlops.run r ON r.model = 'params_' || n ORDER BY n;

-- targets: task, order of classes, which one is positive; the first version fixes them
SELECT mlops.train('params_bool', 'SELECT id, x, z, b FROM t', 'b', key => '{id}', num_boost_round => 3) AS bool,
	mlops.train('params_01', 'SELECT id, x, z, b::int::numeric AS b FROM t', 'b', key => '{id}', num_boost_round => 3) AS number,
	mlops.train('params_yes', 'SELECT id, x, z, CASE WHEN b THEN ''bad'' ELSE ''good'' END AS b FROM t', 'b', key => '{id}', positive => 'bad', num_boost_round => 3) AS yes,
	mlops.train('params_text', 'SELECT id, x, z, t FROM t', 't', key => '{id}', num_boost_round => 3) AS "text",
	mlops.train('params_onetwo', 'SELECT id, x, z, 1 + b::int AS b FROM t', 'b', key => '{id}', num_boost_round => 3) AS onetwo \gset
CALL wait_all();
SELECT name, task, classes FROM mlops.model WHERE name ~ '^params_(bool|01|yes|text|onetwo)$' ORDER BY name;
SELECT (SELECT bool_and((mlops.predict('params_bool', r) > 0.5) = b) FROM t r) AS bool, (SELECT bool_and((mlops.predict('params_01', r) > 0.5) = b) FROM t r) AS number,
	(SELECT bool_and((mlops.predict('params_yes', r) > 0.5) = b AND mlops.predict_class('params_yes', r) = CASE WHEN b THEN 'bad' ELSE 'good' END) FROM t r) AS yes;
SELECT mlops.retrain('params_yes', positive => 'good');
SELECT mlops.retrain('params_yes', task => 'multiclass');
SELECT mlops.train('params_yes', 'SELECT id, x, z, CASE WHEN b THEN ''bad'' ELSE ''good'' END AS b FROM t', 'b', key => '{id}', positive => 'good');
SELECT mlops.retrain('params_text', query => 'SELECT id, x, z, t FROM t WHERE t <> ''2''') AS fewer, mlops.retrain('params_text', query => 'SELECT id, x, z, CASE WHEN id % 7 = 0 THEN ''3'' ELSE t END AS t FROM t') AS more,
	mlops.retrain('params_text', query => 'SELECT id, x, z, t FROM t WHERE t = ''2''') AS one, mlops.retrain('params_text', query => 'SELECT id, c, t FROM t') AS columns \gset
CALL wait_all();
SELECT r.status, sqlstate, v.version > 1 AS version, v.parent_version, v.classes, jsonb_path_query_array(v.signature, '$.features[*].name') AS features, regexp_replace(error, '\n.*', '') AS error FROM mlops.run r LEFT JOIN mlops.model_version v ON v.run_id = r.id WHERE r.id IN (:fewer, :more, :one, :columns) ORDER BY r.id;
SELECT bool_and(cardinality(mlops.predict_proba('params_text/' || version, r)) = 3) AS three FROM t r, mlops.model_version WHERE run_id = :fewer;

-- retrain: labels beyond mlops.max_categories, the same data again, and promotion
SELECT mlops.train('params_again', 'SELECT id, x, z, c, x + z AS y FROM t', 'y', key => '{id}', params => '{"eta": 0.5, "max_depth": 3}', num_boost_round => 3) AS first \gset
CALL mlops.wait_run(:first);
SELECT mlops.retrain('params_again', params => '{"eta": null, "max_depth": 2}') AS merged \gset
CALL wait_all();
SELECT mlops.retrain('params_again/1', query => 'SELECT id, x, z, c, x + z AS y FROM t UNION ALL SELECT 1000 + i, i % 11, i % 5, ''k'' || i % 1200, i % 11 + i % 5 FROM generate_series(1, 3000) i') AS labels \gset
CALL wait_all();
SELECT mlops.retrain('params_again/1', promote => 'if_not_worse', num_boost_round => 30) AS better \gset
CALL wait_all();
SELECT mlops.retrain('params_again', promote => 'if_not_worse', num_boost_round => 1) AS worse \gset
CALL wait_all();
SELECT r.version, v.params ->> 'eta' AS eta, v.params ->> 'max_depth' AS depth, num_round, (SELECT string_agg(regexp_replace(regexp_replace(s, '-?\d+\.\d+', '#', 'g'), 'error [-e.\d]+', 'error #'), '; ') FROM unnest(notes) s WHERE s !~ '^target') AS notes
	FROM mlops.run r JOIN mlops.model_version v ON v.run_id = r.id WHERE r.model = 'params_again' ORDER BY r.id;
SELECT alias, version FROM mlops.alias WHERE model = 'params_again';
