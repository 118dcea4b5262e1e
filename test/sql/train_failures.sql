-- runs that fail after they were queued: reason, and nothing half-done
\set VERBOSITY terse
\set superuser :USER
SET client_min_messages = warning;
CREATE ROLE regress_train_failures LOGIN;
GRANT EXECUTE ON FUNCTION mlops.train TO regress_train_failures;
CREATE SCHEMA train_failures AUTHORIZATION regress_train_failures;
\connect - regress_train_failures
SET client_min_messages = warning;
SET search_path = train_failures, public;

CREATE PROCEDURE wait_all() LANGUAGE plpgsql AS $$
BEGIN
	PERFORM mlops.wait(id, '100 s') FROM mlops.run WHERE model LIKE 'failures\_%';
END $$;
CREATE TABLE t AS SELECT i AS id, i % 13 AS x, i % 7 AS z, i % 13 + i % 7 AS y FROM generate_series(1, 300) i;
CREATE TABLE written (n int);
CREATE SEQUENCE numbers;
CREATE FUNCTION run_sql(text) RETURNS int LANGUAGE plpgsql VOLATILE AS $$ BEGIN EXECUTE $1; RETURN 1; END $$;
CREATE FUNCTION complain() RETURNS int LANGUAGE plpgsql VOLATILE AS $$
BEGIN RAISE EXCEPTION 'no' USING ERRCODE = 'AB123', DETAIL = 'Some detail.', HINT = 'Some hint.'; END $$;

-- T07, T08: functions with side effects: f is evaluated for each row
CREATE TABLE trial (n serial, f text);
INSERT INTO trial (f) VALUES ('run_sql(''INSERT INTO written VALUES (1)'')'), ('run_sql(''CREATE TABLE made ()'')'), ('run_sql(''SET TRANSACTION READ WRITE'')'),
	('run_sql(''SET transaction_read_only = off'')'), ('nextval(''numbers'')'), ('complain()'), ('1 / (x - 5)'), ('run_sql(''COMMIT'')'),
	('mlops.train(''failures_inner'', ''TABLE t'', ''y'')'), ('mlops.cancel(1)::int'), ('mlops.set_alias(''failures_1'', ''champion'', 1)'),
	-- these are undone, and the run goes on
	('run_sql(''SELECT lo_create(0)'')'), ('run_sql(''NOTIFY failures'')'), ('run_sql(''SELECT pg_advisory_unlock_all()'')'), ('run_sql(''SET search_path = nowhere'')'),
	('run_sql(''SET statement_timeout = 1'')');
SELECT count(mlops.train('failures_' || n, format('SELECT id, x, %s AS f, y FROM t', f), 'y', key => '{id}', num_boost_round => 1)) FROM trial;
CALL wait_all();
SELECT f, status, sqlstate, regexp_replace(error, '\nCONTEXT.*', '') AS error FROM trial JOIN mlops.run ON model = 'failures_' || n
	WHERE f !~ 'lo_create' ORDER BY n;	-- which 15 lets pass, later ones refuse
SELECT (SELECT count(*) FROM written) AS rows, to_regclass('made') AS made, (SELECT count(*) FROM pg_largeobject_metadata) AS objects,
	(SELECT is_called FROM numbers) AS called, (SELECT count(*) FROM mlops.model WHERE name = 'failures_inner') AS inner_models;
-- a model of a failed run has no version, and a failed run no data set
SELECT count(*) > 10 AS failed, count(v.version) AS versions, count(r.version) AS numbers, count(r.dataset_id) AS datasets, max(m.last_version) AS last_version,
	bool_and(ended_at IS NOT NULL AND attempt = 1 AND crashes = 0 AND round IS NULL AND metric_value IS NULL) AS settled
	FROM mlops.run r JOIN mlops.model m ON m.name = r.model LEFT JOIN mlops.model_version v ON v.model = r.model WHERE r.model LIKE 'failures\_%' AND status = 'failed';

-- T01, T02: no rows, one row, one label, labels that are missing
DELETE FROM trial;
INSERT INTO trial (f) VALUES ('SELECT * FROM t WHERE false'), ('SELECT * FROM t LIMIT 1'), ('SELECT id, x, NULL::int AS y FROM t'), ('SELECT id, x, true AS y FROM t'),
	('SELECT id, x, ''a'' AS y FROM t'), ('SELECT id, x, x > 5 OR NULL AS y FROM t'), ('SELECT id, x, 1 AS y FROM t'), ('SELECT id, x, CASE x WHEN 1 THEN ''inf'' ELSE x::float8 END AS y FROM t'),
	('SELECT id, x, (id / 2)::text AS y FROM t'), ('SELECT id, x, CASE WHEN x > 5 THEN ''yes'' ELSE ''no'' END AS y FROM t'), ('SELECT id, x, repeat(''y'', 9000) || x % 3 AS y FROM t'),
	('SELECT 1 AS id, x, y FROM t'), ('SELECT NULL::int AS id, x, y FROM t');
SELECT count(mlops.train('failures_' || n, f, 'y', key => '{id}', num_boost_round => 1)) FROM trial;
CALL wait_all();
SELECT f, sqlstate, regexp_replace(error, '\n(CONTEXT|DETAIL).*', '') AS error FROM trial JOIN mlops.run ON model = 'failures_' || n ORDER BY n;

-- T11: tables that change between submission and run: both in one transaction
CREATE PROCEDURE submit_then(name text, change text) LANGUAGE plpgsql AS $$
BEGIN
	CREATE TABLE moving AS TABLE t;
	PERFORM mlops.train('failures_' || name, 'SELECT id, x, z, y FROM moving', 'y', key => '{id}', num_boost_round => 1);
	EXECUTE change;
	COMMIT;
	CALL wait_all();
	DROP TABLE IF EXISTS moving;
	COMMIT;
END $$;
CALL submit_then('dropped', 'DROP TABLE moving');
CALL submit_then('renamed', 'ALTER TABLE moving RENAME COLUMN id TO ident');
CALL submit_then('retyped', 'ALTER TABLE moving ALTER z TYPE bytea USING z::text::bytea');
CALL submit_then('target', 'ALTER TABLE moving ALTER y TYPE jsonb USING to_jsonb(y)');
CALL submit_then('emptied', 'DELETE FROM moving');
CALL submit_then('wider', 'ALTER TABLE moving ADD COLUMN more int');
-- a view takes the table's place, and writes
CREATE PROCEDURE submit_then_replace() LANGUAGE plpgsql AS $$
BEGIN
	CREATE VIEW viewed AS TABLE t;
	PERFORM mlops.train('failures_viewed', 'SELECT id, x, z, y FROM viewed', 'y', key => '{id}', num_boost_round => 1);
	CREATE OR REPLACE VIEW viewed AS SELECT id, x, z, run_sql('INSERT INTO written VALUES (1)') AS y FROM t;
	COMMIT;
	CALL wait_all();
END $$;
CALL submit_then_replace();
SELECT model, status, sqlstate, regexp_replace(error, '\n.*', '') AS error FROM mlops.run WHERE model ~ '^failures_[a-z]+$' ORDER BY id;

-- rights that go between submission and run; a rolled back submission leaves nothing
\connect - :superuser
SET client_min_messages = warning;
SET search_path = train_failures, public;
CREATE TABLE secret AS TABLE t;
GRANT SELECT ON secret TO regress_train_failures;
BEGIN;
SET LOCAL ROLE regress_train_failures;
SELECT mlops.train('failures_right', 'SELECT id, x, y FROM secret', 'y', key => '{id}') > 0 AS queued;
RESET ROLE;
REVOKE SELECT ON secret FROM regress_train_failures;
COMMIT;
CALL wait_all();
BEGIN;
SET LOCAL ROLE regress_train_failures;
SELECT mlops.train('failures_login', 'SELECT id, x, y FROM t', 'y', key => '{id}') > 0 AS queued;
RESET ROLE;
ALTER ROLE regress_train_failures NOLOGIN;
COMMIT;
CALL wait_all();
ALTER ROLE regress_train_failures LOGIN;
-- row security holds in the run, too
GRANT SELECT ON secret TO regress_train_failures;
ALTER TABLE secret ENABLE ROW LEVEL SECURITY;
CREATE POLICY half ON secret USING (id <= 150);
SET ROLE regress_train_failures;
SELECT mlops.train('failures_half', 'SELECT id, x, y FROM secret', 'y', key => '{id}', num_boost_round => 1) > 0 AS queued;
BEGIN;
SELECT mlops.train('failures_undone', 'SELECT id, x, y FROM t', 'y', key => '{id}') > 0 AS queued;
ROLLBACK;
RESET ROLE;
CALL wait_all();
SELECT r.model, status, sqlstate, regexp_replace(error, '\n.*', '') AS error, d.n_rows FROM mlops.run r LEFT JOIN mlops.dataset d ON d.id = dataset_id
	WHERE r.model ~ '_(right|login|half|undone)$' ORDER BY r.id;
SELECT count(*) AS undone FROM mlops.model WHERE name = 'failures_undone';
