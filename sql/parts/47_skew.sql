-- training against serving

CREATE FUNCTION mlops.check_skew(model_ref text, query text)
	RETURNS TABLE (feature text, status text, n bigint, trained_n bigint,
				   n_null bigint, trained_n_null bigint, min real, max real,
				   trained_min real, trained_max real, n_out_of_range bigint, n_unseen bigint,
				   same_checksum boolean)
	AS 'MODULE_PATHNAME', 'mlops_sql_check_skew' LANGUAGE C STABLE PARALLEL UNSAFE
	ROWS 20;
COMMENT ON FUNCTION mlops.check_skew(text, text) IS
'Compares the features of a query, as serving selects them, with those a version was trained on: one row per feature. The query runs as the caller; $1 in it is now(); columns match by name, in any order, others are ignored. status: equal when the column has the same values, whatever the order of rows, after the conversion to float32 or category that model and training see; differs; missing when the query lacks the column; wrong kind when its type makes another kind of feature. Give it the rows of the training, without those whose target is NULL: all equal proves, column by column, that serving computes the values that training did; values that rows exchanged do not show. With other rows every column differs, and the rest says how: n rows and n_null missing values, beside those of the training; min and max of numbers; n_out_of_range numbers outside of the training''s range; n_unseen labels that the dictionary does not have. Needs the right read. Errors: 55000 for a version that was not trained here, ML005 for a query that is not one SELECT. Writes nothing.';
