-- performance aggregates; scikit-learn's values are in test/interop/performance_sklearn_test.py
\set VERBOSITY terse
CREATE TYPE grade AS ENUM ('good', 'bad');
CREATE DOMAIN code AS varchar(10);
CREATE TABLE result AS
	SELECT i, i % 7 AS g, (i * 7919) % 100 < 40 AS y, (i * 104729) % 1000 / 1000.0::float8 AS s,
		(array['a', 'b', 'c'])[1 + i % 3] AS l, (array['a', 'b', 'c'])[1 + i / 2 % 3] AS p,
		i % 11 / 4.0::float8 AS w, sin(i) * 100 AS v, sin(i) * 90 + cos(i * 7) AS q
	FROM generate_series(1, 20000) i;
ANALYZE result;

-- against plain SQL
SELECT abs(mlops.accuracy(l, p) - avg((l = p)::int)) < 1e-15 AS accuracy,
	abs(mlops.precision(y, s > 0.5) - avg(y::int) FILTER (WHERE s > 0.5)) < 1e-15 AS precision,
	abs(mlops.recall(y, s > 0.5) - avg((s > 0.5)::int) FILTER (WHERE y)) < 1e-15 AS recall,
	abs(mlops.specificity(y, s > 0.5) - avg((s <= 0.5)::int) FILTER (WHERE NOT y)) < 1e-15 AS specificity,
	abs(mlops.mse(v, q) / avg((v - q) ^ 2) - 1) < 1e-13 AS mse,
	abs(mlops.mae(v, q) / avg(abs(v - q)) - 1) < 1e-13 AS mae,
	abs(mlops.mae(v, q, w) / (sum(w * abs(v - q)) / sum(w)) - 1) < 1e-13 AS weighted_mae,
	abs(mlops.r2(v, q) - (1 - avg((v - q) ^ 2) / var_pop(v))) < 1e-13 AS r2,
	abs(mlops.brier_score(y, s) / avg((y::int - s) ^ 2) - 1) < 1e-13 AS brier_score
	FROM result;
SELECT abs(mlops.roc_auc(y, s) - (SELECT avg(CASE WHEN a.s > b.s THEN 1 WHEN a.s = b.s THEN 0.5 ELSE 0 END)
		FROM result a, result b WHERE a.y AND NOT b.y AND a.i <= 500 AND b.i <= 500)) < 1e-12 AS roc_auc
	FROM result WHERE i <= 500;

-- types of labels: text decides, booleans beside numbers are 1 and 0
SELECT mlops.accuracy(y, y::text), mlops.accuracy(y, y::int), mlops.accuracy(y::int, y), mlops.accuracy(y::int, y::int::text),
	mlops.accuracy(i, i::numeric + 0.00), mlops.accuracy(i::numeric(20, 5), i::bigint), mlops.accuracy(l::char(5), l),
	mlops.accuracy(l::code, l::name), mlops.accuracy(l, p || '') = mlops.accuracy(l::varchar, p::text) AS text
	FROM result;
SELECT mlops.accuracy(CASE WHEN y THEN 'good' ELSE 'bad' END::grade, CASE WHEN y THEN 'good' ELSE 'bad' END) AS enum,
	mlops.f1(CASE WHEN y THEN 'good' ELSE 'bad' END::grade, CASE WHEN s > 0.5 THEN 'good' ELSE 'bad' END::grade, 'good')
		= mlops.f1(y, s > 0.5) AS f1,
	mlops.recall(y::int, (s > 0.5)::int) = mlops.recall(y::text, s > 0.5) AS recall,
	mlops.recall(y::int, (s > 0.5)::int, '0') = mlops.specificity(y, s > 0.5) AS negative,
	mlops.recall(y, s > 0.5, 'off') = mlops.specificity(y, s > 0.5, 'yes') AS boolean,
	mlops.precision(y::float8, (s > 0.5)::int::numeric) = mlops.precision(y, s > 0.5) AS numbers
	FROM result;
-- a literal
SELECT mlops.accuracy('a', l) = mlops.accuracy(l, 'a'::text) AS literal FROM result;

-- several classes
SELECT mlops.f1(l, p, NULL, 'micro') = mlops.accuracy(l, p) AS micro,
	abs(mlops.f1(l, p, NULL, 'macro') - (mlops.f1(l, p, 'a') + mlops.f1(l, p, 'b') + mlops.f1(l, p, 'c')) / 3) < 1e-15 AS macro,
	abs(mlops.recall(l, p, NULL, 'weighted') - mlops.accuracy(l, p)) < 1e-15 AS weighted,
	mlops.precision(l, p, 'b', NULL) = mlops.precision(l, p, 'b') AS none,
	mlops.precision(l, p, 'b', NULL, w) = mlops.precision(l, p, 'b', w) AS none_weighted
	FROM result;
SELECT abs(mlops.log_loss(y, array[1 - s, s], '{false,true}') - mlops.log_loss(y, s)) < 1e-12 AS two_classes,
	mlops.log_loss(l, array[0.25, 0.5, 0.25], array['a', 'b', 'c'], 2) = mlops.log_loss(l, array[0.25, 0.5, 0.25], array['a', 'b', 'c']) AS weighted
	FROM result;

-- rows without a label, prediction, score or weight are left out
SELECT mlops.accuracy(NULLIF(y, true), false) = 1 AS accuracy,
	mlops.mse(v, CASE WHEN i > 1 THEN NULL ELSE v + 2 END) AS mse,
	mlops.roc_auc(y, NULLIF(s, 0)) = mlops.roc_auc(y, s) FILTER (WHERE s <> 0) AS roc_auc,
	mlops.mae(v, q, NULLIF(w, 1)) = mlops.mae(v, q, w) FILTER (WHERE w <> 1) AS weight
	FROM result;
SELECT mlops.accuracy(y, y), mlops.f1(l, p, NULL, 'macro'), mlops.roc_auc(y, s), mlops.average_precision(y, s), mlops.log_loss(y, s),
	mlops.mse(v, q), mlops.r2(v, q), mlops.performance(v, q), mlops.performance_merge(NULL) FROM result WHERE false;
-- D01: one class, one row
SELECT mlops.roc_auc(true, s), mlops.roc_auc_binned(false, s), mlops.average_precision(true, s), mlops.average_precision(false, s),
	mlops.precision(y, false), mlops.recall(false, y), mlops.f1(false, false), mlops.balanced_accuracy(1, 1),
	mlops.matthews_corrcoef(l, 'a') FROM result;
SELECT mlops.r2(1, 2), mlops.r2(1::float8, 1) FROM (VALUES (1)) v;
SELECT mlops.r2(0.1::float8, 0.1::float8), mlops.r2(0.1::float8, 0.2::float8), mlops.mape(0, 1) FROM generate_series(1, 10);

-- D05: GROUP BY, FILTER, GROUPING SETS, windows
SELECT count(*), bool_and(a = b) FROM
	(SELECT g, mlops.f1(y, s > 0.5) AS a FROM result GROUP BY g) x
	JOIN (SELECT k AS g, mlops.f1(y, s > 0.5) FILTER (WHERE g = k) AS b FROM result, generate_series(0, 6) k GROUP BY k) z USING (g);
SELECT g, l, mlops.accuracy(l, p) = avg((l = p)::int) AS same, mlops.roc_auc(y, s) IS NOT NULL AS sorted FROM result WHERE g < 2
	GROUP BY GROUPING SETS ((g, l), (g), ()) ORDER BY 1, 2;
SELECT bool_and(abs(a - b) < 1e-15 AND abs(c - d) < 1e-12) AS running FROM (
	SELECT mlops.accuracy(l, p) OVER o AS a, avg((l = p)::int) OVER o AS b,
		mlops.mae(v, q) OVER o AS c, avg(abs(v - q)) OVER o AS d
	FROM result WHERE i <= 2000 WINDOW o AS (PARTITION BY g ORDER BY i)) x;
SELECT bool_and(a = b) AS sliding FROM (
	SELECT i, mlops.f1(l, p, NULL, 'macro') OVER (ORDER BY i ROWS BETWEEN 9 PRECEDING AND CURRENT ROW) AS a,
		(SELECT mlops.f1(l, p, NULL, 'macro') FROM result r WHERE r.i BETWEEN o.i - 9 AND o.i) AS b
	FROM result o WHERE i <= 200) x;
SELECT mlops.roc_auc(y, s) OVER () FROM result;

-- a sort for each group at once, and one after the other
CREATE TABLE hashed AS SELECT i % 97 AS k, mlops.roc_auc(y, s) AS a FROM result GROUP BY 1;
SET enable_hashagg = off;
SELECT count(*), bool_and(a = b) AS same FROM hashed JOIN (SELECT i % 97 AS k, mlops.roc_auc(y, s) AS b FROM result GROUP BY 1) x USING (k);
RESET enable_hashagg;
-- one sort for both
SELECT mlops.roc_auc(y, s) = (SELECT mlops.roc_auc(y, s) FROM result) AS shared, mlops.average_precision(y, s) =
	(SELECT mlops.average_precision(y, s) FROM result) AS average FROM result;
-- on disk, whatever the order
SET work_mem = '64kB';
SELECT a = b AS on_disk, c = d AS weighted FROM
	(SELECT mlops.roc_auc(y, s) AS a, mlops.average_precision(y, round(s::numeric, 1)::float8, NULL, w) AS c FROM result) x,
	(SELECT mlops.roc_auc(y, s) AS b, mlops.average_precision(y, round(s::numeric, 1)::float8, NULL, w) AS d FROM (SELECT * FROM result ORDER BY v) r) z;
RESET work_mem;

-- D02: states: serial, 2 and 4 workers, any order, and merged give the same bytes
CREATE FUNCTION states(OUT text, OUT text, OUT text, OUT text, OUT float8, OUT float8) LANGUAGE sql AS $$
	SELECT mlops.performance(l, p)::text, mlops.performance(y, s > 0.5, NULLIF(s, 0.2), 'true')::text,
		mlops.performance(v, q)::text, mlops.performance(v * 1e30, q * 1e-30, w / 3)::text, mlops.log_loss(y, s), mlops.mse(v, q, w) FROM result $$;
SET max_parallel_workers_per_gather = 0;
CREATE TABLE serial AS SELECT * FROM states();
SET parallel_setup_cost = 0;
SET parallel_tuple_cost = 0;
SET min_parallel_table_scan_size = 0;
SET max_parallel_workers_per_gather = 2;
EXPLAIN (COSTS OFF) SELECT mlops.accuracy(l, p), mlops.performance(y, s > 0.5, s, 'true'), mlops.mse(v, q) FROM result;
SELECT s = p AS two_workers FROM serial s, states() p;
SET max_parallel_workers_per_gather = 4;
ALTER TABLE result SET (parallel_workers = 4);
SELECT s = p AS four_workers FROM serial s, states() p;
SET parallel_leader_participation = off;
SELECT s = p AS without_leader FROM serial s, states() p;
RESET parallel_leader_participation;
SET max_parallel_workers_per_gather = 0;
CREATE TABLE day AS SELECT g, i % 13 AS h, mlops.performance(l, p) AS a, mlops.performance(y, s > 0.5, NULLIF(s, 0.2), 'true') AS b,
	mlops.performance(v, q) AS c, mlops.performance(v * 1e30, q * 1e-30, w / 3) AS d FROM result GROUP BY 1, 2;
SELECT mlops.performance_merge(a)::text = column1 AS classes, mlops.performance_merge(b)::text = column2 AS binary,
	mlops.performance_merge(c)::text = column3 AS numbers, mlops.performance_merge(d)::text = column4 AS weighted
	FROM day, serial GROUP BY column1, column2, column3, column4;
SELECT mlops.performance_merge(m)::text = column1 AS merged_twice FROM serial,
	(SELECT mlops.performance_merge(a) AS m FROM day GROUP BY g) x GROUP BY column1;
SET max_parallel_workers_per_gather = 2;
SELECT mlops.performance_merge(b)::text = column2 AS merged_in_parallel FROM day, serial GROUP BY column2;
RESET max_parallel_workers_per_gather;
SELECT mlops.performance_merge(x) FROM (SELECT a FROM day UNION ALL SELECT b FROM day) u(x);

-- metrics
SELECT metric, m.value = CASE metric WHEN 'accuracy' THEN mlops.accuracy(y, s > 0.5) WHEN 'precision' THEN mlops.precision(y, s > 0.5)
		WHEN 'recall' THEN mlops.recall(y, s > 0.5) WHEN 'specificity' THEN mlops.specificity(y, s > 0.5) WHEN 'f1' THEN mlops.f1(y, s > 0.5)
		WHEN 'balanced_accuracy' THEN mlops.balanced_accuracy(y, s > 0.5) WHEN 'matthews_corrcoef' THEN mlops.matthews_corrcoef(y, s > 0.5)
		WHEN 'log_loss' THEN mlops.log_loss(y, s) WHEN 'brier_score' THEN mlops.brier_score(y, s)
		WHEN 'calibration_error' THEN mlops.calibration_error(y, s) WHEN 'roc_auc' THEN mlops.roc_auc_binned(y, s)
		WHEN 'average_precision' THEN mlops.average_precision_binned(y, s) END AS same, m.n, m.std_error IS NULL AS no_error
	FROM result, mlops.metrics((SELECT mlops.performance(y, s > 0.5, s, 'true') FROM result)) WITH ORDINALITY m GROUP BY m.metric, m.value, m.std_error, m.n, m.ordinality
	ORDER BY m.ordinality;
SELECT metric, n, round(std_error::numeric, 6) AS std_error FROM mlops.metrics((SELECT mlops.performance(l, p) FROM result));
SELECT metric, n, std_error FROM mlops.metrics((SELECT mlops.performance(v, q, w) FROM result));
-- without scores
SELECT metric, value IS NULL AS undefined, n FROM mlops.metrics((SELECT mlops.performance(y, s > 0.5, NULL, NULL) FROM result));
SELECT count(*) FROM mlops.metrics(NULL);

-- the type: text and bytes
SELECT count(*), bool_and(a::text::mlops.performance::text = a::text AND b::text::mlops.performance::text = b::text
	AND mlops.performance_send(d) = d::text::bytea) AS same FROM day;
CREATE TABLE copied (LIKE day);
\set file `mktemp`
\setenv FILE :file
COPY day TO :'file' (FORMAT binary);
COPY copied FROM :'file' (FORMAT binary);
\! rm -f $FILE
SELECT bool_and(x.b::text = y.b::text) AS binary FROM day x JOIN copied y USING (g, h);
SELECT ''::mlops.performance;
SELECT 'x'::mlops.performance;
SELECT '\x'::mlops.performance;
SELECT '\x02'::mlops.performance;
SELECT '\x0100'::mlops.performance;
SELECT '\xzz'::mlops.performance;
SELECT (mlops.performance(v, q)::text || '00')::mlops.performance FROM result WHERE i < 9;
-- D03: every bit of three states turned, and every end cut off: an error, or a value that comes back
CREATE FUNCTION attack(state text, OUT n_errors int, OUT n_values int, OUT n_changed int) LANGUAGE plpgsql AS $$
DECLARE
	bytes bytea = state::bytea;
	hostile text;
	value mlops.performance;
BEGIN
	n_errors = 0;
	n_values = 0;
	n_changed = 0;
	FOR i IN 0 .. length(bytes) * 9 - 1 LOOP
		hostile = CASE WHEN i % 9 = 8 THEN substr(bytes, 1, i / 9) ELSE set_bit(bytes, i / 9 * 8 + i % 9, 1 - get_bit(bytes, i / 9 * 8 + i % 9)) END::text;
		BEGIN
			value = hostile::mlops.performance;
			n_values = n_values + 1;
			IF value::text <> hostile OR (SELECT count(*) FROM mlops.metrics(value)) > 32 THEN
				n_changed = n_changed + 1;
			END IF;
			PERFORM mlops.performance_merge(v) FROM (VALUES (value), (state::mlops.performance)) x(v);
		EXCEPTION WHEN invalid_binary_representation OR invalid_parameter_value OR numeric_value_out_of_range
				OR program_limit_exceeded OR character_not_in_repertoire THEN
			n_errors = n_errors + 1;
		END;
	END LOOP;
END $$;
SELECT n_errors > 100 AS errors, n_values > 10 AS values, n_changed FROM
	(SELECT mlops.performance(l || 'é', p || 'é')::text AS state FROM result
	 UNION ALL SELECT mlops.performance(v, q, w)::text FROM result WHERE i < 50
	 UNION ALL SELECT mlops.performance(y, s > 0.5, s, NULL)::text FROM result WHERE i < 30) x, attack(state);

-- errors
SELECT mlops.f1(l, p) FROM result;
SELECT mlops.f1(l, p, 'a', 'macro') FROM result;
SELECT mlops.f1(l, p, NULL, 'mean') FROM result;
SELECT mlops.f1(l, p, NULL, CASE WHEN i % 2 = 0 THEN 'macro' ELSE 'micro' END) FROM result;
SELECT mlops.recall(y, y, 'maybe') FROM result;
SELECT mlops.roc_auc(i, s) FROM result;
SELECT mlops.roc_auc(y, 'NaN'::float8) FROM result;
SELECT mlops.roc_auc(y, 'Infinity'::float8) FROM result;
SELECT mlops.roc_auc(y, s, NULL, -1) FROM result;
SELECT mlops.log_loss(y, 1.5) FROM result;
SELECT mlops.log_loss(y, 'NaN'::float8) FROM result;
SELECT mlops.log_loss(l, array[0.5, 0.5], array['a', 'b']) FROM result;
SELECT mlops.log_loss(l, array[0.5, 0.5], array['a', 'b', 'c']) FROM result;
SELECT mlops.log_loss(l, array[0.5, NULL, 0.5], array['a', 'b', 'c']) FROM result;
SELECT mlops.log_loss(l, array[0.5, 7, 0.5], array['a', 'b', 'c']) FROM result;
SELECT mlops.mse(v, 'NaN'::float8) FROM result;
SELECT mlops.mse('Infinity'::float8, q) FROM result;
SELECT mlops.mse(v, q, -w) FROM result;
SELECT mlops.mse(v, q, 'NaN'::float8) FROM result;
SELECT mlops.f1(i, i, NULL, 'macro') FROM result;
SELECT mlops.balanced_accuracy(repeat(l, 600000), 'x') FROM result WHERE i < 9;
-- the largest numbers
SELECT mlops.mse(1e308, -1e308) > 1e307 AS mse, mlops.mae(1e308, -1e308) > 1e307 AS mae, mlops.mape(0, 1e300) > 1e307 AS mape FROM (VALUES (1)) v;
SELECT mlops.mae(x, 0) FROM (VALUES (5e-324::float8), (5e-324)) v(x);

-- D04: rights: aggregates are for everybody, their steps for nobody
CREATE ROLE regress_judge;
GRANT SELECT ON result TO regress_judge;
SET ROLE regress_judge;
SELECT mlops.f1(y, s > 0.5) IS NOT NULL AS f1, mlops.roc_auc(y, s) IS NOT NULL AS roc_auc,
	(SELECT count(*) FROM mlops.metrics(mlops.performance(l, p))) AS metrics FROM result;
SELECT mlops.performance_add_value(NULL, 1, 2);
RESET ROLE;
SELECT mlops.performance_add_value(NULL, 1, 2);
SELECT mlops.performance_add_hit(NULL, true, true);
-- versions of the server refuse it in other words
DO $$ BEGIN PERFORM mlops.performance_rank_roc_auc(NULL::internal); EXCEPTION WHEN cannot_coerce OR feature_not_supported THEN RAISE WARNING 'refused'; END $$;
SELECT mlops.performance_combine(a, a) FROM day LIMIT 1;
SELECT mlops.performance_roc_auc(a) FROM day LIMIT 1;

-- nothing depends on the search path; read-only transactions are enough
BEGIN READ ONLY;
SET LOCAL search_path = pg_temp;
SELECT mlops.accuracy(l, p) > 0 AS accuracy, mlops.roc_auc(y, s) > 0 AS roc_auc FROM public.result;
COMMIT;
SET statement_timeout = '50ms';
SELECT mlops.roc_auc(y, s + k) FROM result, generate_series(1, 100000) k;
RESET statement_timeout;
DROP TABLE result, hashed, serial, day, copied;
DROP FUNCTION states, attack;
DROP ROLE regress_judge;
DROP TYPE grade;
DROP DOMAIN code;
