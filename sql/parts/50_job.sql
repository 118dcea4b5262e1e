-- runs: train, retrain, wait, cancel

CREATE FUNCTION mlops.train(
	model text, query text, target name,
	params jsonb DEFAULT '{}',
	task text DEFAULT NULL,
	positive text DEFAULT NULL,
	num_boost_round int DEFAULT 100, early_stopping_rounds int DEFAULT NULL,
	split text DEFAULT 'hash', split_by name DEFAULT NULL,
	test_size float8 DEFAULT 0.2, validation_size float8 DEFAULT NULL,
	gap interval DEFAULT '0', refit boolean DEFAULT false,
	key name[] DEFAULT NULL, qid name DEFAULT NULL,
	weight name DEFAULT NULL, class_weight text DEFAULT NULL, target_upper name DEFAULT NULL,
	include name[] DEFAULT '{}', exclude name[] DEFAULT '{}',
	as_of timestamptz DEFAULT NULL, label_delay interval DEFAULT '0',
	threshold text DEFAULT NULL, promote text DEFAULT 'never',
	description text DEFAULT NULL, tags jsonb DEFAULT '{}')
	RETURNS bigint
	AS 'MODULE_PATHNAME', 'mlops_sql_train' LANGUAGE C VOLATILE PARALLEL UNSAFE;
COMMENT ON FUNCTION mlops.train(text, text, name, jsonb, text, text, int, int, text, name, float8, float8, interval, boolean, name[], name, name, text, name, name[], name[], timestamptz, interval, text, text, text, jsonb) IS
'Enqueues the training of an XGBoost model on the rows of a query and returns the run''s id; the run starts when the transaction commits. The first version becomes the champion. NULL means the default of an argument. The query is one SELECT and runs as the caller; $1 in it is as_of - label_delay. params has XGBoost''s own names. Errors: 22023 for an argument or parameter, ML005 for the query, 42501 without the right own on an existing model. docs/reference.md explains every argument.';

CREATE FUNCTION mlops.retrain(
	model_ref text, query text DEFAULT NULL, target name DEFAULT NULL,
	params jsonb DEFAULT NULL,
	task text DEFAULT NULL,
	positive text DEFAULT NULL,
	num_boost_round int DEFAULT NULL, early_stopping_rounds int DEFAULT NULL,
	split text DEFAULT NULL, split_by name DEFAULT NULL,
	test_size float8 DEFAULT NULL, validation_size float8 DEFAULT NULL,
	gap interval DEFAULT NULL, refit boolean DEFAULT NULL,
	key name[] DEFAULT NULL, qid name DEFAULT NULL,
	weight name DEFAULT NULL, class_weight text DEFAULT NULL, target_upper name DEFAULT NULL,
	include name[] DEFAULT NULL, exclude name[] DEFAULT NULL,
	as_of timestamptz DEFAULT NULL, label_delay interval DEFAULT NULL,
	threshold text DEFAULT NULL, promote text DEFAULT NULL,
	description text DEFAULT NULL, tags jsonb DEFAULT NULL)
	RETURNS bigint
	AS 'MODULE_PATHNAME', 'mlops_sql_retrain' LANGUAGE C VOLATILE PARALLEL UNSAFE;
COMMENT ON FUNCTION mlops.retrain(text, text, name, jsonb, text, text, int, int, text, name, float8, float8, interval, boolean, name[], name, name, text, name, name[], name[], timestamptz, interval, text, text, text, jsonb) IS
'Repeats the recipe of a version (by default the champion''s) on today''s rows and returns the run''s id. Arguments other than NULL override the recipe; params is laid over the recipe''s, and an empty string unsets a text. as_of is bound anew. The query runs as the role that wrote it, and as the caller when query is given. The caller must own the model.';

CREATE FUNCTION mlops.wait(run bigint, timeout interval DEFAULT NULL)
	RETURNS mlops.run
	AS 'MODULE_PATHNAME', 'mlops_sql_wait' LANGUAGE C VOLATILE PARALLEL UNSAFE;
COMMENT ON FUNCTION mlops.wait(bigint, interval) IS
'Waits until a run has ended, with its progress as NOTICEs, and returns its row. After the timeout it returns the row of the unfinished run. It keeps the caller''s snapshot open; CALL mlops.wait_run does not. Errors: ML002 when there is no such run or no right to see it, 25000 for a run of the same transaction.';

CREATE FUNCTION mlops.cancel(run bigint)
	RETURNS boolean
	AS 'MODULE_PATHNAME', 'mlops_sql_cancel' LANGUAGE C VOLATILE STRICT PARALLEL UNSAFE;
COMMENT ON FUNCTION mlops.cancel(bigint) IS
'Asks for the cancellation of a queued or running run, which happens after commit, within two seconds. False when the run has already ended. For the submitter of the run and owners of the model; else ML002.';

CREATE FUNCTION mlops.set_role_limit(role regrole, max_concurrent_runs int DEFAULT NULL,
									 max_queued_runs int DEFAULT NULL)
	RETURNS void
	AS 'MODULE_PATHNAME', 'mlops_sql_set_role_limit' LANGUAGE C VOLATILE PARALLEL UNSAFE;
COMMENT ON FUNCTION mlops.set_role_limit(regrole, int, int) IS
'Limits the runs of a role: how many at a time (0 starts none) and how many unfinished ones. Role ''-'' stands for every role without limits of its own. NULL for no such limit; both NULL take the row away. Source: mlops.role_limit. Not granted to PUBLIC.';

CREATE FUNCTION mlops.tick()
	RETURNS void
	AS 'MODULE_PATHNAME', 'mlops_sql_tick' LANGUAGE C VOLATILE PARALLEL UNSAFE;
COMMENT ON FUNCTION mlops.tick() IS
'Looks after the queue once: starts what is due, settles runs that a restart interrupted. Needed, from pg_cron, only where mlops is not in shared_preload_libraries. Error 25006 on a standby.';

CREATE PROCEDURE mlops.train_wait(
	model text, query text, target name,
	params jsonb DEFAULT '{}',
	task text DEFAULT NULL,
	positive text DEFAULT NULL,
	num_boost_round int DEFAULT 100, early_stopping_rounds int DEFAULT NULL,
	split text DEFAULT 'hash', split_by name DEFAULT NULL,
	test_size float8 DEFAULT 0.2, validation_size float8 DEFAULT NULL,
	gap interval DEFAULT '0', refit boolean DEFAULT false,
	key name[] DEFAULT NULL, qid name DEFAULT NULL,
	weight name DEFAULT NULL, class_weight text DEFAULT NULL, target_upper name DEFAULT NULL,
	include name[] DEFAULT '{}', exclude name[] DEFAULT '{}',
	as_of timestamptz DEFAULT NULL, label_delay interval DEFAULT '0',
	threshold text DEFAULT NULL, promote text DEFAULT 'never',
	description text DEFAULT NULL, tags jsonb DEFAULT '{}')
	AS 'MODULE_PATHNAME', 'mlops_sql_train_wait' LANGUAGE C;
COMMENT ON PROCEDURE mlops.train_wait(text, text, name, jsonb, text, text, int, int, text, name, float8, float8, interval, boolean, name[], name, name, text, name, name[], name[], timestamptz, interval, text, text, text, jsonb) IS
'train, commit and wait in one statement. Fails when the run fails. It commits in between, so it must be called outside a transaction block.';

CREATE PROCEDURE mlops.retrain_wait(
	model_ref text, query text DEFAULT NULL, target name DEFAULT NULL,
	params jsonb DEFAULT NULL,
	task text DEFAULT NULL,
	positive text DEFAULT NULL,
	num_boost_round int DEFAULT NULL, early_stopping_rounds int DEFAULT NULL,
	split text DEFAULT NULL, split_by name DEFAULT NULL,
	test_size float8 DEFAULT NULL, validation_size float8 DEFAULT NULL,
	gap interval DEFAULT NULL, refit boolean DEFAULT NULL,
	key name[] DEFAULT NULL, qid name DEFAULT NULL,
	weight name DEFAULT NULL, class_weight text DEFAULT NULL, target_upper name DEFAULT NULL,
	include name[] DEFAULT NULL, exclude name[] DEFAULT NULL,
	as_of timestamptz DEFAULT NULL, label_delay interval DEFAULT NULL,
	threshold text DEFAULT NULL, promote text DEFAULT NULL,
	description text DEFAULT NULL, tags jsonb DEFAULT NULL)
	AS 'MODULE_PATHNAME', 'mlops_sql_retrain_wait' LANGUAGE C;
COMMENT ON PROCEDURE mlops.retrain_wait(text, text, name, jsonb, text, text, int, int, text, name, float8, float8, interval, boolean, name[], name, name, text, name, name[], name[], timestamptz, interval, text, text, text, jsonb) IS
'retrain, commit and wait in one statement: one line for pg_cron. Fails when the run fails. It commits in between, so it must be called outside a transaction block.';

CREATE PROCEDURE mlops.wait_run(run bigint, timeout interval DEFAULT NULL)
	AS 'MODULE_PATHNAME', 'mlops_sql_wait_run' LANGUAGE C;
COMMENT ON PROCEDURE mlops.wait_run(bigint, interval) IS
'Waits until a run has ended, with its progress as NOTICEs, without holding a snapshot. Fails when the run failed; returns when the timeout is over. Must be called outside a transaction block.';

CREATE VIEW mlops.progress WITH (security_invoker, security_barrier) AS
	SELECT id AS run, model, status, phase, n_rows, round, num_round, metric_name, metric_value,
		pg_catalog.clock_timestamp() OPERATOR(pg_catalog.-) started_at AS elapsed,
		CASE WHEN phase OPERATOR(pg_catalog.=) 'training' AND round OPERATOR(pg_catalog.>) 0
			THEN (progress_at OPERATOR(pg_catalog.-) training_started_at)
				OPERATOR(pg_catalog.*) ((num_round OPERATOR(pg_catalog.-) round)::float8
					OPERATOR(pg_catalog./) round)
		END AS eta
	FROM mlops.run
	WHERE status OPERATOR(pg_catalog.=) ANY (ARRAY['queued', 'running']);
COMMENT ON VIEW mlops.progress IS 'Runs that have not ended and how far they are, for the roles that may see them.';
COMMENT ON COLUMN mlops.progress.run IS 'Run identifier.';
COMMENT ON COLUMN mlops.progress.model IS 'Model name.';
COMMENT ON COLUMN mlops.progress.status IS 'queued or running.';
COMMENT ON COLUMN mlops.progress.phase IS 'reading, sorting, loading, training, evaluating or publishing; NULL before the start.';
COMMENT ON COLUMN mlops.progress.n_rows IS 'Rows read so far, then rows used.';
COMMENT ON COLUMN mlops.progress.round IS 'Boosting rounds done.';
COMMENT ON COLUMN mlops.progress.num_round IS 'Boosting rounds asked for.';
COMMENT ON COLUMN mlops.progress.metric_name IS 'Name of the metric in metric_value.';
COMMENT ON COLUMN mlops.progress.metric_value IS 'Latest value of the watched metric.';
COMMENT ON COLUMN mlops.progress.elapsed IS 'Time since the start of the latest attempt.';
COMMENT ON COLUMN mlops.progress.eta IS 'Estimated time to the last round, from the rounds so far; early stopping may come before.';
