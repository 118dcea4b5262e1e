-- who may do and see what: owner, member of the owner, reader, predictor, stranger
CREATE ROLE regress_mlops_owner;
CREATE ROLE regress_mlops_member IN ROLE regress_mlops_owner;
CREATE ROLE regress_mlops_reader;
CREATE ROLE regress_mlops_predictor;
CREATE ROLE regress_mlops_stranger;
GRANT EXECUTE ON FUNCTION mlops.register_model TO regress_mlops_owner;
\set model '{"learner":{"attributes":{},"feature_names":["a","b"],"feature_types":["float","float"],"gradient_booster":{"model":{"gbtree_model_param":{"num_parallel_tree":"1","num_trees":"1","size_leaf_vector":"0"},"tree_info":[0],"trees":[{"base_weights":[0,-0.5,0.5],"categories":[],"categories_nodes":[],"categories_segments":[],"categories_sizes":[],"default_left":[1,0,0],"id":0,"left_children":[1,-1,-1],"loss_changes":[1,0,0],"parents":[2147483647,0,0],"right_children":[2,-1,-1],"split_conditions":[1.5,-0.5,0.5],"split_indices":[0,0,0],"split_type":[0,0,0],"sum_hessian":[4,2,2],"tree_param":{"num_deleted":"0","num_feature":"2","num_nodes":"3","size_leaf_vector":"0"}}]},"name":"gbtree"},"learner_model_param":{"base_score":"5E-1","boost_from_average":"0","num_class":"0","num_feature":"2","num_target":"1"},"objective":{"name":"binary:logistic","reg_loss_param":{"scale_pos_weight":"1"}}},"version":[1,7,4]}'

-- R02: what PUBLIC has: row security on every table, invoker's rights in every view, no DML, no sequence
SELECT relname FROM pg_class WHERE relnamespace = 'mlops'::regnamespace AND relkind IN ('r', 'p') AND NOT relrowsecurity;
SELECT relname FROM pg_class WHERE relnamespace = 'mlops'::regnamespace AND relkind = 'v'
	AND (reloptions IS NULL OR NOT reloptions::text[] @> '{security_invoker=true,security_barrier=true}' AND NOT reloptions::text[] @> '{security_invoker=on,security_barrier=on}');
SELECT relname FROM pg_class, unnest('{INSERT,UPDATE,DELETE,TRUNCATE,REFERENCES,TRIGGER}'::text[]) p
WHERE relnamespace = 'mlops'::regnamespace AND relkind IN ('r', 'p', 'v') AND has_table_privilege('regress_mlops_stranger', oid, p);
SELECT relname FROM pg_class WHERE relnamespace = 'mlops'::regnamespace
	AND CASE relkind WHEN 'S' THEN has_sequence_privilege('regress_mlops_stranger', oid, 'USAGE,SELECT,UPDATE') END;
SELECT DISTINCT proname FROM pg_proc WHERE pronamespace = 'mlops'::regnamespace
	AND NOT has_function_privilege('regress_mlops_stranger', oid, 'EXECUTE') AND proname NOT IN ('train', 'train_wait')
	-- parts of aggregates and types
	AND NOT EXISTS (SELECT FROM pg_aggregate WHERE pg_proc.oid IN (aggtransfn, aggfinalfn, aggcombinefn))
	AND NOT EXISTS (SELECT FROM pg_type WHERE pg_proc.oid IN (typinput, typoutput, typreceive, typsend));
SELECT proname FROM pg_proc WHERE pronamespace = 'mlops'::regnamespace AND obj_description(oid, 'pg_proc') IS NULL;

SET ROLE regress_mlops_owner;
SELECT mlops.register_model('regress_m', :'model', metrics => '{"roc_auc": 0.9}');
SELECT mlops.grant_model('regress_m', 'regress_mlops_reader', 'read');
SELECT mlops.grant_model('regress_m', 'regress_mlops_predictor', 'predict');
SELECT mlops.grant_model('regress_m', 'regress_mlops_predictor', 'predict');
SELECT model, role, privilege, granted_by FROM mlops.model_privilege ORDER BY role::text;
SELECT mlops.grant_model('regress_m', 'regress_mlops_predictor', 'write');
SELECT mlops.grant_model('regress_m', 'regress_mlops_nobody', 'read');
SELECT mlops.grant_model('regress_m', '4294900000', 'read');

-- what each of them sees and may do; rolled back at once; errors as SQLSTATE
RESET ROLE;
CREATE FUNCTION regress_try(call text) RETURNS text LANGUAGE plpgsql AS $$
DECLARE answer text;
BEGIN
	EXECUTE call INTO answer;
	RAISE EXCEPTION USING errcode = 'MLOK0', message = coalesce(answer, 'null');
EXCEPTION WHEN SQLSTATE 'MLOK0' THEN RETURN CASE WHEN SQLERRM LIKE '%rows' THEN SQLERRM ELSE 'ok' END;
	WHEN OTHERS THEN RETURN SQLSTATE;
END $$;
CREATE FUNCTION regress_rights(OUT what text, OUT result text) RETURNS SETOF record LANGUAGE sql AS $$
	SELECT relname, regress_try(format('SELECT CASE WHEN count(*) > 0 THEN %L ELSE %L END FROM mlops.%I', 'rows', 'no rows', relname))
	FROM unnest('{model,alias,metric,model_version,model_blob,model_privilege,run}'::text[]) relname
	UNION ALL
	SELECT call, regress_try('SELECT mlops.' || call) FROM unnest(ARRAY[$c$predict('regress_m', 1, 2)$c$, $c$predict_batch('regress_m', 'SELECT 1 AS a, 2 AS b', NULL)$c$, $c$resolve('regress_m')$c$,
		$c$classes('regress_m')$c$, $c$export_model('regress_m', 'json')$c$, $c$lineage('regress_m')$c$,
		$c$set_alias('regress_m', 'canary', 1)$c$, $c$set_threshold('regress_m', 0.4)$c$, $c$grant_model('regress_m', '-', 'predict')$c$,
		$c$revoke_model('regress_m', '-', 'predict')$c$, $c$evaluate('regress_m', 'SELECT 1 AS a, 2 AS b, 1 AS y', 'y')$c$,
		$c$compare('{regress_m}', 'SELECT 1 AS a, 2 AS b, 1 AS y', 'y', false)$c$, $c$delete_model_version('regress_m/1')$c$]) call
	UNION ALL
	SELECT 'may ' || p, mlops.has_model_privilege('regress_m', p)::text FROM unnest('{predict,read,own}'::text[]) p $$;
CREATE TEMP TABLE rights (who text, what text, result text);
GRANT INSERT ON rights TO PUBLIC;
SET ROLE regress_mlops_owner;
INSERT INTO rights SELECT 'owner', * FROM regress_rights();
SET ROLE regress_mlops_member;
INSERT INTO rights SELECT 'member', * FROM regress_rights();
SET ROLE regress_mlops_reader;
INSERT INTO rights SELECT 'reader', * FROM regress_rights();
SET ROLE regress_mlops_predictor;
INSERT INTO rights SELECT 'predictor', * FROM regress_rights();
SET ROLE regress_mlops_stranger;
INSERT INTO rights SELECT 'stranger', * FROM regress_rights();
RESET ROLE;
SELECT what, max(result) FILTER (WHERE who = 'owner') AS owner, max(result) FILTER (WHERE who = 'member') AS member,
	max(result) FILTER (WHERE who = 'reader') AS reader, max(result) FILTER (WHERE who = 'predictor') AS predictor,
	max(result) FILTER (WHERE who = 'stranger') AS stranger FROM rights GROUP BY what ORDER BY what COLLATE "C";

-- a stranger learns nothing: the same words for a forbidden and a missing thing
SET ROLE regress_mlops_stranger;
DO $$
DECLARE call text; forbidden text; missing text; detail1 text; detail2 text;
BEGIN
	FOREACH call IN ARRAY ARRAY['resolve(''M'')', 'resolve(''M/1'')', 'resolve(''M/7'')', 'resolve(''M@canary'')', 'predict(''M'', 1)', 'classes(''M'')',
		'export_model(''M'')', 'lineage(''M'')', 'set_alias(''M'', ''a'', 1)', 'set_threshold(''M'', 1)', 'delete_model_version(''M/1'')',
		'evaluate(''M'', ''SELECT 1'', ''y'')', 'check_skew(''M'', ''SELECT 1'')', 'set_calibration(''M'', ''SELECT 1'', ''y'')', 'predict_calibrated(''M'', 1)', 'predict_leaf(''M'', 1)', 'compare(''{M}'', ''SELECT 1'', ''y'')', 'grant_model(''M'', ''regress_mlops_stranger'', ''own'')', 'revoke_model(''M'', ''-'', ''own'')'] LOOP
		BEGIN
			EXECUTE 'SELECT mlops.' || replace(call, 'M', 'regress_m');
		EXCEPTION WHEN OTHERS THEN GET STACKED DIAGNOSTICS forbidden = MESSAGE_TEXT, detail1 = PG_EXCEPTION_HINT;
		END;
		BEGIN
			EXECUTE 'SELECT mlops.' || replace(call, 'M', 'regress_n');
		EXCEPTION WHEN OTHERS THEN GET STACKED DIAGNOSTICS missing = MESSAGE_TEXT, detail2 = PG_EXCEPTION_HINT;
		END;
		IF replace(forbidden, 'regress_m', '') IS DISTINCT FROM replace(missing, 'regress_n', '') OR detail1 <> detail2 OR forbidden IS NULL THEN
			RAISE WARNING '% tells: % %', call, forbidden, missing;
		END IF;
	END LOOP;
END $$;
SELECT mlops.resolve('regress_m');
SELECT mlops.register_model('regress_x', :'model');
DELETE FROM mlops.model_privilege;
SET row_security = off;
SELECT * FROM mlops.model;
RESET row_security;

-- who lacks one right but has another is told so
SET ROLE regress_mlops_predictor;
SELECT mlops.export_model('regress_m', 'json');

-- queries run with the rights of the caller
RESET ROLE;
CREATE TABLE regress_secret AS SELECT 1 AS a, 2 AS b, 1 AS y;
SET ROLE regress_mlops_reader;
SELECT * FROM mlops.evaluate('regress_m', 'SELECT * FROM regress_secret', 'y');
SELECT * FROM mlops.compare('{regress_m}', 'SELECT * FROM regress_secret', 'y', false);
SELECT count(*) > 0 FROM mlops.evaluate('regress_m', 'SELECT 1 AS a, 2 AS b, (current_user = ''regress_mlops_reader'')::int AS y', 'y') WHERE metric = 'accuracy' AND value = 0;

-- the name is taken for everybody; registering a version wants own
RESET ROLE;
GRANT EXECUTE ON FUNCTION mlops.register_model TO regress_mlops_reader;
SET ROLE regress_mlops_reader;
SELECT mlops.register_model('regress_m', :'model');
SET ROLE regress_mlops_owner;
SELECT mlops.grant_model('regress_m', 'regress_mlops_reader', 'own');
SET ROLE regress_mlops_reader;
SELECT mlops.register_model('regress_m', :'model');
SET ROLE regress_mlops_owner;
SELECT mlops.revoke_model('regress_m', 'regress_mlops_reader', 'own');
SET ROLE regress_mlops_reader;
SELECT mlops.has_model_privilege('regress_m', 'own'), mlops.has_model_privilege('regress_m', 'read');

-- PUBLIC, and a role that is gone
SET ROLE regress_mlops_owner;
SELECT mlops.grant_model('regress_m', '-', 'predict');
SET ROLE regress_mlops_stranger;
SELECT (mlops.resolve('regress_m')).version, (SELECT count(*) FROM mlops.model), (SELECT count(*) FROM mlops.model_version);
SET ROLE regress_mlops_owner;
SELECT mlops.revoke_model('regress_m', '-', 'predict');
RESET ROLE;
UPDATE mlops.model_privilege SET role = '4294900000' WHERE role = 'regress_mlops_predictor'::regrole;
SET ROLE regress_mlops_predictor;
SELECT mlops.has_model_privilege('regress_m', 'predict');

-- a right taken between two calls of one PL/pgSQL expression is gone at once
RESET ROLE;
CREATE FUNCTION regress_flip() RETURNS text LANGUAGE plpgsql AS $$
DECLARE may boolean; answer text := '';
BEGIN
	FOR i IN 1..4 LOOP
		may := mlops.has_model_privilege('regress_m', 'predict');
		answer := answer || left(may::text, 1);
		PERFORM regress_grant(i % 2 = 1);
	END LOOP;
	RETURN answer;
END $$;
CREATE FUNCTION regress_grant(give boolean) RETURNS void LANGUAGE plpgsql SECURITY DEFINER AS $$
BEGIN
	IF give THEN PERFORM mlops.grant_model('regress_m', 'regress_mlops_stranger', 'predict');
	ELSE PERFORM mlops.revoke_model('regress_m', 'regress_mlops_stranger', 'predict'); END IF;
END $$;
SET ROLE regress_mlops_stranger;
SELECT regress_flip();

-- nothing is written in a security-restricted operation
RESET ROLE;
CREATE MATERIALIZED VIEW regress_trap AS SELECT mlops.set_alias('regress_m', 'canary', 1);
CREATE MATERIALIZED VIEW regress_trap AS SELECT 1 FROM mlops.grant_model('regress_m', '-', 'own');
CREATE MATERIALIZED VIEW regress_trap AS SELECT mlops.register_model('regress_m', :'model');

DROP FUNCTION regress_flip, regress_grant, regress_rights, regress_try;
SET client_min_messages = warning;
TRUNCATE mlops.model, mlops.model_blob, mlops.dataset CASCADE;
REVOKE ALL ON FUNCTION mlops.register_model FROM regress_mlops_owner, regress_mlops_reader;
DROP TABLE rights, regress_secret;
DROP ROLE regress_mlops_member, regress_mlops_owner, regress_mlops_reader, regress_mlops_predictor, regress_mlops_stranger;
