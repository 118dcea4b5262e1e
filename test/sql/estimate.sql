-- estimated performance: sums, merges, windows, rights; numbers against scikit-learn are in test/interop
SET client_min_messages = warning;
CREATE ROLE regress_estimate_owner LOGIN;
CREATE ROLE regress_estimate_predictor;
CREATE SCHEMA estimate_test;
SET search_path = estimate_test;
GRANT ALL ON SCHEMA estimate_test TO regress_estimate_owner;
GRANT USAGE ON SCHEMA estimate_test TO regress_estimate_predictor;
GRANT EXECUTE ON PROCEDURE mlops.train_wait TO regress_estimate_owner;
GRANT EXECUTE ON FUNCTION mlops.register_model TO regress_estimate_owner;
SET SESSION AUTHORIZATION regress_estimate_owner;

-- a state is six sums; 2^32 stands for 1
SELECT mlops.estimate(s, p, 0.5) FROM (VALUES (0.9, 0.75), (0.5, 0.5), (0.4, 0.25), (NULL, 0.5), (0.5, NULL)) v(s, p);
SELECT mlops.estimate(s, p, 0.5) FROM (VALUES (0.9, 0.75)) v(s, p) WHERE false;
SELECT metric, value, std_error ^ 2 AS variance, n FROM mlops.estimate_metrics((SELECT mlops.estimate(s, p, 0.5)
	FROM (VALUES (0.9, 0.75), (0.5, 0.5), (0.4, 0.25), (0.1, 0)) v(s, p)));
SELECT * FROM mlops.estimate_metrics('{0,0,0,0,0,0}');
SELECT * FROM mlops.estimate_metrics(NULL);
-- nobody is called positive: no precision
SELECT metric, value FROM mlops.estimate_metrics((SELECT mlops.estimate(0.1, 0.25, 0.5) FROM generate_series(1, 4)));

-- serial, parallel and merged in any order, with GROUP BY, FILTER, GROUPING SETS and as a window: equal to the last bit
CREATE TABLE scored AS SELECT i, (hashint4(i) & 1048575) / 1048576.0::float8 AS s, (hashint4(-i) & 1048575) / 1048576.0::float8 AS p FROM generate_series(1, 50000) i;
ALTER TABLE scored SET (parallel_workers = 2);
CREATE TABLE serial AS SELECT mlops.estimate(s, p, 0.4) AS e FROM scored;
SET parallel_setup_cost = 0;
SET parallel_tuple_cost = 0;
SET min_parallel_table_scan_size = 0;
SET max_parallel_workers_per_gather = 2;
EXPLAIN (COSTS OFF) SELECT mlops.estimate(s, p, 0.4) FROM scored;
SELECT (SELECT mlops.estimate(s, p, 0.4) FROM scored) = e AS parallel FROM serial;
RESET max_parallel_workers_per_gather;
SELECT (SELECT mlops.estimate_merge(x) FROM (SELECT mlops.estimate(s, p, 0.4) AS x FROM scored GROUP BY i % 37) w) = e AS merged,
	(SELECT mlops.estimate_merge(x ORDER BY x DESC) FROM (SELECT mlops.estimate(s, p, 0.4) AS x FROM scored GROUP BY i % 37 UNION ALL SELECT NULL) w) = e AS reversed,
	(SELECT mlops.estimate(s, p, 0.4) FILTER (WHERE s < 0.5) FROM scored) = (SELECT mlops.estimate(s, p, 0.4) FROM scored WHERE s < 0.5) AS filtered,
	(SELECT x FROM (SELECT i % 3 AS k, mlops.estimate(s, p, 0.4) AS x FROM scored GROUP BY GROUPING SETS ((i % 3), ())) g WHERE k IS NULL) = e AS sets FROM serial;
SELECT i, mlops.estimate(i, 0.5, 2) OVER (ORDER BY i), mlops.estimate(i, 0.5, 2) OVER (ORDER BY i ROWS BETWEEN 1 PRECEDING AND CURRENT ROW) FROM generate_series(1, 3) i;

-- what is no probability and no state
SELECT mlops.estimate(0.5, 1.0000001, 0.5);
SELECT mlops.estimate(0.5, 'NaN', 0.5);
SELECT mlops.estimate_merge(x) FROM (VALUES ('{1,2}'::bigint[]), ('{}'), ('{{0,0,0,0,0,0}}'), ('{0,0,0,0,0,NULL}')) v(x);
SELECT mlops.estimate_metrics('{}');
SELECT mlops.estimate_metrics('{{0,0,0,0,0,0}}');
SELECT mlops.estimate_metrics('{1,0,0,0,0,NULL}');
SELECT mlops.estimate_metrics('{1,2,0,0,0,0}');
SELECT mlops.estimate_metrics('{-1,-1,0,0,0,0}');
SELECT mlops.estimate_metrics('{1,1,4294967297,0,0,0}');
SELECT mlops.estimate_metrics('{9223372036854775807,0,0,0,0,0}');
SELECT mlops.estimate_merge(x) FROM (VALUES ('{2147483647,0,0,0,0,0}'::bigint[]), ('{1,0,0,0,0,0}')) v(x);

-- a version; the calibration is of the hold-out
CREATE TABLE churn AS SELECT i AS id, (i * 7919 % 1009)::real / 100 AS a, (i * 104729 % 997)::real / 50 AS b,
	(hashint4(i) & 255) < 25 * (i * 7919 % 1009)::real / 100 AS churned, CASE WHEN i % 3 = 0 THEN 'test' ELSE 'train' END AS part FROM generate_series(1, 3000) i;
CALL mlops.train_wait('churn', 'SELECT * FROM churn', 'churned', params => '{"max_depth": 3}', num_boost_round => 10, key => '{id}', split => 'column', split_by => 'part');
-- on the calibrated rows themselves the estimate is what happened
CREATE TABLE predicted AS SELECT c.*, mlops.predict('churn', c) AS score, mlops.predict_calibrated('churn', c) AS p FROM churn c WHERE part = 'test';
SELECT e.metric, abs(e.value - r.value) < 4 * e.std_error AS near, e.n FROM mlops.estimated_performance('churn', 'SELECT a, b FROM predicted') e
	JOIN mlops.evaluate('churn', 'SELECT a, b, churned FROM predicted') r USING (metric) ORDER BY metric;
SELECT e.metric, e.value = m.value AND e.std_error = m.std_error AND e.n = m.n AS equal FROM mlops.estimated_performance('churn', 'SELECT * FROM predicted') e
	JOIN mlops.estimate_metrics((SELECT mlops.estimate(score, p, 0.5) FROM predicted)) m USING (metric) ORDER BY metric;
SELECT count(*) FROM (SELECT * FROM mlops.estimated_performance('churn', 'SELECT a, b FROM predicted') EXCEPT
	SELECT * FROM mlops.estimated_performance('churn/1', 'SELECT score AS s FROM predicted UNION ALL SELECT NULL', 's')) d;
-- the threshold counts; $1 is now(); no rows
SELECT mlops.set_threshold('churn', 0.9);
SELECT metric, value < 0.6 AS less FROM mlops.estimated_performance('churn', 'SELECT a, b FROM churn WHERE $1 = now()') WHERE metric = 'recall';
SELECT * FROM mlops.estimated_performance('churn', 'SELECT a, b FROM churn WHERE false');
-- one row of calibrated probability p, called negative
SELECT abs(a.value + p.value - 1) < 1e-9 AS accuracy, p.value BETWEEN 0.05 AND 0.5 AS average_precision, r.value IS NULL AS "precision",
	abs(a.std_error - sqrt(p.value * (1 - p.value))) < 1e-8 AND abs(p.std_error - a.std_error) < 1e-8 AS std_error, a.n, p.n, r.n
FROM mlops.estimated_performance('churn', 'SELECT 0.25::float8 AS s', 's') a, mlops.estimated_performance('churn', 'SELECT 0.25::float8 AS s', 's') p,
	mlops.estimated_performance('churn', 'SELECT 0.25::float8 AS s', 's') r
WHERE (a.metric, p.metric, r.metric) = ('accuracy', 'average_precision', 'precision');
BEGIN READ ONLY;
SELECT count(*) FROM mlops.estimated_performance('churn', 'SELECT a, b FROM churn');
ROLLBACK;

SELECT * FROM mlops.estimated_performance('churn', 'SELECT a FROM churn');
SELECT * FROM mlops.estimated_performance('churn', 'SELECT 1.5 AS s', 's');
SELECT * FROM mlops.estimated_performance('churn', 'SELECT 1.5 AS x', 's');
SELECT * FROM mlops.estimated_performance('churn', NULL);
SELECT * FROM mlops.estimated_performance('nobody', 'SELECT a, b FROM churn');
SELECT mlops.register_model('churn_import', mlops.export_model('churn'), signature => '{"features": ["a", "b"], "classes": ["no", "yes"]}');
SELECT * FROM mlops.estimated_performance('churn_import', 'SELECT a, b FROM churn');
CALL mlops.train_wait('amount', 'SELECT id, a, b FROM churn', 'b', key => '{id}', num_boost_round => 2);
SELECT * FROM mlops.estimated_performance('amount', 'SELECT a FROM churn');

-- the calibration comes from rows: predicting is not enough
GRANT SELECT ON churn TO regress_estimate_predictor;
SELECT mlops.grant_model('churn', 'regress_estimate_predictor', 'predict');
RESET SESSION AUTHORIZATION;
SET ROLE regress_estimate_predictor;
SELECT * FROM mlops.estimated_performance('churn', 'SELECT a, b FROM churn');
RESET ROLE;
SET ROLE regress_estimate_owner;
SELECT mlops.grant_model('churn', 'regress_estimate_predictor', 'read');
SET ROLE regress_estimate_predictor;
SELECT count(*) FROM mlops.estimated_performance('churn', 'SELECT a, b FROM churn');
-- the query runs as the caller
SELECT count(*) FROM mlops.estimated_performance('churn', 'SELECT a, b FROM predicted');

RESET ROLE;
SET client_min_messages = error;
DROP SCHEMA estimate_test CASCADE;
TRUNCATE mlops.model, mlops.model_blob, mlops.run, mlops.dataset RESTART IDENTITY CASCADE;
DROP OWNED BY regress_estimate_owner, regress_estimate_predictor;
DROP ROLE regress_estimate_owner, regress_estimate_predictor;
