-- performance of binary versions without labels, from calibrated scores

CREATE FUNCTION mlops.estimate_add(state bigint[], score float8, probability float8, threshold float8) RETURNS bigint[]
	LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE
	AS 'MODULE_PATHNAME', 'mlops_sql_estimate_add';
COMMENT ON FUNCTION mlops.estimate_add(bigint[], float8, float8, float8) IS 'Transition function of mlops.estimate.';

CREATE FUNCTION mlops.estimate_add_state(state bigint[], other bigint[]) RETURNS bigint[]
	LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE
	AS 'MODULE_PATHNAME', 'mlops_sql_estimate_merge';
COMMENT ON FUNCTION mlops.estimate_add_state(bigint[], bigint[]) IS 'Combine function of mlops.estimate, transition function of mlops.estimate_merge.';

CREATE FUNCTION mlops.estimate_final(state bigint[]) RETURNS bigint[]
	LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE
	AS 'MODULE_PATHNAME', 'mlops_sql_estimate_final';
COMMENT ON FUNCTION mlops.estimate_final(bigint[]) IS 'Final function of mlops.estimate and mlops.estimate_merge.';

CREATE AGGREGATE mlops.estimate(score float8, probability float8, threshold float8) (
	STYPE = bigint[], SFUNC = mlops.estimate_add, COMBINEFUNC = mlops.estimate_add_state,
	FINALFUNC = mlops.estimate_final, INITCOND = '{0,0,0,0,0,0}', PARALLEL = SAFE);
COMMENT ON AGGREGATE mlops.estimate(float8, float8, float8) IS
'What rows without labels add to the estimated performance of a binary version, for mlops.estimate_metrics. score: what predict gave; probability: what predict_calibrated gives for it, 0 to 1; threshold: from which score a row is called positive. Rows with a NULL are left out. The state is six integers, which merge exactly in any order: rows, rows called positive, and times 2^32 the sums of p over rows called positive and over the others, and of p (1 - p) likewise; keep it in a bigint[] column. Errors: 22003 for a probability out of range, 54000 for 2^31 rows.';

CREATE AGGREGATE mlops.estimate_merge(state bigint[]) (
	STYPE = bigint[], SFUNC = mlops.estimate_add_state, COMBINEFUNC = mlops.estimate_add_state,
	FINALFUNC = mlops.estimate_final, INITCOND = '{0,0,0,0,0,0}', PARALLEL = SAFE);
COMMENT ON AGGREGATE mlops.estimate_merge(bigint[]) IS 'States of mlops.estimate of several windows or parts, as one. NULLs are left out. Errors: 22023 for what is no such state.';

CREATE FUNCTION mlops.estimate_metrics(state bigint[])
	RETURNS TABLE (metric text, value float8, std_error float8, n bigint)
	LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE ROWS 5
	AS 'MODULE_PATHNAME', 'mlops_sql_estimate_metrics';
COMMENT ON FUNCTION mlops.estimate_metrics(bigint[]) IS
'accuracy, precision, recall, f1 and specificity that are to be expected of the rows behind a state of mlops.estimate, 0 to 1, with standard errors (labels drawn by the probabilities: Poisson binomial; linearised where the metric is a quotient) and the number of rows. A metric that the rows do not define is NULL. Confidence-based performance estimation (CBPE), as NannyML has it: see mlops.estimated_performance, also for what it cannot see. Errors: 22023 for what is no such state.';

CREATE FUNCTION mlops.estimated_performance(model_ref text, query text, score name DEFAULT NULL)
	RETURNS TABLE (metric text, value float8, std_error float8, n bigint)
	LANGUAGE C STABLE PARALLEL UNSAFE ROWS 7
	AS 'MODULE_PATHNAME', 'mlops_sql_estimated_performance';
COMMENT ON FUNCTION mlops.estimated_performance(text, text, name) IS
'Performance of a binary version on rows whose labels are not known, estimated from its calibration (table model_calibration) and threshold: accuracy, precision, recall, f1, specificity, roc_auc and average_precision, 0 to 1, with standard errors (labels drawn by the calibrated probabilities) and the number of rows. The query has the features, or with score => ''column'' the stored scores of predict, whose NULLs are left out; it runs as the caller, $1 in it is now(). Right while calibrated probabilities stay right, hence under a shift of the features. Blind to concept drift: when the same features come to mean other labels the estimate does not move; compare with labels as soon as there are any. Needs the right read; writes nothing. Errors: 42809 for other tasks, 55000 without calibration, 22003 for a stored score that is no probability.';
