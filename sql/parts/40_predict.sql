-- prediction; every function checks the right to predict at every statement

CREATE FUNCTION mlops.predict_support(request internal) RETURNS internal
	LANGUAGE C STABLE STRICT PARALLEL SAFE
	AS 'MODULE_PATHNAME', 'mlops_sql_predict_support';
COMMENT ON FUNCTION mlops.predict_support(internal) IS
'Tells the planner what a prediction costs, and how many lines predict_classes returns, when the model is a constant that the current user may use. Only the planner can call it.';

CREATE FUNCTION mlops.predict(model text, VARIADIC features "any") RETURNS float8
	LANGUAGE C STABLE PARALLEL SAFE COST 50 SUPPORT mlops.predict_support
	AS 'MODULE_PATHNAME', 'mlops_sql_predict';
COMMENT ON FUNCTION mlops.predict(text, "any") IS
'The number that a model with one output predicts for one row: the value of a regression, the probability of the positive class, the score of a ranking; bit-equal to XGBoost''s.
model: name (its champion), name@alias or name/version. Row: one row or record, one json or jsonb object (both matched by name; further columns are ignored), one array of all features, or the columns as separate arguments (both in the order of the signature).
NULL for a NULL model or row; a NULL column is a missing value. Errors: no such model or no right to it; a column missing or of the wrong kind; a model with several outputs (see predict_class and predict_array).';

CREATE FUNCTION mlops.predict_class(model text, VARIADIC features "any") RETURNS text
	LANGUAGE C STABLE PARALLEL SAFE COST 50 SUPPORT mlops.predict_support
	AS 'MODULE_PATHNAME', 'mlops_sql_predict_class';
COMMENT ON FUNCTION mlops.predict_class(text, "any") IS
'Label of the predicted class: for two classes the positive one from the version''s threshold on, else the most probable one, the first of equal ones. Arguments and NULL as for predict. Error when the model does not predict classes.';

CREATE FUNCTION mlops.predict_array(model text, VARIADIC features "any") RETURNS float8[]
	LANGUAGE C STABLE PARALLEL SAFE COST 50 SUPPORT mlops.predict_support
	AS 'MODULE_PATHNAME', 'mlops_sql_predict_array';
COMMENT ON FUNCTION mlops.predict_array(text, "any") IS
'All numbers that XGBoost predicts for one row, after the objective''s transform and bit-equal to XGBoost''s; one element for a model with one output, the class index for multi:softmax. Arguments and NULL as for predict.';

CREATE FUNCTION mlops.predict_raw(model text, VARIADIC features "any") RETURNS float8[]
	LANGUAGE C STABLE PARALLEL SAFE COST 50 SUPPORT mlops.predict_support
	AS 'MODULE_PATHNAME', 'mlops_sql_predict_raw';
COMMENT ON FUNCTION mlops.predict_raw(text, "any") IS
'Margins of one row, before the objective''s transform (XGBoost''s output_margin), one per output. Arguments and NULL as for predict.';

CREATE FUNCTION mlops.predict_leaf(model text, VARIADIC features "any") RETURNS int[]
	LANGUAGE C STABLE PARALLEL SAFE COST 50 SUPPORT mlops.predict_support
	AS 'MODULE_PATHNAME', 'mlops_sql_predict_leaf';
COMMENT ON FUNCTION mlops.predict_leaf(text, "any") IS
'Index of the leaf that one row reaches in every tree, equal to XGBoost''s pred_leaf: as many elements as trees, by round, then class, then parallel tree. Arguments and NULL as for predict. Error for gblinear, which has no trees.';

CREATE FUNCTION mlops.predict_proba(model text, VARIADIC features "any") RETURNS float8[]
	LANGUAGE C STABLE PARALLEL SAFE COST 50 SUPPORT mlops.predict_support
	AS 'MODULE_PATHNAME', 'mlops_sql_predict_proba';
COMMENT ON FUNCTION mlops.predict_proba(text, "any") IS
'Probabilities of the classes in the order of mlops.model.classes; for two classes 1 - p and p in single precision, as XGBoost''s scikit-learn interface. Arguments and NULL as for predict. Error when the model does not predict classes.';

CREATE FUNCTION mlops.predict_classes(model text, VARIADIC features "any")
	RETURNS TABLE (class text, probability float8)
	LANGUAGE C STABLE PARALLEL SAFE COST 50 ROWS 3 SUPPORT mlops.predict_support
	AS 'MODULE_PATHNAME', 'mlops_sql_predict_classes';
COMMENT ON FUNCTION mlops.predict_classes(text, "any") IS
'One line per class with its probability, in the order of mlops.model.classes; numbers as from predict_proba. No lines for a NULL model or row. Arguments as for predict. Error when the model does not predict classes.';

CREATE FUNCTION mlops.check_predictions(model_ref text, query text, expected name,
										OUT n bigint, OUT n_different bigint, OUT max_difference float8)
	LANGUAGE C STABLE STRICT PARALLEL UNSAFE
	AS 'MODULE_PATHNAME', 'mlops_sql_check_predictions';
COMMENT ON FUNCTION mlops.check_predictions(text, text, name) IS
'Predicts every row of a SELECT and compares with its column expected, which XGBoost itself or another system computed: a number as of predict, or an array as of predict_array, both taken as float32. n: rows; n_different: rows whose bits differ, a NULL on one side included; max_difference: largest absolute difference, NULL without rows. 0 different rows prove an import. The query runs with the rights of the caller; $1 in it is now(). Writes nothing. Errors: as for predict, and ML005 for a query that is not one SELECT or lacks the column.';
