-- registry tables; read by plain SQL under row security, written only by functions

CREATE TABLE mlops.model (
	name text COLLATE "C" PRIMARY KEY
		CHECK (name OPERATOR(pg_catalog.~) '^[A-Za-z_][A-Za-z0-9_.-]{0,127}$'),
	owner regrole NOT NULL,
	task text CHECK (task IN ('regression', 'binary', 'multiclass', 'ranking', 'survival')),
	classes text[],
	last_version int NOT NULL DEFAULT 0 CHECK (last_version >= 0),
	description text,
	tags jsonb NOT NULL DEFAULT '{}',
	created_at timestamptz NOT NULL DEFAULT pg_catalog.now()
);
COMMENT ON TABLE mlops.model IS 'One row per model name. A model owns numbered versions and named aliases.';
COMMENT ON COLUMN mlops.model.name IS 'Model name, unique in the database; matches ^[A-Za-z_][A-Za-z0-9_.-]{0,127}$.';
COMMENT ON COLUMN mlops.model.owner IS 'Role that may train, register, promote, grant and delete.';
COMMENT ON COLUMN mlops.model.task IS 'regression, binary, multiclass, ranking or survival; fixed by version 1.';
COMMENT ON COLUMN mlops.model.classes IS 'Class labels in the order of predict_proba, fixed by version 1; for binary tasks the second is the positive one. NULL for other tasks.';
COMMENT ON COLUMN mlops.model.last_version IS 'Highest version number given so far; numbers are never reused.';
COMMENT ON COLUMN mlops.model.description IS 'Free text.';
COMMENT ON COLUMN mlops.model.tags IS 'Free key-value pairs.';
COMMENT ON COLUMN mlops.model.created_at IS 'Time of the first train or register_model with this name.';

CREATE TABLE mlops.model_privilege (
	model text COLLATE "C" NOT NULL REFERENCES mlops.model (name),
	role regrole NOT NULL,
	privilege text COLLATE "C" NOT NULL CHECK (privilege IN ('predict', 'read', 'own')),
	granted_by regrole NOT NULL,
	granted_at timestamptz NOT NULL DEFAULT pg_catalog.now(),
	PRIMARY KEY (model, role, privilege)
);
COMMENT ON TABLE mlops.model_privilege IS 'Rights on models, given by grant_model. predict: call it and see name, aliases and metrics. read: also bytes, signature, queries and errors, because they contain data. own: everything.';
COMMENT ON COLUMN mlops.model_privilege.model IS 'Model name.';
COMMENT ON COLUMN mlops.model_privilege.role IS 'Role that holds the right; "-" stands for PUBLIC. A dropped role holds nothing.';
COMMENT ON COLUMN mlops.model_privilege.privilege IS 'predict, read or own; each includes the ones before it.';
COMMENT ON COLUMN mlops.model_privilege.granted_by IS 'Role that granted it.';
COMMENT ON COLUMN mlops.model_privilege.granted_at IS 'Time of the grant.';

CREATE TABLE mlops.dataset (
	id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
	digest bytea NOT NULL,
	schema_digest bytea NOT NULL,
	n_rows bigint NOT NULL,
	n_dropped bigint NOT NULL DEFAULT 0,
	columns jsonb NOT NULL,
	query text NOT NULL,
	context jsonb NOT NULL,
	relations jsonb NOT NULL DEFAULT '[]',
	reproducible boolean NOT NULL,
	snapshot pg_snapshot,
	lsn pg_lsn,
	system_identifier bigint,
	read_by regrole NOT NULL,
	read_at timestamptz NOT NULL DEFAULT pg_catalog.now()
);
COMMENT ON TABLE mlops.dataset IS 'One row per data set that a training or evaluation read.';
COMMENT ON SEQUENCE mlops.dataset_id_seq IS 'Identifiers of mlops.dataset.';
COMMENT ON COLUMN mlops.dataset.id IS 'Identifier.';
COMMENT ON COLUMN mlops.dataset.digest IS 'SHA-256 of the canonically ordered encoded rows, 32 bytes; docs/reference.md gives the specification.';
COMMENT ON COLUMN mlops.dataset.schema_digest IS 'SHA-256 over names, types, kinds and category dictionaries, 32 bytes.';
COMMENT ON COLUMN mlops.dataset.n_rows IS 'Rows used.';
COMMENT ON COLUMN mlops.dataset.n_dropped IS 'Rows left out because their target was NULL, or within the gap of a time split.';
COMMENT ON COLUMN mlops.dataset.columns IS 'Array with one object per feature: name, n_null, min, max, checksum (order-independent, says which column changed).';
COMMENT ON COLUMN mlops.dataset.query IS 'Query text as given.';
COMMENT ON COLUMN mlops.dataset.context IS 'as_of and the session settings under which the query ran.';
COMMENT ON COLUMN mlops.dataset.relations IS 'Array of relations that the query reads, views followed: name, kind.';
COMMENT ON COLUMN mlops.dataset.reproducible IS 'False when the query calls volatile functions, samples, or cuts with LIMIT.';
COMMENT ON COLUMN mlops.dataset.snapshot IS 'Snapshot of the reading transaction.';
COMMENT ON COLUMN mlops.dataset.lsn IS 'Write-ahead log position when the reading began; NULL on a standby.';
COMMENT ON COLUMN mlops.dataset.system_identifier IS 'Identifier of the cluster that was read.';
COMMENT ON COLUMN mlops.dataset.read_by IS 'Role that read it.';
COMMENT ON COLUMN mlops.dataset.read_at IS 'Time of the record.';

CREATE TABLE mlops.run (
	id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
	kind text NOT NULL CHECK (kind IN ('train', 'evaluate', 'import', 'compare', 'monitor')),
	model text COLLATE "C" NOT NULL REFERENCES mlops.model (name),
	version int,
	status text NOT NULL DEFAULT 'queued'
		CHECK (status IN ('queued', 'running', 'succeeded', 'failed', 'canceled', 'quarantined')),
	attempt int NOT NULL DEFAULT 0,
	recipe jsonb NOT NULL,
	parent_version int,
	dataset_id bigint REFERENCES mlops.dataset (id),
	submitted_by regrole NOT NULL,
	submitted_at timestamptz NOT NULL DEFAULT pg_catalog.now(),
	not_before timestamptz NOT NULL DEFAULT pg_catalog.now(),
	started_at timestamptz,
	ended_at timestamptz,
	phase text,
	training_started_at timestamptz,
	n_rows bigint,
	round int,
	num_round int,
	metric_name text,
	metric_value float8,
	progress_at timestamptz,
	crashes int NOT NULL DEFAULT 0,
	sqlstate text,
	error text,
	notes text[] NOT NULL DEFAULT '{}',
	environment jsonb NOT NULL DEFAULT '{}'
);
CREATE INDEX run_due_idx ON mlops.run (submitted_by, not_before, id) WHERE status = 'queued';
CREATE INDEX run_running_idx ON mlops.run (id) WHERE status = 'running';
CREATE INDEX run_model_idx ON mlops.run (model, id);
CREATE INDEX run_dataset_idx ON mlops.run (dataset_id);
COMMENT ON TABLE mlops.run IS 'Queue and record of trainings and evaluations. A running row is alive while its executor holds a lock on its id.';
COMMENT ON SEQUENCE mlops.run_id_seq IS 'Identifiers of mlops.run.';
COMMENT ON COLUMN mlops.run.id IS 'Run identifier, returned by train and retrain.';
COMMENT ON COLUMN mlops.run.kind IS 'train, evaluate, import, compare (of a challenger with the champion, for an event) or monitor (a query of a monitor).';
COMMENT ON COLUMN mlops.run.model IS 'Model name.';
COMMENT ON COLUMN mlops.run.version IS 'Version that the run made or evaluated; NULL until then.';
COMMENT ON COLUMN mlops.run.status IS 'queued, running, succeeded, failed, canceled, or quarantined after repeated crashes.';
COMMENT ON COLUMN mlops.run.attempt IS 'Number of starts so far; the fencing token of an executor.';
COMMENT ON COLUMN mlops.run.recipe IS 'All arguments of train or evaluate and the captured session context.';
COMMENT ON COLUMN mlops.run.parent_version IS 'Version whose recipe retrain repeated.';
COMMENT ON COLUMN mlops.run.dataset_id IS 'Data set that was read.';
COMMENT ON COLUMN mlops.run.submitted_by IS 'Role whose rights the run has.';
COMMENT ON COLUMN mlops.run.submitted_at IS 'Time of submission.';
COMMENT ON COLUMN mlops.run.not_before IS 'Earliest start; moved into the future after a crash.';
COMMENT ON COLUMN mlops.run.started_at IS 'Start of the latest attempt.';
COMMENT ON COLUMN mlops.run.ended_at IS 'End.';
COMMENT ON COLUMN mlops.run.phase IS 'reading, sorting, loading, training, evaluating or publishing.';
COMMENT ON COLUMN mlops.run.training_started_at IS 'Start of the first boosting round of the latest attempt.';
COMMENT ON COLUMN mlops.run.n_rows IS 'Rows read so far, then rows used.';
COMMENT ON COLUMN mlops.run.round IS 'Boosting rounds done.';
COMMENT ON COLUMN mlops.run.num_round IS 'Boosting rounds asked for.';
COMMENT ON COLUMN mlops.run.metric_name IS 'Name of the metric in metric_value.';
COMMENT ON COLUMN mlops.run.metric_value IS 'Latest value of the watched metric.';
COMMENT ON COLUMN mlops.run.progress_at IS 'Time of the latest progress.';
COMMENT ON COLUMN mlops.run.crashes IS 'Attempts that ended without a result.';
COMMENT ON COLUMN mlops.run.sqlstate IS 'SQLSTATE of the error of a failed run.';
COMMENT ON COLUMN mlops.run.error IS 'Error message of a failed run, at most 8 kB; may contain data.';
COMMENT ON COLUMN mlops.run.notes IS 'What the run noticed: dropped rows, chosen task, merged categories.';
COMMENT ON COLUMN mlops.run.environment IS 'Library version, threads, peak memory of the trainer, seconds per phase; until the run has succeeded, the timeline of the server that started it.';

CREATE TABLE mlops.cancel_request (
	run_id bigint PRIMARY KEY REFERENCES mlops.run (id),
	requested_by regrole NOT NULL,
	requested_at timestamptz NOT NULL DEFAULT pg_catalog.now()
);
COMMENT ON TABLE mlops.cancel_request IS 'Cancellations asked for with cancel and not yet carried out; apart from run, so that asking never waits for a row lock.';
COMMENT ON COLUMN mlops.cancel_request.run_id IS 'Run to cancel.';
COMMENT ON COLUMN mlops.cancel_request.requested_by IS 'Role that asked.';
COMMENT ON COLUMN mlops.cancel_request.requested_at IS 'Time of the request.';

CREATE TABLE mlops.role_limit (
	role regrole PRIMARY KEY,
	max_concurrent_runs int CHECK (max_concurrent_runs >= 0),
	max_queued_runs int CHECK (max_queued_runs >= 0)
);
COMMENT ON TABLE mlops.role_limit IS 'Limits of single roles, set with set_role_limit; settings mlops.* limit all together.';
COMMENT ON COLUMN mlops.role_limit.role IS 'Role; "-" stands for every role without a row of its own.';
COMMENT ON COLUMN mlops.role_limit.max_concurrent_runs IS 'Runs at a time in this database; NULL for no limit of its own.';
COMMENT ON COLUMN mlops.role_limit.max_queued_runs IS 'Unfinished runs; NULL for mlops.max_queued_runs.';

CREATE TABLE mlops.metric (
	run_id bigint NOT NULL REFERENCES mlops.run (id),
	dataset text NOT NULL CHECK (dataset IN ('train', 'validation', 'test', 'query')),
	name text COLLATE "C" NOT NULL,
	weighted boolean NOT NULL DEFAULT false,
	round int,
	value float8,
	n bigint,
	std_error float8,
	UNIQUE NULLS NOT DISTINCT (run_id, dataset, name, weighted, round)
);
COMMENT ON TABLE mlops.metric IS 'Metrics of runs, under scikit-learn''s names; per boosting round under XGBoost''s.';
COMMENT ON COLUMN mlops.metric.run_id IS 'Run that measured it.';
COMMENT ON COLUMN mlops.metric.dataset IS 'Part it was measured on: train, validation, test (hold-out), or query for evaluate.';
COMMENT ON COLUMN mlops.metric.name IS 'Name of the metric, such as roc_auc.';
COMMENT ON COLUMN mlops.metric.weighted IS 'True when rows counted by their weight.';
COMMENT ON COLUMN mlops.metric.round IS 'Boosting round from 0; NULL for the metrics of the stored model.';
COMMENT ON COLUMN mlops.metric.value IS 'Value; NULL where it is not defined, for instance roc_auc of one class.';
COMMENT ON COLUMN mlops.metric.n IS 'Number of rows.';
COMMENT ON COLUMN mlops.metric.std_error IS 'Standard error; NULL where none is defined.';

CREATE TABLE mlops.model_blob (
	digest bytea PRIMARY KEY CHECK (pg_catalog.octet_length(digest) = 32),
	bytes bytea NOT NULL
);
ALTER TABLE mlops.model_blob ALTER COLUMN bytes SET STORAGE EXTERNAL;
COMMENT ON TABLE mlops.model_blob IS 'Model bytes, stored once per content.';
COMMENT ON COLUMN mlops.model_blob.digest IS 'SHA-256 of bytes.';
COMMENT ON COLUMN mlops.model_blob.bytes IS 'The model as XGBoost wrote it (UBJSON or JSON).';

CREATE TABLE mlops.model_version (
	model text COLLATE "C" NOT NULL REFERENCES mlops.model (name),
	version int NOT NULL CHECK (version > 0),
	digest bytea NOT NULL,
	format text NOT NULL CHECK (format IN ('ubj', 'json')),
	size bigint NOT NULL,
	library_version text,
	booster text NOT NULL,
	objective text NOT NULL,
	task text NOT NULL,
	classes text[],
	signature jsonb NOT NULL,
	threshold float8 CHECK (threshold >= 0 AND threshold <= 1),
	recipe jsonb,
	params jsonb NOT NULL DEFAULT '{}',
	run_id bigint REFERENCES mlops.run (id),
	dataset_id bigint REFERENCES mlops.dataset (id),
	parent_version int,
	refit boolean NOT NULL DEFAULT false,
	description text,
	tags jsonb NOT NULL DEFAULT '{}',
	created_by regrole NOT NULL,
	created_at timestamptz NOT NULL DEFAULT pg_catalog.now(),
	deleted_at timestamptz,
	deleted_by regrole,
	delete_reason text,
	n_trees int NOT NULL,
	PRIMARY KEY (model, version)
);
CREATE INDEX model_version_digest_idx ON mlops.model_version (digest);
COMMENT ON TABLE mlops.model_version IS 'Versions of models with their lineage; immutable but for description, tags and deletion.';
COMMENT ON COLUMN mlops.model_version.model IS 'Model name.';
COMMENT ON COLUMN mlops.model_version.version IS 'Number from 1, without gaps, never reused.';
COMMENT ON COLUMN mlops.model_version.digest IS 'SHA-256 of the model bytes, the key of model_blob.';
COMMENT ON COLUMN mlops.model_version.format IS 'ubj or json.';
COMMENT ON COLUMN mlops.model_version.size IS 'Number of model bytes.';
COMMENT ON COLUMN mlops.model_version.library_version IS 'XGBoost version that wrote the bytes.';
COMMENT ON COLUMN mlops.model_version.booster IS 'gbtree, dart or gblinear, as in the bytes: from 3.3 on XGBoost writes dart as gbtree.';
COMMENT ON COLUMN mlops.model_version.objective IS 'XGBoost objective.';
COMMENT ON COLUMN mlops.model_version.task IS 'Task of the model, repeated here for one probe.';
COMMENT ON COLUMN mlops.model_version.classes IS 'Class labels of the model in the order of predict_proba, repeated here for one probe; NULL unless binary or multiclass.';
COMMENT ON COLUMN mlops.model_version.signature IS 'Ordered features with types, kinds and category dictionaries, and the target; docs/reference.md gives the form.';
COMMENT ON COLUMN mlops.model_version.threshold IS 'Probability from which predict_class answers the positive class; 0.5 unless train or set_threshold says otherwise, NULL for other tasks than binary.';
COMMENT ON COLUMN mlops.model_version.recipe IS 'Arguments and context that made it; what retrain repeats. NULL for an imported model.';
COMMENT ON COLUMN mlops.model_version.params IS 'XGBoost parameters it was trained with.';
COMMENT ON COLUMN mlops.model_version.run_id IS 'Run that made it.';
COMMENT ON COLUMN mlops.model_version.dataset_id IS 'Data set it was trained on.';
COMMENT ON COLUMN mlops.model_version.parent_version IS 'Version whose recipe was repeated.';
COMMENT ON COLUMN mlops.model_version.refit IS 'True when trained on all rows after the evaluation; the metrics are then those of the evaluated model.';
COMMENT ON COLUMN mlops.model_version.description IS 'Free text.';
COMMENT ON COLUMN mlops.model_version.tags IS 'Free key-value pairs.';
COMMENT ON COLUMN mlops.model_version.created_by IS 'Role that trained or registered it.';
COMMENT ON COLUMN mlops.model_version.created_at IS 'Time of creation.';
COMMENT ON COLUMN mlops.model_version.deleted_at IS 'Time of deletion; the bytes are gone then, lineage and metrics stay.';
COMMENT ON COLUMN mlops.model_version.deleted_by IS 'Role that deleted it.';
COMMENT ON COLUMN mlops.model_version.delete_reason IS 'Reason given with the deletion.';
COMMENT ON COLUMN mlops.model_version.n_trees IS 'Trees that a prediction walks, up to the best iteration where the bytes name one; 0 for gblinear. The planner takes the cost of a prediction from it and size.';

CREATE TABLE mlops.alias (
	model text COLLATE "C" NOT NULL,
	alias text COLLATE "C" NOT NULL
		CHECK (alias OPERATOR(pg_catalog.~) '^[a-z][a-z0-9_-]{0,62}$'
			   AND alias OPERATOR(pg_catalog.<>) 'latest' AND alias OPERATOR(pg_catalog.!~) '^v[0-9]+$'),
	version int NOT NULL,
	owner regrole NOT NULL,
	updated_by regrole NOT NULL,
	updated_at timestamptz NOT NULL DEFAULT pg_catalog.now(),
	reason text,
	PRIMARY KEY (model, alias),
	FOREIGN KEY (model, version) REFERENCES mlops.model_version (model, version)
);
COMMENT ON TABLE mlops.alias IS 'Named pointers to versions. A bare model name means its alias champion.';
COMMENT ON COLUMN mlops.alias.model IS 'Model name.';
COMMENT ON COLUMN mlops.alias.alias IS 'Alias; matches ^[a-z][a-z0-9_-]{0,62}$, not latest and not v followed by a number.';
COMMENT ON COLUMN mlops.alias.version IS 'Version it points to.';
COMMENT ON COLUMN mlops.alias.owner IS 'Owner of the model, repeated here so that a prediction needs one probe for both.';
COMMENT ON COLUMN mlops.alias.updated_by IS 'Role that moved it last.';
COMMENT ON COLUMN mlops.alias.updated_at IS 'Time of the last move.';
COMMENT ON COLUMN mlops.alias.reason IS 'Reason given with the last move.';

CREATE TABLE mlops.model_calibration (
	model text COLLATE "C" NOT NULL,
	version int NOT NULL,
	dataset text NOT NULL CHECK (dataset IN ('test', 'query')),
	n bigint NOT NULL,
	score float8[] NOT NULL,
	probability float8[] NOT NULL,
	PRIMARY KEY (model, version),
	FOREIGN KEY (model, version) REFERENCES mlops.model_version (model, version)
);
COMMENT ON TABLE mlops.model_calibration IS 'Isotonic calibration of binary versions, for predict_calibrated: fitted by training on the hold-out, or by set_calibration on a query. Deleted with the version.';
COMMENT ON COLUMN mlops.model_calibration.model IS 'Model name.';
COMMENT ON COLUMN mlops.model_calibration.version IS 'Version.';
COMMENT ON COLUMN mlops.model_calibration.dataset IS 'Rows it was fitted on: test (hold-out), or query for set_calibration.';
COMMENT ON COLUMN mlops.model_calibration.n IS 'Number of rows.';
COMMENT ON COLUMN mlops.model_calibration.score IS 'Knots: predicted probabilities in ascending order, at most 2000. scikit-learn''s X_thresholds_.';
COMMENT ON COLUMN mlops.model_calibration.probability IS 'Observed share of the positive class for each knot, ascending; between knots it is interpolated. scikit-learn''s y_thresholds_.';

CREATE TABLE mlops.model_curve (
	model text COLLATE "C" NOT NULL,
	version int NOT NULL,
	dataset text NOT NULL CHECK (dataset IN ('validation', 'test', 'query')),
	n bigint NOT NULL,
	weighted boolean NOT NULL,
	threshold float8[] NOT NULL,
	positive float8[] NOT NULL,
	negative float8[] NOT NULL,
	PRIMARY KEY (model, version),
	FOREIGN KEY (model, version) REFERENCES mlops.model_version (model, version)
);
COMMENT ON TABLE mlops.model_curve IS 'Counts along the thresholds of binary versions; view threshold_curve shows them. Deleted with the version.';
COMMENT ON COLUMN mlops.model_curve.model IS 'Model name.';
COMMENT ON COLUMN mlops.model_curve.version IS 'Version.';
COMMENT ON COLUMN mlops.model_curve.dataset IS 'Rows that were counted: validation where there are such rows, else test (hold-out), or query for set_calibration.';
COMMENT ON COLUMN mlops.model_curve.n IS 'Number of rows.';
COMMENT ON COLUMN mlops.model_curve.weighted IS 'True when rows counted by their weight.';
COMMENT ON COLUMN mlops.model_curve.threshold IS 'Scores in descending order: all distinct ones, or of more than 200 those at 200 quantiles of the rows, the lowest and the one of the best F1.';
COMMENT ON COLUMN mlops.model_curve.positive IS 'Rows of the positive class at or above each threshold, by weight.';
COMMENT ON COLUMN mlops.model_curve.negative IS 'Rows of the negative class at or above each threshold, by weight.';

-- every table and every identity sequence is dumped, each by its own statement
SELECT pg_catalog.pg_extension_config_dump('mlops.model', '');
SELECT pg_catalog.pg_extension_config_dump('mlops.model_privilege', '');
SELECT pg_catalog.pg_extension_config_dump('mlops.dataset', '');
SELECT pg_catalog.pg_extension_config_dump('mlops.dataset_id_seq', '');
SELECT pg_catalog.pg_extension_config_dump('mlops.run', '');
SELECT pg_catalog.pg_extension_config_dump('mlops.run_id_seq', '');
SELECT pg_catalog.pg_extension_config_dump('mlops.cancel_request', '');
SELECT pg_catalog.pg_extension_config_dump('mlops.role_limit', '');
SELECT pg_catalog.pg_extension_config_dump('mlops.metric', '');
SELECT pg_catalog.pg_extension_config_dump('mlops.model_blob', '');
SELECT pg_catalog.pg_extension_config_dump('mlops.model_version', '');
SELECT pg_catalog.pg_extension_config_dump('mlops.alias', '');
SELECT pg_catalog.pg_extension_config_dump('mlops.model_calibration', '');
SELECT pg_catalog.pg_extension_config_dump('mlops.model_curve', '');
