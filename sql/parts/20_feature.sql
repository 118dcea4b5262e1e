-- data sets

CREATE FUNCTION mlops.dataset_digest(query text, OUT digest bytea, OUT schema_digest bytea, OUT n_rows bigint)
LANGUAGE c STABLE STRICT PARALLEL UNSAFE
AS 'MODULE_PATHNAME', 'mlops_sql_dataset_digest';
COMMENT ON FUNCTION mlops.dataset_digest(text) IS
'Runs a SELECT with the rights of the caller and identifies its result: digest is the SHA-256 of the encoded rows in canonical order, so it does not depend on the order of rows but counts duplicates; schema_digest is that of names, types and dictionaries; n_rows the number of rows. Every column counts as a feature; $1 is now(). Numbers count as the nearest float32, other values by their text. Errors: ML005 for a query or column that makes no data set. Writes nothing. docs/reference.md gives the specification.';
