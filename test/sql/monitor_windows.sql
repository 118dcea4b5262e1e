-- windows of monitors: how time is cut, lateness, seasons, streaks, versions, queries
SET client_min_messages = warning;
SET TimeZone = 'Asia/Tokyo';
SET DateStyle = 'ISO';
CREATE ROLE regress_window_owner LOGIN;
CREATE SCHEMA window_test;
SET search_path = window_test;
GRANT ALL ON SCHEMA window_test TO regress_window_owner;
GRANT EXECUTE ON FUNCTION mlops.register_model TO regress_window_owner;
SET SESSION AUTHORIZATION regress_window_owner;
\set model '{"learner":{"attributes":{},"feature_names":["a","b"],"feature_types":["float","float"],"gradient_booster":{"model":{"gbtree_model_param":{"num_parallel_tree":"1","num_trees":"1","size_leaf_vector":"0"},"tree_info":[0],"trees":[{"base_weights":[0,-0.5,0.5],"categories":[],"categories_nodes":[],"categories_segments":[],"categories_sizes":[],"default_left":[1,0,0],"id":0,"left_children":[1,-1,-1],"loss_changes":[1,0,0],"parents":[2147483647,0,0],"right_children":[2,-1,-1],"split_conditions":[1.5,-0.5,0.5],"split_indices":[0,0,0],"split_type":[0,0,0],"sum_hessian":[4,2,2],"tree_param":{"num_deleted":"0","num_feature":"2","num_nodes":"3","size_leaf_vector":"0"}}]},"name":"gbtree"},"learner_model_param":{"base_score":"5E-1","boost_from_average":"0","num_class":"0","num_feature":"2","num_target":"1"},"objective":{"name":"binary:logistic","reg_loss_param":{"scale_pos_weight":"1"}}},"version":[1,7,4]}'
SELECT mlops.register_model('regress_win', :'model', signature => '{"features": ["a", "b"], "classes": ["no", "yes"], "positive": "yes"}');
CREATE TABLE seen AS SELECT (i % 100)::float8 AS a, (i * 37 % 101)::float8 AS b, CASE WHEN i % 4 = 0 THEN 'yes' ELSE 'no' END AS y FROM generate_series(1, 10000) i;
SELECT mlops.set_reference('regress_win/1', 'SELECT * FROM seen', 'y');
CREATE FUNCTION windows(name text) RETURNS TABLE (window_start timestamptz, window_end timestamptz, version int, n_rows bigint, status text, streak int) LANGUAGE sql AS $$
	SELECT mlops.check_monitor(name);
	SELECT window_start AT TIME ZONE 'UTC', window_end AT TIME ZONE 'UTC', version, n_rows, status, streak FROM mlops.drift_window WHERE monitor = name ORDER BY 1, 3;
$$;

-- how time is cut: in UTC, whatever the session's zone; weeks start on Monday; months; timestamps without a zone are UTC
SET TimeZone = 'UTC';
CREATE TABLE t_week (at timestamptz, a float8);
CREATE TABLE t_month (at date, a float8);
CREATE TABLE t_hours (at timestamp, a float8);
SELECT mlops.create_monitor('week', 'regress_win', 't_week', time_column => 'at', window_size => '7 days');
SELECT mlops.create_monitor('month', 'regress_win', 't_month', time_column => 'at', window_size => '3 months');
SELECT mlops.create_monitor('hours', 'regress_win', 't_hours', time_column => 'at', window_size => '90 minutes');
SET TimeZone = 'Asia/Tokyo';
INSERT INTO t_week VALUES ('2026-01-04 23:59:59.999999+00', 1), ('2026-01-05 00:00+00', 1), ('1999-12-31 12:00+00', 1), (NULL, 1), ('infinity', 1), ('-infinity', 1);
INSERT INTO t_month VALUES ('2026-03-31', 1), ('2026-04-01', 1), ('1969-12-31', 1), ('0044-03-15 BC', 1);
INSERT INTO t_hours VALUES ('2026-01-01 01:29:59', 1), ('2026-01-01 01:30', 1);
SET TimeZone = 'UTC';
SELECT window_start, window_end, n_rows FROM windows('week') WHERE window_start < '2026-02-01';
SELECT sum(n_rows) FROM mlops.drift_window WHERE monitor = 'week' AND window_start > '2026-02-01';
SELECT window_start, window_end, n_rows FROM windows('month');
SELECT window_start, window_end, n_rows FROM windows('hours');
-- a window in the future is not due
INSERT INTO t_hours VALUES ('9999-01-01', 1);
SELECT window_start, n_rows, status FROM windows('hours') WHERE window_start > '9000-01-01';

-- streaks: drift adds, ok ends, insufficient does neither; rows that come late are counted, and judged anew
CREATE TABLE live (id int, at timestamptz, a float8, b float8, score float8, y text, version int);
SELECT mlops.create_monitor('streak', 'regress_win', 'live', time_column => 'at', window_size => '1 hour', min_rows => 50);
CREATE PROCEDURE add_rows(hour int, n int, shift float8) LANGUAGE sql AS $$
	INSERT INTO live (at, a, b) SELECT timestamptz '2026-01-01 00:00+00' + hour * interval '1 hour', i % 100 + shift, i * 37 % 101 FROM generate_series(1, n) i;
$$;
CALL add_rows(0, 1000, 0);
CALL add_rows(1, 1000, 50);
CALL add_rows(2, 1000, 50);
CALL add_rows(3, 20, 50);
CALL add_rows(4, 1000, 50);
CALL add_rows(5, 1000, 0);
SELECT n_rows, status, streak FROM windows('streak');
SELECT feature, status, streak FROM mlops.drift_history WHERE monitor = 'streak' AND window_start = '2026-01-01 04:00+00' ORDER BY role, feature;
CALL add_rows(3, 1000, 50);
SELECT n_rows, status, streak FROM windows('streak');
SELECT mlops.drop_monitor('streak');

-- a season compares with the same phase: the cycle is quiet, what leaves it is not
SELECT mlops.create_monitor('season', 'regress_win', 'live', time_column => 'at', window_size => '1 hour', season => '2 hours');
CALL add_rows(10, 1000, 0);
CALL add_rows(11, 1000, 80);
CALL add_rows(12, 1000, 0);
CALL add_rows(13, 1000, 80);
CALL add_rows(14, 1000, 80);
CALL add_rows(15, 1000, 80);
CALL add_rows(16, 1000, 0);
SELECT window_start, status FROM windows('season');
SELECT window_start, n_reference FROM mlops.drift_history WHERE monitor = 'season' AND feature = 'a' ORDER BY 1;
SELECT mlops.drop_monitor('season');

-- two versions in one window; late labels without a version column belong to the version that counted the rows
SELECT mlops.register_model('regress_win', convert_to(replace(:'model', '1.5,-0.5,0.5', '2.5,-0.5,0.5'), 'UTF8'), signature => '{"features": ["a", "b"], "classes": ["no", "yes"], "positive": "yes"}');
SELECT mlops.set_reference('regress_win/2', 'SELECT * FROM seen', 'y');
SELECT mlops.create_monitor('versions', 'regress_win', 'live', time_column => 'at', prediction => 'score', version => 'version', label => 'y', key => '{id}', window_size => '1 hour');
SELECT mlops.create_monitor('champions', 'regress_win', 'live', time_column => 'at', prediction => 'score', label => 'y', key => '{id}', window_size => '1 hour');
INSERT INTO live SELECT i, '2026-02-01 00:00+00', 1, 2, 0.9, NULL, 1 + i % 2 FROM generate_series(1, 10) i;
SELECT version, n_rows FROM windows('versions');
SELECT version, n_rows FROM windows('champions');
SELECT mlops.set_alias('regress_win', 'champion', 2);
UPDATE live SET y = 'yes' WHERE id <= 10;
SELECT mlops.check_monitor('versions'), mlops.check_monitor('champions');
SELECT monitor, version, n_labels FROM mlops.drift_window WHERE monitor IN ('versions', 'champions') ORDER BY 1, 2;
SELECT monitor, version, value, n FROM mlops.performance_history WHERE kind = 'realized' AND metric = 'accuracy' ORDER BY 1, 2;
SELECT mlops.set_alias('regress_win', 'champion', 1);

-- labels are judged when they are complete
SELECT mlops.create_monitor('labels', 'regress_win', 'live', time_column => 'at', prediction => 'score', label => 'y', window_size => '1 hour', label_delay => '36500 days');
INSERT INTO live SELECT i, '2026-03-01 00:00+00', i % 100, i * 37 % 101, 0.9, 'yes', 1 FROM generate_series(1, 1000) i;
SELECT n_rows, status FROM windows('labels');
SELECT DISTINCT role FROM mlops.drift_history WHERE monitor = 'labels' ORDER BY 1;
SELECT count(*) FROM mlops.performance_history WHERE monitor = 'labels';
SELECT mlops.alter_monitor('labels', label_delay => '0');
INSERT INTO live SELECT i, '2026-03-01 00:00+00', i % 100, i * 37 % 101, 0.9, 'yes', 1 FROM generate_series(1, 1) i;
SELECT n_rows, status FROM windows('labels');
SELECT DISTINCT role FROM mlops.drift_history WHERE monitor = 'labels' ORDER BY 1;
SELECT metric, value, n FROM mlops.performance_history WHERE monitor = 'labels' AND metric IN ('accuracy', 'recall') AND kind = 'realized' ORDER BY 1;

-- a label that comes while its row moves to another partition
CREATE TABLE part (id int, at timestamptz, a float8, score float8, y text) PARTITION BY LIST (y);
CREATE TABLE part_none PARTITION OF part FOR VALUES IN (NULL);
CREATE TABLE part_done PARTITION OF part FOR VALUES IN ('yes', 'no');
SELECT mlops.create_monitor('moving', 'regress_win', 'part', time_column => 'at', prediction => 'score', label => 'y', key => '{id}', window_size => '1 hour');
INSERT INTO part SELECT i, '2026-02-01 00:00+00', 1, 0.9 FROM generate_series(1, 10) i;
UPDATE part SET y = 'yes' WHERE id > 5;
UPDATE part_done SET y = 'no' WHERE id > 8;
SELECT n_rows FROM windows('moving');
SELECT n_labels FROM mlops.drift_window WHERE monitor = 'moving';
SELECT value, n FROM mlops.performance_history WHERE monitor = 'moving' AND metric = 'accuracy' AND kind = 'realized';

-- queries: what is refused
SELECT mlops.create_monitor('q', 'regress_win', query => 'SELECT 1 AS a WHERE $1 < $2', window_rows => 100);
SELECT mlops.create_monitor('q', 'regress_win', query => 'SELECT 1 AS x');
SELECT mlops.create_monitor('q', 'regress_win', query => 'SELECT 1 AS a', sample_key => 'x');
SELECT mlops.create_monitor('q', 'regress_win', query => 'SELECT $3 AS a');
SELECT mlops.create_monitor('q', 'regress_win', query => 'SELECT no_such FROM seen');
RESET SESSION AUTHORIZATION;
SELECT mlops.create_monitor('q', 'regress_win', query => 'SELECT 1 AS a');
SET SESSION AUTHORIZATION regress_window_owner;
SELECT mlops.create_monitor('q', 'regress_win', query => 'SELECT a, b FROM seen WHERE $1 < $2', window_size => '1 hour');
SELECT mlops.alter_monitor('q', season => '1 day');
SELECT mlops.alter_monitor('q', season => '0');
SELECT mlops.alter_monitor('q', consecutive => 0);
SELECT season, consecutive, owner FROM mlops.monitor WHERE name = 'q';

RESET SESSION AUTHORIZATION;
SELECT mlops.drop_monitor(name) FROM mlops.monitor ORDER BY name;
SET client_min_messages = error;
DROP SCHEMA window_test CASCADE;
TRUNCATE mlops.model, mlops.model_blob, mlops.run, mlops.dataset RESTART IDENTITY CASCADE;
DROP OWNED BY regress_window_owner;
DROP ROLE regress_window_owner;
