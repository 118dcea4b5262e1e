-- a typed function per model

CREATE FUNCTION mlops.create_function(model text, function_name text, output text = NULL,
									  security text = 'definer', replace boolean = false) RETURNS regprocedure
	LANGUAGE C VOLATILE PARALLEL UNSAFE
	AS 'MODULE_PATHNAME', 'mlops_sql_create_function';
COMMENT ON FUNCTION mlops.create_function(text, text, text, text, boolean) IS
'Makes an ordinary SQL function that predicts with one model: one argument per feature column, with its name; dumped, granted, commented and dropped as any other. Returns it.
model: a reference; with name or name@alias the function follows the alias. function_name: as in SQL, perhaps with a schema and quotes; else the first schema of search_path. output: function that it calls and whose type it returns: predict, predict_class, predict_array, predict_raw, predict_proba or another of mlops that makes one value of a model and a row; by default predict, predict_class when there are more than two classes, predict_array for several numbers. security: definer, EXECUTE on the function suffices, which PUBLIC does not get; or invoker, the caller needs the right to predict, and the planner inlines the body. replace: a function of the same arguments is replaced, and its rights stay.
Types: double precision for numbers, boolean, text for categories, dates, times and uuid as trained, double precision[] for arrays. More than 99 columns become one argument of a composite type, FUNCTION_row, which is created beside it.
Needs the right to predict and CREATE on the schema. Errors: no such model; the function exists; a feature name longer than 63 bytes; an output that the model does not have.';

CREATE FUNCTION mlops.named_row(names text[], VARIADIC "values" "any") RETURNS record
	LANGUAGE C STABLE PARALLEL SAFE COST 5
	AS 'MODULE_PATHNAME', 'mlops_sql_named_row';
COMMENT ON FUNCTION mlops.named_row(text[], "any") IS
'A record of the values, whose columns have the names, one per value, at most 99: what functions of create_function pass to predict, so that columns match by name. Errors: another number of names than values, a name of none or more than 63 bytes, a value without a type.';
