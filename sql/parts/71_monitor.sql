-- monitors: functions, triggers, views

CREATE FUNCTION mlops.create_monitor(
	name text, model text,
	relation regclass DEFAULT NULL, query text DEFAULT NULL,
	key name[] DEFAULT NULL, time_column name DEFAULT NULL,
	label name DEFAULT NULL, prediction name DEFAULT NULL, version name DEFAULT NULL,
	window_size interval DEFAULT '1 day', lateness interval DEFAULT '0', label_delay interval DEFAULT '0',
	window_rows bigint DEFAULT NULL,
	psi_threshold float8 DEFAULT 0.1, alpha float8 DEFAULT 0.01, consecutive int DEFAULT 2,
	season interval DEFAULT NULL, sample_key name DEFAULT NULL, min_rows bigint DEFAULT NULL,
	on_error text DEFAULT 'ignore', schedule interval DEFAULT NULL,
	action text DEFAULT 'alert', retrain_query text DEFAULT NULL,
	cooldown interval DEFAULT '1 hour', daily_limit int DEFAULT 4, min_new_labels bigint DEFAULT NULL,
	margin float8 DEFAULT 0, metric text DEFAULT NULL, metric_floor float8 DEFAULT NULL,
	retrain_rows bigint DEFAULT NULL, retrain_age interval DEFAULT NULL,
	description text DEFAULT NULL)
	RETURNS void
	AS 'MODULE_PATHNAME', 'mlops_sql_create_monitor' LANGUAGE C VOLATILE PARALLEL UNSAFE;
COMMENT ON FUNCTION mlops.create_monitor(text, text, regclass, text, name[], name, name, name, name, interval, interval, interval, bigint, float8, float8, int, interval, name, bigint, text, interval, text, text, interval, int, bigint, float8, text, float8, bigint, interval, text) IS
'Watches rows for drift from the references of a model. relation: a table, watched by statement triggers on it and all its partitions, now and later; query: one SELECT, pulled as the caller, $1 and $2 in it are start and end of the window. Columns match the features by name. time_column: event time (now() without); label, prediction: columns for their drift and for performance; version: column with the version that predicted (the champion without); with key and time_column labels may be set later by UPDATE. window_rows: windows of so many rows instead of window_size. The caller must own the model and be able to read the table and make triggers on it; while he is not, rows are not counted, which monitor_status.last_error says. Errors: 22023 for an argument, 42809 for what triggers cannot watch, 42701 and 42703 for columns, 42710 for a name that exists, ML001 for the model. docs/reference.md explains every argument.';

CREATE FUNCTION mlops.alter_monitor(
	name text, query text DEFAULT NULL,
	key name[] DEFAULT NULL, time_column name DEFAULT NULL,
	label name DEFAULT NULL, prediction name DEFAULT NULL, version name DEFAULT NULL,
	lateness interval DEFAULT NULL, label_delay interval DEFAULT NULL,
	psi_threshold float8 DEFAULT NULL, alpha float8 DEFAULT NULL, consecutive int DEFAULT NULL,
	season interval DEFAULT NULL, sample_key name DEFAULT NULL, min_rows bigint DEFAULT NULL,
	on_error text DEFAULT NULL, schedule interval DEFAULT NULL,
	action text DEFAULT NULL, retrain_query text DEFAULT NULL,
	cooldown interval DEFAULT NULL, daily_limit int DEFAULT NULL, min_new_labels bigint DEFAULT NULL,
	margin float8 DEFAULT NULL, metric text DEFAULT NULL, metric_floor float8 DEFAULT NULL,
	retrain_rows bigint DEFAULT NULL, retrain_age interval DEFAULT NULL,
	description text DEFAULT NULL)
	RETURNS void
	AS 'MODULE_PATHNAME', 'mlops_sql_alter_monitor' LANGUAGE C VOLATILE PARALLEL UNSAFE;
COMMENT ON FUNCTION mlops.alter_monitor(text, text, name[], name, name, name, name, interval, interval, float8, float8, int, interval, name, bigint, text, interval, text, text, interval, int, bigint, float8, text, float8, bigint, interval, text) IS
'Changes a monitor; NULL leaves a setting as it is, an empty text, an empty array or a season or schedule of zero unsets it. Brings the triggers in line in any case. Relation and windows are fixed at creation. Who gives a query or an action becomes the owner, with whose rights they run, but not while another role''s query stays: an action leaves the owner as he is then, and a query is refused (42501). The caller must own the model. Errors: as create_monitor, and ML008 for a monitor that does not exist or is not yours.';

CREATE FUNCTION mlops.drop_monitor(name text)
	RETURNS void
	AS 'MODULE_PATHNAME', 'mlops_sql_drop_monitor' LANGUAGE C VOLATILE STRICT PARALLEL UNSAFE;
COMMENT ON FUNCTION mlops.drop_monitor(text) IS
'Removes a monitor, its triggers, and all that it found. Waits for transactions that use the watched table, as DROP TRIGGER does; pause_monitor does not. The caller must own the model. Error ML008 for a monitor that does not exist or is not yours.';

CREATE FUNCTION mlops.pause_monitor(name text, paused boolean DEFAULT true)
	RETURNS void
	AS 'MODULE_PATHNAME', 'mlops_sql_pause_monitor' LANGUAGE C VOLATILE STRICT PARALLEL UNSAFE;
COMMENT ON FUNCTION mlops.pause_monitor(text, boolean) IS
'Stops a monitor, or with false lets it go on: meanwhile rows are not counted, nothing is pulled, evaluated or acted upon. Takes no lock on the watched table. The caller must own the model. Error ML008 for a monitor that does not exist or is not yours.';

CREATE FUNCTION mlops.check_monitor(name text)
	RETURNS bigint
	AS 'MODULE_PATHNAME', 'mlops_sql_check_monitor' LANGUAGE C VOLATILE STRICT PARALLEL UNSAFE;
COMMENT ON FUNCTION mlops.check_monitor(text) IS
'Evaluates a monitor now. In relation mode: counts what has come so far and evaluates the windows that are due, in this transaction; returns NULL. In query mode: enqueues a run that pulls the latest complete window, and returns its id, for mlops.wait. Events open and close after commit. The caller must own the model. Errors: ML008 for a monitor that does not exist or is not yours, 55000 while it is paused.';

CREATE FUNCTION mlops.observe_insert()
	RETURNS trigger
	AS 'MODULE_PATHNAME', 'mlops_sql_observe_insert' LANGUAGE C VOLATILE PARALLEL UNSAFE;
COMMENT ON FUNCTION mlops.observe_insert() IS
'Of the triggers that create_monitor makes: counts the rows that a statement inserted. In other triggers it does nothing.';

CREATE FUNCTION mlops.observe_update()
	RETURNS trigger
	AS 'MODULE_PATHNAME', 'mlops_sql_observe_update' LANGUAGE C VOLATILE PARALLEL UNSAFE;
COMMENT ON FUNCTION mlops.observe_update() IS
'Of the triggers that create_monitor makes: counts the labels that a statement changed. In other triggers it does nothing.';

CREATE FUNCTION mlops.follow_tables()
	RETURNS event_trigger
	AS 'MODULE_PATHNAME', 'mlops_sql_follow_tables' LANGUAGE C VOLATILE PARALLEL UNSAFE;
COMMENT ON FUNCTION mlops.follow_tables() IS
'Of event trigger mlops_follow_tables: gives partitions that are attached or made the triggers of monitors, and takes them from those that are detached. Never fails the command.';

CREATE EVENT TRIGGER mlops_follow_tables ON ddl_command_end
	WHEN TAG IN ('CREATE TABLE', 'ALTER TABLE', 'CREATE FOREIGN TABLE')
	EXECUTE FUNCTION mlops.follow_tables();
COMMENT ON EVENT TRIGGER mlops_follow_tables IS 'Keeps the triggers of monitors on all partitions of what they watch.';

CREATE VIEW mlops.drift_history WITH (security_invoker, security_barrier) AS
	SELECT m.monitor, m.version, m.window_start, w.window_end, m.role, m.name AS feature, m.status, m.streak,
		m.n_reference, m.n_current, m.psi, m.psi_noise, m.psi_critical, m.kl, m.js, m.hellinger, m.tv,
		m.l_infinity, m.chi2, m.g, m.df, m.p_value, m.log10_p, m.p_adjusted, m.ks_low, m.ks_high,
		m.wasserstein_low, m.wasserstein_high, m.mean_shift, m.null_rate_change, m.unseen_rate,
		m.out_of_range_rate, m.importance, m.drifted_share
	FROM mlops.drift_measure m JOIN mlops.drift_window w USING (monitor, version, window_start);
COMMENT ON VIEW mlops.drift_history IS 'What the evaluation of windows found: one row per window and column, and one of role dataset for all features together.';

CREATE VIEW mlops.drift_histogram WITH (security_invoker, security_barrier) AS
	SELECT p.monitor, p.version, p.window_start, p.role, p.name AS feature, c.cell, c.kind, c.label, c.lo, c.hi,
		r.count AS reference_count, c.count AS current_count, r.share AS reference_share, c.share AS current_share
	FROM mlops.drift_profile p
		JOIN mlops.monitor m ON m.name OPERATOR(pg_catalog.=) p.monitor
		JOIN mlops.model_reference f ON f.model OPERATOR(pg_catalog.=) m.model
			AND f.version OPERATOR(pg_catalog.=) p.version
			AND f.role OPERATOR(pg_catalog.=) p.role AND f.name OPERATOR(pg_catalog.=) p.name
		CROSS JOIN LATERAL mlops.histogram(p.profile) c
		JOIN LATERAL mlops.histogram(f.profile) r ON r.cell OPERATOR(pg_catalog.=) c.cell;
COMMENT ON VIEW mlops.drift_histogram IS 'Histograms of windows beside those of the reference, one row per cell.';

CREATE VIEW mlops.performance_history WITH (security_invoker, security_barrier) AS
	SELECT p.monitor, p.version, p.window_start, w.window_end, p.kind, p.metric, p.value, p.std_error, p.n
	FROM mlops.drift_performance p JOIN mlops.drift_window w USING (monitor, version, window_start);
COMMENT ON VIEW mlops.performance_history IS 'Performance in windows: realized from labels, estimated without.';

CREATE VIEW mlops.monitor_status WITH (security_invoker, security_barrier) AS
	SELECT m.name AS monitor, m.model, m.relation,
		CASE WHEN m.query IS NULL THEN 'relation' ELSE 'query' END AS mode,
		CASE WHEN m.paused THEN 'paused'
			WHEN m.query IS NULL AND NOT EXISTS (SELECT FROM pg_catalog.pg_class c
												 WHERE c.oid OPERATOR(pg_catalog.=) m.relation) THEN 'lost'
			ELSE 'active' END AS state,
		s.pause_reason, a.version AS champion, w.version, w.window_start, w.window_end, w.n_rows, w.n_labels,
		w.status, w.streak,
		ARRAY(SELECT d.name FROM mlops.drift_measure d
			  WHERE d.monitor OPERATOR(pg_catalog.=) w.monitor AND d.version OPERATOR(pg_catalog.=) w.version
				AND d.window_start OPERATOR(pg_catalog.=) w.window_start
				AND d.status OPERATOR(pg_catalog.=) 'drift' AND d.role OPERATOR(pg_catalog.<>) 'dataset'
			  ORDER BY coalesce(d.importance, 1) OPERATOR(pg_catalog.*) d.psi DESC, d.name) AS drifted,
		s.n_rows AS total_rows, s.n_labels AS total_labels, s.last_checked_at, s.n_errors, s.last_error, s.last_error_at
	FROM mlops.monitor m
		LEFT JOIN mlops.monitor_state s ON s.monitor OPERATOR(pg_catalog.=) m.name
		LEFT JOIN mlops.alias a ON a.model OPERATOR(pg_catalog.=) m.model AND a.alias OPERATOR(pg_catalog.=) 'champion'
		LEFT JOIN LATERAL (SELECT * FROM mlops.drift_window d
						   WHERE d.monitor OPERATOR(pg_catalog.=) m.name AND d.evaluated_at IS NOT NULL
						   ORDER BY d.window_start DESC, d.version DESC LIMIT 1) w ON true;
COMMENT ON VIEW mlops.monitor_status IS 'Every monitor with its latest evaluated window.';
COMMENT ON COLUMN mlops.drift_history.monitor IS 'Monitor.';
COMMENT ON COLUMN mlops.drift_history.version IS 'Model version.';
COMMENT ON COLUMN mlops.drift_history.window_start IS 'Start of the window.';
COMMENT ON COLUMN mlops.drift_history.window_end IS 'End, excluded; with window_rows the time of the latest rows.';
COMMENT ON COLUMN mlops.drift_history.role IS 'feature, prediction, label, or dataset for all features together.';
COMMENT ON COLUMN mlops.drift_history.feature IS 'Feature or target column; prediction for the prediction, empty for the data set.';
COMMENT ON COLUMN mlops.drift_history.status IS 'ok, drift or insufficient.';
COMMENT ON COLUMN mlops.drift_history.streak IS 'Windows in a row, up to this one, whose status is drift.';
COMMENT ON COLUMN mlops.drift_history.n_reference IS 'Rows of the reference.';
COMMENT ON COLUMN mlops.drift_history.n_current IS 'Rows of the window.';
COMMENT ON COLUMN mlops.drift_history.psi IS 'Population stability index; for the data set the mean of the features'', weighted by importance.';
COMMENT ON COLUMN mlops.drift_history.psi_noise IS 'Its expectation without drift at these sample sizes.';
COMMENT ON COLUMN mlops.drift_history.psi_critical IS 'Its critical value without drift at level alpha.';
COMMENT ON COLUMN mlops.drift_history.kl IS 'Kullback-Leibler divergence of the window from the reference, in nats.';
COMMENT ON COLUMN mlops.drift_history.js IS 'Jensen-Shannon distance, base 2.';
COMMENT ON COLUMN mlops.drift_history.hellinger IS 'Hellinger distance.';
COMMENT ON COLUMN mlops.drift_history.tv IS 'Total variation distance.';
COMMENT ON COLUMN mlops.drift_history.l_infinity IS 'Largest difference of a cell''s share.';
COMMENT ON COLUMN mlops.drift_history.chi2 IS 'Chi-squared statistic of the two-sample test.';
COMMENT ON COLUMN mlops.drift_history.g IS 'G statistic.';
COMMENT ON COLUMN mlops.drift_history.df IS 'Degrees of freedom.';
COMMENT ON COLUMN mlops.drift_history.p_value IS 'p of the two-sample chi-squared test.';
COMMENT ON COLUMN mlops.drift_history.log10_p IS 'Its logarithm, also where p is too small for a number.';
COMMENT ON COLUMN mlops.drift_history.p_adjusted IS 'p adjusted for the number of columns, by Benjamini and Hochberg.';
COMMENT ON COLUMN mlops.drift_history.ks_low IS 'Lower bound of the Kolmogorov-Smirnov distance.';
COMMENT ON COLUMN mlops.drift_history.ks_high IS 'Upper bound.';
COMMENT ON COLUMN mlops.drift_history.wasserstein_low IS 'Lower bound of the Wasserstein-1 distance, in the column''s unit.';
COMMENT ON COLUMN mlops.drift_history.wasserstein_high IS 'Upper bound.';
COMMENT ON COLUMN mlops.drift_history.mean_shift IS 'Difference of the means in standard deviations of the reference.';
COMMENT ON COLUMN mlops.drift_history.null_rate_change IS 'Share of NULLs minus that of the reference.';
COMMENT ON COLUMN mlops.drift_history.unseen_rate IS 'Share of labels that the reference never saw.';
COMMENT ON COLUMN mlops.drift_history.out_of_range_rate IS 'Share of numbers outside of the reference''s range.';
COMMENT ON COLUMN mlops.drift_history.importance IS 'Share of the model''s total gain; NULL but for features.';
COMMENT ON COLUMN mlops.drift_history.drifted_share IS 'Share of features with status drift; of the data set only.';
COMMENT ON COLUMN mlops.drift_histogram.monitor IS 'Monitor.';
COMMENT ON COLUMN mlops.drift_histogram.version IS 'Model version.';
COMMENT ON COLUMN mlops.drift_histogram.window_start IS 'Start of the window.';
COMMENT ON COLUMN mlops.drift_histogram.role IS 'feature, prediction or label.';
COMMENT ON COLUMN mlops.drift_histogram.feature IS 'Feature or target column; prediction for the prediction.';
COMMENT ON COLUMN mlops.drift_histogram.cell IS 'Number of the cell, from 1.';
COMMENT ON COLUMN mlops.drift_histogram.kind IS 'interval (lo < x <= hi), atom, label, other, unseen, null, nan, inf or -inf.';
COMMENT ON COLUMN mlops.drift_histogram.label IS 'Label, of a cell of that kind.';
COMMENT ON COLUMN mlops.drift_histogram.lo IS 'Lower bound of an interval or atom.';
COMMENT ON COLUMN mlops.drift_histogram.hi IS 'Upper bound.';
COMMENT ON COLUMN mlops.drift_histogram.reference_count IS 'Rows of the reference in the cell.';
COMMENT ON COLUMN mlops.drift_histogram.current_count IS 'Rows of the window.';
COMMENT ON COLUMN mlops.drift_histogram.reference_share IS 'Share of the references rows.';
COMMENT ON COLUMN mlops.drift_histogram.current_share IS 'Share of the windows rows.';
COMMENT ON COLUMN mlops.performance_history.monitor IS 'Monitor.';
COMMENT ON COLUMN mlops.performance_history.version IS 'Model version.';
COMMENT ON COLUMN mlops.performance_history.window_start IS 'Start of the window.';
COMMENT ON COLUMN mlops.performance_history.window_end IS 'End, excluded; with window_rows the time of the latest rows.';
COMMENT ON COLUMN mlops.performance_history.kind IS 'realized (from labels) or estimated (without labels, from calibrated probabilities).';
COMMENT ON COLUMN mlops.performance_history.metric IS 'Metric under scikit-learn''s name.';
COMMENT ON COLUMN mlops.performance_history.value IS 'Value; NULL where it is not defined.';
COMMENT ON COLUMN mlops.performance_history.std_error IS 'Standard error; NULL where none is defined.';
COMMENT ON COLUMN mlops.performance_history.n IS 'Number of rows.';
COMMENT ON COLUMN mlops.monitor_status.monitor IS 'Monitor.';
COMMENT ON COLUMN mlops.monitor_status.model IS 'Model.';
COMMENT ON COLUMN mlops.monitor_status.relation IS 'Watched table; NULL in query mode.';
COMMENT ON COLUMN mlops.monitor_status.mode IS 'relation or query.';
COMMENT ON COLUMN mlops.monitor_status.state IS 'active, paused, or lost when the table is gone.';
COMMENT ON COLUMN mlops.monitor_status.pause_reason IS 'Why the monitor paused itself, such as a dropped table; NULL otherwise.';
COMMENT ON COLUMN mlops.monitor_status.champion IS 'Present champion of the model; NULL when you may not see it.';
COMMENT ON COLUMN mlops.monitor_status.version IS 'Version of the latest evaluated window; NULL before the first, likewise below.';
COMMENT ON COLUMN mlops.monitor_status.window_start IS 'Its start.';
COMMENT ON COLUMN mlops.monitor_status.window_end IS 'Its end.';
COMMENT ON COLUMN mlops.monitor_status.n_rows IS 'Its rows.';
COMMENT ON COLUMN mlops.monitor_status.n_labels IS 'Its rows with a label.';
COMMENT ON COLUMN mlops.monitor_status.status IS 'ok, drift or insufficient.';
COMMENT ON COLUMN mlops.monitor_status.streak IS 'Windows in a row, up to this one, whose status is drift.';
COMMENT ON COLUMN mlops.monitor_status.drifted IS 'Columns with status drift, by importance times PSI.';
COMMENT ON COLUMN mlops.monitor_status.total_rows IS 'Rows counted since the creation.';
COMMENT ON COLUMN mlops.monitor_status.total_labels IS 'Labels, likewise.';
COMMENT ON COLUMN mlops.monitor_status.last_checked_at IS 'Time of the last evaluation.';
COMMENT ON COLUMN mlops.monitor_status.n_errors IS 'Statements and checks that could not be counted.';
COMMENT ON COLUMN mlops.monitor_status.last_error IS 'Message of the last such error; may contain data.';
COMMENT ON COLUMN mlops.monitor_status.last_error_at IS 'Its time.';
