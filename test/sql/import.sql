-- what register_model accepts: names, categories, classes, metrics, limits
-- a model of two features: "trees" stumps that say -0.5 or 0.5; one per class in turn
CREATE FUNCTION pg_temp.make_model(objective text DEFAULT 'reg:squarederror', num_class int DEFAULT 0,
	names json DEFAULT '[]', types json DEFAULT '[]', trees int DEFAULT 1, attributes json DEFAULT '{}',
	categorical int DEFAULT 0) RETURNS bytea LANGUAGE sql
RETURN pg_catalog.convert_to(json_build_object('learner', json_build_object(
	'attributes', attributes, 'feature_names', names, 'feature_types', types,
	'gradient_booster', json_build_object('model', json_build_object(
		'gbtree_model_param', json_build_object('num_parallel_tree', '1', 'num_trees', trees::text, 'size_leaf_vector', '0'),
		'tree_info', (SELECT json_agg(i % greatest(num_class, 1)) FROM generate_series(0, trees - 1) i),
		'trees', (SELECT json_agg(json_build_object('base_weights', '[0,-0.5,0.5]'::json,
			'categories', CASE categorical WHEN 1 THEN '[1]' ELSE '[]' END::json,
			'categories_nodes', CASE categorical WHEN 1 THEN '[0]' ELSE '[]' END::json,
			'categories_segments', CASE categorical WHEN 1 THEN '[0]' ELSE '[]' END::json,
			'categories_sizes', CASE categorical WHEN 1 THEN '[1]' ELSE '[]' END::json,
			'default_left', '[1,0,0]'::json, 'id', i, 'left_children', '[1,-1,-1]'::json,
			'loss_changes', '[1,0,0]'::json, 'parents', '[2147483647,0,0]'::json,
			'right_children', '[2,-1,-1]'::json, 'split_conditions', '[1.5,-0.5,0.5]'::json,
			'split_indices', '[0,0,0]'::json, 'split_type', json_build_array(categorical, 0, 0),
			'sum_hessian', '[4,2,2]'::json, 'tree_param', json_build_object('num_deleted', '0',
				'num_feature', '2', 'num_nodes', '3', 'size_leaf_vector', '0')))
			FROM generate_series(0, trees - 1) i)), 'name', 'gbtree'),
	'learner_model_param', json_build_object('base_score', '5E-1', 'boost_from_average', '0',
		'num_class', num_class::text, 'num_feature', '2', 'num_target', '1'),
	'objective', json_build_object('name', objective)), 'version', '[1,7,4]'::json)::text, 'UTF8');

-- names: from the bytes, from the caller, both; never f0, f1 by default
SELECT mlops.register_model('regress_named', pg_temp.make_model(names => '["a", "b"]'));
SELECT signature FROM mlops.model_version WHERE model = 'regress_named';
SELECT mlops.predict('regress_named', '{"b": 0, "a": 1}'::jsonb), mlops.predict('regress_named', '{"b": 0, "a": 2}'::jsonb);
SELECT mlops.register_model('regress_given', pg_temp.make_model(), signature => '{"features": ["b", "a"]}');
SELECT mlops.predict('regress_given', '{"b": 0, "a": 1}'::jsonb), mlops.predict('regress_given', '{"b": 2, "a": 1}'::jsonb);
SELECT mlops.register_model('regress_bad', pg_temp.make_model());
SELECT mlops.register_model('regress_bad', pg_temp.make_model(names => '["f0", "f1"]'));
SELECT mlops.register_model('regress_bad', pg_temp.make_model(names => '["f0", "f1"]'), signature => '{}');
SELECT mlops.register_model('regress_bad', pg_temp.make_model(names => '["a", "b"]'), signature => '{"features": ["b", "a"]}');
SELECT mlops.register_model('regress_bad', pg_temp.make_model(), signature => '{"features": ["a"]}');
SELECT mlops.register_model('regress_bad', pg_temp.make_model(), signature => '{"features": ["a", "a"]}');
SELECT mlops.register_model('regress_bad', pg_temp.make_model(), signature => '{"features": ["a", 1]}');
SELECT mlops.register_model('regress_bad', pg_temp.make_model(), signature => '{"features": "a"}');
SELECT mlops.register_model('regress_bad', pg_temp.make_model(), signature => '[]');
SELECT mlops.register_model('regress_renamed', pg_temp.make_model(names => '["f0", "f1"]'), signature => '{"features": ["x", "y"]}');

-- categories want a dictionary, which decides what a label means
SELECT mlops.register_model('regress_bad', pg_temp.make_model(categorical => 1), signature => '{"features": ["city", "b"]}');
SELECT mlops.register_model('regress_bad', pg_temp.make_model(categorical => 1, names => '["city", "b"]', types => '["c", "float"]'));
SELECT mlops.register_model('regress_city', pg_temp.make_model(categorical => 1, names => '["city", "b"]', types => '["c", "float"]'),
	signature => '{"features": [{"name": "city", "type": "text", "kind": "category", "categories": ["Bern", "Oslo"]},
		{"name": "b", "type": "real", "kind": "numeric"}]}');
SELECT city, mlops.predict('regress_city', jsonb_build_object('city', city, 'b', 1)) FROM (VALUES ('Bern'), ('Oslo'), (NULL)) c (city);
SELECT mlops.register_model('regress_size', pg_temp.make_model(categorical => 1, names => '["size", "b"]', types => '["c", "float"]'),
	signature => '{"features": [{"name": "size", "kind": "category", "categories": ["small", "medium", "large"]}, {"name": "b"}]}');
SELECT size, mlops.predict('regress_size', jsonb_build_object('size', size, 'b', 1)) FROM (VALUES ('small'), ('medium'), ('large'), ('huge')) c (size);
SELECT mlops.register_model('regress_bad', pg_temp.make_model(categorical => 1),
	signature => '{"features": [{"name": "size", "kind": "category", "categories": ["small", "large", "small"]}, {"name": "b"}]}');
SELECT mlops.register_model('regress_bad', pg_temp.make_model(categorical => 1),
	signature => '{"features": [{"name": "size", "kind": "category", "categories": ["small"]}, {"name": "b"}]}');

-- classes: derived, given, inherited from version 1, fixed by it
SELECT mlops.register_model('regress_multi', pg_temp.make_model('multi:softprob', 3, trees => 3), signature => '{"features": ["a", "b"]}');
SELECT mlops.classes('regress_multi');
SELECT mlops.register_model('regress_iris', pg_temp.make_model('multi:softprob', 3, trees => 3),
	signature => '{"features": ["a", "b"], "classes": ["setosa", "versicolor", 3]}');
SELECT mlops.register_model('regress_iris', pg_temp.make_model('multi:softprob', 3, trees => 6), signature => '{"features": ["a", "b"]}');
SELECT mlops.classes('regress_iris/2');
SELECT mlops.register_model('regress_iris', pg_temp.make_model('multi:softprob', 3, trees => 6),
	signature => '{"features": ["a", "b"], "classes": ["versicolor", "setosa", "3"]}');
SELECT mlops.register_model('regress_iris', pg_temp.make_model('multi:softprob', 2, trees => 4), signature => '{"features": ["a", "b"]}');
SELECT mlops.register_model('regress_iris', pg_temp.make_model(), signature => '{"features": ["a", "b"]}');
SELECT mlops.register_model('regress_bad', pg_temp.make_model('multi:softprob', 3, trees => 3), signature => '{"features": ["a", "b"], "classes": ["x", "y"]}');
SELECT mlops.register_model('regress_bad', pg_temp.make_model('multi:softprob', 3, trees => 3), signature => '{"features": ["a", "b"], "classes": ["x", "y", "x"]}');
SELECT mlops.register_model('regress_bad', pg_temp.make_model('binary:logistic'), signature => '{"features": ["a", "b"], "classes": ["yes", "no"], "positive": "yes"}');
SELECT mlops.register_model('regress_bad', pg_temp.make_model(), signature => '{"features": ["a", "b"], "classes": ["x", "y"]}');
SELECT mlops.register_model('regress_binary', pg_temp.make_model('binary:logistic'), signature => '{"features": ["a", "b"], "classes": ["no", "yes"], "positive": "yes"}');
SELECT mlops.predict_class('regress_binary', 1, 0), mlops.predict_class('regress_binary', 2, 0);
SELECT name, m.task, m.classes, threshold FROM mlops.model m, mlops.model_version v WHERE v.model = m.name AND v.version = 1 ORDER BY name;

-- a best iteration that cuts trees off is said; bytes stay as they are
SELECT mlops.register_model('regress_best', pg_temp.make_model(trees => 3, attributes => '{"best_iteration": "0"}'), signature => '{"features": ["a", "b"]}');
SELECT mlops.predict('regress_best', 2, 0), mlops.export_model('regress_best', 'json') = pg_temp.make_model(trees => 3, attributes => '{"best_iteration": "0"}');

-- metrics, parameters, parent
SELECT mlops.register_model('regress_best', pg_temp.make_model(trees => 2), signature => '{"features": ["a", "b"]}',
	params => '{"eta": 0.3}', metrics => '{"rmse": 0.25, "r2": null}', parent_version => 1, description => 'two', tags => '{"by": "me"}');
SELECT r.kind, r.status, r.version, m.dataset, m.name, m.value FROM mlops.metric m JOIN mlops.run r ON r.id = m.run_id ORDER BY m.name;
SELECT version, params, parent_version, description, tags FROM mlops.model_version WHERE model = 'regress_best' ORDER BY version;
SELECT mlops.register_model('regress_bad', pg_temp.make_model(names => '["a", "b"]'), metrics => '{"rmse": "low"}');
SELECT mlops.register_model('regress_bad', pg_temp.make_model(names => '["a", "b"]'), metrics => '[1]');
SELECT mlops.register_model('regress_bad', pg_temp.make_model(names => '["a", "b"]'), parent_version => 7);
SELECT mlops.register_model('regress_bad', pg_temp.make_model(names => '["a", "b"]'), params => NULL);

-- R08: bytes that are no model
SELECT mlops.register_model('regress_bad', '');
SELECT mlops.register_model('regress_bad', '{');
SELECT mlops.register_model('regress_bad', pg_temp.make_model('reg:nonsense'), signature => '{"features": ["a", "b"]}');
SELECT mlops.register_model('regress_bad', NULL);
SELECT mlops.register_model('2bad', pg_temp.make_model());

-- nothing of a failed import stays
SELECT count(*) FROM mlops.model WHERE name = 'regress_bad';
SET client_min_messages = warning;
TRUNCATE mlops.model, mlops.model_blob CASCADE;
