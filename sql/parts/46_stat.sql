-- serving statistics; in shared memory, so that they also work on a standby

CREATE FUNCTION mlops.stat_predictions(
	OUT database_id oid, OUT model text, OUT version int, OUT calls bigint, OUT rows bigint,
	OUT errors_model bigint, OUT errors_input bigint, OUT errors_canceled bigint, OUT errors_other bigint,
	OUT missing_values bigint, OUT unseen_categories bigint, OUT cache_builds bigint, OUT cache_maps bigint,
	OUT timed_calls bigint, OUT mean_ms float8, OUT p50_ms float8, OUT p95_ms float8, OUT p99_ms float8,
	OUT max_ms float8, OUT since timestamptz, OUT last_call timestamptz) RETURNS SETOF record
	LANGUAGE C VOLATILE STRICT PARALLEL SAFE ROWS 100
	AS 'MODULE_PATHNAME', 'mlops_sql_stat_predictions';
COMMENT ON FUNCTION mlops.stat_predictions() IS
'The rows of mlops.stat_prediction, with the database''s OID.';

CREATE FUNCTION mlops.stat_latencies(
	OUT database_id oid, OUT model text, OUT version int, OUT low_ms float8, OUT high_ms float8,
	OUT timed_calls bigint) RETURNS SETOF record
	LANGUAGE C VOLATILE STRICT PARALLEL SAFE ROWS 1000
	AS 'MODULE_PATHNAME', 'mlops_sql_stat_latencies';
COMMENT ON FUNCTION mlops.stat_latencies() IS
'The rows of mlops.stat_prediction_latency, with the database''s OID.';

CREATE FUNCTION mlops.stat_prediction_info(
	OUT tracking boolean, OUT versions int, OUT max_versions int, OUT evictions bigint)
	LANGUAGE C VOLATILE STRICT PARALLEL SAFE
	AS 'MODULE_PATHNAME', 'mlops_sql_stat_prediction_info';
COMMENT ON FUNCTION mlops.stat_prediction_info() IS
'State of the serving statistics of the server. tracking: whether calls of this session are counted (mlops.track_predictions); versions: rows in use, of at most max_versions (mlops.stat_max_versions); evictions: rows that left for want of room since the start of the server. Not in shared_preload_libraries: false and NULLs.';

CREATE FUNCTION mlops.stat_prediction_reset(model text DEFAULT NULL, version int DEFAULT NULL) RETURNS void
	LANGUAGE C VOLATILE PARALLEL RESTRICTED
	AS 'MODULE_PATHNAME', 'mlops_sql_stat_prediction_reset';
COMMENT ON FUNCTION mlops.stat_prediction_reset(text, int) IS
'Forgets the serving statistics of this database: of one version, of all versions of a model, or by default of everything. What sessions have counted but not yet shared comes after it. Not granted to PUBLIC. Works on a standby.';

CREATE VIEW mlops.stat_prediction WITH (security_invoker, security_barrier) AS
	SELECT d.datname AS database, s.model, s.version, s.calls, s.rows,
		s.errors_model, s.errors_input, s.errors_canceled, s.errors_other,
		s.missing_values, s.unseen_categories, s.cache_builds, s.cache_maps,
		s.timed_calls, s.mean_ms, s.p50_ms, s.p95_ms, s.p99_ms, s.max_ms, s.since, s.last_call
	FROM mlops.stat_predictions() s
	JOIN pg_catalog.pg_database d ON d.oid OPERATOR(pg_catalog.=) s.database_id;
COMMENT ON VIEW mlops.stat_prediction IS
'Serving statistics: one row per database and version since the start of the server, standbys counting their own calls. Shows models of this database that the user may use; to members of pg_read_all_stats all databases, and the calls that failed before a version was known, under model NULL. Counts appear at the end of a statement, at the latest. Empty unless mlops is in shared_preload_libraries.';
COMMENT ON COLUMN mlops.stat_prediction.database IS 'Name of the database.';
COMMENT ON COLUMN mlops.stat_prediction.model IS 'Model name; NULL: calls that failed before a version was known.';
COMMENT ON COLUMN mlops.stat_prediction.version IS 'Version number; NULL like model.';
COMMENT ON COLUMN mlops.stat_prediction.calls IS 'Calls of predict functions, one per row, failed ones included; not those with a NULL model. A block of a batch function is one call.';
COMMENT ON COLUMN mlops.stat_prediction.rows IS 'Rows predicted: calls less errors and NULL rows.';
COMMENT ON COLUMN mlops.stat_prediction.errors_model IS 'Calls that failed because of the model: none of that name or no right to it (ML001), bytes that cannot be served (ML003, XX001).';
COMMENT ON COLUMN mlops.stat_prediction.errors_input IS 'Calls that failed because of the row or the function chosen: ML004, SQLSTATE classes 22 and 42.';
COMMENT ON COLUMN mlops.stat_prediction.errors_canceled IS 'Calls that were interrupted: SQLSTATE class 57, as by statement_timeout.';
COMMENT ON COLUMN mlops.stat_prediction.errors_other IS 'Calls that failed otherwise.';
COMMENT ON COLUMN mlops.stat_prediction.missing_values IS 'Features that were NULL or NaN, over all rows.';
COMMENT ON COLUMN mlops.stat_prediction.unseen_categories IS 'Categories that the version''s dictionary does not have, over all rows.';
COMMENT ON COLUMN mlops.stat_prediction.cache_builds IS 'Times that a session built the forest from the model''s bytes.';
COMMENT ON COLUMN mlops.stat_prediction.cache_maps IS 'Times that a session mapped a forest that another one had built.';
COMMENT ON COLUMN mlops.stat_prediction.timed_calls IS 'Rows that the latencies stand for: the first call of a statement is timed and stands for itself, one of 127 others for all since the one before it; a block for its rows, each with its share of the time.';
COMMENT ON COLUMN mlops.stat_prediction.mean_ms IS 'Mean time of a prediction in milliseconds, from the model''s name to the margin, of timed_calls.';
COMMENT ON COLUMN mlops.stat_prediction.p50_ms IS 'Median of the same, to within a bucket of mlops.stat_prediction_latency.';
COMMENT ON COLUMN mlops.stat_prediction.p95_ms IS '95 % took at most this long, likewise.';
COMMENT ON COLUMN mlops.stat_prediction.p99_ms IS '99 % took at most this long, likewise.';
COMMENT ON COLUMN mlops.stat_prediction.max_ms IS 'Longest timed call.';
COMMENT ON COLUMN mlops.stat_prediction.since IS 'When the row began to count.';
COMMENT ON COLUMN mlops.stat_prediction.last_call IS 'When counts were last added.';

CREATE VIEW mlops.stat_prediction_latency WITH (security_invoker, security_barrier) AS
	SELECT d.datname AS database, s.model, s.version, s.low_ms, s.high_ms, s.timed_calls
	FROM mlops.stat_latencies() s
	JOIN pg_catalog.pg_database d ON d.oid OPERATOR(pg_catalog.=) s.database_id;
COMMENT ON VIEW mlops.stat_prediction_latency IS 'Histogram of the latencies of mlops.stat_prediction, same rows and rights: one row per bucket that is not empty. Four buckets per power of two, from 128 ns to 137 s.';
COMMENT ON COLUMN mlops.stat_prediction_latency.database IS 'Name of the database.';
COMMENT ON COLUMN mlops.stat_prediction_latency.model IS 'Model name.';
COMMENT ON COLUMN mlops.stat_prediction_latency.version IS 'Version number.';
COMMENT ON COLUMN mlops.stat_prediction_latency.low_ms IS 'Lower edge in milliseconds, inclusive.';
COMMENT ON COLUMN mlops.stat_prediction_latency.high_ms IS 'Upper edge in milliseconds, exclusive; NULL: none.';
COMMENT ON COLUMN mlops.stat_prediction_latency.timed_calls IS 'Rows whose latency is in the bucket; their sum is stat_prediction.timed_calls.';

