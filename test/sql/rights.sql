-- Every function, table and view of schema mlops for each kind of role, under a
-- hostile search_path, and in a security-restricted operation.  Complete by
-- construction: what the catalog has and the tables below have not is printed.
-- In a database of its own, whose extension is owned by a role that is no superuser.
\set VERBOSITY terse
\pset null null
SET client_min_messages = warning;
CREATE ROLE regress_rights_stranger LOGIN;
CREATE ROLE regress_rights_predictor LOGIN;
CREATE ROLE regress_rights_reader LOGIN;
CREATE ROLE regress_rights_trainer LOGIN;
CREATE ROLE regress_rights_owner LOGIN;
CREATE ROLE regress_rights_extension SUPERUSER LOGIN;
CREATE ROLE regress_rights_super SUPERUSER LOGIN;
CREATE ROLE regress_rights_replication LOGIN REPLICATION;
CREATE ROLE regress_rights_data LOGIN IN ROLE pg_read_all_data, pg_write_all_data;
\set home :DBNAME
\set me :USER
CREATE DATABASE regress_rights TEMPLATE template0 ENCODING 'UTF8' LOCALE 'C';
\connect regress_rights
SET client_min_messages = warning;
CREATE SCHEMA work;
GRANT CREATE, USAGE ON SCHEMA work TO PUBLIC;
-- P07: a schema that has everything pg_catalog has, with a canary in each; and views in pg_temp in front of every table
CREATE SCHEMA hostile;
CREATE SEQUENCE hostile.sung;
CREATE FUNCTION hostile.canary() RETURNS boolean LANGUAGE plpgsql AS $$
BEGIN
	PERFORM pg_catalog.nextval('hostile.sung');
	RAISE EXCEPTION 'canary';
END $$;
CREATE FUNCTION work.shadow(statement text) RETURNS int LANGUAGE plpgsql AS $$
BEGIN
	EXECUTE statement;
	RETURN 1;
EXCEPTION WHEN OTHERS THEN RETURN 0;
END $$;
SELECT sum(work.shadow(format('CREATE FUNCTION hostile.%I(%s) RETURNS %s%s LANGUAGE plpgsql AS $c$BEGIN PERFORM hostile.canary(); END$c$', proname, oidvectortypes(proargtypes), CASE WHEN proretset THEN 'SETOF ' ELSE '' END, prorettype::regtype))) > 2000 AS functions
FROM pg_proc WHERE pronamespace = 'pg_catalog'::regnamespace AND prokind = 'f';
SELECT sum(work.shadow(format('CREATE OPERATOR hostile.%s (FUNCTION = hostile.%I, %s RIGHTARG = %s)', oprname, proname, CASE oprleft WHEN 0 THEN '' ELSE format('LEFTARG = %s,', oprleft::regtype) END, oprright::regtype))) > 700 AS operators
FROM pg_operator o JOIN pg_proc p ON p.oid = oprcode WHERE oprnamespace = 'pg_catalog'::regnamespace;
SELECT sum(work.shadow(format('CREATE FUNCTION hostile.step(bigint, %1$s) RETURNS bigint LANGUAGE plpgsql AS $c$BEGIN PERFORM hostile.canary(); END$c$', t))),
	sum(work.shadow(format('CREATE AGGREGATE hostile.%I(%s) (SFUNC = hostile.step, STYPE = bigint)', a, t))) > 50 AS aggregates
FROM (SELECT proname AS a, proargtypes[0]::regtype AS t FROM pg_proc WHERE pronamespace = 'pg_catalog'::regnamespace AND prokind = 'a' AND pronargs = 1 ORDER BY proname) x \gset
CREATE FUNCTION hostile.step(bigint) RETURNS bigint LANGUAGE plpgsql AS $c$BEGIN PERFORM hostile.canary(); END$c$;
CREATE AGGREGATE hostile.count(*) (SFUNC = hostile.step, STYPE = bigint);
SELECT sum(work.shadow(format('CREATE DOMAIN hostile.%I AS pg_catalog.%I CHECK (hostile.canary())', typname, typname))) > 50 AS types
FROM pg_type WHERE typnamespace = 'pg_catalog'::regnamespace AND typtype = 'b' AND typelem = 0;
SELECT sum(work.shadow(format('CREATE VIEW hostile.%1$I AS SELECT * FROM %2$I.%1$I WHERE hostile.canary()', relname, nspname))) > 100 AS views,
	sum(work.shadow(format('CREATE TEMP VIEW %1$I AS SELECT * FROM %2$I.%1$I WHERE hostile.canary()', relname, nspname))) > 100 AS temporary_views
FROM pg_catalog.pg_class c JOIN pg_catalog.pg_namespace n ON n.oid = relnamespace WHERE nspname = 'pg_catalog' AND relkind IN ('r', 'v', 'p');
-- they sing when they are called
SET search_path = hostile, pg_catalog;
SELECT now();
SELECT 1 = 1;
SELECT 'a'::text;
SELECT count(*) FROM pg_catalog.pg_am;
SELECT FROM pg_am;
RESET search_path;
SELECT setval('hostile.sung', 1, false);
-- the script neither hears them, nor takes what somebody has put in its place
CREATE SCHEMA mlops;
CREATE EXTENSION mlops;
DROP SCHEMA mlops;
SET SESSION AUTHORIZATION regress_rights_extension;
SET search_path = hostile, pg_catalog;
CREATE EXTENSION mlops;
RESET search_path;
RESET SESSION AUTHORIZATION;
SELECT is_called AS sung FROM hostile.sung;
-- away with the temporary views
\connect regress_rights
SET client_min_messages = warning;
ALTER ROLE regress_rights_extension NOSUPERUSER;
GRANT EXECUTE ON FUNCTION mlops.train, mlops.register_model, mlops.domain_classifier TO regress_rights_owner, regress_rights_trainer;
GRANT EXECUTE ON PROCEDURE mlops.train_wait TO regress_rights_owner, regress_rights_trainer;

-- P01: what PUBLIC may execute; the rest needs a GRANT.  n: overloads
SELECT proname, prokind AS kind, count(*) AS n,
	CASE WHEN bool_and(has_function_privilege('regress_rights_stranger', oid, 'EXECUTE')) THEN 'public'
		WHEN bool_or(has_function_privilege('regress_rights_stranger', oid, 'EXECUTE')) THEN 'some' ELSE '-' END AS execute,
	CASE WHEN bool_or(prosecdef) THEN 'definer' ELSE 'invoker' END AS security
FROM pg_proc WHERE pronamespace = 'mlops'::regnamespace GROUP BY 1, 2 ORDER BY proname COLLATE "C", 2;
-- and what else is granted to anybody: nothing but SELECT on tables and views and USAGE on schema and types
SELECT DISTINCT 'relation' AS what, relkind::text AS kind, a.grantee::regrole, a.privilege_type, a.is_grantable
FROM pg_class c, aclexplode(c.relacl) a WHERE relnamespace = 'mlops'::regnamespace AND a.grantee <> c.relowner
UNION SELECT 'column', attname, a.grantee::regrole, a.privilege_type, a.is_grantable
FROM pg_attribute, aclexplode(attacl) a WHERE attrelid IN (SELECT oid FROM pg_class WHERE relnamespace = 'mlops'::regnamespace)
UNION SELECT 'schema', nspname, a.grantee::regrole, a.privilege_type, a.is_grantable
FROM pg_namespace, aclexplode(nspacl) a WHERE nspname = 'mlops' AND a.grantee <> nspowner
UNION SELECT 'type', typname, a.grantee::regrole, a.privilege_type, a.is_grantable
FROM pg_type, aclexplode(typacl) a WHERE typnamespace = 'mlops'::regnamespace
UNION SELECT 'routine', proname, a.grantee::regrole, a.privilege_type, a.is_grantable
FROM pg_proc, aclexplode(proacl) a WHERE pronamespace = 'mlops'::regnamespace AND a.grantee NOT IN (0, proowner)
ORDER BY 1, 2, 3;
-- objects of the extension outside its schema, and of its schema outside the extension
SELECT pg_describe_object(classid, objid, 0) FROM pg_depend d
WHERE refclassid = 'pg_extension'::regclass AND refobjid = (SELECT oid FROM pg_extension WHERE extname = 'mlops') AND deptype = 'e'
	AND NOT pg_describe_object(classid, objid, 0) LIKE '%mlops.%' ORDER BY 1;
SELECT oid::regprocedure FROM pg_proc WHERE pronamespace = 'mlops'::regnamespace
	AND NOT EXISTS (SELECT FROM pg_depend WHERE classid = 'pg_proc'::regclass AND objid = pg_proc.oid AND deptype = 'e');
-- whatever is made in the script belongs to one role
SELECT count(*) FROM pg_class WHERE relnamespace = 'mlops'::regnamespace AND relowner <> 'regress_rights_extension'::regrole;

-- A model with one of everything: trained by its owner, with rows in every table
SET SESSION AUTHORIZATION regress_rights_owner;
SET client_min_messages = error;
CREATE TABLE work.rows AS SELECT i AS id, i % 7 AS x, i % 5 AS z, i % 7 > 3 AS y, now() AS at FROM generate_series(1, 400) i;
SELECT mlops.train('m', 'SELECT id, x, z, y FROM work.rows', 'y', key => '{id}', num_boost_round => 2, params => '{"nthread": 1}') AS run \gset
CALL mlops.wait_run(:run);
SELECT mlops.grant_model('m', 'regress_rights_predictor', 'predict'), mlops.grant_model('m', 'regress_rights_reader', 'read');
SELECT mlops.set_alias('m', 'spare', 1), mlops.set_traffic('m', '{"champion": 0.5, "spare": 0.5}');
SELECT count(*) FROM mlops.evaluate('m', 'SELECT * FROM work.rows', 'y');
SELECT version FROM mlops.predict_logged('m', 'k', '{"x": 1, "z": 2}');
SELECT mlops.record_outcome('m', 'k', 'true');
SELECT mlops.create_monitor('mon', 'm', relation => 'work.rows', label => 'y', window_rows => 100);
INSERT INTO work.rows SELECT i, i % 7, i % 5, i % 7 > 3, now() FROM generate_series(1, 300) i;
SELECT mlops.check_monitor('mon');
CREATE TABLE work.plain AS SELECT * FROM work.rows;
GRANT SELECT ON ALL TABLES IN SCHEMA work TO PUBLIC;
GRANT INSERT ON work.rows TO PUBLIC;
CREATE VIEW work.calls AS SELECT x::float8 AS x, z::float8 AS z, y, id::text AS key, 0.5::float8 AS expected FROM work.rows;
GRANT SELECT ON work.calls TO PUBLIC;
RESET SESSION AUTHORIZATION;
SELECT octet_length(bytes) > 0 AS has_bytes, digest FROM mlops.model_blob LIMIT 1 \gset
INSERT INTO mlops.run (kind, model, status, recipe, submitted_by, not_before) VALUES ('train', 'm', 'queued', '{}', 'regress_rights_owner', 'infinity');
UPDATE mlops.run SET recipe = recipe || '{"tags": {"domain_classifier": true}}' WHERE id = :run;
INSERT INTO mlops.role_limit VALUES ('regress_rights_owner', 5, 50);
INSERT INTO mlops.drift_event (monitor, model, version, kind, cause, opened_at, action, outcome, outcome_at, notified_at)
	VALUES ('mon', 'm', 1, 'drift', 'dataset', now(), 'alert', 'alerted', now(), now());
INSERT INTO mlops.drift_performance SELECT monitor, version, window_start, 'estimated', 'accuracy', 0.5, 0.1, 10 FROM mlops.drift_window ON CONFLICT DO NOTHING;

-- P02: one call of each routine that is not IMMUTABLE; those that are see nothing but their arguments.
-- RUN is the owner's run, a call has no operators of its own.
CREATE TABLE work.matrix (routine regprocedure, call text);
INSERT INTO work.matrix SELECT ('mlops.' || r)::regprocedure, c FROM (VALUES
	('has_model_privilege(text,text)', $$1 WHERE mlops.has_model_privilege('m', 'read')$$),
	('has_run_privilege(bigint,text)', $$1 WHERE mlops.has_run_privilege(RUN, 'read')$$),
	('dataset_digest(text)', $$mlops.dataset_digest('SELECT * FROM work.plain')$$),
	('grant_model(text,regrole,text)', $$mlops.grant_model('m', '-'::pg_catalog.text::pg_catalog.regrole, 'predict')$$),
	('revoke_model(text,regrole,text)', $$mlops.revoke_model('m', '-'::pg_catalog.text::pg_catalog.regrole, 'predict')$$),
	('register_model(text,bytea,jsonb,jsonb,jsonb,integer,text,jsonb)', $$mlops.register_model('m', '\x00')$$),
	('export_model(text,text)', $$mlops.export_model('m', 'ubj')$$),
	('resolve(text)', $$mlops.resolve('m')$$),
	('classes(text)', $$mlops.classes('m')$$),
	('set_alias(text,text,integer,integer,text)', $$mlops.set_alias('m', 'canary', 1)$$),
	('set_threshold(text,double precision)', $$mlops.set_threshold('m', 0.4)$$),
	('delete_model_version(text,text)', $$mlops.delete_model_version('m/1')$$),
	('lineage(text)', $$mlops.lineage('m')$$),
	('evaluate(text,text,name)', $$mlops.evaluate('m', 'SELECT * FROM work.plain', 'y')$$),
	('compare(text[],text,name,boolean)', $$mlops.compare('{m}', 'SELECT * FROM work.plain', 'y', false)$$),
	('check_predictions(text,text,name)', $$mlops.check_predictions('m', 'SELECT * FROM work.calls', 'expected')$$),
	('importance(text,text)', $$mlops.importance('m', 'gain')$$),
	('set_calibration(text,text,name)', $$mlops.set_calibration('m', 'SELECT * FROM work.plain', 'y')$$),
	('set_reference(text,text,name)', $$mlops.set_reference('m', 'SELECT * FROM work.plain', 'y')$$),
	('predict_batch(text,text,name)', $$mlops.predict_batch('m', 'SELECT * FROM work.plain', NULL)$$),
	('create_function(text,text,text,text,boolean)', $$mlops.create_function('m', 'work.made')$$),
	('named_row(text[],"any")', $$mlops.named_row('{a}', 1)$$),
	('stat_predictions()', $$mlops.stat_predictions()$$),
	('stat_latencies()', $$mlops.stat_latencies()$$),
	('stat_prediction_info()', $$mlops.stat_prediction_info()$$),
	('stat_prediction_reset(text,integer)', $$mlops.stat_prediction_reset('m', 1)$$),
	('check_skew(text,text)', $$mlops.check_skew('m', 'SELECT * FROM work.plain')$$),
	('predict_logged(text,text,"any")', $$mlops.predict_logged('m', 'k', 1, 2)$$),
	('predict_logged(text,text,text)', $$mlops.predict_logged('m', 'k', '{"x": 1, "z": 2}')$$),
	('record_outcome(text,text,text,timestamp with time zone,interval)', $$mlops.record_outcome('m', 'k', 'false')$$),
	('set_traffic(text,jsonb,jsonb,text)', $$mlops.set_traffic('m', NULL)$$),
	('route(text,text)', $$mlops.route('m', 'k')$$),
	('train(text,text,name,jsonb,text,text,integer,integer,text,name,double precision,double precision,interval,boolean,name[],name,name,text,name,name[],name[],timestamp with time zone,interval,text,text,text,jsonb)',
		$$mlops.train('m', 'SELECT id, x, z, y FROM work.plain', 'y', key => '{id}')$$),
	('retrain(text,text,name,jsonb,text,text,integer,integer,text,name,double precision,double precision,interval,boolean,name[],name,name,text,name,name[],name[],timestamp with time zone,interval,text,text,text,jsonb)',
		$$mlops.retrain('m')$$),
	('wait(bigint,interval)', $$mlops.wait(RUN, '0')$$),
	('cancel(bigint)', $$mlops.cancel(RUN)$$),
	('set_role_limit(regrole,integer,integer)', $$mlops.set_role_limit('-'::pg_catalog.text::pg_catalog.regrole, 7)$$),
	('tick()', $$mlops.tick()$$),
	('train_wait(text,text,name,jsonb,text,text,integer,integer,text,name,double precision,double precision,interval,boolean,name[],name,name,text,name,name[],name[],timestamp with time zone,interval,text,text,text,jsonb)',
		$$CALL mlops.train_wait('m', 'SELECT id, x, z, y FROM work.plain', 'y', key => '{id}')$$),
	('retrain_wait(text,text,name,jsonb,text,text,integer,integer,text,name,double precision,double precision,interval,boolean,name[],name,name,text,name,name[],name[],timestamp with time zone,interval,text,text,text,jsonb)',
		$$CALL mlops.retrain_wait('m')$$),
	('wait_run(bigint,interval)', $$CALL mlops.wait_run(RUN)$$),
	('drift(text,text,double precision,double precision)', $$mlops.drift('m', 'SELECT * FROM work.plain')$$),
	('domain_query(text,text)', $$mlops.domain_query('SELECT * FROM work.plain', 'SELECT * FROM work.plain')$$),
	('domain_classifier(text,text,text,name[],name[])', $$mlops.domain_classifier('SELECT x FROM work.plain', 'SELECT x FROM work.plain')$$),
	('estimated_performance(text,text,name)', $$mlops.estimated_performance('m', 'SELECT * FROM work.plain')$$),
	('prediction_performance(text,timestamp with time zone,timestamp with time zone,interval)', $$mlops.prediction_performance('m')$$),
	('compare_logged(text,text,timestamp with time zone,timestamp with time zone)', $$mlops.compare_logged('m@champion', 'm@spare')$$),
	('create_monitor(text,text,regclass,text,name[],name,name,name,name,interval,interval,interval,bigint,double precision,double precision,integer,interval,name,bigint,text,interval,text,text,interval,integer,bigint,double precision,text,double precision,bigint,interval,text)',
		$$mlops.create_monitor('other', 'm', query => 'SELECT * FROM work.plain')$$),
	('alter_monitor(text,text,name[],name,name,name,name,interval,interval,double precision,double precision,integer,interval,name,bigint,text,interval,text,text,interval,integer,bigint,double precision,text,double precision,bigint,interval,text)',
		$$mlops.alter_monitor('mon', psi_threshold => 0.3)$$),
	('drop_monitor(text)', $$mlops.drop_monitor('mon')$$),
	('pause_monitor(text,boolean)', $$mlops.pause_monitor('mon')$$),
	('check_monitor(text)', $$mlops.check_monitor('mon')$$),
	('observe_insert()', $$mlops.observe_insert()$$),
	('observe_update()', $$mlops.observe_update()$$),
	('follow_tables()', $$mlops.follow_tables()$$),
	('predict_support(internal)', $$mlops.predict_support(NULL)$$),
	('schedule_retrain(text,text,text)', $$mlops.schedule_retrain('m', '0 3 * * 0')$$),
	('unschedule_retrain(text)', $$mlops.unschedule_retrain('m')$$),
	('predict_agg(text,"any")', $$mlops.predict_agg('m', 1, 2)$$)) v(r, c);
-- those of a model and a row are all called alike, as arguments and as text
INSERT INTO work.matrix SELECT oid, format('mlops.%I(%L, %s)', proname, 'm', CASE proargtypes[1] WHEN 'text'::regtype THEN $$'{"x": 1, "z": 2}'$$ ELSE '1, 2' END)
FROM pg_proc WHERE pronamespace = 'mlops'::regnamespace AND prokind = 'f' AND provolatile = 's' AND proargnames[2] = 'features' AND proargtypes[0] = 'text'::regtype;
UPDATE work.matrix SET call = CASE WHEN call LIKE 'CALL %' THEN call ELSE 'SELECT ' || call END;
GRANT SELECT ON work.matrix TO PUBLIC;
-- routines that are missing above.  Aggregates over values alone, their parts and the functions of types are no more than their arguments
SELECT oid::regprocedure AS not_in_matrix FROM pg_proc p WHERE pronamespace = 'mlops'::regnamespace AND (provolatile <> 'i' OR prokind = 'p')
	AND NOT EXISTS (SELECT FROM work.matrix WHERE routine = p.oid)
	AND NOT EXISTS (SELECT FROM pg_aggregate WHERE p.oid IN (aggtransfn, aggfinalfn, aggcombinefn))
	AND NOT EXISTS (SELECT FROM pg_type WHERE p.oid IN (typinput, typoutput, typreceive, typsend));
SELECT aggfnoid AS not_in_matrix FROM pg_aggregate JOIN pg_proc p ON p.oid = aggfnoid JOIN pg_proc t ON t.oid = aggtransfn
	WHERE p.pronamespace = 'mlops'::regnamespace AND p.proargnames[1] LIKE 'model%' AND NOT EXISTS (SELECT FROM work.matrix WHERE routine = aggfnoid);

-- Answer of a statement, rolled back: ok, none (no rows), or the SQLSTATE
CREATE FUNCTION work.try(statement text, hostile boolean DEFAULT false) RETURNS text LANGUAGE plpgsql AS $$
DECLARE n bigint;
BEGIN
	IF hostile THEN SET LOCAL search_path = hostile, pg_catalog; END IF;
	EXECUTE statement;
	GET DIAGNOSTICS n = ROW_COUNT;
	RAISE EXCEPTION SQLSTATE 'MLOK0' USING message = n;
EXCEPTION WHEN SQLSTATE 'MLOK0' THEN RETURN CASE SQLERRM WHEN '0' THEN 'none' ELSE 'ok' END;
	WHEN OTHERS THEN RETURN SQLSTATE;
END $$;
-- Message, detail and hint of the error of a statement
CREATE FUNCTION work.words(statement text) RETURNS text LANGUAGE plpgsql AS $$
DECLARE message text; detail text; hint text;
BEGIN
	EXECUTE statement;
	RETURN '';
EXCEPTION WHEN OTHERS THEN
	GET STACKED DIAGNOSTICS message = MESSAGE_TEXT, detail = PG_EXCEPTION_DETAIL, hint = PG_EXCEPTION_HINT;
	RETURN concat_ws(' / ', SQLSTATE, message, detail, hint);
END $$;
CREATE TABLE work.answers (who text, what text, answer text);
GRANT INSERT ON work.answers TO PUBLIC;
CREATE VIEW work.statements AS
	SELECT regexp_replace(routine::text, '^mlops\.|\(.*', '', 'g') || CASE WHEN (SELECT proargnames @> '{features}' AND proargtypes::text ~ ' 25$' FROM pg_proc WHERE oid = routine) THEN ' (text)' ELSE '' END AS what,
		replace(call, 'RUN', :'run') AS statement, routine,
		replace(regexp_replace(call, '(''\{?)(m|mon)([@/''}])', '\1absent\3', 'g'), 'RUN', '9999') AS missing FROM work.matrix;
CREATE VIEW work.relations AS
	SELECT regexp_replace(relname, '_[0-9]{8}$', '_day') AS what, relkind, min(format('mlops.%I', relname)) AS relation
	FROM pg_class WHERE relnamespace = 'mlops'::regnamespace AND relkind IN ('r', 'p', 'v', 'm', 'f', 'S') GROUP BY 1, 2;
-- of tables and sequences: whether rows are seen, attempts to (I)nsert, (D)elete and (u)pdate that got past rights and row security, the rights to (t)runcate, (r)eference, make t(g)riggers
CREATE FUNCTION work.ask(who text) RETURNS void LANGUAGE sql AS $$
	INSERT INTO work.answers SELECT who, what, work.try(statement) FROM work.statements;
	INSERT INTO work.answers SELECT who, CASE relkind WHEN 'v' THEN '. ' WHEN 'S' THEN '... ' ELSE '.. ' END || what,
		CASE work.try('SELECT FROM ' || relation || ' LIMIT 1') WHEN 'none' THEN 'none' WHEN 'ok' THEN 'rows' WHEN '42501' THEN 'denied' ELSE '?' END
		|| CASE relkind WHEN 'S' THEN CASE WHEN has_sequence_privilege(relation, 'USAGE, UPDATE') THEN ' u' ELSE '' END
			WHEN 'v' THEN CASE WHEN has_table_privilege(relation, 'INSERT, UPDATE, DELETE, TRUNCATE, REFERENCES, TRIGGER') THEN ' u' ELSE '' END ELSE rtrim(' '
			|| CASE WHEN work.try('INSERT INTO ' || relation || ' DEFAULT VALUES') <> '42501' THEN 'I' ELSE '' END
			|| CASE WHEN work.try('DELETE FROM ' || relation) NOT IN ('42501', 'none') THEN 'D' ELSE '' END
			|| CASE WHEN work.try(format('UPDATE %s SET %I = %2$I', relation, last)) NOT IN ('42501', 'none') THEN 'u' ELSE '' END
			|| CASE WHEN has_any_column_privilege(relation, 'REFERENCES') THEN 'r' ELSE '' END
			|| CASE WHEN has_table_privilege(relation, 'TRUNCATE') THEN 't' ELSE '' END || CASE WHEN has_table_privilege(relation, 'TRIGGER') THEN 'g' ELSE '' END) END
		FROM work.relations, LATERAL (SELECT attname AS last FROM pg_attribute WHERE attrelid = relation::regclass AND attnum > 0 AND attidentity = '' ORDER BY attnum DESC LIMIT 1) a;
$$;
GRANT SELECT ON ALL TABLES IN SCHEMA work TO PUBLIC;
-- P07: canaries in place of our own relations, too
SELECT sum(work.shadow(format('CREATE VIEW hostile.%1$I AS SELECT * FROM %2$I.%1$I WHERE hostile.canary()', relname, nspname))) > 30 AS views,
	sum(work.shadow(format('CREATE TEMP VIEW %1$I AS SELECT * FROM %2$I.%1$I WHERE hostile.canary()', relname, nspname))) > 130 AS temporary_views
FROM pg_class c JOIN pg_namespace n ON n.oid = relnamespace WHERE nspname IN ('pg_catalog', 'mlops') AND relkind IN ('r', 'v', 'p');
GRANT USAGE ON SCHEMA hostile TO PUBLIC;
GRANT SELECT, USAGE ON ALL SEQUENCES IN SCHEMA hostile TO PUBLIC;
GRANT SELECT ON ALL TABLES IN SCHEMA hostile TO PUBLIC;
DO $$ BEGIN EXECUTE format('GRANT USAGE ON SCHEMA %I TO PUBLIC', pg_my_temp_schema()::regnamespace); END $$;

-- what a dispatcher would take away before it is looked at is in this transaction only
BEGIN;
INSERT INTO mlops.cancel_request VALUES (:run, 'regress_rights_owner');
INSERT INTO mlops.drift_state (monitor, version, n_rows, created_at) VALUES ('mon', 1, 0, now());
INSERT INTO mlops.prediction_log_restored SELECT * FROM mlops.prediction_log;
INSERT INTO mlops.prediction_log (predicted_at, version, predicted_by, model, key) VALUES ('1999-01-01', 1, 'regress_rights_owner', 'm', 'old');
SET LOCAL SESSION AUTHORIZATION regress_rights_stranger;
SELECT work.ask('stranger');
-- a stranger learns nothing: the same words for a forbidden and a missing thing
SELECT what, work.words(statement) AS forbidden, work.words(missing) AS missing FROM work.statements
WHERE missing <> statement AND regexp_replace(work.words(statement), format('"m"|"mon"|run %s', :run), 'X', 'g') <> regexp_replace(work.words(missing), '"absent"|run 9999', 'X', 'g');
SET LOCAL SESSION AUTHORIZATION regress_rights_predictor;
SELECT work.ask('predictor');
SET LOCAL SESSION AUTHORIZATION regress_rights_reader;
SELECT work.ask('reader');
SET LOCAL SESSION AUTHORIZATION regress_rights_trainer;
SELECT work.ask('trainer');
SET LOCAL SESSION AUTHORIZATION regress_rights_owner;
SELECT work.ask('owner');
INSERT INTO work.answers SELECT 'owner, hostile', what, work.try(statement, true) FROM work.statements;
SET LOCAL SESSION AUTHORIZATION regress_rights_extension;
SELECT work.ask('extension');
SET LOCAL SESSION AUTHORIZATION regress_rights_super;
SELECT work.ask('super');
INSERT INTO work.answers SELECT 'super, hostile', what, work.try(statement, true) FROM work.statements;
INSERT INTO work.answers SELECT 'super, hostile', what, work.try('SELECT * FROM ' || relation, true) FROM work.relations;
INSERT INTO work.answers SELECT 'super, restricted', what, work.try(regexp_replace(statement, '^SELECT', 'CREATE MATERIALIZED VIEW work.trap AS SELECT 1 AS one FROM'))
	FROM work.statements JOIN pg_catalog.pg_proc p ON p.oid = routine WHERE provolatile = 'v' AND prokind = 'f';
SET LOCAL SESSION AUTHORIZATION regress_rights_replication;
SELECT work.ask('replication');
SET LOCAL SESSION AUTHORIZATION regress_rights_data;
SELECT work.ask('data');
RESET SESSION AUTHORIZATION;
-- P02, P03: the matrix
SELECT what, max(answer) FILTER (WHERE who = 'stranger') AS stranger, max(answer) FILTER (WHERE who = 'predictor') AS predictor,
	max(answer) FILTER (WHERE who = 'reader') AS reader, max(answer) FILTER (WHERE who = 'trainer') AS trainer,
	max(answer) FILTER (WHERE who = 'owner') AS owner, max(answer) FILTER (WHERE who = 'extension') AS extension,
	max(answer) FILTER (WHERE who = 'super') AS super, max(answer) FILTER (WHERE who = 'replication') AS replication,
	max(answer) FILTER (WHERE who = 'data') AS data
FROM work.answers WHERE who NOT LIKE '%,%' GROUP BY what ORDER BY what COLLATE "C";
-- P07: a hostile search_path changes no answer, and no canary sang
SELECT h.who, h.what, h.answer, a.answer AS without FROM work.answers h LEFT JOIN work.answers a ON a.what = h.what AND a.who || ', hostile' = h.who
	WHERE h.who LIKE '%hostile' AND h.answer NOT IN ('ok', 'none') AND h.answer IS DISTINCT FROM a.answer ORDER BY 1, 2;
SELECT is_called AS sung FROM hostile.sung;
-- what may be called in a security-restricted operation, where a role acts for another one
SELECT what, answer FROM work.answers WHERE who = 'super, restricted' ORDER BY answer, what COLLATE "C";
ROLLBACK;

-- the procedures, which cannot be called above
\set VERBOSITY sqlstate
\set ECHO queries
SET SESSION AUTHORIZATION regress_rights_stranger;
CALL mlops.train_wait('m', 'SELECT id, x, z, y FROM work.plain', 'y', key => '{id}');
CALL mlops.retrain_wait('m');
CALL mlops.wait_run(:run);
CALL mlops.wait_run(9999);
SET SESSION AUTHORIZATION regress_rights_predictor;
CALL mlops.retrain_wait('m');
CALL mlops.wait_run(:run);
SET SESSION AUTHORIZATION regress_rights_reader;
CALL mlops.retrain_wait('m');
CALL mlops.wait_run(:run);
SET SESSION AUTHORIZATION regress_rights_trainer;
CALL mlops.train_wait('m', 'SELECT id, x, z, y FROM work.plain', 'y', key => '{id}');
CALL mlops.retrain_wait('m');
CALL mlops.wait_run(:run);
SET SESSION AUTHORIZATION regress_rights_owner;
CALL mlops.train_wait('m', 'SELECT id, x, z, y FROM work.plain', 'y', key => '{id}', num_boost_round => 1);
CALL mlops.retrain_wait('m', num_boost_round => 1);
CALL mlops.wait_run(:run);
RESET SESSION AUTHORIZATION;
SELECT model, version, created_by FROM mlops.model_version ORDER BY version;
\set VERBOSITY terse
\set ECHO all

-- P07: casts that somebody has made for a type of his own are not called for rows of it
SET SESSION AUTHORIZATION regress_rights_stranger;
CREATE TYPE work.mood AS ENUM ('good', 'bad');
CREATE FUNCTION work.sing(work.mood) RETURNS text LANGUAGE sql AS 'SELECT hostile.canary()::text';
CREATE FUNCTION work.sing_number(work.mood) RETURNS float8 LANGUAGE sql AS 'SELECT hostile.canary()::int::float8';
CREATE CAST (work.mood AS text) WITH FUNCTION work.sing AS IMPLICIT;
CREATE CAST (work.mood AS float8) WITH FUNCTION work.sing_number AS IMPLICIT;
CREATE FUNCTION work.sing_float(work.mood) RETURNS float4 LANGUAGE sql AS 'SELECT hostile.canary()::int::float4';
CREATE CAST (work.mood AS float4) WITH FUNCTION work.sing_float;
CREATE TABLE work.moody (x float8, z float8, y boolean, k work.mood, ks work.mood[]);
INSERT INTO work.moody VALUES (1, 2, true, 'good', '{good,bad}'), (2, 3, false, 'bad', NULL), (5, 3, false, NULL, '{}');
RESET SESSION AUTHORIZATION;
SELECT key, version FROM mlops.predict_batch('m', 'SELECT * FROM work.moody', 'k');
SELECT key, version FROM mlops.predict_batch('m', 'SELECT * FROM work.moody', 'ks');
SELECT * FROM mlops.check_predictions('m', 'SELECT * FROM work.moody', 'k');
SELECT count(mlops.predict('m', t)) FROM work.moody t;
SELECT n_rows FROM mlops.dataset_digest('SELECT x, k FROM work.moody');
SELECT count(*) > 0 AS measured FROM mlops.evaluate('m', 'SELECT * FROM work.moody', 'y');
SELECT count(*) > 0 AS measured FROM mlops.drift('m', 'SELECT x, z, k FROM work.moody');
SELECT name, mlops.rows(profile) FROM mlops.profiles((SELECT mlops.reference(t) FROM work.moody t)) WHERE name = 'k';
SELECT mlops.accuracy(k, k), mlops.f1(k, k, 'good') FROM work.moody;
SELECT (mlops.named_row('{a,b}', k, ks)) IS NOT NULL FROM work.moody;
SELECT is_called AS sung FROM hostile.sung;

-- P07, G11: a training, a statement on a watched table by somebody without rights on the model, and what the dispatcher makes of it, all under that search_path
SET SESSION AUTHORIZATION regress_rights_owner;
SET search_path = hostile, pg_catalog;
SELECT mlops.train('h', 'SELECT id, x, z, y FROM work.rows', 'y', key => '{id}', num_boost_round => 2, params => '{"nthread": 1}') AS run \gset
CALL mlops.wait_run(:run);
SELECT mlops.create_monitor('hmon', 'h', relation => 'work.rows', label => 'y', prediction => 'y', key => '{id}', time_column => 'at', window_size => '1 hour');
SELECT mlops.create_function('h', 'work.hostile_definer'), mlops.create_function('h', 'work.hostile_invoker', security => 'invoker');
SELECT work.hostile_definer(1, 2) OPERATOR(pg_catalog.>) 0 AS definer, work.hostile_invoker(1, 2) OPERATOR(pg_catalog.>) 0 AS invoker;
CREATE TABLE work.tree (LIKE work.rows) PARTITION BY RANGE (at);
SELECT mlops.create_monitor('tree', 'h', relation => 'work.tree', window_rows => 100);
CREATE TABLE work.tree_rest PARTITION OF work.tree DEFAULT;
GRANT INSERT ON work.tree_rest TO PUBLIC;
SELECT mlops.alter_monitor('tree', psi_threshold => 0.2), mlops.pause_monitor('hmon'), mlops.pause_monitor('hmon', false);
SET SESSION AUTHORIZATION regress_rights_stranger;
INSERT INTO work.tree_rest VALUES (1, 2, 3, true, '2026-01-01');
INSERT INTO work.rows VALUES (1, 2, 3, true, '2026-01-01 10:30:00+00'), (2, 2, 3, false, '2026-01-01 10:40:00+00');
SET SESSION AUTHORIZATION regress_rights_owner;
UPDATE work.rows SET y = false WHERE at OPERATOR(pg_catalog.<) '2026-01-01 10:35:00+00';
SELECT mlops.check_monitor('hmon'), mlops.check_monitor('tree');
SELECT mlops.create_monitor('qmon', 'h', query => 'SELECT x, z, y FROM work.rows', label => 'y', sample_key => 'x', window_size => '1 day');
SELECT mlops.check_monitor('qmon') AS run \gset
CALL mlops.wait_run(:run);
SELECT status, n_rows FROM mlops.wait(:run);
RESET search_path;
SELECT window_start, n_rows, n_labels, status FROM mlops.drift_window WHERE monitor = 'hmon';
SELECT monitor, n_rows, n_errors, last_error FROM mlops.monitor_state WHERE monitor <> 'mon' ORDER BY monitor;
RESET SESSION AUTHORIZATION;
SELECT is_called AS sung FROM hostile.sung;

\connect :home
DROP DATABASE regress_rights WITH (FORCE);
DROP ROLE regress_rights_stranger, regress_rights_predictor, regress_rights_reader, regress_rights_trainer,
	regress_rights_owner, regress_rights_extension, regress_rights_super, regress_rights_replication, regress_rights_data;
