-- the log of predictions and what came of them

-- no foreign keys: each insert would lock the rows of its model and version
CREATE TABLE mlops.prediction_log (
	id bigint GENERATED ALWAYS AS IDENTITY (CACHE 64),
	predicted_at timestamptz NOT NULL DEFAULT pg_catalog.now(),
	version int NOT NULL,
	predicted_by regrole NOT NULL,
	model text COLLATE "C" NOT NULL,
	arm text COLLATE "C",
	shadow boolean NOT NULL DEFAULT false,
	key text COLLATE "C",
	prediction float8,
	class text COLLATE "C",
	probabilities float8[],
	features jsonb,
	outcome text COLLATE "C",
	outcome_at timestamptz,
	outcome_recorded_at timestamptz,
	outcome_recorded_by regrole,
	corrections jsonb
) PARTITION BY RANGE (predicted_at);
CREATE INDEX prediction_log_key_idx ON mlops.prediction_log (model, key, predicted_at);
COMMENT ON TABLE mlops.prediction_log IS 'Predictions made with predict_logged, one row per prediction and per shadow-scored arm, with what record_outcome says of them. Partitioned by UTC day: the dispatcher makes partitions a week ahead, and drops those older than mlops.prediction_log_retention.';
COMMENT ON SEQUENCE mlops.prediction_log_id_seq IS 'Identifiers of mlops.prediction_log.';
COMMENT ON COLUMN mlops.prediction_log.id IS 'Identifier, prediction_id of predict_logged; unique, not in the order of time.';
COMMENT ON COLUMN mlops.prediction_log.predicted_at IS 'Start of the transaction that predicted.';
COMMENT ON COLUMN mlops.prediction_log.version IS 'Version that predicted.';
COMMENT ON COLUMN mlops.prediction_log.predicted_by IS 'Role that asked for the prediction; "-" for one that was dropped before the log was restored.';
COMMENT ON COLUMN mlops.prediction_log.model IS 'Model name.';
COMMENT ON COLUMN mlops.prediction_log.arm IS 'Alias that stood for the version; NULL when the reference was name/version.';
COMMENT ON COLUMN mlops.prediction_log.shadow IS 'True for an arm that was scored and logged beside the one whose prediction was returned.';
COMMENT ON COLUMN mlops.prediction_log.key IS 'What was predicted for, as given; record_outcome finds predictions by it.';
COMMENT ON COLUMN mlops.prediction_log.prediction IS 'Number that predict returns; NULL for a model that predicts more than two classes.';
COMMENT ON COLUMN mlops.prediction_log.class IS 'Label that predict_class returns; NULL for a model without classes.';
COMMENT ON COLUMN mlops.prediction_log.probabilities IS 'Probabilities of more than two classes, in the order of mlops.model.classes; else NULL.';
COMMENT ON COLUMN mlops.prediction_log.features IS 'Features as the model saw them, by name: numbers in single precision, labels, null for missing values, "(unseen)" for labels that the version does not know. NULL unless mlops.log_features was on.';
COMMENT ON COLUMN mlops.prediction_log.outcome IS 'What came true: a class label, or a number as text. NULL: nothing recorded, or taken back.';
COMMENT ON COLUMN mlops.prediction_log.outcome_at IS 'When it came true; event_at of record_outcome.';
COMMENT ON COLUMN mlops.prediction_log.outcome_recorded_at IS 'When record_outcome said so last.';
COMMENT ON COLUMN mlops.prediction_log.outcome_recorded_by IS 'Role that said so last.';
COMMENT ON COLUMN mlops.prediction_log.corrections IS 'Outcomes that were recorded before and corrected since, oldest first: array of objects value, event_at, recorded_at.';

-- rows that come when no partition of their day is there; there should be none
CREATE TABLE mlops.prediction_log_default (LIKE mlops.prediction_log INCLUDING COMMENTS);
ALTER TABLE mlops.prediction_log ATTACH PARTITION mlops.prediction_log_default DEFAULT;
COMMENT ON TABLE mlops.prediction_log_default IS 'Partition for days without one of their own, when no dispatcher has run for a week; the next one sorts its rows. mlops.prediction_log_status shows how many there are.';

-- What pg_dump sees.  It never dumps the definition of a partition, which belongs
-- to the extension, so a dump holds all rows as rows of this table.  Dropped roles
-- become nobody there, since their numbers would be others' in another cluster.
CREATE TABLE mlops.prediction_log_restored (LIKE mlops.prediction_log INCLUDING COMMENTS);
COMMENT ON TABLE mlops.prediction_log_restored IS 'Rows of the log on their way: a dump holds the whole log as rows of this table, and after a restore the dispatcher moves them to mlops.prediction_log, with partitions of their days.';

ALTER TABLE mlops.prediction_log ENABLE ROW LEVEL SECURITY;
CREATE POLICY prediction_log_read ON mlops.prediction_log FOR SELECT
	USING (mlops.has_model_privilege(model, 'read'));
ALTER TABLE mlops.prediction_log_default ENABLE ROW LEVEL SECURITY;
CREATE POLICY prediction_log_default_read ON mlops.prediction_log_default FOR SELECT
	USING (mlops.has_model_privilege(model, 'read'));
ALTER TABLE mlops.prediction_log_restored ENABLE ROW LEVEL SECURITY;
CREATE POLICY prediction_log_restored_read ON mlops.prediction_log_restored FOR SELECT
	USING (mlops.has_model_privilege(model, 'read'));

SELECT pg_catalog.pg_extension_config_dump('mlops.prediction_log_id_seq', '');
SELECT pg_catalog.pg_extension_config_dump('mlops.prediction_log_restored',
	'UNION ALL SELECT l.id, l.predicted_at, l.version, coalesce(p.oid, 0)::regrole, l.model, l.arm, l.shadow, l.key, l.prediction, l.class,'
	' l.probabilities, l.features, l.outcome, l.outcome_at, l.outcome_recorded_at,'
	' CASE WHEN l.outcome_recorded_by IS NOT NULL THEN coalesce(r.oid, 0)::regrole END, l.corrections'
	' FROM mlops.prediction_log l LEFT JOIN pg_catalog.pg_roles p ON p.oid = l.predicted_by'
	' LEFT JOIN pg_catalog.pg_roles r ON r.oid = l.outcome_recorded_by');

CREATE FUNCTION mlops.predict_logged(model text, key text, VARIADIC features "any",
									 OUT prediction_id bigint, OUT prediction float8, OUT class text,
									 OUT version int, OUT arm text)
	LANGUAGE C VOLATILE PARALLEL UNSAFE COST 1000
	AS 'MODULE_PATHNAME', 'mlops_sql_predict_logged';
COMMENT ON FUNCTION mlops.predict_logged(text, text, "any") IS
'Predicts one row, like predict and predict_class, and writes the prediction to mlops.prediction_log. key says what it is about, for record_outcome and for the traffic split (set_traffic), which a bare model name with a key takes part in; name@alias and name/version are as they say. prediction: NULL for more than two classes. class: NULL without classes. arm: the alias that answered. Use it in FROM: (predict_logged(...)).* calls it once per column. All NULL, and nothing logged, for a NULL model or row. Row and errors as for predict; 25006 in a read-only transaction and on a standby. Needs the right predict.';

CREATE FUNCTION mlops.record_outcome(model text, key text, value text,
									 event_at timestamptz DEFAULT pg_catalog.now(),
									 horizon interval DEFAULT NULL) RETURNS bigint
	LANGUAGE C VOLATILE PARALLEL UNSAFE
	AS 'MODULE_PATHNAME', 'mlops_sql_record_outcome';
COMMENT ON FUNCTION mlops.record_outcome(text, text, text, timestamptz, interval) IS
'Says what came true for a key, and returns the number of logged predictions that it applies to: those made within [event_at - horizon, event_at], or with horizon NULL the latest ones until event_at. A second call corrects the first, which stays in corrections; value NULL takes it back. value: a class label of the model, or a number. Who owns the model records for all predictions, who may predict for those of a role he is a member of. Errors: 22023 for a value that is no class, 22P02 for one that is no number, 25006 in a read-only transaction and on a standby.';

CREATE VIEW mlops.prediction_outcome WITH (security_invoker, security_barrier) AS
	SELECT id AS prediction_id, model, version, arm, shadow, key, predicted_at, prediction, class, probabilities,
		features, outcome AS label, outcome_at
	FROM mlops.prediction_log
	WHERE outcome IS NOT NULL;
COMMENT ON VIEW mlops.prediction_outcome IS 'Logged predictions whose outcome is known, for monitors and for your own metrics. Needs the right read.';
COMMENT ON COLUMN mlops.prediction_outcome.prediction_id IS 'Identifier of the prediction.';
COMMENT ON COLUMN mlops.prediction_outcome.model IS 'Model name.';
COMMENT ON COLUMN mlops.prediction_outcome.version IS 'Version that predicted.';
COMMENT ON COLUMN mlops.prediction_outcome.arm IS 'Alias that stood for the version.';
COMMENT ON COLUMN mlops.prediction_outcome.shadow IS 'True when the prediction was not returned.';
COMMENT ON COLUMN mlops.prediction_outcome.key IS 'What was predicted for.';
COMMENT ON COLUMN mlops.prediction_outcome.predicted_at IS 'Time of the prediction.';
COMMENT ON COLUMN mlops.prediction_outcome.prediction IS 'Predicted number, or probability of the positive class.';
COMMENT ON COLUMN mlops.prediction_outcome.class IS 'Predicted class.';
COMMENT ON COLUMN mlops.prediction_outcome.probabilities IS 'Probabilities of more than two classes.';
COMMENT ON COLUMN mlops.prediction_outcome.features IS 'Features, where they were logged.';
COMMENT ON COLUMN mlops.prediction_outcome.label IS 'What came true: a class label, or a number as text.';
COMMENT ON COLUMN mlops.prediction_outcome.outcome_at IS 'When it came true.';

CREATE VIEW mlops.prediction_log_status WITH (security_invoker, security_barrier) AS
	SELECT p.partitions, p.first_day, p.last_day, p.bytes, d.n AS rows_without_partition, r.n AS rows_restored,
		CASE WHEN d.n OPERATOR(pg_catalog.>) 0 THEN 'rows without a partition of their day'
			WHEN p.last_day OPERATOR(pg_catalog.>) t.today THEN NULL
			WHEN p.last_day OPERATOR(pg_catalog.=) t.today THEN 'no partition for tomorrow'
			ELSE 'no partition for today' END AS alarm
	FROM (SELECT pg_catalog.count(*) AS partitions, pg_catalog.min(s.day) AS first_day, pg_catalog.max(s.day) AS last_day,
				pg_catalog.sum(s.bytes)::bigint AS bytes
			FROM (SELECT pg_catalog.to_date(pg_catalog.right(c.relname::text, 8), 'YYYYMMDD') AS day, pg_catalog.pg_total_relation_size(c.oid) AS bytes
				FROM pg_catalog.pg_inherits i JOIN pg_catalog.pg_class c ON c.oid OPERATOR(pg_catalog.=) i.inhrelid
				WHERE i.inhparent OPERATOR(pg_catalog.=) 'mlops.prediction_log'::pg_catalog.regclass
					AND c.relname OPERATOR(pg_catalog.~) '^prediction_log_[0-9]{8}$') s) p,
		(SELECT pg_catalog.count(*) AS n FROM mlops.prediction_log_default) d,
		(SELECT pg_catalog.count(*) AS n FROM mlops.prediction_log_restored) r,
		(SELECT pg_catalog.timezone('UTC', pg_catalog.now())::date AS today) t;
COMMENT ON VIEW mlops.prediction_log_status IS 'State of the partitions of mlops.prediction_log: one row.';
COMMENT ON COLUMN mlops.prediction_log_status.partitions IS 'Partitions, one per UTC day.';
COMMENT ON COLUMN mlops.prediction_log_status.first_day IS 'Day of the oldest one.';
COMMENT ON COLUMN mlops.prediction_log_status.last_day IS 'Day of the newest one, a week ahead.';
COMMENT ON COLUMN mlops.prediction_log_status.bytes IS 'Size of all with their indexes.';
COMMENT ON COLUMN mlops.prediction_log_status.rows_without_partition IS 'Rows in the default partition, of models that you may read; the next dispatcher sorts them.';
COMMENT ON COLUMN mlops.prediction_log_status.rows_restored IS 'Rows that came with a restored dump and wait for the dispatcher, likewise.';
COMMENT ON COLUMN mlops.prediction_log_status.alarm IS 'What is wrong: rows without a partition of their day, no partition for today or for tomorrow. NULL: nothing.';
