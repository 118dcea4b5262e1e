-- monitors: what is watched, what was counted, what was found

CREATE TABLE mlops.monitor (
	name text COLLATE "C" PRIMARY KEY
		CHECK (name OPERATOR(pg_catalog.~) '^[A-Za-z_][A-Za-z0-9_.-]{0,45}$'),
	model text COLLATE "C" NOT NULL REFERENCES mlops.model (name),
	paused boolean NOT NULL DEFAULT false,
	relation regclass,
	query text,
	key name[],
	time_column name,
	label name,
	prediction name,
	version_column name,
	window_size interval,
	window_rows bigint CHECK (window_rows > 0),
	on_error text NOT NULL DEFAULT 'ignore' CHECK (on_error IN ('ignore', 'fail')),
	owner regrole NOT NULL,
	context jsonb NOT NULL DEFAULT '{}',
	lateness interval NOT NULL DEFAULT '0',
	label_delay interval NOT NULL DEFAULT '0',
	psi_threshold float8 NOT NULL DEFAULT 0.1 CHECK (psi_threshold > 0),
	alpha float8 NOT NULL DEFAULT 0.01 CHECK (alpha > 0 AND alpha < 1),
	consecutive int NOT NULL DEFAULT 2 CHECK (consecutive > 0),
	season interval,
	sample_key name,
	min_rows bigint CHECK (min_rows > 0),
	schedule interval,
	action text NOT NULL DEFAULT 'alert' CHECK (action IN ('alert', 'retrain', 'retrain_and_promote')),
	retrain_query text,
	cooldown interval NOT NULL DEFAULT '1 hour',
	daily_limit int NOT NULL DEFAULT 4 CHECK (daily_limit >= 0),
	min_new_labels bigint CHECK (min_new_labels >= 0),
	margin float8 NOT NULL DEFAULT 0 CHECK (margin >= 0),
	metric text COLLATE "C",
	metric_floor float8,
	retrain_rows bigint CHECK (retrain_rows > 0),
	retrain_age interval,
	description text,
	created_at timestamptz NOT NULL DEFAULT pg_catalog.now(),
	altered_at timestamptz NOT NULL DEFAULT pg_catalog.now(),
	CHECK (relation IS NULL OR query IS NULL),
	CHECK ((window_size IS NULL) OPERATOR(pg_catalog.<>) (window_rows IS NULL))
);
CREATE INDEX monitor_model_idx ON mlops.monitor (model);
COMMENT ON TABLE mlops.monitor IS 'Monitors: which rows are compared with the references of which model, by which rule, and what follows. Made by create_monitor.';
COMMENT ON COLUMN mlops.monitor.name IS 'Monitor name, unique in the database; matches ^[A-Za-z_][A-Za-z0-9_.-]{0,45}$.';
COMMENT ON COLUMN mlops.monitor.model IS 'Model whose champion''s references the rows are compared with.';
COMMENT ON COLUMN mlops.monitor.paused IS 'True: rows are not counted, nothing is queried or evaluated.';
COMMENT ON COLUMN mlops.monitor.relation IS 'Table that triggers watch, with its partitions. NULL in query mode.';
COMMENT ON COLUMN mlops.monitor.query IS 'Query that is pulled, as the owner; $1 and $2 in it are start and end of the window. NULL in relation mode.';
COMMENT ON COLUMN mlops.monitor.key IS 'Columns that identify a row, for labels that come by UPDATE.';
COMMENT ON COLUMN mlops.monitor.time_column IS 'Column with the event time; NULL: the time of the statement.';
COMMENT ON COLUMN mlops.monitor.label IS 'Column with the true label or value, which may be NULL at first.';
COMMENT ON COLUMN mlops.monitor.prediction IS 'Column with the prediction.';
COMMENT ON COLUMN mlops.monitor.version_column IS 'Column with the version that made the prediction; NULL: the champion of the time of the statement.';
COMMENT ON COLUMN mlops.monitor.window_size IS 'Length of a window, in months or in days and time. NULL with window_rows.';
COMMENT ON COLUMN mlops.monitor.window_rows IS 'Rows of a window. NULL with window_size.';
COMMENT ON COLUMN mlops.monitor.on_error IS 'What becomes of the statement when counting its rows fails: ignore (it goes on) or fail.';
COMMENT ON COLUMN mlops.monitor.owner IS 'Role whose rights the query and retrainings have.';
COMMENT ON COLUMN mlops.monitor.context IS 'Session settings under which the query was written.';
COMMENT ON COLUMN mlops.monitor.lateness IS 'How long after its end a window is evaluated.';
COMMENT ON COLUMN mlops.monitor.label_delay IS 'How long after lateness labels are complete: then performance is evaluated.';
COMMENT ON COLUMN mlops.monitor.psi_threshold IS 'PSI from which a column drifts, where it is significant.';
COMMENT ON COLUMN mlops.monitor.alpha IS 'Level of the two-sample test, adjusted for the number of columns.';
COMMENT ON COLUMN mlops.monitor.consecutive IS 'Windows in a row that must drift before an event opens.';
COMMENT ON COLUMN mlops.monitor.season IS 'Period of a cycle: windows are compared with those of the same phase. NULL: with the training rows.';
COMMENT ON COLUMN mlops.monitor.sample_key IS 'Column of the entity that counts once per window; query mode only.';
COMMENT ON COLUMN mlops.monitor.min_rows IS 'Rows below which a window is insufficient; NULL: by the critical value of PSI alone. Also the rows that a promotion needs.';
COMMENT ON COLUMN mlops.monitor.schedule IS 'How often the query is pulled; NULL: at the end of every window.';
COMMENT ON COLUMN mlops.monitor.action IS 'What the opening of an event starts: alert, retrain or retrain_and_promote.';
COMMENT ON COLUMN mlops.monitor.retrain_query IS 'Query of retrainings, as the owner; NULL: that of the champion''s recipe.';
COMMENT ON COLUMN mlops.monitor.cooldown IS 'Least time between two retrainings.';
COMMENT ON COLUMN mlops.monitor.daily_limit IS 'Most retrainings in 24 hours.';
COMMENT ON COLUMN mlops.monitor.min_new_labels IS 'New labels below which a retraining is skipped; NULL: only without any.';
COMMENT ON COLUMN mlops.monitor.margin IS 'How much worse the lower bound of the challenger''s difference may be for a promotion.';
COMMENT ON COLUMN mlops.monitor.metric IS 'Metric that is watched and that decides a promotion; NULL: by the task.';
COMMENT ON COLUMN mlops.monitor.metric_floor IS 'Realized or estimated value of metric below which an event opens; for errors, above which.';
COMMENT ON COLUMN mlops.monitor.retrain_rows IS 'New rows after which an event opens.';
COMMENT ON COLUMN mlops.monitor.retrain_age IS 'Age of the champion from which an event opens.';
COMMENT ON COLUMN mlops.monitor.description IS 'Free text.';
COMMENT ON COLUMN mlops.monitor.created_at IS 'Time of creation.';
COMMENT ON COLUMN mlops.monitor.altered_at IS 'Time of the last change.';

-- apart from monitor: the trigger looks at that row in every statement
CREATE TABLE mlops.monitor_state (
	monitor text COLLATE "C" PRIMARY KEY REFERENCES mlops.monitor (name) ON DELETE CASCADE,
	n_rows bigint NOT NULL DEFAULT 0,
	n_labels bigint NOT NULL DEFAULT 0,
	n_errors bigint NOT NULL DEFAULT 0,
	last_error text,
	last_error_at timestamptz,
	last_checked_at timestamptz,
	next_check_at timestamptz,
	query_run bigint,
	queried_until timestamptz,
	failures int NOT NULL DEFAULT 0,
	pause_reason text
);
COMMENT ON TABLE mlops.monitor_state IS 'What has become of monitors so far; kept by the dispatcher.';
COMMENT ON COLUMN mlops.monitor_state.monitor IS 'Monitor.';
COMMENT ON COLUMN mlops.monitor_state.n_rows IS 'Rows counted.';
COMMENT ON COLUMN mlops.monitor_state.n_labels IS 'Labels counted.';
COMMENT ON COLUMN mlops.monitor_state.n_errors IS 'Statements and checks that could not be counted.';
COMMENT ON COLUMN mlops.monitor_state.last_error IS 'Message of the last such error; may contain data.';
COMMENT ON COLUMN mlops.monitor_state.last_error_at IS 'Its time.';
COMMENT ON COLUMN mlops.monitor_state.last_checked_at IS 'Time of the last evaluation.';
COMMENT ON COLUMN mlops.monitor_state.next_check_at IS 'Time of the next pull in query mode.';
COMMENT ON COLUMN mlops.monitor_state.query_run IS 'Run that pulls or has pulled last, in query mode.';
COMMENT ON COLUMN mlops.monitor_state.queried_until IS 'End of the last window that was pulled by schedule.';
COMMENT ON COLUMN mlops.monitor_state.failures IS 'Pulls that failed since the last one that did not.';
COMMENT ON COLUMN mlops.monitor_state.pause_reason IS 'Why the monitor paused itself, such as a dropped table; NULL otherwise.';

-- no index, no identity: a writer appends, the fold reads it through
CREATE TABLE mlops.drift_state (
	monitor text COLLATE "C" NOT NULL,
	version int,
	window_start timestamptz,
	n_rows bigint NOT NULL,
	created_at timestamptz NOT NULL,
	delta bytea,
	error text
) WITH (autovacuum_vacuum_scale_factor = 0.0, autovacuum_vacuum_threshold = 10000);
COMMENT ON TABLE mlops.drift_state IS 'What statements on watched tables added: one row per statement, version and window, until the dispatcher has folded it.';
COMMENT ON COLUMN mlops.drift_state.monitor IS 'Monitor.';
COMMENT ON COLUMN mlops.drift_state.version IS 'Model version.';
COMMENT ON COLUMN mlops.drift_state.window_start IS 'Window; NULL with window_rows.';
COMMENT ON COLUMN mlops.drift_state.n_rows IS 'Rows inserted; 0 for labels that came by UPDATE.';
COMMENT ON COLUMN mlops.drift_state.created_at IS 'Time of the transaction.';
COMMENT ON COLUMN mlops.drift_state.delta IS 'Counts to add, in a form of ours.';
COMMENT ON COLUMN mlops.drift_state.error IS 'Why rows of a statement could not be counted; then without a delta.';

CREATE TABLE mlops.drift_window (
	monitor text COLLATE "C" NOT NULL REFERENCES mlops.monitor (name),
	version int NOT NULL,
	window_start timestamptz NOT NULL,
	window_end timestamptz NOT NULL,
	n_rows bigint NOT NULL DEFAULT 0,
	n_labels bigint NOT NULL DEFAULT 0,
	due_at timestamptz,
	label_due_at timestamptz,
	pull_at timestamptz,
	closed_at timestamptz,
	evaluated_at timestamptz,
	performance_at timestamptz,
	status text CHECK (status IN ('ok', 'drift', 'insufficient')),
	streak int NOT NULL DEFAULT 0,
	realized mlops.performance,
	estimated bigint[],
	created_at timestamptz NOT NULL DEFAULT pg_catalog.now(),
	updated_at timestamptz NOT NULL DEFAULT pg_catalog.now(),
	PRIMARY KEY (monitor, version, window_start)
);
CREATE INDEX drift_window_due_idx ON mlops.drift_window (due_at) WHERE due_at IS NOT NULL;
CREATE INDEX drift_window_label_due_idx ON mlops.drift_window (label_due_at) WHERE label_due_at IS NOT NULL;
CREATE INDEX drift_window_pull_idx ON mlops.drift_window (monitor, pull_at) WHERE pull_at IS NOT NULL;
CREATE INDEX drift_window_created_idx ON mlops.drift_window (created_at);
COMMENT ON TABLE mlops.drift_window IS 'Windows of monitors, per version.';
COMMENT ON COLUMN mlops.drift_window.monitor IS 'Monitor.';
COMMENT ON COLUMN mlops.drift_window.version IS 'Model version whose references the rows are counted on.';
COMMENT ON COLUMN mlops.drift_window.window_start IS 'Start, included.';
COMMENT ON COLUMN mlops.drift_window.window_end IS 'End, excluded; with window_rows the time of the latest rows.';
COMMENT ON COLUMN mlops.drift_window.n_rows IS 'Rows.';
COMMENT ON COLUMN mlops.drift_window.n_labels IS 'Rows with a label.';
COMMENT ON COLUMN mlops.drift_window.due_at IS 'When it is to be evaluated; NULL: it is, as it stands.';
COMMENT ON COLUMN mlops.drift_window.label_due_at IS 'When its performance is to be evaluated; NULL: it is, as it stands.';
COMMENT ON COLUMN mlops.drift_window.pull_at IS 'When it is to be pulled again, because its labels are complete then; in query mode.';
COMMENT ON COLUMN mlops.drift_window.closed_at IS 'Time of the first evaluation; NULL: it is open.';
COMMENT ON COLUMN mlops.drift_window.evaluated_at IS 'Time of the last evaluation of drift.';
COMMENT ON COLUMN mlops.drift_window.performance_at IS 'Time of the last evaluation of performance.';
COMMENT ON COLUMN mlops.drift_window.status IS 'ok, drift or insufficient, of all columns together; NULL: not evaluated.';
COMMENT ON COLUMN mlops.drift_window.streak IS 'Windows in a row, up to this one, whose status is drift.';
COMMENT ON COLUMN mlops.drift_window.realized IS 'State of the realized performance, for mlops.metrics.';
COMMENT ON COLUMN mlops.drift_window.estimated IS 'State of the estimated performance, for mlops.estimate_metrics.';
COMMENT ON COLUMN mlops.drift_window.created_at IS 'Time of its first rows'' arrival here.';
COMMENT ON COLUMN mlops.drift_window.updated_at IS 'Time of the latest.';

CREATE TABLE mlops.drift_profile (
	monitor text COLLATE "C" NOT NULL,
	version int NOT NULL,
	window_start timestamptz NOT NULL,
	role text COLLATE "C" NOT NULL CHECK (role IN ('feature', 'prediction', 'label')),
	name text COLLATE "C" NOT NULL,
	profile mlops.profile NOT NULL,
	PRIMARY KEY (monitor, version, window_start, role, name),
	FOREIGN KEY (monitor, version, window_start)
		REFERENCES mlops.drift_window (monitor, version, window_start) ON DELETE CASCADE
) WITH (fillfactor = 70);
COMMENT ON TABLE mlops.drift_profile IS 'Profiles of the columns of windows, on the cells of the version''s references.';
COMMENT ON COLUMN mlops.drift_profile.monitor IS 'Monitor.';
COMMENT ON COLUMN mlops.drift_profile.version IS 'Model version.';
COMMENT ON COLUMN mlops.drift_profile.window_start IS 'Start of the window.';
COMMENT ON COLUMN mlops.drift_profile.role IS 'feature, prediction or label.';
COMMENT ON COLUMN mlops.drift_profile.name IS 'Feature or target column; prediction for the prediction.';
COMMENT ON COLUMN mlops.drift_profile.profile IS 'Counts and sums of the window.';

CREATE TABLE mlops.drift_measure (
	monitor text COLLATE "C" NOT NULL,
	version int NOT NULL,
	window_start timestamptz NOT NULL,
	role text COLLATE "C" NOT NULL CHECK (role IN ('dataset', 'feature', 'prediction', 'label')),
	name text COLLATE "C" NOT NULL,
	status text NOT NULL CHECK (status IN ('ok', 'drift', 'insufficient')),
	streak int NOT NULL,
	n_reference bigint,
	n_current bigint,
	psi float8,
	psi_noise float8,
	psi_critical float8,
	kl float8,
	js float8,
	hellinger float8,
	tv float8,
	l_infinity float8,
	chi2 float8,
	g float8,
	df int,
	p_value float8,
	log10_p float8,
	p_adjusted float8,
	ks_low float8,
	ks_high float8,
	wasserstein_low float8,
	wasserstein_high float8,
	mean_shift float8,
	null_rate_change float8,
	unseen_rate float8,
	out_of_range_rate float8,
	importance float8,
	drifted_share float8,
	PRIMARY KEY (monitor, version, window_start, role, name),
	FOREIGN KEY (monitor, version, window_start)
		REFERENCES mlops.drift_window (monitor, version, window_start) ON DELETE CASCADE
);
COMMENT ON TABLE mlops.drift_measure IS 'What the evaluation of windows found: one row per column, and one for the data set. View drift_history shows it.';
COMMENT ON COLUMN mlops.drift_measure.monitor IS 'Monitor.';
COMMENT ON COLUMN mlops.drift_measure.version IS 'Model version.';
COMMENT ON COLUMN mlops.drift_measure.window_start IS 'Start of the window.';
COMMENT ON COLUMN mlops.drift_measure.role IS 'feature, prediction, label, or dataset for all features together.';
COMMENT ON COLUMN mlops.drift_measure.name IS 'Feature or target column; prediction for the prediction, empty for the data set.';
COMMENT ON COLUMN mlops.drift_measure.status IS 'ok, drift or insufficient.';
COMMENT ON COLUMN mlops.drift_measure.streak IS 'Windows in a row, up to this one, whose status is drift.';
COMMENT ON COLUMN mlops.drift_measure.n_reference IS 'Rows of the reference.';
COMMENT ON COLUMN mlops.drift_measure.n_current IS 'Rows of the window.';
COMMENT ON COLUMN mlops.drift_measure.psi IS 'Population stability index; for the data set the mean of the features'', weighted by importance.';
COMMENT ON COLUMN mlops.drift_measure.psi_noise IS 'Its expectation without drift at these sample sizes.';
COMMENT ON COLUMN mlops.drift_measure.psi_critical IS 'Its critical value without drift at level alpha.';
COMMENT ON COLUMN mlops.drift_measure.kl IS 'Kullback-Leibler divergence of the window from the reference, in nats.';
COMMENT ON COLUMN mlops.drift_measure.js IS 'Jensen-Shannon distance, base 2.';
COMMENT ON COLUMN mlops.drift_measure.hellinger IS 'Hellinger distance.';
COMMENT ON COLUMN mlops.drift_measure.tv IS 'Total variation distance.';
COMMENT ON COLUMN mlops.drift_measure.l_infinity IS 'Largest difference of a cell''s share.';
COMMENT ON COLUMN mlops.drift_measure.chi2 IS 'Chi-squared statistic of the two-sample test.';
COMMENT ON COLUMN mlops.drift_measure.g IS 'G statistic.';
COMMENT ON COLUMN mlops.drift_measure.df IS 'Degrees of freedom.';
COMMENT ON COLUMN mlops.drift_measure.p_value IS 'p of the two-sample chi-squared test.';
COMMENT ON COLUMN mlops.drift_measure.log10_p IS 'Its logarithm, also where p is too small for a number.';
COMMENT ON COLUMN mlops.drift_measure.p_adjusted IS 'p adjusted for the number of columns, by Benjamini and Hochberg.';
COMMENT ON COLUMN mlops.drift_measure.ks_low IS 'Lower bound of the Kolmogorov-Smirnov distance.';
COMMENT ON COLUMN mlops.drift_measure.ks_high IS 'Upper bound.';
COMMENT ON COLUMN mlops.drift_measure.wasserstein_low IS 'Lower bound of the Wasserstein-1 distance, in the column''s unit.';
COMMENT ON COLUMN mlops.drift_measure.wasserstein_high IS 'Upper bound.';
COMMENT ON COLUMN mlops.drift_measure.mean_shift IS 'Difference of the means in standard deviations of the reference.';
COMMENT ON COLUMN mlops.drift_measure.null_rate_change IS 'Share of NULLs minus that of the reference.';
COMMENT ON COLUMN mlops.drift_measure.unseen_rate IS 'Share of labels that the reference never saw.';
COMMENT ON COLUMN mlops.drift_measure.out_of_range_rate IS 'Share of numbers outside of the reference''s range.';
COMMENT ON COLUMN mlops.drift_measure.importance IS 'Share of the model''s total gain; NULL but for features.';
COMMENT ON COLUMN mlops.drift_measure.drifted_share IS 'Share of features with status drift; of the data set only.';

CREATE TABLE mlops.drift_performance (
	monitor text COLLATE "C" NOT NULL,
	version int NOT NULL,
	window_start timestamptz NOT NULL,
	kind text COLLATE "C" NOT NULL CHECK (kind IN ('realized', 'estimated')),
	metric text COLLATE "C" NOT NULL,
	value float8,
	std_error float8,
	n bigint NOT NULL,
	PRIMARY KEY (monitor, version, window_start, kind, metric),
	FOREIGN KEY (monitor, version, window_start)
		REFERENCES mlops.drift_window (monitor, version, window_start) ON DELETE CASCADE
);
COMMENT ON TABLE mlops.drift_performance IS 'Performance in windows. View performance_history shows it.';
COMMENT ON COLUMN mlops.drift_performance.monitor IS 'Monitor.';
COMMENT ON COLUMN mlops.drift_performance.version IS 'Model version.';
COMMENT ON COLUMN mlops.drift_performance.window_start IS 'Start of the window.';
COMMENT ON COLUMN mlops.drift_performance.kind IS 'realized (from labels) or estimated (without labels, from calibrated probabilities).';
COMMENT ON COLUMN mlops.drift_performance.metric IS 'Metric under scikit-learn''s name.';
COMMENT ON COLUMN mlops.drift_performance.value IS 'Value; NULL where it is not defined.';
COMMENT ON COLUMN mlops.drift_performance.std_error IS 'Standard error; NULL where none is defined.';
COMMENT ON COLUMN mlops.drift_performance.n IS 'Number of rows.';

-- monitors show what is in the data
ALTER TABLE mlops.monitor ENABLE ROW LEVEL SECURITY;
CREATE POLICY monitor_read ON mlops.monitor FOR SELECT
	USING (mlops.has_model_privilege(model, 'read'));
ALTER TABLE mlops.monitor_state ENABLE ROW LEVEL SECURITY;
CREATE POLICY monitor_state_read ON mlops.monitor_state FOR SELECT
	USING (monitor OPERATOR(pg_catalog.=) ANY (SELECT name FROM mlops.monitor));
ALTER TABLE mlops.drift_state ENABLE ROW LEVEL SECURITY;
CREATE POLICY drift_state_read ON mlops.drift_state FOR SELECT
	USING (monitor OPERATOR(pg_catalog.=) ANY (SELECT name FROM mlops.monitor));
ALTER TABLE mlops.drift_window ENABLE ROW LEVEL SECURITY;
CREATE POLICY drift_window_read ON mlops.drift_window FOR SELECT
	USING (monitor OPERATOR(pg_catalog.=) ANY (SELECT name FROM mlops.monitor));
ALTER TABLE mlops.drift_profile ENABLE ROW LEVEL SECURITY;
CREATE POLICY drift_profile_read ON mlops.drift_profile FOR SELECT
	USING (monitor OPERATOR(pg_catalog.=) ANY (SELECT name FROM mlops.monitor));
ALTER TABLE mlops.drift_measure ENABLE ROW LEVEL SECURITY;
CREATE POLICY drift_measure_read ON mlops.drift_measure FOR SELECT
	USING (monitor OPERATOR(pg_catalog.=) ANY (SELECT name FROM mlops.monitor));
ALTER TABLE mlops.drift_performance ENABLE ROW LEVEL SECURITY;
CREATE POLICY drift_performance_read ON mlops.drift_performance FOR SELECT
	USING (monitor OPERATOR(pg_catalog.=) ANY (SELECT name FROM mlops.monitor));

SELECT pg_catalog.pg_extension_config_dump('mlops.monitor', '');
SELECT pg_catalog.pg_extension_config_dump('mlops.monitor_state', '');
SELECT pg_catalog.pg_extension_config_dump('mlops.drift_state', '');
SELECT pg_catalog.pg_extension_config_dump('mlops.drift_window', '');
SELECT pg_catalog.pg_extension_config_dump('mlops.drift_profile', '');
SELECT pg_catalog.pg_extension_config_dump('mlops.drift_measure', '');
SELECT pg_catalog.pg_extension_config_dump('mlops.drift_performance', '');
