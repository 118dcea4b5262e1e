-- check_skew: what serving selects is what training saw, column by column
SET client_min_messages = warning;
CREATE ROLE regress_skew_owner LOGIN;
CREATE ROLE regress_skew_reader;
CREATE SCHEMA skew_test;
GRANT ALL ON SCHEMA skew_test TO regress_skew_owner, regress_skew_reader;
GRANT EXECUTE ON PROCEDURE mlops.train_wait TO regress_skew_owner;
GRANT EXECUTE ON FUNCTION mlops.register_model TO regress_skew_owner;
SET SESSION AUTHORIZATION regress_skew_owner;
SET search_path = skew_test;
CREATE TABLE t AS SELECT i AS id, (i * 7919 % 101)::float8 / 10 AS a, nullif(i * 31 % 50, 7)::int AS b, (ARRAY['Bern', 'Oslo', NULL])[1 + i % 3] AS city,
	i % 2 = 0 AS ok, ARRAY[i * 17 % 13, nullif(i * 5 % 11, 3)]::real[] AS v, i % 4 = 1 AS y FROM generate_series(1, 400) i;
INSERT INTO t SELECT 1000 + i, -5, 100, 'Rome', true, '{99,99}', NULL FROM generate_series(1, 3) i;
CALL mlops.train_wait('skew', 'SELECT id, a, b, city, ok, v, y FROM t', 'y', key => '{id}', num_boost_round => 2);

-- the rows of the training, in another order of rows and columns, with more columns
SELECT * FROM mlops.check_skew('skew', 'SELECT v, now() AS at, city, ok, b, a FROM t WHERE y IS NOT NULL ORDER BY id DESC');
-- the statistics are those of the rows
SELECT s.min = x.min::real AND s.max = x.max::real AND n_null = 0 AS a, x.n = s.n AS rows FROM mlops.check_skew('skew', 'SELECT a, b, city, ok, v FROM t WHERE y IS NOT NULL') s,
	(SELECT min(a), max(a), count(*) AS n FROM t WHERE y IS NOT NULL) x WHERE feature = 'a';
-- one value changed: that column only; also where the range, or the number of NULLs, stays
SELECT feature, status, n_null - trained_n_null AS more_null, n_out_of_range, n_unseen FROM mlops.check_skew('skew',
	'SELECT CASE WHEN id = 17 THEN 5.05 ELSE a END AS a, b, city, ok, v FROM t WHERE y IS NOT NULL');
SELECT feature, status, n_null - trained_n_null AS more_null FROM mlops.check_skew('skew',
	'SELECT a, CASE WHEN id = 17 THEN NULL ELSE b END AS b, city, ok, v FROM t WHERE y IS NOT NULL') WHERE status <> 'equal';
SELECT feature, n_unseen FROM mlops.check_skew('skew',
	'SELECT a, b, CASE WHEN id < 10 THEN ''Wien'' ELSE city END AS city, ok, v FROM t WHERE y IS NOT NULL') WHERE status <> 'equal';
SELECT feature, status FROM mlops.check_skew('skew', 'SELECT a, b, city, ok, CASE id WHEN 17 THEN ARRAY[v[1], 0] ELSE v END AS v FROM t WHERE y IS NOT NULL') WHERE status <> 'equal';
-- two rows exchange a value: columns are the same, as the documentation says
SELECT count(*) FROM mlops.check_skew('skew', 'SELECT CASE id WHEN 1 THEN (SELECT a FROM t WHERE id = 2) WHEN 2 THEN (SELECT a FROM t WHERE id = 1) ELSE a END AS a, b, city, ok, v FROM t WHERE y IS NOT NULL') WHERE status <> 'equal';
-- types that make the same float32 are the same; other kinds are named, and so is what is not there
SELECT count(*) FROM mlops.check_skew('skew', 'SELECT a::float4, b::numeric, city::varchar, ok, v::float8[] FROM t WHERE y IS NOT NULL') WHERE status = 'equal';
SELECT * FROM mlops.check_skew('skew', 'SELECT a::text, ok::int, v[1] AS v, b FROM t WHERE y IS NOT NULL');
SELECT feature, status, n FROM mlops.check_skew('skew', 'SELECT 1 AS x');
-- other rows: all differ, and the rest says how
SELECT feature, status, n, trained_n, n_out_of_range, n_unseen, same_checksum FROM mlops.check_skew('skew', 'SELECT * FROM t');
SELECT feature, status, n, min, n_null FROM mlops.check_skew('skew', 'SELECT * FROM t WHERE false');
-- many rows twice are not the same rows
SELECT DISTINCT status, n FROM mlops.check_skew('skew', 'SELECT * FROM t WHERE y IS NOT NULL UNION ALL SELECT * FROM t WHERE y IS NOT NULL');

-- errors, and rights: read, and those of the caller on the tables
SELECT * FROM mlops.check_skew('skew', 'DELETE FROM t');
SELECT * FROM mlops.check_skew('skew', 'SELECT a AS a, b AS a FROM t');
SELECT * FROM mlops.check_skew('skew', NULL);
SELECT mlops.register_model('skew_imported', mlops.export_model('skew'), signature => (SELECT signature FROM mlops.model_version WHERE model = 'skew') || '{"classes": ["f", "t"]}');
SELECT * FROM mlops.check_skew('skew_imported', 'SELECT * FROM t');
SELECT mlops.grant_model('skew', 'regress_skew_reader', 'predict');
RESET SESSION AUTHORIZATION;
SET ROLE regress_skew_reader;
SELECT * FROM mlops.check_skew('skew', 'SELECT * FROM skew_test.t');
RESET ROLE;
SET ROLE regress_skew_owner;
SELECT mlops.grant_model('skew', 'regress_skew_reader', 'read');
SET ROLE regress_skew_reader;
SELECT * FROM mlops.check_skew('skew', 'SELECT * FROM skew_test.t');
SELECT feature, status FROM mlops.check_skew('skew', 'SELECT 1 AS a');

RESET ROLE;
SET client_min_messages = error;
DROP SCHEMA skew_test CASCADE;
TRUNCATE mlops.model, mlops.model_blob, mlops.run, mlops.dataset RESTART IDENTITY CASCADE;
DROP OWNED BY regress_skew_owner, regress_skew_reader;
DROP ROLE regress_skew_owner, regress_skew_reader;
