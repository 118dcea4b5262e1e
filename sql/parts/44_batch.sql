-- prediction of many rows at a time

CREATE FUNCTION mlops.predict_batch(model text, query text, key name)
	RETURNS TABLE (key text, prediction float8, class text, version int)
	LANGUAGE C STABLE PARALLEL UNSAFE COST 100000 ROWS 100000
	AS 'MODULE_PATHNAME', 'mlops_sql_predict_batch';
COMMENT ON FUNCTION mlops.predict_batch(text, text, name) IS
'Predicts every row of a SELECT, all by one version, a block of rows at a time. Columns match by name; further ones are ignored, NULL is a missing value.
key: column that tells the rows apart, returned as text; NULL for none. prediction: the number of predict; NULL for a model with several outputs. class: the label of predict_class; NULL when the model does not predict classes. version: the version that predicted.
The query runs once, to its end, with the rights of the caller, perhaps in parallel; $1 in it is now(). The result goes to disk beyond work_mem, so that memory does not depend on the number of rows. Writes nothing. Errors: as for predict, and ML005 for a query that is not one SELECT or lacks the column.';

CREATE FUNCTION mlops.predict_agg_step(state internal, model text, VARIADIC features "any") RETURNS internal
	LANGUAGE C STABLE PARALLEL SAFE COST 50
	AS 'MODULE_PATHNAME', 'mlops_sql_predict_agg_step';
COMMENT ON FUNCTION mlops.predict_agg_step(internal, text, "any") IS
'Takes one row into the state of the aggregate predict_agg, which alone may call it.';

CREATE FUNCTION mlops.predict_agg_final(state internal) RETURNS float8[]
	LANGUAGE C STABLE PARALLEL SAFE COST 50
	AS 'MODULE_PATHNAME', 'mlops_sql_predict_agg_final';
COMMENT ON FUNCTION mlops.predict_agg_final(internal) IS
'Array of the aggregate predict_agg, which alone may call it.';

CREATE AGGREGATE mlops.predict_agg(model text, VARIADIC features "any") (
	SFUNC = mlops.predict_agg_step,
	STYPE = internal,
	SSPACE = 1024,
	FINALFUNC = mlops.predict_agg_final,
	PARALLEL = SAFE
);
COMMENT ON AGGREGATE mlops.predict_agg(text, "any") IS
'Predictions of all rows of a group, as of predict, in the order of the input: array_agg(id ORDER BY id) beside predict_agg(''m'', t ORDER BY id) has the keys. Scores a block of rows at a time. Arguments and errors as for predict; a NULL model or row is a NULL element; no rows give NULL. Error beyond 132 million rows in a group, whose array would exceed 1 GB: use predict_batch. A row takes four bytes of its group''s memory.';
