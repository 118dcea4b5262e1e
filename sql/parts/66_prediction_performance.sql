-- realized performance, from the log of predictions; the bodies are parsed here, so no search_path reaches them

CREATE FUNCTION mlops.prediction_performance(model text, since timestamptz DEFAULT '-infinity', until timestamptz DEFAULT 'infinity',
											 window_size interval DEFAULT '1 day')
	RETURNS TABLE (window_start timestamptz, version int, arm text, shadow boolean, metric text, value float8, std_error float8, n bigint)
	LANGUAGE sql STABLE PARALLEL SAFE ROWS 1000
BEGIN ATOMIC
	SELECT w.window_start, w.version, w.arm, w.shadow, r.metric, r.value, r.std_error, r.n
	FROM (
		SELECT date_bin(prediction_performance.window_size, l.predicted_at, '2000-01-01 00:00+00') AS window_start, l.version, l.arm, l.shadow,
			mlops.performance(l.outcome, l.class,
					CASE WHEN v.objective = 'binary:logitraw' THEN 1 / (1 + exp(-greatest(l.prediction, -700))) ELSE l.prediction END, m.classes[2])
				FILTER (WHERE m.task = 'binary') AS two_classes,
			mlops.performance(l.outcome, l.class) FILTER (WHERE m.task = 'multiclass') AS classes,
			mlops.performance(CASE WHEN m.task = 'regression' THEN l.outcome::float8 END, l.prediction)
				FILTER (WHERE m.task = 'regression' AND l.prediction > '-infinity' AND l.prediction < 'infinity') AS numbers
		FROM mlops.prediction_log l JOIN mlops.model m ON m.name = l.model
			JOIN mlops.model_version v ON v.model = l.model AND v.version = l.version
		WHERE l.model = prediction_performance.model AND l.outcome IS NOT NULL
			AND l.predicted_at >= prediction_performance.since AND l.predicted_at < prediction_performance.until
		GROUP BY 1, 2, 3, 4) w,
		LATERAL mlops.metrics(coalesce(w.two_classes, w.classes, w.numbers)) r
	ORDER BY w.window_start, w.version, w.arm, w.shadow, r.metric;
END;
COMMENT ON FUNCTION mlops.prediction_performance(text, timestamptz, timestamptz, interval) IS
'Metrics of the logged predictions of a model whose outcome is known, made from since to before until: one row per window of predicted_at, version, arm, and metric of mlops.metrics. window_size: days, hours and less, counted from 2000-01-01 UTC. n: predictions with outcome. For regression, binary and multiclass models. Shows what the right read shows.';

CREATE FUNCTION mlops.compare_logged(baseline text, challenger text, since timestamptz DEFAULT '-infinity', until timestamptz DEFAULT 'infinity')
	RETURNS TABLE (metric text, baseline_value float8, challenger_value float8, difference float8, ci_low float8, ci_high float8, n bigint)
	LANGUAGE sql STABLE PARALLEL SAFE ROWS 4
BEGIN ATOMIC
	WITH scored AS NOT MATERIALIZED (
		SELECT l.*, m.task, m.classes,
			CASE WHEN v.objective = 'binary:logitraw' THEN 1 / (1 + exp(-greatest(l.prediction, -700))) ELSE l.prediction END AS number
		FROM mlops.prediction_log l JOIN mlops.model m ON m.name = l.model
			JOIN mlops.model_version v ON v.model = l.model AND v.version = l.version
		WHERE l.outcome IS NOT NULL AND l.predicted_at >= compare_logged.since AND l.predicted_at < compare_logged.until),
	pair AS (
		-- once each, though two aliases of the same version may have logged it
		SELECT DISTINCT ON (a.key, a.predicted_at) a.task, a.outcome, a.class AS a_class, b.class AS b_class,
			a.number AS a_number, b.number AS b_number,
			CASE WHEN a.task = 'regression' THEN a.outcome::float8 END AS truth,
			CASE a.task WHEN 'multiclass' THEN a.probabilities[array_position(a.classes, a.outcome)]
				WHEN 'binary' THEN CASE WHEN a.outcome = a.classes[2] THEN a.number ELSE 1 - a.number END END AS a_probability,
			CASE a.task WHEN 'multiclass' THEN b.probabilities[array_position(a.classes, a.outcome)]
				WHEN 'binary' THEN CASE WHEN a.outcome = a.classes[2] THEN b.number ELSE 1 - b.number END END AS b_probability
		FROM mlops.resolve(compare_logged.baseline) first
			JOIN mlops.resolve(compare_logged.challenger) second ON second.name = first.name
			JOIN scored a ON a.model = first.name AND a.version = first.version
			JOIN scored b ON b.model = second.name AND b.version = second.version
				AND b.key = a.key AND b.predicted_at = a.predicted_at AND b.outcome = a.outcome
		ORDER BY a.key, a.predicted_at, a.id, b.id),
	loss AS (
		SELECT 'accuracy' AS metric, (a_class = outcome)::int::float8 AS a, (b_class = outcome)::int::float8 AS b FROM pair WHERE task IN ('binary', 'multiclass')
		UNION ALL
		SELECT 'brier_score', (1 - a_probability) ^ 2, (1 - b_probability) ^ 2 FROM pair WHERE task = 'binary'
		UNION ALL
		SELECT 'log_loss', -ln(least(greatest(a_probability, 2.220446049250313e-16), 1 - 2.220446049250313e-16)),
			-ln(least(greatest(b_probability, 2.220446049250313e-16), 1 - 2.220446049250313e-16))
		FROM pair WHERE task IN ('binary', 'multiclass')
		UNION ALL
		SELECT 'mae', abs(a_number - truth), abs(b_number - truth) FROM pair WHERE task = 'regression'
		UNION ALL
		SELECT 'mse', (a_number - truth) ^ 2, (b_number - truth) ^ 2 FROM pair WHERE task = 'regression'),
	comparison AS (
		SELECT metric, avg(a) AS a, avg(b) AS b, stddev_samp(b - a) / sqrt(count(*)) AS error, count(*) AS n FROM loss GROUP BY metric
		UNION ALL
		-- a root is linearised at its value
		SELECT 'rmse', sqrt(avg(a)), sqrt(avg(b)),
			sqrt(greatest(var_samp(a) / nullif(4 * avg(a), 0) + var_samp(b) / nullif(4 * avg(b), 0) - covar_samp(a, b) / nullif(2 * sqrt(avg(a) * avg(b)), 0), 0) / count(*)),
			count(*)
		FROM loss WHERE metric = 'mse' HAVING count(*) > 0)
	SELECT metric, a, b, b - a, b - a - 1.959963984540054 * error, b - a + 1.959963984540054 * error, n
	FROM comparison ORDER BY metric;
END;
COMMENT ON FUNCTION mlops.compare_logged(text, text, timestamptz, timestamptz) IS
'Two versions of a model on the same logged keys: predictions of both that were made at the same time, as shadow scoring does (set_traffic), and whose outcome is known, from since to before until. References stand for their versions of now, whatever arm they were logged under. difference: challenger_value - baseline_value; ci_low and ci_high: its 95 % confidence interval from paired losses; n: pairs. accuracy, log_loss and brier_score for classes, mae, mse and rmse for numbers. No rows without pairs, or for versions of two models. Shows what the right read shows; errors as for resolve.';
