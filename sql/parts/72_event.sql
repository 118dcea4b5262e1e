-- events of monitors: what was noticed and what was done about it

CREATE TABLE mlops.drift_event (
	id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
	monitor text COLLATE "C" NOT NULL REFERENCES mlops.monitor (name) ON DELETE CASCADE,
	model text COLLATE "C" NOT NULL,
	version int NOT NULL,
	kind text NOT NULL CHECK (kind IN ('drift', 'performance', 'rows', 'age')),
	cause text COLLATE "C" NOT NULL
		CHECK (cause IN ('prediction', 'dataset', 'columns', 'realized', 'estimated', 'rows', 'age')),
	window_start timestamptz,
	opened_at timestamptz NOT NULL,
	closed_at timestamptz,
	close_reason text,
	details jsonb NOT NULL DEFAULT '{}',
	action text NOT NULL CHECK (action IN ('alert', 'retrain', 'retrain_and_promote')),
	outcome text NOT NULL CHECK (outcome IN ('alerted', 'pending', 'skipped', 'queued', 'retrained', 'comparing',
											 'promoted', 'undecided', 'failed')),
	outcome_reason text,
	outcome_at timestamptz NOT NULL,
	queued_at timestamptz,
	run_id bigint REFERENCES mlops.run (id),
	new_version int,
	compare_run_id bigint REFERENCES mlops.run (id),
	compare_at timestamptz,
	metric text COLLATE "C",
	champion_metric float8,
	challenger_metric float8,
	difference float8,
	difference_low float8,
	n bigint,
	n_rows bigint NOT NULL DEFAULT 0,
	n_labels bigint NOT NULL DEFAULT 0,
	notified_at timestamptz NOT NULL
);
CREATE UNIQUE INDEX drift_event_open_idx ON mlops.drift_event (monitor, cause) WHERE closed_at IS NULL;
CREATE INDEX drift_event_monitor_idx ON mlops.drift_event (monitor, cause, window_start);
CREATE INDEX drift_event_busy_idx ON mlops.drift_event (outcome)
	WHERE outcome IN ('pending', 'queued', 'comparing', 'undecided');
CREATE INDEX drift_event_model_idx ON mlops.drift_event (model, queued_at);
CREATE INDEX drift_event_run_idx ON mlops.drift_event (compare_run_id);
COMMENT ON TABLE mlops.drift_event IS 'Events of monitors. One opens per monitor and cause, acts once, and stays open until two windows are ok or there is another champion. Each opening, outcome and closing is told on channel mlops.';
COMMENT ON SEQUENCE mlops.drift_event_id_seq IS 'Identifiers of mlops.drift_event.';
COMMENT ON COLUMN mlops.drift_event.id IS 'Identifier, which the notification carries.';
COMMENT ON COLUMN mlops.drift_event.monitor IS 'Monitor. Its events go with it.';
COMMENT ON COLUMN mlops.drift_event.model IS 'Model.';
COMMENT ON COLUMN mlops.drift_event.version IS 'Its champion at the time.';
COMMENT ON COLUMN mlops.drift_event.kind IS 'drift, performance (below the floor), rows (so many new ones) or age (of the champion).';
COMMENT ON COLUMN mlops.drift_event.cause IS 'prediction, dataset (all features by importance), columns (single ones: only an alert); realized or estimated (performance); rows; age.';
COMMENT ON COLUMN mlops.drift_event.window_start IS 'Window at the opening; NULL for rows and age.';
COMMENT ON COLUMN mlops.drift_event.opened_at IS 'Time of the opening.';
COMMENT ON COLUMN mlops.drift_event.closed_at IS 'Time of the closing; NULL: open.';
COMMENT ON COLUMN mlops.drift_event.close_reason IS 'Why it was closed.';
COMMENT ON COLUMN mlops.drift_event.details IS 'Figures at the opening: psi, psi_critical, and the ten columns that drift most, in the order of importance times psi; metric, value, floor, n; or rows; or age.';
COMMENT ON COLUMN mlops.drift_event.action IS 'What the opening started; alert also where the cause never starts anything else.';
COMMENT ON COLUMN mlops.drift_event.outcome IS 'alerted; pending, then queued (a training) and comparing; or the end of it: skipped, retrained, promoted, undecided, failed.';
COMMENT ON COLUMN mlops.drift_event.outcome_reason IS 'Why.';
COMMENT ON COLUMN mlops.drift_event.outcome_at IS 'Time of the outcome.';
COMMENT ON COLUMN mlops.drift_event.queued_at IS 'Time at which the training was queued: what cool-down and daily limit count.';
COMMENT ON COLUMN mlops.drift_event.run_id IS 'The training.';
COMMENT ON COLUMN mlops.drift_event.new_version IS 'Version that it made, the challenger.';
COMMENT ON COLUMN mlops.drift_event.compare_run_id IS 'The latest comparison with the champion.';
COMMENT ON COLUMN mlops.drift_event.compare_at IS 'When an undecided comparison that had too few rows is made again, while the event is open.';
COMMENT ON COLUMN mlops.drift_event.metric IS 'Metric of the comparison.';
COMMENT ON COLUMN mlops.drift_event.champion_metric IS 'Its value for version, on rows neither was trained on.';
COMMENT ON COLUMN mlops.drift_event.challenger_metric IS 'Its value for new_version, on the same rows.';
COMMENT ON COLUMN mlops.drift_event.difference IS 'How much better the challenger is; negative: worse.';
COMMENT ON COLUMN mlops.drift_event.difference_low IS 'Lower bound of the paired difference, at 99.5 %; a promotion wants at least -margin.';
COMMENT ON COLUMN mlops.drift_event.n IS 'Rows of the comparison.';
COMMENT ON COLUMN mlops.drift_event.n_rows IS 'Rows that the monitor had counted at the opening.';
COMMENT ON COLUMN mlops.drift_event.n_labels IS 'Labels that it had counted when the training was queued.';
COMMENT ON COLUMN mlops.drift_event.notified_at IS 'Time of the latest notification.';

ALTER TABLE mlops.drift_event ENABLE ROW LEVEL SECURITY;
CREATE POLICY drift_event_read ON mlops.drift_event FOR SELECT
	USING (mlops.has_model_privilege(model, 'read'));

SELECT pg_catalog.pg_extension_config_dump('mlops.drift_event', '');
SELECT pg_catalog.pg_extension_config_dump('mlops.drift_event_id_seq', '');
