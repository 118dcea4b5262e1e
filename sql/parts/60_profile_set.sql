-- sets of profiles: one per column of a row, made and counted in one pass

CREATE TYPE mlops.profile_set;

CREATE FUNCTION mlops.profile_set_in(cstring) RETURNS mlops.profile_set
	LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE
	AS 'MODULE_PATHNAME', 'mlops_sql_profile_set_in';
COMMENT ON FUNCTION mlops.profile_set_in(cstring) IS
'input of mlops.profile_set; any text but a whole valid set is an error';

CREATE FUNCTION mlops.profile_set_out(mlops.profile_set) RETURNS cstring
	LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE
	AS 'MODULE_PATHNAME', 'mlops_sql_profile_set_out';
COMMENT ON FUNCTION mlops.profile_set_out(mlops.profile_set) IS
'output of mlops.profile_set: one JSON object, name to profile, exact';

CREATE FUNCTION mlops.profile_set_recv(internal) RETURNS mlops.profile_set
	LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE
	AS 'MODULE_PATHNAME', 'mlops_sql_profile_set_recv';
COMMENT ON FUNCTION mlops.profile_set_recv(internal) IS
'binary input of mlops.profile_set: a byte with the number of the format, then the text';

CREATE FUNCTION mlops.profile_set_send(mlops.profile_set) RETURNS bytea
	LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE
	AS 'MODULE_PATHNAME', 'mlops_sql_profile_set_send';
COMMENT ON FUNCTION mlops.profile_set_send(mlops.profile_set) IS
'binary output of mlops.profile_set';

CREATE TYPE mlops.profile_set (
	INPUT = mlops.profile_set_in, OUTPUT = mlops.profile_set_out,
	RECEIVE = mlops.profile_set_recv, SEND = mlops.profile_set_send,
	INTERNALLENGTH = VARIABLE, ALIGNMENT = double, STORAGE = extended
);
COMMENT ON TYPE mlops.profile_set IS
'Profiles by the name of their column, in the order of the columns; at most 1664. Made by reference and profile of whole rows and by the aggregate profile_set; taken apart by profiles and column_profile. Text: one JSON object, name to profile.';

CREATE FUNCTION mlops.profiles(profiles mlops.profile_set, OUT name text, OUT profile mlops.profile)
	RETURNS SETOF record
	LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE ROWS 30
	AS 'MODULE_PATHNAME', 'mlops_sql_profiles';
COMMENT ON FUNCTION mlops.profiles(mlops.profile_set) IS
'One line per profile of a set, in its order.';

CREATE FUNCTION mlops.column_profile(profiles mlops.profile_set, name text) RETURNS mlops.profile
	LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE
	AS 'MODULE_PATHNAME', 'mlops_sql_column_profile';
COMMENT ON FUNCTION mlops.column_profile(mlops.profile_set, text) IS
'The profile of that name; NULL if the set has none.';

CREATE FUNCTION mlops.profile_set_add(internal, text, mlops.profile) RETURNS internal
	LANGUAGE C IMMUTABLE PARALLEL SAFE
	AS 'MODULE_PATHNAME', 'mlops_sql_profile_set_add';
COMMENT ON FUNCTION mlops.profile_set_add(internal, text, mlops.profile) IS
'step of the aggregate profile_set';

CREATE FUNCTION mlops.profile_set_collect(internal) RETURNS mlops.profile_set
	LANGUAGE C IMMUTABLE PARALLEL SAFE
	AS 'MODULE_PATHNAME', 'mlops_sql_profile_set_collect';
COMMENT ON FUNCTION mlops.profile_set_collect(internal) IS
'end of the aggregate profile_set';

CREATE AGGREGATE mlops.profile_set(name text, profile mlops.profile) (
	SFUNC = mlops.profile_set_add, STYPE = internal, FINALFUNC = mlops.profile_set_collect, PARALLEL = SAFE
);
COMMENT ON AGGREGATE mlops.profile_set(text, mlops.profile) IS
'Makes a set of named profiles, in the order of the rows; with ORDER BY inside the parentheses, in that order. NULL without rows. Errors: 22004 for a NULL name or profile, 42701 for a name that comes twice, 42602 for an empty name or one of more than 255 bytes.';

CREATE FUNCTION mlops.profile_add(mlops.profile_set, record, mlops.profile_set) RETURNS mlops.profile_set
	LANGUAGE C STABLE PARALLEL SAFE
	AS 'MODULE_PATHNAME', 'mlops_sql_profile_add_row';
COMMENT ON FUNCTION mlops.profile_add(mlops.profile_set, record, mlops.profile_set) IS
'step of the aggregate profile of rows';

CREATE FUNCTION mlops.profile_set_combine(mlops.profile_set, mlops.profile_set) RETURNS mlops.profile_set
	LANGUAGE C IMMUTABLE PARALLEL SAFE
	AS 'MODULE_PATHNAME', 'mlops_sql_profile_set_combine';
COMMENT ON FUNCTION mlops.profile_set_combine(mlops.profile_set, mlops.profile_set) IS
'step of the aggregates profile of rows and profile_merge';

CREATE FUNCTION mlops.profile_set_final(mlops.profile_set) RETURNS mlops.profile_set
	LANGUAGE C IMMUTABLE PARALLEL SAFE
	AS 'MODULE_PATHNAME', 'mlops_sql_profile_set_final';
COMMENT ON FUNCTION mlops.profile_set_final(mlops.profile_set) IS
'end of the aggregates profile of rows and profile_merge';

CREATE AGGREGATE mlops.profile(value record, reference mlops.profile_set) (
	SFUNC = mlops.profile_add, STYPE = mlops.profile_set, SSPACE = 32768,
	FINALFUNC = mlops.profile_set_final, COMBINEFUNC = mlops.profile_set_combine, PARALLEL = SAFE
);
COMMENT ON AGGREGATE mlops.profile(record, mlops.profile_set) IS
'Counts every column of whole rows in one pass: SELECT mlops.profile(t, (SELECT ...)) FROM t. Columns match the profiles of the reference by name; further columns are ignored. Numbers, booleans, dates and times as in the aggregates of single values, money in its smallest unit, all else as a label by its text; a number whose reference has labels is counted by its text. A NULL row is skipped. Errors: 42703 for a missing column, 42804 for a label where the reference has numbers, 22004 for a NULL reference.';

CREATE FUNCTION mlops.reference_add(internal, record) RETURNS internal
	LANGUAGE C STABLE PARALLEL SAFE
	AS 'MODULE_PATHNAME', 'mlops_sql_reference_add_row';
COMMENT ON FUNCTION mlops.reference_add(internal, record) IS
'step of the aggregate reference of rows';

CREATE FUNCTION mlops.reference_add(internal, record, int) RETURNS internal
	LANGUAGE C STABLE PARALLEL SAFE
	AS 'MODULE_PATHNAME', 'mlops_sql_reference_add_row';
COMMENT ON FUNCTION mlops.reference_add(internal, record, int) IS
'step of the aggregate reference of rows';

CREATE FUNCTION mlops.reference_row_final(internal) RETURNS mlops.profile_set
	LANGUAGE C IMMUTABLE PARALLEL SAFE
	AS 'MODULE_PATHNAME', 'mlops_sql_reference_row_final';
COMMENT ON FUNCTION mlops.reference_row_final(internal) IS
'end of the aggregate reference of rows';

CREATE AGGREGATE mlops.reference(value record) (
	SFUNC = mlops.reference_add, STYPE = internal, SSPACE = 1000000, FINALFUNC = mlops.reference_row_final,
	FINALFUNC_MODIFY = READ_WRITE, PARALLEL = SAFE
);
COMMENT ON AGGREGATE mlops.reference(record) IS
'One reference per column of whole rows: SELECT mlops.reference(t) FROM t. Columns as in the aggregates of single values; types that are no numbers as labels by their text. One sort per column shares work_mem. A NULL row is skipped; NULL without rows.';

CREATE AGGREGATE mlops.reference(value record, cells int) (
	SFUNC = mlops.reference_add, STYPE = internal, SSPACE = 1000000, FINALFUNC = mlops.reference_row_final,
	FINALFUNC_MODIFY = READ_WRITE, PARALLEL = SAFE
);
COMMENT ON AGGREGATE mlops.reference(record, int) IS
'As mlops.reference(record), with the number of cells of every column.';

CREATE AGGREGATE mlops.profile_merge(profiles mlops.profile_set) (
	SFUNC = mlops.profile_set_combine, STYPE = mlops.profile_set, SSPACE = 32768,
	FINALFUNC = mlops.profile_set_final, COMBINEFUNC = mlops.profile_set_combine, PARALLEL = SAFE
);
COMMENT ON AGGREGATE mlops.profile_merge(mlops.profile_set) IS
'Adds up sets of profiles of one reference, column by column, as profile_merge of single ones.';
