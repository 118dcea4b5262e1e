-- calibrated probabilities and thresholds; the stored numbers come from rows, and need read

CREATE FUNCTION mlops.predict_calibrated(model text, VARIADIC features "any") RETURNS float8
	LANGUAGE C STABLE PARALLEL SAFE COST 50 SUPPORT mlops.predict_support
	AS 'MODULE_PATHNAME', 'mlops_sql_predict_calibrated';
COMMENT ON FUNCTION mlops.predict_calibrated(text, "any") IS
'Calibrated probability of the positive class for one row: the share of positive rows that the version''s isotonic calibration (mlops.model_calibration) found at the score that predict gives, linear between its knots, constant outside of them; equal to scikit-learn''s IsotonicRegression(out_of_bounds = clip). Order by it, sum it, or multiply it with a value: predict itself stays XGBoost''s number. Arguments and NULL as for predict. Error (55000) for a version without calibration: other tasks than binary, and imported models until set_calibration.';

CREATE FUNCTION mlops.set_calibration(model_ref text, query text, target name DEFAULT NULL) RETURNS bigint
	LANGUAGE C VOLATILE PARALLEL UNSAFE
	AS 'MODULE_PATHNAME', 'mlops_sql_set_calibration';
COMMENT ON FUNCTION mlops.set_calibration(text, text, name) IS
'Fits calibration and threshold curve of a binary version on the rows of a query, which runs as the caller, in place of what is stored, and returns the number of rows. Give it rows that the version was not trained on. target: the column that holds the truth; default the one of the training. $1 in the query is now(). Rows count once each. The caller must own the model. Errors: as for evaluate; 42809 for other tasks.';

CREATE VIEW mlops.threshold_curve WITH (security_invoker, security_barrier) AS
SELECT c.model, c.version, u.threshold, c.dataset, c.n, c.weighted,
	u.tp AS true_positive, u.fp AS false_positive,
	t.negative OPERATOR(pg_catalog.-) u.fp AS true_negative,
	t.positive OPERATOR(pg_catalog.-) u.tp AS false_negative,
	u.tp OPERATOR(pg_catalog./) nullif(u.tp OPERATOR(pg_catalog.+) u.fp, 0) AS "precision",
	u.tp OPERATOR(pg_catalog./) nullif(t.positive, 0) AS recall,
	2 OPERATOR(pg_catalog.*) u.tp OPERATOR(pg_catalog./) nullif(u.tp OPERATOR(pg_catalog.+) u.fp OPERATOR(pg_catalog.+) t.positive, 0) AS f1,
	u.fp OPERATOR(pg_catalog./) nullif(t.negative, 0) AS fpr,
	(u.tp OPERATOR(pg_catalog.+) (t.negative OPERATOR(pg_catalog.-) u.fp))
		OPERATOR(pg_catalog./) nullif(t.positive OPERATOR(pg_catalog.+) t.negative, 0) AS accuracy,
	(u.tp OPERATOR(pg_catalog.+) u.fp)
		OPERATOR(pg_catalog./) nullif(t.positive OPERATOR(pg_catalog.+) t.negative, 0) AS positive_share
FROM mlops.model_curve c,
	-- from the lowest score on, all rows are called positive
	LATERAL (SELECT c.positive[pg_catalog.cardinality(c.positive)] AS positive,
			c.negative[pg_catalog.cardinality(c.negative)] AS negative) t,
	LATERAL ROWS FROM (pg_catalog.unnest(c.threshold), pg_catalog.unnest(c.positive), pg_catalog.unnest(c.negative)) AS u(threshold, tp, fp);
COMMENT ON VIEW mlops.threshold_curve IS 'What each threshold of a binary version would do: a row per threshold, at all distinct scores, or of more than 200 at 200 quantiles of the rows, the lowest and the one of the best F1. set_threshold takes one. Needs the right read.';
COMMENT ON COLUMN mlops.threshold_curve.model IS 'Model name.';
COMMENT ON COLUMN mlops.threshold_curve.version IS 'Version.';
COMMENT ON COLUMN mlops.threshold_curve.threshold IS 'Probability from which rows are called positive.';
COMMENT ON COLUMN mlops.threshold_curve.dataset IS 'Rows that were counted: validation where there are such rows, else test (hold-out), or query for set_calibration.';
COMMENT ON COLUMN mlops.threshold_curve.n IS 'Number of rows.';
COMMENT ON COLUMN mlops.threshold_curve.weighted IS 'True when rows counted by their weight: then the four numbers that follow are sums of weights.';
COMMENT ON COLUMN mlops.threshold_curve.true_positive IS 'Positive rows called positive.';
COMMENT ON COLUMN mlops.threshold_curve.false_positive IS 'Negative rows called positive.';
COMMENT ON COLUMN mlops.threshold_curve.true_negative IS 'Negative rows called negative.';
COMMENT ON COLUMN mlops.threshold_curve.false_negative IS 'Positive rows called negative.';
COMMENT ON COLUMN mlops.threshold_curve."precision" IS 'Share of the positive class among rows called positive, 0 to 1.';
COMMENT ON COLUMN mlops.threshold_curve.recall IS 'Share of positive rows that are called positive, 0 to 1; NULL without positive rows.';
COMMENT ON COLUMN mlops.threshold_curve.f1 IS 'Harmonic mean of precision and recall, 0 to 1.';
COMMENT ON COLUMN mlops.threshold_curve.fpr IS 'False positive rate: share of negative rows that are called positive, 0 to 1; NULL without negative rows.';
COMMENT ON COLUMN mlops.threshold_curve.accuracy IS 'Share of rows called rightly, 0 to 1.';
COMMENT ON COLUMN mlops.threshold_curve.positive_share IS 'Share of rows called positive, 0 to 1.';

ALTER TABLE mlops.model_calibration ENABLE ROW LEVEL SECURITY;
CREATE POLICY model_calibration_read ON mlops.model_calibration FOR SELECT
	USING (mlops.has_model_privilege(model, 'read'));
ALTER TABLE mlops.model_curve ENABLE ROW LEVEL SECURITY;
CREATE POLICY model_curve_read ON mlops.model_curve FOR SELECT
	USING (mlops.has_model_privilege(model, 'read'));
