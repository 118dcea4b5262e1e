-- monitors of tables; G01 to G15 are cases of a catalogue of faults
SET client_min_messages = warning;
SET TimeZone = 'UTC';
CREATE ROLE regress_monitor_owner LOGIN;
CREATE ROLE regress_monitor_writer;
CREATE ROLE regress_monitor_reader;
CREATE SCHEMA monitor_test;
SET search_path = monitor_test;
GRANT ALL ON SCHEMA monitor_test TO regress_monitor_owner;
GRANT USAGE ON SCHEMA monitor_test TO regress_monitor_writer, regress_monitor_reader;
GRANT EXECUTE ON FUNCTION mlops.register_model TO regress_monitor_owner;
SET SESSION AUTHORIZATION regress_monitor_owner;
\set model '{"learner":{"attributes":{},"feature_names":["a","b"],"feature_types":["float","float"],"gradient_booster":{"model":{"gbtree_model_param":{"num_parallel_tree":"1","num_trees":"1","size_leaf_vector":"0"},"tree_info":[0],"trees":[{"base_weights":[0,-0.5,0.5],"categories":[],"categories_nodes":[],"categories_segments":[],"categories_sizes":[],"default_left":[1,0,0],"id":0,"left_children":[1,-1,-1],"loss_changes":[1,0,0],"parents":[2147483647,0,0],"right_children":[2,-1,-1],"split_conditions":[1.5,-0.5,0.5],"split_indices":[0,0,0],"split_type":[0,0,0],"sum_hessian":[4,2,2],"tree_param":{"num_deleted":"0","num_feature":"2","num_nodes":"3","size_leaf_vector":"0"}}]},"name":"gbtree"},"learner_model_param":{"base_score":"5E-1","boost_from_average":"0","num_class":"0","num_feature":"2","num_target":"1"},"objective":{"name":"binary:logistic","reg_loss_param":{"scale_pos_weight":"1"}}},"version":[1,7,4]}'
SELECT mlops.register_model('regress_mon', :'model', signature => '{"features": ["a", "b"], "classes": ["no", "yes"], "positive": "yes"}');
CREATE TABLE seen AS SELECT (i % 100)::float8 AS a, (i * 37 % 101)::float8 AS b, CASE WHEN i % 4 = 0 THEN 'yes' ELSE 'no' END AS y FROM generate_series(1, 10000) i;
SELECT mlops.set_reference('regress_mon/1', 'SELECT * FROM seen', 'y');
SELECT role, name, mlops.rows(profile) FROM mlops.model_reference WHERE model = 'regress_mon' ORDER BY 1, 2;

-- what is refused
SELECT mlops.create_monitor('m', 'no_such', 'seen');
SELECT mlops.create_monitor('m', 'regress_mon');
SELECT mlops.create_monitor('m', 'regress_mon', 'seen', 'SELECT 1');
SELECT mlops.create_monitor('m m', 'regress_mon', 'seen');
SELECT mlops.create_monitor('m', 'regress_mon', 'seen', window_size => '1 month 1 day');
SELECT mlops.create_monitor('m', 'regress_mon', 'seen', window_size => '-1 day');
SELECT mlops.create_monitor('m', 'regress_mon', 'seen', window_size => '0');
SELECT mlops.create_monitor('m', 'regress_mon', 'seen', alpha => 1);
SELECT mlops.create_monitor('m', 'regress_mon', 'seen', psi_threshold => 'NaN');
SELECT mlops.create_monitor('m', 'regress_mon', 'seen', on_error => 'panic');
SELECT mlops.create_monitor('m', 'regress_mon', 'seen', season => '90 minutes', window_size => '1 hour');
SELECT mlops.create_monitor('m', 'regress_mon', 'seen', sample_key => 'a');
SELECT mlops.create_monitor('m', 'regress_mon', 'seen', label => 'nothing');
SELECT mlops.create_monitor('m', 'regress_mon', 'seen', time_column => 'a');
SELECT mlops.create_monitor('m', 'regress_mon', NULL, 'DELETE FROM seen');
-- G03
CREATE VIEW seen_view AS SELECT * FROM seen;
CREATE MATERIALIZED VIEW seen_mat AS SELECT * FROM seen;
CREATE TEMP TABLE seen_temp AS SELECT * FROM seen;
CREATE TABLE parent (a float8, b float8);
CREATE TABLE child () INHERITS (parent);
CREATE SEQUENCE seq;
CREATE TABLE other (x int);
SELECT mlops.create_monitor('m', 'regress_mon', 'seen_view');
SELECT mlops.create_monitor('m', 'regress_mon', 'seen_mat');
SELECT mlops.create_monitor('m', 'regress_mon', 'seen_temp');
SELECT mlops.create_monitor('m', 'regress_mon', 'parent');
SELECT mlops.create_monitor('m', 'regress_mon', 'child');
SELECT mlops.create_monitor('m', 'regress_mon', 'seq');
SELECT mlops.create_monitor('m', 'regress_mon', 'pg_class');
SELECT mlops.create_monitor('m', 'regress_mon', 'mlops.run');
SELECT mlops.create_monitor('m', 'regress_mon', 'other');
RESET SESSION AUTHORIZATION;
CREATE FOREIGN DATA WRAPPER dummy;
CREATE SERVER dummy FOREIGN DATA WRAPPER dummy;
CREATE FOREIGN TABLE away (a float8) SERVER dummy;
SELECT mlops.create_monitor('m', 'regress_mon', 'away');
CREATE TABLE not_mine (a float8, b float8);
SET SESSION AUTHORIZATION regress_monitor_owner;
SELECT mlops.create_monitor('m', 'regress_mon', 'not_mine');
RESET SESSION AUTHORIZATION;
GRANT SELECT ON not_mine TO regress_monitor_owner;
SET SESSION AUTHORIZATION regress_monitor_owner;
SELECT mlops.create_monitor('m', 'regress_mon', 'not_mine');
SELECT count(*) FROM mlops.monitor;

-- a table that is watched; two triggers, because transition tables want one event each (G04)
CREATE TABLE live (id int PRIMARY KEY, at timestamptz NOT NULL, a float8, b float8, score float8, y text, gone int);
SELECT mlops.create_monitor('m', 'regress_mon', 'live', key => '{id}', time_column => 'at', label => 'y', prediction => 'score', window_size => '1 hour');
SELECT mlops.create_monitor('m', 'regress_mon', 'live');
SELECT tgname, pg_get_triggerdef(oid) FROM pg_trigger WHERE tgrelid = 'live'::regclass AND NOT tgisinternal ORDER BY 1;
CREATE FUNCTION fold() RETURNS TABLE (window_start timestamptz, n_rows bigint, n_labels bigint, status text) LANGUAGE sql AS $$
	SELECT mlops.check_monitor('m');
	SELECT window_start, n_rows, n_labels, status FROM mlops.drift_window WHERE monitor = 'm' ORDER BY 1;
$$;

-- rows that wait and rows in windows: a dispatcher may be folding meanwhile
CREATE FUNCTION counted() RETURNS numeric LANGUAGE sql AS $$
	SELECT (SELECT coalesce(sum(n_rows), 0) FROM mlops.drift_state WHERE monitor = 'm')
		+ (SELECT coalesce(sum(n_rows), 0) FROM mlops.drift_window WHERE monitor = 'm');
$$;
-- G01: each row counts once, however it comes
INSERT INTO live SELECT i, '2026-01-01 00:00+00', 1, 2 FROM generate_series(1, 0) i;
SELECT counted();
BEGIN;
INSERT INTO live (id, at, a, b) VALUES (1, '2026-01-01 00:00+00', 1, 2);
SELECT n_rows, octet_length(delta) <= 200 AS small FROM mlops.drift_state;
COMMIT;
INSERT INTO live SELECT i, '2026-01-01 00:30+00', i % 100, i * 37 % 101 FROM generate_series(2, 1001) i;
COPY live (id, at, a, b) FROM stdin;
1002	2026-01-01 01:00:00+00	5	6
1003	2026-01-01 01:59:59.999999+00	NaN	\N
1004	2026-01-01 02:00:00+00	Infinity	-Infinity
\.
INSERT INTO live (id, at, a, b) VALUES (1, '2026-01-01 03:00+00', 1, 2), (1005, '2026-01-01 03:00+00', 1, 2)
	ON CONFLICT (id) DO UPDATE SET gone = 1;
INSERT INTO live (id, at, a, b) VALUES (1, '2026-01-01 03:00+00', 1, 2) ON CONFLICT DO NOTHING;
MERGE INTO live l USING (VALUES (1), (1006)) v (id) ON l.id = v.id
	WHEN MATCHED THEN UPDATE SET gone = 2
	WHEN NOT MATCHED THEN INSERT (id, at, a, b) VALUES (v.id, '2026-01-01 03:00+00', 1, 2);
WITH x AS (INSERT INTO live (id, at, a, b) VALUES (1007, '2026-01-01 03:00+00', 1, 2) RETURNING 1),
	y AS (INSERT INTO live (id, at, a, b) VALUES (1008, '2026-01-01 03:00+00', 1, 2) RETURNING 1) SELECT 1;
DELETE FROM live WHERE id = 1008;
SELECT counted();
SELECT * FROM fold();
SELECT count(*) FROM mlops.drift_state;
-- what was counted is what mlops.profile counts
SELECT p.name, p.profile OPERATOR(mlops.=) (SELECT CASE p.name WHEN 'a' THEN mlops.profile(a, r.profile) ELSE mlops.profile(b, r.profile) END
	FROM live WHERE at < '2026-01-01 01:00+00') AS same
FROM mlops.drift_profile p JOIN mlops.model_reference r ON r.model = 'regress_mon' AND r.role = p.role AND r.name = p.name
WHERE p.monitor = 'm' AND p.window_start = '2026-01-01 00:00+00' AND p.role = 'feature' ORDER BY 1;
SELECT kind, label, current_count FROM mlops.drift_histogram
	WHERE monitor = 'm' AND window_start = '2026-01-01 02:00+00' AND feature IN ('a', 'b') AND current_count > 0 ORDER BY feature, cell;

-- labels that come late, and are corrected
UPDATE live SET y = CASE WHEN id % 4 = 0 THEN 'yes' ELSE 'no' END, score = CASE WHEN id % 4 = 0 THEN 0.75 ELSE 0.25 END WHERE id <= 100;
SELECT * FROM fold() WHERE n_labels > 0;
SELECT metric, value, n FROM mlops.performance_history WHERE monitor = 'm' AND kind = 'realized' AND metric IN ('accuracy', 'recall', 'brier_score') ORDER BY 1;
UPDATE live SET gone = 3 WHERE id <= 100;
UPDATE live SET y = y WHERE id <= 100;
SELECT count(*) FROM mlops.drift_state;
UPDATE live SET y = 'yes' WHERE id <= 10;
UPDATE live SET y = NULL WHERE id = 100;
SELECT * FROM fold() WHERE n_labels > 0;
SELECT metric, value, n FROM mlops.performance_history WHERE monitor = 'm' AND kind = 'realized' AND metric IN ('accuracy', 'recall', 'brier_score') ORDER BY 1;
SELECT avg(((score >= 0.5) = (y = 'yes'))::int) AS accuracy, avg((score - (y = 'yes')::int) ^ 2) AS brier_score, count(*) FROM live WHERE y IS NOT NULL;
SELECT kind, label, current_count FROM mlops.drift_histogram WHERE monitor = 'm' AND role = 'label' AND current_count <> 0 ORDER BY cell;
-- a key that changes is another row
UPDATE live SET id = -id WHERE id = 1;
SELECT * FROM fold() WHERE n_labels > 0;

-- G09 and G10: what is rolled back is not counted; two-phase commit works
BEGIN;
INSERT INTO live (id, at, a, b) VALUES (2001, '2026-01-02 00:00+00', 1, 2);
SAVEPOINT s;
INSERT INTO live (id, at, a, b) VALUES (2002, '2026-01-02 00:00+00', 1, 2);
ROLLBACK TO s;
COMMIT;
BEGIN;
INSERT INTO live (id, at, a, b) VALUES (2003, '2026-01-02 00:00+00', 1, 2);
ROLLBACK;
BEGIN;
INSERT INTO live (id, at, a, b) VALUES (2004, '2026-01-02 00:00+00', 1, 2);
PREPARE TRANSACTION 'regress_monitor';
COMMIT PREPARED 'regress_monitor';
SELECT counted();

-- G11: a writer without rights, with a hostile search_path, who cannot call the function
RESET SESSION AUTHORIZATION;
GRANT INSERT ON live TO regress_monitor_writer;
SET SESSION AUTHORIZATION regress_monitor_writer;
CREATE TEMP TABLE drift_state (x int);
CREATE TEMP TABLE monitor (x int);
SET search_path = pg_temp, monitor_test;
INSERT INTO live (id, at, a, b) VALUES (2005, '2026-01-02 00:00+00', 1, 2);
SELECT mlops.observe_insert();
SELECT count(*) FROM mlops.monitor;
SELECT mlops.pause_monitor('m');
SELECT mlops.drop_monitor('m');
SELECT mlops.check_monitor('m');
SELECT mlops.alter_monitor('no_such');
SELECT mlops.create_monitor('theirs', 'regress_mon', 'live');
-- a trigger of one's own that calls ours counts nothing
CREATE TEMP TABLE mine (a float8, b float8);
CREATE TRIGGER mlops_insert_m AFTER INSERT ON mine REFERENCING NEW TABLE AS n FOR EACH STATEMENT EXECUTE FUNCTION mlops.observe_insert('m');
INSERT INTO mine VALUES (1, 2);
SET SESSION AUTHORIZATION regress_monitor_owner;
SET search_path = monitor_test;
SELECT counted();
SELECT * FROM fold() WHERE window_start >= '2026-01-02';

-- G02: partitions, also those that come later
CREATE TABLE part (at timestamptz, a float8, b float8, gone text) PARTITION BY RANGE (at);
CREATE TABLE part_1 PARTITION OF part FOR VALUES FROM ('2026-01-01') TO ('2026-02-01') PARTITION BY LIST (gone);
CREATE TABLE part_1_x PARTITION OF part_1 FOR VALUES IN ('x');
SELECT mlops.create_monitor('p', 'regress_mon', 'part', time_column => 'at', window_rows => 100);
SELECT mlops.create_monitor('q', 'regress_mon', 'part_1', time_column => 'at');
CREATE TABLE part_1_y PARTITION OF part_1 FOR VALUES IN ('y');
CREATE TABLE part_2 (b float8, dropped int, a float8, at timestamptz, gone text);
ALTER TABLE part_2 DROP COLUMN dropped;
INSERT INTO part_2 VALUES (1, 2, '2026-02-01', 'z');
ALTER TABLE part ATTACH PARTITION part_2 FOR VALUES FROM ('2026-02-01') TO ('2026-03-01');
SELECT tgrelid::regclass FROM pg_trigger WHERE tgname = 'mlops_insert_p' ORDER BY 1;
INSERT INTO part VALUES ('2026-01-01', 1, 2, 'x'), ('2026-02-01', 1, 2, 'z');
INSERT INTO part_1 VALUES ('2026-01-01', 1, 2, 'y');
INSERT INTO part_1_y VALUES ('2026-01-01', 1, 2, 'y');
INSERT INTO part_2 (a, b, at) VALUES (55, 7, '2026-02-01');
ALTER TABLE part DETACH PARTITION part_2;
INSERT INTO part_2 (a, b, at) VALUES (1, 2, '2026-02-01');
SELECT tgrelid::regclass FROM pg_trigger WHERE tgname = 'mlops_insert_p' ORDER BY 1;
SELECT mlops.check_monitor('p');
SELECT n_rows, status FROM mlops.drift_window WHERE monitor = 'p';
SELECT kind, lo < 55 AND 55 <= hi AS holds, current_count FROM mlops.drift_histogram
	WHERE monitor = 'p' AND feature = 'a' AND current_count > 0 ORDER BY cell;
-- windows of rows: a large statement is cut
INSERT INTO part SELECT '2026-01-01', i % 100, i * 37 % 101, 'x' FROM generate_series(1, 250) i;
SELECT mlops.check_monitor('p');
SELECT n_rows, status FROM mlops.drift_window WHERE monitor = 'p' ORDER BY window_start;

-- G06: renamed, altered, truncated, moved, dropped
ALTER TABLE live RENAME TO lively;
TRUNCATE lively;
ALTER TABLE lively DROP COLUMN gone;
ALTER TABLE lively ADD COLUMN "new ""one" text;
INSERT INTO lively (id, at, a, b) VALUES (1, '2026-01-03 00:00+00', 1, 2);
ALTER TABLE lively ALTER a TYPE numeric(10, 2);
INSERT INTO lively (id, at, a, b) VALUES (2, '2026-01-03 00:00+00', 1.25, 2);
ALTER TABLE lively DROP COLUMN b;
INSERT INTO lively (id, at, a) VALUES (3, '2026-01-03 00:00+00', 1.25);
SELECT * FROM fold() WHERE window_start >= '2026-01-03';
SELECT name, mlops.rows(profile) FROM mlops.drift_profile WHERE monitor = 'm' AND window_start = '2026-01-03 00:00+00' AND role = 'feature' ORDER BY 1;
SELECT n_errors, last_error FROM mlops.monitor_state WHERE monitor = 'm';
ALTER TABLE lively ALTER a TYPE text;
INSERT INTO lively (id, at, a) VALUES (4, '2026-01-03 00:00+00', 'x');
ALTER TABLE lively RENAME at TO "when";
INSERT INTO lively (id, "when") VALUES (5, '2026-01-03 00:00+00');
SELECT * FROM fold() WHERE window_start >= '2026-01-03';
SELECT n_errors, last_error FROM mlops.monitor_state WHERE monitor = 'm';
SELECT mlops.alter_monitor('m', time_column => 'when');

-- G07: an error of ours is none of the writer's, unless he wants it
ALTER TABLE lively ADD COLUMN version int;
SELECT mlops.alter_monitor('m', version => 'version');
INSERT INTO lively (id, "when", version) VALUES (6, '2026-01-03 00:00+00', 1), (7, '2026-01-03 00:00+00', 99);
SELECT * FROM fold() WHERE window_start >= '2026-01-03';
SELECT n_errors, last_error FROM mlops.monitor_state WHERE monitor = 'm';
SELECT mlops.alter_monitor('m', on_error => 'fail');
INSERT INTO lively (id, "when", version) VALUES (8, '2026-01-03 00:00+00', 99);
INSERT INTO lively (id, "when", version) VALUES (8, '2026-01-03 00:00+00', 1);
SELECT mlops.alter_monitor('m', on_error => 'ignore', version => '');
SELECT mlops.check_monitor('m');

-- paused
SELECT mlops.pause_monitor('m');
SELECT mlops.check_monitor('m');
SELECT counted() AS before \gset
INSERT INTO lively (id, "when") VALUES (9, '2026-01-03 00:00+00');
SELECT counted() = :before AS same;
SELECT monitor, state, status FROM mlops.monitor_status WHERE monitor = 'm';
SELECT mlops.pause_monitor('m', false);

-- who sees it
SELECT mlops.grant_model('regress_mon', 'regress_monitor_reader', 'predict');
SET SESSION AUTHORIZATION regress_monitor_reader;
SELECT count(*) FROM mlops.monitor_status;
SELECT count(*) FROM mlops.drift_profile;
SET SESSION AUTHORIZATION regress_monitor_owner;
SELECT mlops.grant_model('regress_mon', 'regress_monitor_reader', 'read');
SET SESSION AUTHORIZATION regress_monitor_reader;
SELECT monitor FROM mlops.monitor_status ORDER BY 1;
SELECT count(*) > 0 AS rows FROM mlops.drift_histogram;
SELECT mlops.drop_monitor('m');

-- D07: references that change meanwhile
SET SESSION AUTHORIZATION regress_monitor_owner;
SELECT mlops.create_monitor('d', 'regress_mon', 'seen', window_size => '1 day');
INSERT INTO seen VALUES (1, 2, 'no');
SELECT mlops.set_reference('regress_mon/1', 'SELECT a + 1000 AS a, b, y FROM seen', 'y');
INSERT INTO seen VALUES (1001, 2, 'no');
SELECT mlops.check_monitor('d');
SELECT n_rows FROM mlops.drift_window WHERE monitor = 'd';
SELECT n_errors, last_error LIKE '%references have been replaced%' AS expected FROM mlops.monitor_state WHERE monitor = 'd';

-- dropped
SELECT mlops.drop_monitor('d');
SELECT mlops.drop_monitor('p');
DROP TABLE lively;
SELECT monitor, state FROM mlops.monitor_status ORDER BY 1;
SELECT mlops.drop_monitor('m');
SELECT count(*) FROM pg_trigger WHERE tgname LIKE 'mlops%';
SELECT count(*) FROM mlops.drift_window WHERE monitor IN ('m', 'p', 'd');
RESET SESSION AUTHORIZATION;
SET client_min_messages = error;
DROP SCHEMA monitor_test CASCADE;
DROP FOREIGN DATA WRAPPER dummy CASCADE;
TRUNCATE mlops.model, mlops.model_blob, mlops.run, mlops.dataset RESTART IDENTITY CASCADE;
DROP OWNED BY regress_monitor_owner, regress_monitor_reader, regress_monitor_writer;
DROP ROLE regress_monitor_owner, regress_monitor_reader, regress_monitor_writer;
