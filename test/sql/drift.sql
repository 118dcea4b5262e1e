-- drift of profiles and of queries: the measures against formulas in SQL, the rule, errors, rights
-- (test/interop compares all of them with SciPy)
SET client_min_messages = warning;
CREATE ROLE regress_drift_owner LOGIN;
CREATE ROLE regress_drift_reader;
CREATE ROLE regress_drift_predictor;
CREATE SCHEMA drift_test;
GRANT ALL ON SCHEMA drift_test TO regress_drift_owner, regress_drift_reader, regress_drift_predictor;
GRANT EXECUTE ON FUNCTION mlops.train TO regress_drift_owner;
GRANT EXECUTE ON PROCEDURE mlops.train_wait TO regress_drift_owner;
GRANT EXECUTE ON FUNCTION mlops.register_model TO regress_drift_owner;
SET SESSION AUTHORIZATION regress_drift_owner;
SET search_path = drift_test;

-- psi, tv and js written out over the histograms
CREATE TABLE old AS SELECT (i * 7919 % 1009)::float8 / 100 AS x, (ARRAY['a', 'b', 'c', 'd', NULL])[1 + i * 31 % 5] AS c FROM generate_series(1, 2000) i;
CREATE TABLE new AS SELECT 2 + (i * 104729 % 997)::float8 / 120 AS x, (ARRAY['a', 'b', 'b', 'new'])[1 + i % 4] AS c FROM generate_series(1, 500) i;
CREATE TABLE p AS SELECT r.x AS rx, r.c AS rc, (SELECT mlops.profile(x, r.x) FROM new) AS nx, (SELECT mlops.profile(c, r.c) FROM new) AS nc
FROM (SELECT mlops.reference(x, 10) AS x, mlops.reference(c) AS c FROM old) r;
CREATE FUNCTION written_out(reference mlops.profile, current mlops.profile) RETURNS TABLE (psi float8, tv float8, js float8) LANGUAGE sql AS $$
	WITH h AS (SELECT r.count AS r, c.count AS c FROM mlops.histogram(reference) r JOIN mlops.histogram(current) c USING (cell) WHERE r.count + c.count > 0),
	s AS (SELECT (r + 0.5) / (sum(r) OVER () + 0.5 * count(*) OVER ()) AS sp, (c + 0.5) / (sum(c) OVER () + 0.5 * count(*) OVER ()) AS sq,
		r / sum(r) OVER () AS p, c / sum(c) OVER () AS q FROM h)
	SELECT sum((sp - sq) * ln(sp / sq)), sum(abs(p - q)) / 2,
		sqrt(sum(CASE WHEN p > 0 THEN p * ln(2 * p / (p + q)) ELSE 0 END + CASE WHEN q > 0 THEN q * ln(2 * q / (p + q)) ELSE 0 END) / 2 / ln(2)) FROM s $$;
SELECT k, abs(d.psi - w.psi) < 1e-9 AS psi, abs(d.tv - w.tv) < 1e-9 AS tv, abs(d.js - w.js) < 1e-9 AS js, d.status
FROM p, LATERAL (VALUES ('numbers', rx, nx), ('labels', rc, nc)) v(k, r, n), LATERAL mlops.drift(r, n) d, LATERAL written_out(r, n) w;
-- noise and critical value: chi-squared with 10 degrees of freedom exceeds 23.209 in 1 of 100, 18.307 in 1 of 20
SELECT a, round((d.psi_critical / (1 / 2000.0 + 1 / 500.0))::numeric, 3) AS critical, round((d.psi_noise / (1 / 2000.0 + 1 / 500.0))::numeric, 9) AS df
FROM p, (VALUES (0.01), (0.05)) v(a), LATERAL mlops.drift(rx, nx, 0.1, a) d ORDER BY a;
-- rates and shifts
SELECT n_reference, n_current, null_rate_change, unseen_rate, out_of_range_rate, ks_low IS NULL AS no_ks FROM p, mlops.drift(rc, nc);
SELECT round(out_of_range_rate::numeric, 4) = (SELECT round(avg((x > (SELECT max(x) FROM old))::int), 4) FROM new) AS out_of_range, unseen_rate,
	round(mean_shift::numeric, 6) = (SELECT round((((SELECT avg(x) FROM new) - avg(x)) / stddev_pop(x))::numeric, 6) FROM old) AS mean_shift,
	ks_low <= ks_high AS ks, wasserstein_low <= wasserstein_high AS wasserstein FROM p, mlops.drift(rx, nx);

-- against itself; swapped
SELECT psi, js, tv, p_value, ks_low, ks_high < 0.11 AS ks_high, wasserstein_low, mean_shift, null_rate_change, status FROM p, mlops.drift(rx, rx);
SELECT abs(a.psi - b.psi) < 1e-12 AS psi, abs(a.js - b.js) < 1e-12 AS js, a.tv = b.tv AS tv FROM p, mlops.drift(rc, nc) a, mlops.drift(nc, rc) b;

-- the rule: both keys, and what is too little
SELECT status, psi >= psi_critical AS above_noise FROM p, mlops.drift(rx, nx, 5);
SELECT status FROM p, mlops.drift(rx, nx, 0.1, 1e-300);
SELECT n, d.status, d.n_current, d.psi_critical > 0.1 AS noisy, d.psi IS NULL AS no_psi FROM p, (VALUES (0), (1), (30), (100)) v(n),
	LATERAL (SELECT mlops.profile(x, rx) AS c FROM (SELECT x FROM old LIMIT n) s) w, LATERAL mlops.drift(rx, c) d;

-- D01: constants, NULLs, NaN and infinite values
SELECT name, d.psi < 1e-9 AS same, d.tv, d.status, d.mean_shift, d.null_rate_change
FROM (VALUES (1, 'constant', 1::float8, 1::float8), (2, 'another constant', 1, 2), (3, 'missing', NULL, NULL), (4, 'now missing', 1, NULL),
	(5, 'now NaN', 1, 'NaN'), (6, 'now infinite', 1, 'inf'), (7, 'infinite', '-inf', '-inf')) v(i, name, a, b),
	LATERAL (SELECT mlops.reference(x) AS r FROM unnest(array_fill(a, '{300}')) x) r, LATERAL (SELECT mlops.profile(x, r) AS c FROM unnest(array_fill(b, '{200}')) x) c,
	LATERAL mlops.drift(r, c) d ORDER BY i;
-- ten NULLs of 200 in a column that never had one
SELECT d.status, d.log10_p < -10 AS sure FROM (SELECT mlops.reference(i % 2) AS r FROM generate_series(1, 20000) i) r,
	LATERAL (SELECT mlops.profile(CASE WHEN i > 10 THEN i % 2 END, r) AS c FROM generate_series(1, 200) i) c, LATERAL mlops.drift(r, c) d;

-- many columns: the example of Benjamini and Hochberg (1995), 3.2
SELECT p, round(mlops.bh_adjust(p) OVER ()::numeric, 4) AS adjusted FROM unnest('{0.0001,0.0004,0.0019,0.0095,0.0201,0.0278,0.0298,0.0344,0.0459,0.3240,0.4262,0.5719,0.6528,0.7590,1,NULL}'::float8[]) p;
SELECT g, round(mlops.bh_adjust(g * 0.01) OVER (PARTITION BY g % 2)::numeric, 4) AS adjusted FROM generate_series(1, 5) g ORDER BY g;
SELECT mlops.bh_adjust(p) OVER () FROM unnest('{0.5,1.5}'::float8[]) p;
SELECT mlops.bh_adjust('NaN') OVER ();

-- Mann and Whitney's test: z, and the tail of the normal distribution
SELECT round(z::numeric, 4) AS z, round(p_value::numeric, 6) AS p, round(log10_p::numeric, 3) AS log10_p
FROM (VALUES (0.5), (0.52), (0.48), (1)) v(auc), LATERAL mlops.auc_test(auc, 1000, 1000);
SELECT mlops.auc_test(1.5, 10, 10) IS NULL AS no_area, mlops.auc_test(0.5, 0, 10) IS NULL AS no_rows, (mlops.auc_test(1, 1e6, 1e6)).p_value > 0 AS never_0;

-- errors
SELECT mlops.drift(rx, nc) FROM p;
SELECT mlops.drift(rx, nx, -1) FROM p;
SELECT mlops.drift(rx, nx, 'NaN') FROM p;
SELECT mlops.drift(rx, nx, 0.1, 0) FROM p;
SELECT mlops.drift(rx, nx, 0.1, 1) FROM p;
-- D07: no reference; a reference that was made anew meanwhile
SELECT mlops.drift(mlops.reference(x), NULL) IS NULL AS no_reference FROM old WHERE x < 0;
SELECT mlops.drift(mlops.reference(x, 10), (SELECT nx FROM p)) FROM old WHERE x < 5;
SELECT mlops.drift(rx, nx, NULL) IS NULL AS no_threshold, mlops.drift(rx, nx, alpha => NULL) IS NULL AS no_alpha FROM p;

-- a version: every kind of column
CREATE TABLE t AS SELECT i AS id, (i * 7919 % 1009)::float8 / 10 AS a, nullif(i * 31 % 50, 7)::int AS "B b", (ARRAY['Bern', 'Oslo', NULL, 'Wien'])[1 + i % 4] AS city,
	i % 2 = 0 AS ok, ARRAY[i * 17 % 13, nullif(i * 5 % 11, 3)]::real[] AS v, (i * 7919 % 1009) + i % 97 > 500 AS y FROM generate_series(1, 2000) i;
CALL mlops.train_wait('loan', 'SELECT * FROM t', 'y', key => '{id}', num_boost_round => 5);
CREATE VIEW result AS SELECT role, name, status, importance > 0.9 AS important, p_adjusted < 0.01 AS p_small, drifted_share, n_reference, n_current, psi >= psi_critical AS above_noise,
	role <> 'feature' OR importance * psi <= lag(importance * psi, 1, 'inf') OVER (PARTITION BY role ORDER BY place) AS in_order
FROM (SELECT *, row_number() OVER () AS place FROM mlops.drift('loan', 'SELECT * FROM t WHERE id % 3 = 0')) d;
SELECT * FROM result ORDER BY role, name;
-- features and label are what mlops.profile counts on the reference
CREATE FUNCTION by_profile(feature text, expression text) RETURNS mlops.drift_result LANGUAGE plpgsql AS $$
	DECLARE result mlops.drift_result;
	BEGIN
		EXECUTE format('SELECT (mlops.drift(m.profile, (SELECT mlops.profile(%s, m.profile) FROM t WHERE id < 700))).* FROM mlops.model_reference m WHERE m.model = ''loan'' AND m.name = %L',
			expression, feature) INTO result;
		RETURN result;
	END $$;
SELECT name, d.psi = e.psi AND d.chi2 = e.chi2 AND d.n_current = e.n_current AS equal
FROM (VALUES ('a', 'a'), ('B b', '"B b"'), ('city', 'city'), ('ok', 'ok'), ('v[1]', 'v[1]'), ('v[2]', 'v[2]'), ('y', 'y::text')) v(name, expression)
	LEFT JOIN mlops.drift('loan', 'SELECT t.*, ''new'' AS extra FROM t WHERE id < 700') d USING (name), LATERAL by_profile(name, expression) e ORDER BY name;
-- and predictions what predict gives
SELECT d.psi = e.psi AND d.n_current = e.n_current AS equal FROM mlops.model_reference m JOIN mlops.drift('loan', 'SELECT * FROM t WHERE id < 700') d ON d.role = m.role,
	LATERAL (SELECT mlops.profile(mlops.predict('loan', t), m.profile) AS c FROM t WHERE id < 700) c, LATERAL mlops.drift(m.profile, c) e WHERE m.role = 'prediction';
-- the data set: means by importance
SELECT abs(psi - (SELECT sum(importance * psi) / sum(importance) FROM mlops.drift('loan', 'SELECT * FROM t WHERE id < 300') WHERE role = 'feature')) < 1e-9 AS psi,
	abs(psi_critical - (SELECT sum(importance * psi_critical) / sum(importance) FROM mlops.drift('loan', 'SELECT * FROM t WHERE id < 300') WHERE role = 'feature')) < 1e-9 AS critical,
	p_adjusted = (SELECT min(p_adjusted) FROM mlops.drift('loan', 'SELECT * FROM t WHERE id < 300') WHERE role = 'feature') AS p
FROM mlops.drift('loan', 'SELECT * FROM t WHERE id < 300') WHERE role = 'dataset';
SELECT abs(d.p_adjusted - adjusted) < 1e-9 * adjusted AS adjusted FROM (SELECT *, mlops.bh_adjust(p_value) OVER () AS adjusted
	FROM mlops.drift('loan', 'SELECT a + 30 AS a, "B b", city, ok, v, y FROM t WHERE id < 400') WHERE role <> 'dataset') d;

-- what moved comes first; order of columns is free, labels may be absent or late, infinite numbers have no prediction
SELECT role, name, status, unseen_rate, null_rate_change, out_of_range_rate FROM mlops.drift('loan',
	'SELECT ok, v, CASE WHEN id % 5 = 0 THEN ''Rome'' ELSE city END AS city, "B b", CASE WHEN id % 10 = 1 THEN ''inf'' ELSE a + 60 END AS a FROM t WHERE id <= 500')
WHERE status = 'drift' OR role IN ('dataset', 'prediction');
SELECT role, n_current FROM mlops.drift('loan', 'SELECT a, "B b", city, ok, v, CASE WHEN id % 2 = 0 THEN y END AS y FROM t') WHERE role IN ('label', 'prediction');
SELECT DISTINCT status, n_current, psi FROM mlops.drift('loan', 'SELECT * FROM t WHERE false');
SELECT count(*) FROM mlops.drift('loan/1', 'SELECT *, $1 AS at FROM t WHERE $1 = now()');
-- nothing is written, and nobody counts as served
BEGIN READ ONLY;
SELECT count(*) FROM mlops.drift('loan', 'SELECT * FROM t');
COMMIT;

-- errors
SELECT * FROM mlops.drift('loan', 'SELECT a FROM t');
SELECT * FROM mlops.drift('loan', 'SELECT a::text, "B b", city, ok, v FROM t');
SELECT * FROM mlops.drift('loan', 'SELECT a, a, "B b", city, ok, v FROM t');
SELECT * FROM mlops.drift('loan', 'SELECT *, y FROM t');
SELECT * FROM mlops.drift('loan', 'SELECT * FROM t; SELECT 1');
SELECT * FROM mlops.drift('loan', 'DELETE FROM t');
SELECT * FROM mlops.drift('loan', 'SELECT 1/0 AS a, "B b", city, ok, v FROM t');
SELECT * FROM mlops.drift('loan', 'SELECT * FROM t', 0.1, 2);
SELECT * FROM mlops.drift('loan', NULL);
SELECT * FROM mlops.drift('nobody', 'SELECT * FROM t');
-- a version without references
SELECT mlops.register_model('bare', mlops.export_model('loan'), signature => (SELECT signature FROM mlops.model_version WHERE model = 'loan')) AS version;
SELECT * FROM mlops.drift('bare', 'SELECT * FROM t');
SELECT mlops.set_reference('bare', 'SELECT id, a, "B b", city, ok, v FROM t');
SELECT role, name, status FROM mlops.drift('bare', 'SELECT * FROM t') WHERE role <> 'feature';

-- other tasks: classes, numbers
CALL mlops.train_wait('kind', 'SELECT a, "B b", (ARRAY[''x'', ''y'', ''z''])[1 + id % 3] AS class FROM t', 'class', num_boost_round => 2);
SELECT role, name, status, ks_low IS NULL AS is_class FROM mlops.drift('kind', 'SELECT a, "B b", CASE WHEN id < 1000 THEN ''w'' ELSE ''x'' END AS class FROM t') WHERE role IN ('label', 'prediction');
CALL mlops.train_wait('price', 'SELECT a, "B b", a * 3 + "B b" AS amount FROM t', 'amount', num_boost_round => 5);
SELECT role, name, status, mean_shift > 1 AS shifted FROM mlops.drift('price', 'SELECT a, "B b", 200 + a * 3 AS amount FROM t') WHERE role IN ('label', 'prediction');
SELECT * FROM mlops.drift('price', 'SELECT a, "B b", ''much'' AS amount FROM t');

-- rights: the query is the caller's, references need read
SELECT mlops.grant_model('loan', 'regress_drift_reader', 'read');
SELECT mlops.grant_model('loan', 'regress_drift_predictor', 'predict');
GRANT SELECT ON t TO regress_drift_predictor;
RESET SESSION AUTHORIZATION;
SET ROLE regress_drift_predictor;
SELECT * FROM mlops.drift('loan', 'SELECT * FROM t');
SET ROLE regress_drift_reader;
SELECT * FROM mlops.drift('loan', 'SELECT * FROM drift_test.t');
SELECT count(*) FROM mlops.drift('loan', 'SELECT 1.5 AS a, 2 AS "B b", ''Bern''::text AS city, true AS ok, ARRAY[1, 2]::real[] AS v');
RESET ROLE;
-- a hostile search_path
CREATE SCHEMA drift_trap;
CREATE TABLE drift_trap.model_reference (model text, version int, role text, name text, profile text, importance float8);
SET search_path = drift_trap, drift_test, pg_catalog;
SELECT count(*) FROM mlops.drift('loan', 'SELECT * FROM t');
RESET search_path;
DROP SCHEMA drift_trap CASCADE;
SET client_min_messages = error;
DROP SCHEMA drift_test CASCADE;
TRUNCATE mlops.model, mlops.model_blob, mlops.run, mlops.dataset RESTART IDENTITY CASCADE;
DROP OWNED BY regress_drift_owner, regress_drift_reader, regress_drift_predictor;
DROP ROLE regress_drift_owner, regress_drift_reader, regress_drift_predictor;
