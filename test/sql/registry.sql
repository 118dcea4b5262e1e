-- versions, aliases, lineage, thresholds, deletion
-- a model of features a and b that says 0 up to a = split, then 1
CREATE FUNCTION regress_make_model(split text, objective text DEFAULT 'reg:squarederror') RETURNS bytea LANGUAGE sql
RETURN convert_to(replace(replace('{"learner":{"attributes":{},"feature_names":["a","b"],"feature_types":["float","float"],"gradient_booster":{"model":{"gbtree_model_param":{"num_parallel_tree":"1","num_trees":"1","size_leaf_vector":"0"},"tree_info":[0],"trees":[{"base_weights":[0,-0.5,0.5],"categories":[],"categories_nodes":[],"categories_segments":[],"categories_sizes":[],"default_left":[1,0,0],"id":0,"left_children":[1,-1,-1],"loss_changes":[1,0,0],"parents":[2147483647,0,0],"right_children":[2,-1,-1],"split_conditions":[SPLIT,-0.5,0.5],"split_indices":[0,0,0],"split_type":[0,0,0],"sum_hessian":[4,2,2],"tree_param":{"num_deleted":"0","num_feature":"2","num_nodes":"3","size_leaf_vector":"0"}}]},"name":"gbtree"},"learner_model_param":{"base_score":"5E-1","boost_from_average":"0","num_class":"0","num_feature":"2","num_target":"1"},"objective":{"name":"OBJECTIVE","reg_loss_param":{"scale_pos_weight":"1"}}},"version":[1,7,4]}',
	'SPLIT', split), 'OBJECTIVE', objective), 'UTF8');

-- versions count from 1; the same bytes as the newest version are that version
SELECT mlops.register_model('regress_m', regress_make_model('1.5'));
SELECT mlops.register_model('regress_m', regress_make_model('1.5'));
SELECT mlops.register_model('regress_m', regress_make_model('2.5'), parent_version => 1);
SELECT mlops.register_model('regress_m', regress_make_model('1.5'), parent_version => 2);
SELECT version, digest = sha256(regress_make_model('1.5')) AS first_bytes, size, format, library_version, booster, objective
FROM mlops.model_version ORDER BY version;
SELECT count(*) FROM mlops.model_blob;
BEGIN;
SELECT mlops.register_model('regress_m', regress_make_model('9'));
ROLLBACK;
SELECT mlops.register_model('regress_m', regress_make_model('3.5'));
SELECT last_version FROM mlops.model WHERE name = 'regress_m';

-- R04: references
SELECT ref, (mlops.resolve(ref)).version FROM unnest('{regress_m,regress_m@champion,regress_m/4}'::text[]) ref;
SELECT name, version, digest = sha256(regress_make_model('2.5')) AS digest FROM mlops.resolve('regress_m/2');
SELECT mlops.resolve('regress_m/5');
SELECT mlops.resolve('regress_m@canary');
SELECT mlops.resolve('regress_none');
SELECT mlops.resolve('regress_none@champion');
SELECT mlops.resolve('regress_none/1');
DO $$
DECLARE ref text;
BEGIN
	FOREACH ref IN ARRAY '{"",1m,m/0,m/01,m/-1,"m/ 1",m/1x,m/99999999999,m@,m@latest,m@v1,m@Champion,m@a/1,m/1@a," m",m;,é}'::text[] || ARRAY[repeat('m', 129), E'm@champion\n'] LOOP
		BEGIN
			PERFORM mlops.resolve(ref);
			RAISE WARNING 'accepted: %', ref;
		EXCEPTION WHEN invalid_name THEN NULL;
		END;
	END LOOP;
END $$;
SELECT mlops.resolve(NULL) IS NULL;

-- aliases move by compare-and-set
SELECT mlops.set_alias('regress_m', 'canary', 2, expected_version => 0, reason => 'try');
SELECT mlops.set_alias('regress_m', 'canary', 3, expected_version => 0);
SELECT mlops.set_alias('regress_m', 'canary', 3, expected_version => 1);
SELECT mlops.set_alias('regress_m', 'canary', 3, expected_version => 2);
SELECT mlops.set_alias('regress_m', 'canary', 3);
SELECT mlops.predict('regress_m', 2, 0) AS champion, mlops.predict('regress_m/2', 2, 0) AS version_2, mlops.predict('regress_m@canary', 2, 0) AS canary;
SELECT alias, version, owner = current_user::regrole AS owned, updated_by = current_user::regrole AS mine, reason FROM mlops.alias ORDER BY alias;
SELECT mlops.set_alias('regress_m', 'stable', 1, expected_version => 7);
SELECT mlops.set_alias('regress_m', 'stable', 9);
SELECT mlops.set_alias('regress_m', 'latest', 1);
SELECT mlops.set_alias('regress_m', 'v3', 1);
SELECT mlops.set_alias('regress_m', 'stable', -1);
SELECT mlops.set_alias('regress_m', NULL, 1);
SELECT mlops.set_alias('regress_none', 'stable', 1);
SELECT mlops.set_alias('regress_m', 'canary', NULL, expected_version => 3);
SELECT mlops.set_alias('regress_m', 'canary', NULL);
BEGIN;
SELECT mlops.set_alias('regress_m', 'champion', 2);
SELECT (mlops.resolve('regress_m')).version;
SAVEPOINT s;
SELECT mlops.set_alias('regress_m', 'champion', 3);
ROLLBACK TO s;
SELECT (mlops.resolve('regress_m')).version;
ROLLBACK;
SELECT (mlops.resolve('regress_m')).version;

-- R03: bytes come back as they were, or not at all
SELECT mlops.export_model('regress_m/2', 'json') = regress_make_model('2.5');
SELECT mlops.export_model('regress_m/2');
SELECT mlops.export_model('regress_m/2', 'pickle');
BEGIN;
UPDATE mlops.model_blob SET bytes = bytes || 'x' WHERE digest = (mlops.resolve('regress_m/2')).digest;
SELECT mlops.export_model('regress_m/2', 'json');
ROLLBACK;
BEGIN;
DELETE FROM mlops.model_blob WHERE digest = (mlops.resolve('regress_m/2')).digest;
SELECT mlops.export_model('regress_m/2', 'json');
ROLLBACK;

-- threshold
SELECT mlops.set_threshold('regress_m', 0.5);
SELECT mlops.register_model('regress_b', regress_make_model('1.5', 'binary:logistic'));
SELECT mlops.predict_class('regress_b', 2, 0), round(mlops.predict('regress_b', 2, 0)::numeric, 4);
SELECT mlops.set_threshold('regress_b', 0.7);
SELECT mlops.predict_class('regress_b', 2, 0), threshold FROM mlops.model_version WHERE model = 'regress_b';
SELECT mlops.set_threshold('regress_b', 1.1);
SELECT mlops.set_threshold('regress_b', 'NaN');

-- lineage reaches through parents
SELECT depth, kind, CASE kind WHEN 'run' THEN detail ->> 'kind' ELSE object END AS object, digest = (mlops.resolve('regress_m/3')).digest AS bytes_1, detail ->> 'parent_version' AS parent
FROM mlops.lineage('regress_m/3');
SELECT mlops.lineage('regress_m/7');

-- R01, R08: deletion: explicit, not while an alias points there; bytes go with the last version that has them
SELECT mlops.delete_model_version('regress_m');
SELECT mlops.delete_model_version('regress_m@champion');
SELECT mlops.delete_model_version('regress_m/1');
SELECT mlops.delete_model_version('regress_m/9');
SELECT mlops.set_alias('regress_m', 'champion', 4);
SELECT mlops.delete_model_version('regress_m/1', 'too old');
SELECT mlops.delete_model_version('regress_m/1');
SELECT mlops.set_alias('regress_m', 'champion', 1);
SELECT mlops.resolve('regress_m/1');
SELECT octet_length(mlops.export_model('regress_m/3', 'json')) > 0 AS bytes_shared_with_version_1;
SELECT mlops.delete_model_version('regress_m/3');
SELECT count(*) FROM mlops.model_blob WHERE digest = sha256(regress_make_model('1.5'));
SELECT version, deleted_at IS NOT NULL AS deleted, deleted_by = current_user::regrole AS by_me, delete_reason FROM mlops.model_version WHERE model = 'regress_m' ORDER BY version;
SELECT depth, kind FROM mlops.lineage('regress_m/3') WHERE kind = 'version';
SELECT mlops.register_model('regress_m', regress_make_model('1.5'));

-- nothing is written in a read-only transaction; reading works there
BEGIN READ ONLY;
SELECT (mlops.resolve('regress_m')).version, mlops.predict('regress_m', 4, 0);
SELECT mlops.set_alias('regress_m', 'champion', 2);
ROLLBACK;

-- resolving works in a parallel worker
BEGIN;
SELECT count(set_config(name, 'on', true)) FROM pg_settings WHERE name IN ('force_parallel_mode', 'debug_parallel_query');
EXPLAIN (COSTS OFF) SELECT mlops.predict('regress_m', 4, 0);
SELECT mlops.predict('regress_m', 4, 0), (mlops.resolve('regress_m')).version, mlops.has_model_privilege('regress_m', 'own');
ROLLBACK;

DROP FUNCTION regress_make_model(text, text);
SET client_min_messages = warning;
TRUNCATE mlops.model, mlops.model_blob CASCADE;
