-- the log of predictions: what it says of a prediction, what came of it, who sees and writes which rows
SET client_min_messages = warning;
SET timezone = 'UTC';
CREATE ROLE regress_log_owner;
CREATE ROLE regress_log_app;
CREATE ROLE regress_log_other;
CREATE ROLE regress_log_reader;
CREATE SCHEMA log_test;
SET search_path = log_test;
GRANT USAGE ON SCHEMA log_test TO regress_log_owner, regress_log_app, regress_log_other, regress_log_reader;
GRANT EXECUTE ON FUNCTION mlops.register_model TO regress_log_owner;

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
SET ROLE regress_log_owner;
SELECT mlops.register_model('amount', make_model('reg:squarederror', 0, 7, 3), signature(NULL) - 'classes') AS amount,
	mlops.register_model('yes_no', make_model('binary:logistic', 0, 9, 4), signature('{no,yes}')) AS yes_no,
	mlops.register_model('kind', make_model('multi:softprob', 3, 12, 2), signature('{x,y,z}')) AS kind;
SELECT mlops.register_model('yes_no', make_model('binary:logistic', 0, 5, 3), signature('{no,yes}')) AS second;
SELECT mlops.set_alias('yes_no', 'challenger', 2);
SELECT count(*) FROM (SELECT mlops.grant_model(m, r::regrole, p) FROM unnest('{amount,yes_no,kind}'::text[]) m,
	(VALUES ('regress_log_app', 'predict'), ('regress_log_other', 'predict'), ('regress_log_reader', 'read')) g (r, p)) t;
RESET ROLE;
CREATE TABLE sample AS SELECT i AS id, CASE WHEN i % 7 > 0 THEN (i * 37 % 101 / 50.0 - 1)::real END AS a,
	i * 53 % 97 / 48.0 - 1 AS b, ARRAY[(i * 71 % 89 / 44.0 - 1)::real, (i * 31 % 83 / 41.0 - 1)::real] AS v,
	(ARRAY['even', 'odd', 'other', NULL])[1 + i % 4] AS c, 'ignored' AS further
FROM generate_series(1, 200) i;
GRANT SELECT ON sample TO PUBLIC;

-- the answer is that of predict and predict_class, and so is what is written
SET ROLE regress_log_app;
CREATE TEMP TABLE answer AS SELECT s.id, m AS ref, l.* FROM unnest('{amount,yes_no,kind,yes_no@challenger,yes_no/1}'::text[]) m, sample s,
	LATERAL mlops.predict_logged(m, m || s.id, s) l;
SELECT ref, count(*), min(version) AS version, arm, count(prediction) AS predictions, count(DISTINCT class) AS classes, count(DISTINCT prediction_id) AS ids,
	count(*) FILTER (WHERE ref <> 'kind' AND prediction IS DISTINCT FROM CASE WHEN ref <> 'kind' THEN mlops.predict(ref, s) END) AS other_prediction,
	count(*) FILTER (WHERE class IS DISTINCT FROM CASE WHEN ref <> 'amount' THEN mlops.predict_class(ref, s) END) AS other_class
FROM answer a JOIN sample s USING (id) GROUP BY ref, arm ORDER BY ref;
SELECT count(*) AS seen_by_app FROM mlops.prediction_log;
RESET ROLE;
SELECT a.ref, count(*), count(*) FILTER (WHERE (l.prediction, l.class, l.version, l.arm) IS DISTINCT FROM (a.prediction, a.class, a.version, a.arm)) AS different,
	count(*) FILTER (WHERE l.key <> ref || a.id OR l.model <> split_part(split_part(ref, '@', 1), '/', 1) OR l.shadow OR l.features IS NOT NULL) AS wrong,
	count(*) FILTER (WHERE l.probabilities IS DISTINCT FROM CASE WHEN ref = 'kind' THEN mlops.predict_proba(ref, s) END) AS other_probabilities,
	min(l.predicted_by::text) AS predicted_by, count(*) FILTER (WHERE predicted_at BETWEEN now() - interval '1 hour' AND now()) AS lately
FROM answer a JOIN mlops.prediction_log l ON l.id = a.prediction_id JOIN sample s ON s.id = a.id GROUP BY ref ORDER BY ref;
SELECT count(*) FROM mlops.prediction_log;

-- every shape of row; with and without types; nothing for a NULL model or row; a NULL key is logged
SET ROLE regress_log_app;
SELECT count(*) AS calls, count(DISTINCT l.prediction) AS predictions FROM sample s,
	LATERAL (SELECT * FROM mlops.predict_logged('amount', 'shape', s) UNION ALL
		SELECT * FROM mlops.predict_logged('amount', 'shape', to_jsonb(s)) UNION ALL
		SELECT * FROM mlops.predict_logged('amount', 'shape', to_json(s)::text) UNION ALL
		SELECT * FROM mlops.predict_logged('amount', 'shape', s.a, s.b, s.v, s.c)) l WHERE s.id = 1;
PREPARE untyped AS SELECT prediction = mlops.predict('amount', s) AS same, class, version, arm FROM sample s, mlops.predict_logged($1, $2, $3) WHERE s.id = 1;
SELECT to_json(s)::text AS row FROM sample s WHERE id = 1 \gset
EXECUTE untyped ('amount', 'untyped', :'row');
SELECT prediction = mlops.predict('amount', s) AS same FROM sample s, mlops.predict_logged(model => 'amount', key => 'named', features => to_json(s)::text) WHERE s.id = 1;
SELECT * FROM mlops.predict_logged(NULL, 'null model', 1::real);
SELECT * FROM mlops.predict_logged('amount', 'null row', NULL::sample);
SELECT prediction_id IS NOT NULL AS logged, prediction IS NOT NULL AS predicted, version, arm FROM sample s, mlops.predict_logged('amount', NULL, s) WHERE s.id = 1;
RESET ROLE;
SELECT key, count(*) FROM mlops.prediction_log WHERE key IN ('shape', 'untyped', 'named', 'null model', 'null row') OR key IS NULL GROUP BY 1 ORDER BY 1;
SELECT count(*) AS statements_once, count(DISTINCT predicted_at) AS times FROM mlops.prediction_log WHERE key = 'shape';

-- features, as the model saw them
SET mlops.log_features = on;
SELECT l.version FROM sample s, mlops.predict_logged('amount', 'features ' || s.id, s) l WHERE s.id IN (1, 2, 4, 7) ORDER BY s.id;
SELECT l.version FROM mlops.predict_logged('amount', 'odd numbers', '{"a": 0.1, "b": 1e30, "v": [-0.0, 16777217], "c": "even"}'::jsonb) l;
SELECT l.version FROM mlops.predict_logged('amount', 'odd numbers', 'NaN'::real, 0.1::numeric, ARRAY[-3.4e38, NULL]::real[], ''::text) l;
RESET mlops.log_features;
SELECT key, features FROM mlops.prediction_log WHERE features IS NOT NULL ORDER BY id;

-- errors: of the model, the row, and where nothing may be written
SET ROLE regress_log_app;
SELECT * FROM mlops.predict_logged('none', 'k', 1::real);
SELECT * FROM mlops.predict_logged('amount@none', 'k', 1::real);
SELECT * FROM mlops.predict_logged('amount@', 'k', 1::real);
SELECT * FROM mlops.predict_logged('amount', 'k', 1::real);
SELECT * FROM mlops.predict_logged('amount', 'k', '{"a": 1}'::jsonb);
SELECT * FROM mlops.predict_logged('amount', 1, 1::real);
SELECT * FROM mlops.predict_logged('amount', repeat('k', 2001), 1::real);
SELECT * FROM mlops.predict_logged('amount', 'k');
BEGIN READ ONLY;
SELECT * FROM mlops.predict_logged('amount', 'k', NULL::sample);
ROLLBACK;
BEGIN READ ONLY;
SELECT mlops.record_outcome('amount', 'k', '1');
ROLLBACK;
RESET ROLE;
CREATE MATERIALIZED VIEW logged AS SELECT l.* FROM sample s, mlops.predict_logged('amount', 'k', s) l;
REVOKE EXECUTE ON FUNCTION mlops.predict_logged(text, text, text) FROM PUBLIC;
SELECT has_function_privilege('regress_log_app', 'mlops.predict_logged(text, text, "any")', 'EXECUTE') AS typed,
	has_function_privilege('regress_log_app', 'mlops.predict_logged(text, text, text)', 'EXECUTE') AS untyped;
GRANT EXECUTE ON FUNCTION mlops.predict_logged(text, text, text) TO PUBLIC;
SELECT count(*) FROM mlops.prediction_log WHERE key = 'k';
SELECT count(l.prediction_id) AS longest FROM sample s, (SELECT string_agg(md5(i::text), '') AS key FROM generate_series(1, 62) i) k, mlops.predict_logged('amount', key, s) l WHERE s.id = 1;
-- whatever the search_path of the caller says
CREATE SCHEMA hostile;
CREATE FUNCTION hostile.trap(text, text) RETURNS boolean LANGUAGE plpgsql AS $$ BEGIN RAISE EXCEPTION 'trapped as %', current_user; END $$;
CREATE FUNCTION hostile.pg_has_role(oid, regrole, text) RETURNS boolean LANGUAGE plpgsql AS $$ BEGIN RAISE EXCEPTION 'trapped as %', current_user; END $$;
CREATE OPERATOR hostile.= (LEFTARG = text, RIGHTARG = text, FUNCTION = hostile.trap);
GRANT USAGE ON SCHEMA hostile TO regress_log_owner;
SET ROLE regress_log_owner;
SET search_path = hostile, log_test, pg_catalog;
SELECT 'a'::text = 'a'::text;
SELECT l.version, mlops.record_outcome('amount', 'hostile', '1') FROM sample s, mlops.predict_logged('amount', 'hostile', s) l WHERE s.id OPERATOR(pg_catalog.=) 1;
SELECT count(*) FROM mlops.prediction_performance('amount');
SELECT count(*) FROM mlops.compare_logged('yes_no', 'yes_no@challenger');
RESET ROLE;
SET search_path = log_test;
-- rolled back with the transaction, and with the savepoint
BEGIN;
SELECT l.version FROM sample s, mlops.predict_logged('amount', 'kept', s) l WHERE s.id = 1;
SAVEPOINT s;
SELECT l.version FROM sample s, mlops.predict_logged('amount', 'undone', s) l WHERE s.id = 1;
ROLLBACK TO s;
SELECT l.version FROM sample s, mlops.predict_logged('amount', 'kept', s) l WHERE s.id = 2;
COMMIT;
SELECT key, count(*) FROM mlops.prediction_log WHERE key IN ('kept', 'undone') GROUP BY 1;

-- outcomes: predictions of one key at four times, one of them of a shadow arm
UPDATE mlops.prediction_log SET key = 'customer', predicted_at = '2026-01-01' WHERE key = 'yes_no1';
UPDATE mlops.prediction_log SET key = 'customer', predicted_at = '2026-01-01', shadow = true WHERE key = 'yes_no@challenger1';
UPDATE mlops.prediction_log SET key = 'customer', predicted_at = '2026-01-02' WHERE key = 'yes_no2';
UPDATE mlops.prediction_log SET key = 'customer', predicted_at = '2026-01-04' WHERE key = 'yes_no3';
CREATE VIEW customer AS SELECT predicted_at::date AS day, shadow, outcome, outcome_at, outcome_recorded_at IS NOT NULL AS recorded, outcome_recorded_by,
	(SELECT jsonb_agg(c - 'recorded_at') FROM jsonb_array_elements(corrections) c) AS corrections
	FROM mlops.prediction_log WHERE model = 'yes_no' AND key = 'customer' ORDER BY 1, 2;
SET ROLE regress_log_owner;
-- the latest before: none, the first with its shadow, the second, at the very moment
SELECT mlops.record_outcome('yes_no', 'customer', 'yes', '2025-12-31'), mlops.record_outcome('yes_no', 'nobody', 'yes'), mlops.record_outcome('amount', 'customer', '1');
SELECT mlops.record_outcome('yes_no', 'customer', 'yes', '2026-01-01 12:00');
SELECT mlops.record_outcome('yes_no', 'customer', 'no', '2026-01-02');
RESET ROLE;
SELECT * FROM customer;
-- a later call corrects, the same call once more does not, NULL takes back
SET ROLE regress_log_owner;
SELECT mlops.record_outcome('yes_no', 'customer', 'no', '2026-01-01 12:00'), mlops.record_outcome('yes_no', 'customer', 'no', '2026-01-01 12:00');
SELECT mlops.record_outcome('yes_no', 'customer', NULL, '2026-01-03');
RESET ROLE;
SELECT * FROM customer;
-- all within the horizon, both ends included
SET ROLE regress_log_owner;
SELECT mlops.record_outcome('yes_no', 'customer', 'yes', '2026-01-04', '2 days');
SELECT mlops.record_outcome('yes_no', 'customer', 'yes', '2026-01-03', '0'), mlops.record_outcome('yes_no', 'customer', 'yes', '2026-01-06', '1 day');
RESET ROLE;
SELECT * FROM customer;
-- the default of event_at, and predictions of the same transaction
BEGIN;
SELECT l.version FROM sample s, mlops.predict_logged('amount', 'today', s) l WHERE s.id = 1;
SELECT mlops.record_outcome('amount', 'today', '1e2');
COMMIT;
SELECT outcome, outcome_at = predicted_at AS at_once FROM mlops.prediction_log WHERE key = 'today';

-- who records for whom
SET ROLE regress_log_other;
SELECT mlops.record_outcome('yes_no', 'customer', 'no');
SET ROLE regress_log_reader;
SELECT mlops.record_outcome('yes_no', 'customer', 'no');
SET ROLE regress_log_app;
SELECT mlops.record_outcome('yes_no', 'customer', 'no');
RESET ROLE;
GRANT regress_log_app TO regress_log_other;
SET ROLE regress_log_other;
SELECT mlops.record_outcome('yes_no', 'customer', 'yes');
RESET ROLE;
REVOKE regress_log_app FROM regress_log_other;
SELECT outcome, outcome_recorded_by, jsonb_array_length(corrections) FROM mlops.prediction_log WHERE key = 'customer' AND predicted_at = '2026-01-04';

-- what is no outcome
SELECT mlops.record_outcome('yes_no', 'customer', 'maybe');
SELECT mlops.record_outcome('amount', 'today', 'much');
SELECT mlops.record_outcome('amount', 'today', 'NaN');
SELECT mlops.record_outcome('none', 'today', '1');
SELECT mlops.record_outcome('amount@champion', 'today', '1');
SELECT mlops.record_outcome('amount', NULL, '1');
SELECT mlops.record_outcome('amount', 'today', '1', NULL);
SELECT mlops.record_outcome('amount', 'today', '1', 'infinity');
SELECT mlops.record_outcome('amount', 'today', '1', horizon => '-1 day');
SET ROLE regress_log_other;
SELECT mlops.record_outcome('none', 'today', '1');

-- traffic: a split by key, sticky, by the shares, and a greater share only gains keys
SET ROLE regress_log_owner;
SELECT mlops.set_alias('yes_no', 'canary', 1);
SELECT mlops.set_traffic('yes_no', '{"champion": 0.7, "challenger": 0.2, "canary": 0.1}', reason => 'try');
SELECT alias, share, shadow, updated_by, reason FROM mlops.traffic ORDER BY alias;
CREATE TEMP TABLE routed AS SELECT i::text AS key, r.* FROM generate_series(1, 20000) i, mlops.route('yes_no', i::text) r;
-- within four standard deviations of a binomial count
SELECT alias, min(version) AS version, abs(count(*) - 20000 * share) < 4 * sqrt(20000 * share * (1 - share)) AS by_share
FROM routed JOIN mlops.traffic USING (alias) GROUP BY alias, share ORDER BY alias;
SELECT * FROM mlops.route('yes_no', NULL);
SELECT * FROM mlops.route('amount', 'key');
SELECT mlops.set_traffic('yes_no', '{"champion": 0.525, "challenger": 0.4, "canary": 0.075}');
SELECT old.alias AS old, new.alias AS new, count(*) > 0 AS keys FROM routed old, mlops.route('yes_no', key) new WHERE old.alias <> new.alias GROUP BY 1, 2 ORDER BY 1, 2;
-- independent of the model, of the draw for shadows, and of other models' splits
SELECT mlops.set_alias('amount', 'challenger', 1), mlops.set_traffic('amount', '{"champion": 0.5, "challenger": 0.5}'), mlops.set_traffic('yes_no', '{"champion": 0.5, "challenger": 0.5}');
SELECT abs(count(*) - 5000) < 4 * sqrt(20000 * 0.25 * 0.75) AS independent FROM generate_series(1, 20000) i, mlops.route('yes_no', i::text) a, mlops.route('amount', i::text) b
WHERE a.alias = 'challenger' AND b.alias = 'challenger';
SELECT mlops.set_traffic('amount');
-- a bare name takes part, with its key; a reference is as it says
SET ROLE regress_log_app;
SELECT ref, r.alias AS routed, l.arm, l.version, count(*) > 30 AS many,
	count(*) FILTER (WHERE l.prediction IS DISTINCT FROM mlops.predict('yes_no/' || l.version, s)) AS different
FROM unnest('{yes_no,yes_no@champion,yes_no/2}'::text[]) ref, sample s, mlops.route('yes_no', 'traffic' || s.id) r, mlops.predict_logged(ref, 'traffic' || s.id, s) l
GROUP BY 1, 2, 3, 4 ORDER BY 1, 2;
SELECT DISTINCT arm FROM sample s, mlops.predict_logged('yes_no', NULL, s);
-- a shadow is logged beside what is returned, and not for the keys that its arm answers
SET ROLE regress_log_owner;
SELECT mlops.set_traffic('yes_no', '{"champion": 0.5, "challenger": 0.5}', '{"champion": 0, "canary": 1, "challenger": 0.5}');
SET ROLE regress_log_app;
SELECT count(*), count(DISTINCT prediction_id) FROM sample s, mlops.predict_logged('yes_no', 'shadow' || s.id, s);
RESET ROLE;
SELECT arm, shadow, version, count(*) BETWEEN 70 AND 130 AS half, count(*) BETWEEN 30 AND 70 AS quarter, count(*) FILTER (WHERE prediction IS DISTINCT FROM mlops.predict('yes_no/' || l.version, s)) AS different
FROM mlops.prediction_log l JOIN sample s ON l.key = 'shadow' || s.id GROUP BY 1, 2, 3 ORDER BY 1, 2;
SELECT max(arms) AS arms, min(times) AS times, max(times) AS times FROM (SELECT count(*) FILTER (WHERE NOT shadow) AS arms, count(DISTINCT predicted_at) AS times FROM mlops.prediction_log WHERE key LIKE 'shadow%' GROUP BY key) k;
SELECT mlops.record_outcome('yes_no', 'shadow1', 'yes') = count(*) AS with_shadows FROM mlops.prediction_log WHERE key = 'shadow1';
-- a shadow that cannot predict does no harm
SET ROLE regress_log_owner;
SELECT mlops.register_model('yes_no', make_model('binary:logistic', 0, 5, 3), jsonb_set(signature('{no,yes}'), '{features,0,name}', '"absent"')) AS third;
SELECT mlops.set_alias('yes_no', 'challenger', 3);
SELECT mlops.set_traffic('yes_no', shadow => '{"challenger": 1}');
SELECT count(*), count(DISTINCT arm) AS arms FROM sample s, mlops.predict_logged('yes_no', 'broken' || s.id, s);
RESET ROLE;
SELECT arm, shadow, count(*) FROM mlops.prediction_log WHERE key LIKE 'broken%' GROUP BY 1, 2;
-- aliases with traffic stay; those that move keep it
SET ROLE regress_log_owner;
SELECT mlops.set_alias('yes_no', 'challenger', NULL);
SELECT mlops.set_alias('yes_no', 'challenger', 2), (SELECT count(*) FROM mlops.traffic);
SELECT mlops.set_traffic('yes_no');
SELECT count(*) FROM mlops.traffic;
SELECT mlops.set_alias('yes_no', 'challenger', NULL);
SELECT mlops.set_alias('yes_no', 'challenger', 2);
-- what is no split
SELECT mlops.set_traffic('yes_no', '{"champion": 0.5, "challenger": 0.4}');
SELECT mlops.set_traffic('yes_no', '{"champion": 1.5, "challenger": -0.5}');
SELECT mlops.set_traffic('yes_no', '{"champion": "1"}');
SELECT mlops.set_traffic('yes_no', '{"champion": [1]}');
SELECT mlops.set_traffic('yes_no', '[1]');
SELECT mlops.set_traffic('yes_no', '{}');
SELECT mlops.set_traffic('yes_no', '{"nobody": 1}');
SELECT mlops.set_traffic('yes_no', shadow => '{"champion": 2}');
SELECT mlops.set_traffic('yes_no', shadow => '{"nobody": 1}');
SELECT mlops.set_traffic(NULL);
SELECT mlops.set_traffic('none');
SELECT mlops.set_traffic('yes_no@champion');
SELECT * FROM mlops.route('none', 'k');
SELECT * FROM mlops.route('yes_no/1', 'k');
SELECT * FROM mlops.route(NULL, 'k');
SET ROLE regress_log_app;
SELECT mlops.set_traffic('yes_no');
RESET ROLE;
BEGIN READ ONLY;
SELECT mlops.set_traffic('yes_no');
ROLLBACK;

-- what is shown of them, and what is not
SELECT metric, n FROM mlops.prediction_performance('yes_no', now() - interval '1 day') WHERE metric = 'accuracy';
SELECT count(*) FROM mlops.prediction_performance('none');
SELECT * FROM mlops.prediction_performance('yes_no', window_size => '1 month');
SELECT * FROM mlops.compare_logged('yes_no', 'yes_no/99');
SELECT * FROM mlops.compare_logged('yes_no', 'amount');
SELECT * FROM mlops.compare_logged('none', 'none@champion');
SELECT metric, n, n = (SELECT count(DISTINCT (key, predicted_at)) FROM mlops.prediction_log a JOIN mlops.prediction_log b USING (model, key, predicted_at)
	WHERE model = 'yes_no' AND a.version = 1 AND b.version = 2 AND a.outcome = b.outcome) AS once_each FROM mlops.compare_logged('yes_no', 'yes_no@challenger');

-- who sees what, and that only the functions write
RESET ROLE;
SELECT count(*) > 2000 AS owner, count(*) FILTER (WHERE model = 'amount') > 0 AS amount FROM mlops.prediction_log;
SELECT count(*) AS outcomes, count(label) AS labels FROM mlops.prediction_outcome;
SET ROLE regress_log_reader;
SELECT count(*) > 2000 AS reader FROM mlops.prediction_log;
SELECT count(*) AS outcomes, count(label) AS labels FROM mlops.prediction_outcome;
SET ROLE regress_log_other;
SELECT count(*) AS other FROM mlops.prediction_log;
SELECT count(*) AS outcomes FROM mlops.prediction_outcome;
SELECT count(*) FROM mlops.prediction_log_default;
SET ROLE regress_log_owner;
INSERT INTO mlops.prediction_log (model, version, predicted_by) VALUES ('yes_no', 1, 'regress_log_owner');
UPDATE mlops.prediction_log SET outcome = NULL;
DELETE FROM mlops.prediction_log;
INSERT INTO mlops.prediction_log_restored TABLE mlops.prediction_log;
SELECT nextval('mlops.prediction_log_id_seq');
RESET ROLE;

DROP TABLE answer, routed;
DROP SCHEMA log_test, hostile CASCADE;
TRUNCATE mlops.prediction_log, mlops.model, mlops.model_blob, mlops.dataset CASCADE;
REVOKE ALL ON FUNCTION mlops.register_model FROM regress_log_owner;
DROP ROLE regress_log_owner, regress_log_app, regress_log_other, regress_log_reader;
