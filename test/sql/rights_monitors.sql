-- Whose rights a monitor has: the author of its queries, the writer of the watched
-- table, and nobody who imitates a trigger.
\set VERBOSITY terse
\pset null null
SET client_min_messages = warning;
CREATE ROLE regress_monitor_alice LOGIN;
CREATE ROLE regress_monitor_bob LOGIN;
CREATE ROLE regress_monitor_mallory LOGIN;
GRANT EXECUTE ON FUNCTION mlops.train TO regress_monitor_alice;
CREATE SCHEMA watched;
GRANT USAGE, CREATE ON SCHEMA watched TO PUBLIC;
SET SESSION AUTHORIZATION regress_monitor_alice;
SET client_min_messages = error;
CREATE TABLE watched.rows AS SELECT i AS id, i % 7 AS x, i % 7 > 3 AS y FROM generate_series(1, 200) i;
SELECT mlops.train('watched', 'SELECT * FROM watched.rows', 'y', key => '{id}', num_boost_round => 1) AS run \gset
CALL mlops.wait_run(:run);
SELECT mlops.grant_model('watched', 'regress_monitor_bob', 'own');
SELECT mlops.create_monitor('mine', 'watched', relation => 'watched.rows', label => 'y', window_rows => 100, on_error => 'fail');
RESET SESSION AUTHORIZATION;

-- G11: triggers of others that name the monitor are not counted, and leave no trace, not even of their errors
SET SESSION AUTHORIZATION regress_monitor_mallory;
CREATE TABLE watched.forged (x int, y boolean);
CREATE TABLE watched.strange (nothing text);
CREATE TRIGGER mlops_insert_mine AFTER INSERT ON watched.forged REFERENCING NEW TABLE AS new_rows FOR EACH STATEMENT EXECUTE FUNCTION mlops.observe_insert('mine');
CREATE TRIGGER mlops_insert_mine AFTER INSERT ON watched.strange REFERENCING NEW TABLE AS new_rows FOR EACH STATEMENT EXECUTE FUNCTION mlops.observe_insert('mine');
CREATE TRIGGER whatever AFTER INSERT ON watched.strange REFERENCING NEW TABLE AS new_rows FOR EACH STATEMENT EXECUTE FUNCTION mlops.observe_insert('mine');
INSERT INTO watched.forged VALUES (1, true);
INSERT INTO watched.strange VALUES ('nonsense');
RESET SESSION AUTHORIZATION;
SELECT count(*) AS traces FROM mlops.drift_state WHERE monitor = 'mine';
-- a writer needs no right on anything of ours
BEGIN;
REVOKE USAGE ON SCHEMA mlops FROM PUBLIC;
REVOKE EXECUTE ON ALL ROUTINES IN SCHEMA mlops FROM PUBLIC;
GRANT INSERT ON watched.rows TO regress_monitor_mallory;
SET LOCAL SESSION AUTHORIZATION regress_monitor_mallory;
INSERT INTO watched.rows VALUES (1, 2, true), (1, 2, true);
RESET SESSION AUTHORIZATION;
SELECT n_rows, error FROM mlops.drift_state WHERE monitor = 'mine';
ROLLBACK;
-- nor can it be called otherwise
SET SESSION AUTHORIZATION regress_monitor_mallory;
SELECT mlops.observe_insert();
CREATE TRIGGER direct BEFORE INSERT ON watched.forged FOR EACH ROW EXECUTE FUNCTION mlops.observe_insert('mine');
DROP TRIGGER direct ON watched.forged;

-- P05: the owner's right to read counts when rows come, not when the monitor was made
RESET SESSION AUTHORIZATION;
ALTER TABLE watched.rows OWNER TO regress_monitor_bob;
GRANT SELECT, TRIGGER ON watched.rows TO regress_monitor_alice;
CREATE FUNCTION watched.insert_one() RETURNS text LANGUAGE sql AS $$
	INSERT INTO watched.rows VALUES (1, 2, true);
	SELECT coalesce(error, 'counted') FROM mlops.drift_state WHERE monitor = 'mine' AND created_at = now() $$;
SELECT watched.insert_one();
REVOKE SELECT ON watched.rows FROM regress_monitor_alice;
SELECT watched.insert_one();
GRANT SELECT ON watched.rows TO regress_monitor_alice;
SELECT watched.insert_one();
ALTER TABLE watched.rows ENABLE ROW LEVEL SECURITY;
CREATE POLICY half ON watched.rows USING (x < 4);
SELECT watched.insert_one();
SET SESSION AUTHORIZATION regress_monitor_alice;
SELECT mlops.create_monitor('again', 'watched', relation => 'watched.rows', window_rows => 100);
RESET SESSION AUTHORIZATION;
ALTER ROLE regress_monitor_alice BYPASSRLS;
SELECT watched.insert_one();
ALTER ROLE regress_monitor_alice NOBYPASSRLS;
-- FORCE applies to the owner of the table, too
SET SESSION AUTHORIZATION regress_monitor_bob;
SET client_min_messages = error;
SELECT mlops.create_monitor('bobs', 'watched', relation => 'watched.rows', window_rows => 100);
RESET client_min_messages;
ALTER TABLE watched.rows FORCE ROW LEVEL SECURITY;
SELECT mlops.create_monitor('bobs2', 'watched', relation => 'watched.rows', window_rows => 100);
RESET SESSION AUTHORIZATION;
BEGIN;
INSERT INTO watched.rows VALUES (1, 2, true);
SELECT monitor, error FROM mlops.drift_state WHERE created_at = now() ORDER BY 1;
COMMIT;
ALTER TABLE watched.rows NO FORCE ROW LEVEL SECURITY;
ALTER TABLE watched.rows DISABLE ROW LEVEL SECURITY;
SELECT mlops.drop_monitor('bobs'), mlops.drop_monitor('mine');

-- DETAILS A1: a query of one role never comes to run with the rights of another
SET SESSION AUTHORIZATION regress_monitor_alice;
SET client_min_messages = error;
SELECT mlops.create_monitor('query', 'watched', query => 'SELECT x, y FROM watched.rows', retrain_query => 'SELECT * FROM watched.rows');
RESET client_min_messages;
SET SESSION AUTHORIZATION regress_monitor_bob;
SELECT mlops.alter_monitor('query', action => 'retrain');
SELECT owner, action FROM mlops.monitor WHERE name = 'query';
SELECT mlops.alter_monitor('query', query => 'SELECT x FROM watched.rows');
SELECT mlops.alter_monitor('query', retrain_query => 'SELECT x, y, id FROM watched.rows');
SELECT owner, query, retrain_query FROM mlops.monitor WHERE name = 'query';
-- taking it away is no authorship
SELECT mlops.alter_monitor('query', retrain_query => '');
SELECT owner, query, retrain_query FROM mlops.monitor WHERE name = 'query';
SELECT mlops.check_monitor('query') AS run \gset
SELECT submitted_by, recipe ->> 'query' AS query FROM mlops.run WHERE id = :run;
-- who replaces all of them is the author
SELECT mlops.alter_monitor('query', query => 'SELECT x, y, id FROM watched.rows', retrain_query => 'SELECT x, y FROM watched.rows');
SELECT owner, query, retrain_query FROM mlops.monitor WHERE name = 'query';
SET SESSION AUTHORIZATION regress_monitor_alice;
SELECT mlops.alter_monitor('query', query => 'SELECT x FROM watched.rows', retrain_query => '');
SELECT owner, query, retrain_query FROM mlops.monitor WHERE name = 'query';
-- a superuser, too, runs nobody's query
RESET SESSION AUTHORIZATION;
SELECT mlops.alter_monitor('query', action => 'alert');
SELECT mlops.check_monitor('query') AS run \gset
SELECT submitted_by FROM mlops.run WHERE id = :run;
SELECT owner FROM mlops.monitor WHERE name = 'query';
-- nor does a retraining: the author of the recipe stays, until there is a new query
SET SESSION AUTHORIZATION regress_monitor_bob;
SET client_min_messages = error;
SELECT mlops.retrain('watched', num_boost_round => 2) AS kept \gset
CALL mlops.wait_run(:kept);
SELECT mlops.retrain('watched', query => 'SELECT x, y, id FROM watched.rows WHERE id > 10') AS given \gset
CALL mlops.wait_run(:given);
SELECT submitted_by, recipe ->> 'query' AS query FROM mlops.run WHERE id IN (:kept, :given) ORDER BY id;
SELECT version, created_by, recipe ->> 'query' AS query FROM mlops.model_version WHERE model = 'watched' ORDER BY version;

RESET SESSION AUTHORIZATION;
SET client_min_messages = error;
DROP SCHEMA watched CASCADE;
TRUNCATE mlops.model, mlops.model_blob, mlops.run, mlops.dataset, mlops.drift_state CASCADE;
DROP OWNED BY regress_monitor_alice, regress_monitor_bob, regress_monitor_mallory;
DROP ROLE regress_monitor_alice, regress_monitor_bob, regress_monitor_mallory;
