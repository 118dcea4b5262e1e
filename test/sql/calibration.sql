-- calibration and thresholds: what training stores, what SQL finds on the same rows
SET client_min_messages = warning;
CREATE ROLE regress_calibration_owner LOGIN;
CREATE ROLE regress_calibration_predictor;
CREATE SCHEMA calibration_test;
SET search_path = calibration_test;
GRANT ALL ON SCHEMA calibration_test TO regress_calibration_owner;
GRANT EXECUTE ON FUNCTION mlops.train TO regress_calibration_owner;
GRANT EXECUTE ON PROCEDURE mlops.train_wait TO regress_calibration_owner;
GRANT EXECUTE ON FUNCTION mlops.register_model TO regress_calibration_owner;
SET ROLE regress_calibration_owner;

-- a label that follows a and b with noise; parts are a column, so that this test knows them
CREATE TABLE churn AS
SELECT i AS id, (i * 7919 % 1009)::real / 100 AS a, (i * 104729 % 997)::real / 50 AS b,
	(hashint4(i) & 255) < 25 * (i * 7919 % 1009)::real / 100 AS churned,
	1 + i % 3 AS w, (ARRAY['train', 'train', 'validation', 'test'])[1 + i % 4] AS part
FROM generate_series(1, 4000) i;
RESET ROLE;
SET SESSION AUTHORIZATION regress_calibration_owner;
SET search_path = calibration_test;
CALL mlops.train_wait('churn', 'SELECT * FROM churn', 'churned', params => '{"max_depth": 3}', num_boost_round => 10,
	key => '{id}', exclude => '{w}', split => 'column', split_by => 'part', threshold => 'f1');
CREATE VIEW scored AS SELECT c.*, mlops.predict('churn', c) AS p, mlops.predict_calibrated('churn', c) AS q FROM churn c;

SELECT dataset, n, cardinality(score) = cardinality(probability) AS paired, cardinality(score) > 10 AS many,
	n = (SELECT count(*) FROM churn WHERE part = 'test') AS all_rows FROM mlops.model_calibration;
SELECT dataset, n, weighted, cardinality(threshold) BETWEEN 20 AND 202 AS bounded FROM mlops.model_curve;
-- an isotonic fit ascends, keeps the mean, and is the mean of the labels of each block
SELECT bool_and(q >= before) AS ascends FROM (SELECT q, lag(q, 1, 0) OVER (ORDER BY p, q) AS before FROM scored) s;
SELECT abs(avg(q) - avg(churned::int)) < 1e-12 AS same_mean, count(DISTINCT q) > 5 AS several,
	avg((q - churned::int) ^ 2) <= avg((p - churned::int) ^ 2) AS closer FROM scored WHERE part = 'test';
SELECT max(abs(mean - q)) < 1e-12 AS means FROM (SELECT q, avg(churned::int) AS mean FROM scored WHERE part = 'test' GROUP BY q) s;
-- outside of the knots it is constant, between them linear
SELECT bool_and(q BETWEEN (SELECT min(v) FROM mlops.model_calibration, unnest(probability) v) AND (SELECT max(v) FROM mlops.model_calibration, unnest(probability) v)) FROM scored;
SELECT max(abs(q - y0 - (p - x0) * (y1 - y0) / (x1 - x0))) < 1e-12 AS linear, count(*) > 0 AS some FROM scored,
	(SELECT x AS x0, y AS y0, lead(x) OVER (ORDER BY x) AS x1, lead(y) OVER (ORDER BY x) AS y1
	 FROM mlops.model_calibration, unnest(score, probability) u(x, y)) k WHERE p > x0 AND p < x1;

-- the curve counts the validation rows, at all distinct scores or at 200 quantiles
SELECT count(*) > 20 AS several, bool_and(true_positive = tp AND false_positive = fp AND true_negative = tn AND false_negative = fn) AS counts,
	bool_and("precision" IS NOT DISTINCT FROM tp / nullif(tp + fp, 0)) AS "precision", bool_and(recall = tp / (tp + fn)) AS recall,
	bool_and(fpr = fp / (fp + tn)) AS fpr, bool_and(accuracy = (tp + tn) / (tp + tn + fp + fn)) AS accuracy,
	bool_and(positive_share = (tp + fp) / n) AS positive_share, max(abs(f1 - 2 * tp / (2 * tp + fp + fn))) < 1e-12 AS f1
FROM mlops.threshold_curve t, LATERAL (SELECT count(*) FILTER (WHERE churned AND p >= threshold)::float8 AS tp, count(*) FILTER (WHERE NOT churned AND p >= threshold)::float8 AS fp,
	count(*) FILTER (WHERE NOT churned AND p < threshold)::float8 AS tn, count(*) FILTER (WHERE churned AND p < threshold)::float8 AS fn FROM scored WHERE part = 'validation') s
WHERE model = 'churn' AND version = 1 AND dataset = 'validation';
-- threshold => 'f1' took the best of them
SELECT v.threshold = (SELECT threshold FROM mlops.threshold_curve c WHERE c.model = 'churn' ORDER BY f1 DESC, threshold DESC LIMIT 1) AS best_of_curve,
	(SELECT max(f1) FROM mlops.threshold_curve) >= (SELECT max(2 * tp / (called + all_positive)) - 1e-12 FROM (SELECT count(*) FILTER (WHERE churned) OVER (ORDER BY p DESC)::float8 AS tp,
		count(*) OVER (ORDER BY p DESC) AS called, count(*) FILTER (WHERE churned) OVER () AS all_positive FROM scored WHERE part = 'validation') s) AS best_of_all
FROM mlops.model_version v WHERE model = 'churn';
-- and predict_class goes by it, until set_threshold
SELECT bool_and((mlops.predict_class('churn', s) = 'true') = (p >= v.threshold)) AS by_threshold, count(DISTINCT mlops.predict_class('churn', s)) AS classes
FROM scored s, mlops.model_version v WHERE v.model = 'churn';
SELECT mlops.set_threshold('churn', (SELECT threshold FROM mlops.threshold_curve WHERE model = 'churn' AND precision >= 0.7 ORDER BY recall DESC LIMIT 1));
SELECT bool_and((mlops.predict_class('churn', s) = 'true') = (p >= v.threshold)) AS by_threshold FROM scored s, mlops.model_version v WHERE v.model = 'churn';

-- weights count; without validation rows the curve is of the hold-out; more than 200 distinct scores are thinned
CALL mlops.train_wait('weighted', 'SELECT * FROM churn', 'churned', params => '{"max_depth": 6}', num_boost_round => 30,
	key => '{id}', weight => 'w', split => 'column', split_by => 'part');
CALL mlops.train_wait('weighted', 'SELECT id, a, b, churned, w, part = ''test'' AS part FROM churn', 'churned', params => '{"max_depth": 6}', num_boost_round => 30,
	key => '{id}', weight => 'w', split => 'column', split_by => 'part');
SELECT version, c.dataset, c.n, weighted, cardinality(threshold) BETWEEN 190 AND 202 AS thinned, k.dataset, k.n
FROM mlops.model_curve c JOIN mlops.model_calibration k USING (model, version) WHERE model = 'weighted' ORDER BY version;
SELECT count(*) > 100 AS several, bool_and(true_positive = tp AND false_positive = fp AND true_negative = tn AND false_negative = fn) AS weights
FROM mlops.threshold_curve t, LATERAL (SELECT sum(w) FILTER (WHERE churned AND p >= threshold) AS tp, coalesce(sum(w) FILTER (WHERE NOT churned AND p >= threshold), 0) AS fp,
	coalesce(sum(w) FILTER (WHERE NOT churned AND p < threshold), 0) AS tn, coalesce(sum(w) FILTER (WHERE churned AND p < threshold), 0) AS fn
	FROM (SELECT c.*, mlops.predict('weighted/2', c) AS p FROM churn c WHERE part = 'test') s) s
WHERE model = 'weighted' AND version = 2 AND dataset = 'test';
SELECT max(abs(mean - q)) < 1e-12 AS means FROM (SELECT q, sum(w * churned::int)::float8 / sum(w) AS mean
	FROM (SELECT c.*, mlops.predict_calibrated('weighted/2', c) AS q FROM churn c WHERE part = 'test') s GROUP BY q) s;

-- calibrating again, on the rows of a query
SELECT mlops.set_calibration('churn', 'SELECT a, b, NOT churned AS churned FROM churn WHERE part = ''train''');
SELECT dataset, n, score[1] < score[cardinality(score)] AS span, cardinality(probability) FROM mlops.model_calibration WHERE model = 'churn';
SELECT bool_and(abs(mlops.predict_calibrated('churn', c) - (SELECT avg((NOT churned)::int) FROM churn WHERE part = 'train')) < 1e-12) AS one_block FROM churn c WHERE id < 5;
SELECT mlops.set_calibration('churn/1', 'SELECT a, b, churned AS y FROM churn WHERE part = ''test''', 'y');
SELECT max(abs(mean - q)) < 1e-12 AS means FROM (SELECT q, avg(churned::int) AS mean FROM scored WHERE part = 'test' GROUP BY q) s;
SELECT dataset, n FROM mlops.model_curve WHERE model = 'churn';
-- within a function, which keeps its call site, a new calibration counts at once
CREATE FUNCTION recalibrate() RETURNS boolean[] LANGUAGE plpgsql AS $$
DECLARE q float8; answers boolean[]; side text; mean float8;
BEGIN
	FOREACH side IN ARRAY '{train,test,train}'::text[] LOOP
		PERFORM mlops.set_calibration('churn', format('SELECT a, b, NOT churned AS churned FROM churn WHERE part = %L', side));
		q := mlops.predict_calibrated('churn', 1::real, 1::real);
		SELECT avg((NOT c.churned)::int) INTO mean FROM churn c WHERE c.part = side;
		answers := answers || (abs(q - mean) < 1e-12);
	END LOOP;
	RETURN answers;
END $$;
SELECT recalibrate();

-- shapes, NULL, and what has no calibration
SELECT mlops.predict_calibrated('churn', '{"a": 1, "b": 2}'::jsonb) = mlops.predict_calibrated('churn', ARRAY[1, 2]) AS same,
	mlops.predict_calibrated('churn', NULL::jsonb) IS NULL AS row, mlops.predict_calibrated(NULL, 1, 2) IS NULL AS model,
	mlops.predict_calibrated('churn', NULL::real, NULL::real) BETWEEN 0 AND 1 AS missing;
SELECT mlops.register_model('churn_import', mlops.export_model('churn'), signature => '{"features": ["a", "b"], "classes": ["no", "yes"]}');
SELECT mlops.predict_calibrated('churn_import', 1, 2);
SELECT mlops.set_calibration('churn_import', 'SELECT a, b, CASE WHEN churned THEN ''yes'' ELSE ''no'' END AS y FROM churn WHERE part = ''test''', 'y');
SELECT bool_and(mlops.predict_calibrated('churn_import', a, b) BETWEEN 0 AND 1) FROM churn;
SELECT mlops.set_calibration('churn_import', 'SELECT 1 AS a, 2 AS b, NULL::text AS y', 'y');
CALL mlops.train_wait('amount', 'SELECT id, a, b FROM churn', 'b', key => '{id}', num_boost_round => 2);
SELECT mlops.predict_calibrated('amount', 1);
SELECT mlops.set_calibration('amount', 'SELECT a, b FROM churn');
SELECT count(*) FROM mlops.threshold_curve WHERE model = 'amount';

-- predicting is enough for probabilities, reading for the curve, owning for a new one
SELECT mlops.grant_model('churn', 'regress_calibration_predictor', 'predict');
RESET SESSION AUTHORIZATION;
SET ROLE regress_calibration_predictor;
SELECT mlops.predict_calibrated('churn', 1, 2) BETWEEN 0 AND 1 AS predicts;
SELECT (SELECT count(*) FROM mlops.threshold_curve) + (SELECT count(*) FROM mlops.model_calibration) AS visible;
SELECT mlops.set_calibration('churn', 'SELECT 1 AS a, 2 AS b, true AS churned');
RESET ROLE;
SET ROLE regress_calibration_owner;
SELECT mlops.grant_model('churn', 'regress_calibration_predictor', 'read');
SET ROLE regress_calibration_predictor;
SELECT count(*) > 10 AS visible FROM mlops.threshold_curve;

-- gone with the version
RESET ROLE;
SET ROLE regress_calibration_owner;
SELECT mlops.delete_model_version('weighted/2');
SELECT model, version FROM mlops.model_calibration JOIN mlops.model_curve USING (model, version) ORDER BY 1, 2;

RESET ROLE;
SET client_min_messages = error;
DROP SCHEMA calibration_test CASCADE;
TRUNCATE mlops.model, mlops.model_blob, mlops.run, mlops.dataset RESTART IDENTITY CASCADE;
DROP OWNED BY regress_calibration_owner, regress_calibration_predictor;
DROP ROLE regress_calibration_owner, regress_calibration_predictor;
