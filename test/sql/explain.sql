-- explain, explain_interactions and importance: values, shapes, errors
SET client_min_messages = warning;
CREATE ROLE regress_explain_owner;
CREATE ROLE regress_explain_reader;
CREATE SCHEMA explain_test;
SET search_path = explain_test;
GRANT ALL ON SCHEMA explain_test TO regress_explain_owner, regress_explain_reader;

-- XGBoost's JSON from the essentials.  The contributions in the expected output are those of
-- libxgboost 1.7.4 (Booster.predict with pred_contribs and pred_interactions) for these bytes.
CREATE FUNCTION xgb_tree(id int, num_feature int, "left" int[], "right" int[], feature int[], condition numeric[],
						 default_left int[], cover numeric[], gain numeric[], categories int[] = '{}') RETURNS jsonb LANGUAGE sql AS $$
	SELECT jsonb_build_object('id', id, 'left_children', "left", 'right_children', "right",
		'parents', (SELECT array_agg(coalesce((SELECT p - 1 FROM generate_series(1, n) p
				WHERE "left"[p] = i OR "right"[p] = i), 2147483647) ORDER BY i) FROM generate_series(0, n - 1) i),
		'split_indices', feature, 'split_conditions', condition::numeric(20, 4)[],
		'default_left', default_left, 'base_weights', array_fill(0.0, ARRAY[n]),
		'loss_changes', gain::numeric(20, 4)[], 'sum_hessian', cover::numeric(20, 4)[],
		-- only the root may be categorical
		'split_type', CASE WHEN c > 0 THEN '{1}'::int[] ELSE '{0}' END || array_fill(0, ARRAY[n - 1]),
		'categories', categories, 'categories_nodes', array_fill(0, ARRAY[least(c, 1)]),
		'categories_segments', array_fill(0, ARRAY[least(c, 1)]),
		'categories_sizes', array_fill(c, ARRAY[least(c, 1)]),
		'tree_param', jsonb_build_object('num_nodes', n::text, 'num_feature', num_feature::text,
			'num_deleted', '0', 'size_leaf_vector', '0'))
	FROM (SELECT cardinality("left") AS n, cardinality(categories) AS c) s $$;
CREATE FUNCTION xgb_model(objective text, num_class int, num_feature int, booster jsonb) RETURNS jsonb LANGUAGE sql AS $$
	SELECT jsonb_build_object('version', '{1,7,4}'::int[], 'learner', jsonb_build_object(
		'attributes', jsonb_build_object(), 'feature_names', '[]'::jsonb, 'feature_types', '[]'::jsonb,
		'learner_model_param', jsonb_build_object('base_score', '5E-1', 'num_class', num_class::text,
			'num_feature', num_feature::text, 'num_target', '1', 'boost_from_average', '1'),
		'objective', jsonb_build_object('name', objective,
			CASE WHEN num_class > 0 THEN 'softmax_multiclass_param' ELSE 'reg_loss_param' END,
			CASE WHEN num_class > 0 THEN jsonb_build_object('num_class', num_class::text)
				 ELSE jsonb_build_object('scale_pos_weight', '1') END),
		'gradient_booster', booster)) $$;
CREATE FUNCTION xgb_trees(trees jsonb[], groups int[]) RETURNS jsonb LANGUAGE sql AS $$
	SELECT jsonb_build_object('name', 'gbtree', 'model', jsonb_build_object('gbtree_model_param',
		jsonb_build_object('num_trees', cardinality(trees)::text, 'num_parallel_tree', '1', 'size_leaf_vector', '0'),
		'tree_info', groups, 'trees', to_jsonb(trees))) $$;

CREATE TABLE bytes AS
-- a < 2.5 (missing: yes) then b < 10 (missing: no) or a < 7; b < 5 (missing: yes)
SELECT 'x_price' AS model, '{"features": ["a", "b", "c"]}'::jsonb AS signature, xgb_model('reg:squarederror', 0, 3, xgb_trees(ARRAY[
		xgb_tree(0, 3, '{1,3,5,-1,-1,-1,-1}', '{2,4,6,-1,-1,-1,-1}', '{0,1,0,0,0,0,0}', '{2.5,10,7,-1.5,0.125,2,8.5}', '{1,0,0,0,0,0,0}',
				 '{40,30,10,24,6,8,2}', '{12.5,3.25,7,0,0,0,0}'),
		xgb_tree(1, 3, '{1,-1,-1}', '{2,-1,-1}', '{1,0,0}', '{5,0.1,-0.3}', '{1,0,0}', '{40,15,25}', '{2.5,0,0}')], '{0,0}')) AS document
UNION ALL
-- city in (Oslo, Rome) (missing: no) then v[1] < 0.5; ok < 1 (missing: no) and then v[2] < -1
SELECT 'x_leave', '{"features": [
		{"name": "ok", "type": "boolean", "kind": "boolean"},
		{"name": "city", "type": "text", "kind": "category", "categories": ["Bern", "Oslo", "Rome"]},
		{"name": "v[1]", "type": "real[]", "kind": "numeric", "column": "v", "element": 1},
		{"name": "v[2]", "type": "real[]", "kind": "numeric", "column": "v", "element": 2}],
		"classes": ["stays", "leaves"]}', xgb_model('binary:logistic', 0, 4, xgb_trees(ARRAY[
		xgb_tree(0, 4, '{1,-1,3,-1,-1}', '{2,-1,4,-1,-1}', '{1,0,2,0,0}', '{0,-0.9,0.5,0.4,1.1}', '{1,0,0,0,0}',
				 '{10,4,6,3.5,2.5}', '{4,0,1.5,0,0}', '{1,2}'),
		xgb_tree(1, 4, '{1,-1,3,-1,-1}', '{2,-1,4,-1,-1}', '{0,0,3,0,0}', '{1,0.2,-1,-0.6,0.7}', '{0,0,1,0,0}',
				 '{9.5,7.5,2,0.5,1.5}', '{0.5,0,0.25,0,0}')], '{0,0}'))
UNION ALL
SELECT 'x_kind', '{"features": ["a", "b", "c"], "classes": ["x", "y", "z"]}', xgb_model('multi:softprob', 3, 3, xgb_trees(ARRAY[
		xgb_tree(0, 3, '{1,-1,-1}', '{2,-1,-1}', '{0,0,0}', '{0,-0.2,0.1}', '{0,0,0}', '{8,3,5}', '{1,0,0}'),
		xgb_tree(1, 3, '{1,-1,-1}', '{2,-1,-1}', '{2,0,0}', '{1,0.1,0.9}', '{1,0,0}', '{8,6,2}', '{2,0,0}'),
		xgb_tree(2, 3, '{-1}', '{-1}', '{0}', '{0.4}', '{0}', '{8}', '{0}')], '{0,1,2}'))
UNION ALL
SELECT 'x_line', '{"features": ["a", "b", "c"]}', xgb_model('reg:squarederror', 0, 3,
	'{"name": "gblinear", "model": {"boosted_rounds": 3, "weights": [0.5, -2.0, 0.25, 1.0]}}');
GRANT SELECT ON bytes TO regress_explain_owner;
GRANT EXECUTE ON FUNCTION mlops.register_model TO regress_explain_owner;
SET ROLE regress_explain_owner;
SELECT model, mlops.register_model(model, convert_to(document::text, 'UTF8'), signature) AS version FROM bytes ORDER BY model COLLATE "C";

CREATE TABLE house (id int, b int, note text, c real, a float8);
INSERT INTO house VALUES (1, 1, 'q', 0, 0), (2, 4, 'q', 0, 1), (3, 20, NULL, 2, 1), (4, 4, 'w', NULL, 3), (5, NULL, NULL, NULL, NULL), (6, 7, '', 1, 9.1);
CREATE TABLE customer (id int, v numeric[], city text, ok bool);
INSERT INTO customer VALUES (1, '{1,2}', 'Bern', true), (2, '{0,-2}', 'Oslo', false), (3, NULL, 'Rome', true), (4, '{0,NULL}', NULL, NULL), (5, '{0,0}', 'Wien', false);

-- every feature and the base, per margin
SELECT id, class, feature, value, contribution::numeric(10, 6) FROM house h, mlops.explain('x_price', h) WITH ORDINALITY ORDER BY id, ordinality;
SELECT id, class, feature, value, contribution::numeric(10, 6) FROM customer c, mlops.explain('x_leave', c) WITH ORDINALITY ORDER BY id, ordinality;
SELECT id, class, feature, value, contribution::numeric(10, 6) FROM house h, mlops.explain('x_kind', h) WITH ORDINALITY WHERE id > 4 ORDER BY id, ordinality;
SELECT id, class, feature, value, contribution::numeric(10, 6) FROM house h, mlops.explain('x_line', h) WITH ORDINALITY WHERE id > 4 ORDER BY id, ordinality;

-- alone and in pairs; pairs hold both cells of XGBoost's matrix
SELECT id, class, feature1, feature2, contribution::numeric(10, 6) FROM house h, mlops.explain_interactions('x_price', h) WITH ORDINALITY ORDER BY id, ordinality;
SELECT id, class, feature1, feature2, contribution::numeric(10, 6) FROM customer c, mlops.explain_interactions('x_leave', c) WITH ORDINALITY WHERE id < 3 ORDER BY id, ordinality;

-- they add up: to the margin, and pairs to contributions
CREATE VIEW input AS SELECT m.model, to_jsonb(h) AS input, h.id FROM house h, unnest('{x_price,x_kind,x_line}'::text[]) m (model)
	UNION ALL SELECT 'x_leave', to_jsonb(c), c.id FROM customer c;
SELECT model, count(*), max(abs(margin - (SELECT sum(contribution) FROM mlops.explain(model, input) e WHERE class IS NOT DISTINCT FROM k.class))) < 1e-6 AS explain,
	max(abs(margin - (SELECT sum(contribution) FROM mlops.explain_interactions(model, input) e WHERE class IS NOT DISTINCT FROM k.class))) < 1e-6 AS interactions
	FROM input, unnest(mlops.predict_raw(model, input), CASE model WHEN 'x_kind' THEN '{x,y,z}'::text[] WHEN 'x_leave' THEN '{leaves}' END) k (margin, class) GROUP BY model ORDER BY model COLLATE "C";
SELECT model, count(*), max(abs(e.contribution - p.contribution)) < 1e-12 AS same FROM input, mlops.explain(model, input) e,
	LATERAL (SELECT sum(contribution * CASE WHEN feature1 = feature2 THEN 1 ELSE 0.5 END) AS contribution FROM mlops.explain_interactions(model, input) i
		WHERE e.feature IN (feature1, feature2) AND e.class IS NOT DISTINCT FROM i.class) p GROUP BY model ORDER BY model COLLATE "C";

-- shapes of input, in FROM and in SELECT; NULL gives no lines
SELECT count(DISTINCT e) FROM (SELECT mlops.explain('x_price', ROW(3, 4, NULL)::record) e WHERE false UNION ALL
	SELECT mlops.explain('x_price', '{"a": 3, "b": 4, "c": null}'::jsonb) UNION ALL SELECT mlops.explain('x_price', ARRAY[3, 4, NULL]) UNION ALL
	SELECT mlops.explain('x_price', 3, 4, NULL::int) UNION ALL SELECT mlops.explain('x_price/1', h) FROM house h WHERE id = 4) s;
SELECT count(e) FROM (VALUES ('x_price', NULL::jsonb), (NULL, '{}')) v (m, r), mlops.explain(m, r) e;
SELECT count(e) FROM (VALUES ('x_price', NULL::jsonb), (NULL, '{}')) v (m, r), mlops.explain_interactions(m, r) e;
SELECT count(e) FROM (VALUES ('x_price', NULL), (NULL, 'gain')) v (m, t), mlops.importance(m, t) e;
SELECT * FROM mlops.explain('x_price', 1, 2);

-- importance: XGBoost's numbers, and those of the document
SELECT * FROM mlops.importance('x_price');
SELECT * FROM mlops.importance('x_leave', type => 'cover');
SELECT * FROM mlops.importance('x_kind', 'weight');
SELECT * FROM mlops.importance('x_line', 'weight');
WITH node AS (SELECT model, f.feature, g.gain, c.cover FROM bytes, jsonb_array_elements(document #> '{learner,gradient_booster,model,trees}') t,
		ROWS FROM (jsonb_array_elements_text(t -> 'split_indices'), jsonb_array_elements_text(t -> 'loss_changes'),
			jsonb_array_elements_text(t -> 'sum_hessian'), jsonb_array_elements_text(t -> 'left_children')) f (feature, gain, cover, "left"),
		LATERAL (SELECT f.gain::float8 AS gain) g, LATERAL (SELECT f.cover::float8 AS cover) c WHERE f."left" <> '-1'),
	wanted AS (SELECT model, feature::int, unnest('{weight,gain,cover,total_gain,total_cover}'::text[]) AS type,
		unnest(ARRAY[count(*), avg(gain), avg(cover), sum(gain), sum(cover)]) AS importance FROM node GROUP BY model, feature)
SELECT model, type, count(*), bool_and(abs(w.importance - i.importance) <= 1e-6 * w.importance) AS same,
	count(*) = (SELECT count(*) FROM mlops.importance(w.model, w.type)) AS complete
	FROM wanted w LEFT JOIN LATERAL mlops.importance(w.model, w.type) i ON
		i.feature = coalesce((SELECT signature #>> ARRAY['features', w.feature::text, 'name'] FROM bytes b WHERE b.model = w.model),
			(SELECT signature #>> ARRAY['features', w.feature::text] FROM bytes b WHERE b.model = w.model))
	GROUP BY model, type ORDER BY model COLLATE "C", type COLLATE "C";
SELECT * FROM mlops.importance('x_price', 'Gain');
SELECT * FROM mlops.importance('x_line');

-- the rights are those of predict
SET ROLE regress_explain_reader;
SELECT * FROM mlops.explain('x_price', 1, 2, 3);
SELECT * FROM mlops.importance('x_price');
SET ROLE regress_explain_owner;
SELECT mlops.grant_model('x_price', 'regress_explain_reader', 'predict');
SET ROLE regress_explain_reader;
SELECT count(*) FROM mlops.explain('x_price', 1, 2, 3), mlops.importance('x_price');
SET ROLE regress_explain_owner;

-- bytes without covers or gains predict, but do not explain
SELECT mlops.register_model('x_slim', convert_to((document #- '{learner,gradient_booster,model,trees,0,sum_hessian}')::text, 'UTF8'), signature) FROM bytes WHERE model = 'x_price';
SELECT mlops.predict('x_slim', 1, 2, 3) = mlops.predict('x_price', 1, 2, 3) AS same;
\set VERBOSITY default
SELECT * FROM mlops.explain('x_slim', 1, 2, 3);
\set VERBOSITY terse
SELECT * FROM mlops.explain_interactions('x_slim', 1, 2, 3);
SELECT * FROM mlops.importance('x_slim', 'total_cover');
SELECT * FROM mlops.importance('x_slim', 'total_gain') LIMIT 1;
-- covers of zero: still finite, still the margin
SELECT mlops.register_model('x_zero', convert_to(replace(document::text, '30.0000', '0')::text, 'UTF8'), signature) FROM bytes WHERE model = 'x_price';
SELECT id, sum(contribution)::numeric(10, 6) = mlops.predict('x_zero', h)::numeric(10, 6) AS same FROM house h, mlops.explain('x_zero', h) GROUP BY h, id ORDER BY id;

-- a document that only we can write: several outputs without classes
SELECT mlops.register_model('x_many', convert_to(jsonb_set(replace(document::text, 'multi:softprob', 'reg:squarederror')::jsonb,
	'{learner,learner_model_param}', '{"base_score": "5E-1", "num_class": "0", "num_feature": "3", "num_target": "3"}')::text, 'UTF8'), '{"features": ["a", "b", "c"]}') FROM bytes WHERE model = 'x_kind';
SELECT class, sum(contribution)::numeric(10, 6) AS margin, count(*) FROM mlops.explain('x_many', 1, 2, 3) GROUP BY class ORDER BY class;

-- a chain of 4000 splits on as many features has 8 million pairs: cancelled within a second
RESET ROLE;
SELECT mlops.register_model('x_chain', convert_to(xgb_model('reg:squarederror', 0, 4000, xgb_trees(ARRAY[
		jsonb_build_object('id', 0, 'left_children', array_agg(CASE WHEN i = 0 THEN 1 WHEN i % 2 = 0 OR i = 7999 THEN -1 ELSE i + 2 END ORDER BY i),
			'right_children', array_agg(CASE WHEN i = 0 THEN 2 WHEN i % 2 = 0 OR i = 7999 THEN -1 ELSE i + 3 END ORDER BY i),
			'split_indices', array_agg((i + 1) / 2 % 4000 ORDER BY i), 'split_conditions', array_agg(i % 7 + 0.5 ORDER BY i),
			'default_left', array_fill(1, ARRAY[8001]), 'sum_hessian', array_agg(8001.0 - i ORDER BY i), 'loss_changes', array_fill(1.0, ARRAY[8001]),
			'tree_param', '{"num_nodes": "8001", "size_leaf_vector": "0"}'::jsonb)], '{0}'))::text, 'UTF8'),
	jsonb_build_object('features', (SELECT array_agg('f' || f) FROM generate_series(1, 4000) f))) FROM generate_series(0, 8000) i;
SELECT count(*), count(*) FILTER (WHERE contribution <> 0) > 3000 AS all_features, abs(sum(contribution) - mlops.predict('x_chain', array_fill(0.0, ARRAY[4000]))) < 1e-6 AS adds_up
	FROM mlops.explain('x_chain', array_fill(0.0, ARRAY[4000]));
SET statement_timeout = '100ms';
DO $$
DECLARE
	start timestamptz := clock_timestamp();
BEGIN
	PERFORM FROM mlops.explain_interactions('x_chain', array_fill(0.0, ARRAY[4000]));
	RAISE 'not cancelled';
EXCEPTION WHEN query_canceled THEN
	RAISE WARNING '%', CASE WHEN clock_timestamp() - start < '1.1 s' THEN 'cancelled in time' ELSE format('cancelled after %s', clock_timestamp() - start) END;
END $$;
RESET statement_timeout;

DROP SCHEMA explain_test CASCADE;
