-- profiles: histograms with exact sums; aggregates that make, count and merge them

CREATE TYPE mlops.profile;

CREATE FUNCTION mlops.profile_in(cstring) RETURNS mlops.profile
	LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE
	AS 'MODULE_PATHNAME', 'mlops_sql_profile_in';
COMMENT ON FUNCTION mlops.profile_in(cstring) IS 'input of mlops.profile; any text but a whole valid profile is an error';

CREATE FUNCTION mlops.profile_out(mlops.profile) RETURNS cstring
	LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE
	AS 'MODULE_PATHNAME', 'mlops_sql_profile_out';
COMMENT ON FUNCTION mlops.profile_out(mlops.profile) IS 'output of mlops.profile: one JSON object, exact';

CREATE FUNCTION mlops.profile_recv(internal) RETURNS mlops.profile
	LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE
	AS 'MODULE_PATHNAME', 'mlops_sql_profile_recv';
COMMENT ON FUNCTION mlops.profile_recv(internal) IS 'binary input of mlops.profile: a byte with the number of the format, then the text';

CREATE FUNCTION mlops.profile_send(mlops.profile) RETURNS bytea
	LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE
	AS 'MODULE_PATHNAME', 'mlops_sql_profile_send';
COMMENT ON FUNCTION mlops.profile_send(mlops.profile) IS 'binary output of mlops.profile';

CREATE TYPE mlops.profile (
	INPUT = mlops.profile_in, OUTPUT = mlops.profile_out,
	RECEIVE = mlops.profile_recv, SEND = mlops.profile_send,
	INTERNALLENGTH = VARIABLE, ALIGNMENT = double, STORAGE = extended
);
COMMENT ON TYPE mlops.profile IS
'What is known of a column: how many rows fell into each cell of a reference, with exact sums. Numbers: cells between quantiles of the reference, values with many rows in cells of their own; sum per cell, minimum, maximum, second moment. Labels: the most frequent ones, the others, and those that the reference never saw. NULL, NaN and infinite values have cells too. Text: one JSON object; edges and extremes as numbers, sums as integers in units of 2^unit. About 1 kB for 20 cells.';

CREATE FUNCTION mlops.profile_equal(a mlops.profile, b mlops.profile) RETURNS boolean
	LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE
	AS 'MODULE_PATHNAME', 'mlops_sql_profile_equal';
COMMENT ON FUNCTION mlops.profile_equal(mlops.profile, mlops.profile) IS
'Whether two profiles have the same cells, counts and sums, to the last bit.';

CREATE FUNCTION mlops.profile_differ(a mlops.profile, b mlops.profile) RETURNS boolean
	LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE
	AS 'MODULE_PATHNAME', 'mlops_sql_profile_differ';
COMMENT ON FUNCTION mlops.profile_differ(mlops.profile, mlops.profile) IS
'The opposite of profile_equal.';

CREATE OPERATOR mlops.= (
	LEFTARG = mlops.profile, RIGHTARG = mlops.profile, FUNCTION = mlops.profile_equal,
	COMMUTATOR = OPERATOR(mlops.=), NEGATOR = OPERATOR(mlops.<>), RESTRICT = eqsel, JOIN = eqjoinsel
);
COMMENT ON OPERATOR mlops.= (mlops.profile, mlops.profile) IS 'same cells, counts and sums';

CREATE OPERATOR mlops.<> (
	LEFTARG = mlops.profile, RIGHTARG = mlops.profile, FUNCTION = mlops.profile_differ,
	COMMUTATOR = OPERATOR(mlops.<>), NEGATOR = OPERATOR(mlops.=), RESTRICT = neqsel, JOIN = neqjoinsel
);
COMMENT ON OPERATOR mlops.<> (mlops.profile, mlops.profile) IS 'not the same cells, counts and sums';

CREATE FUNCTION mlops.rows(profile mlops.profile) RETURNS bigint
	LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE
	AS 'MODULE_PATHNAME', 'mlops_sql_profile_rows';
COMMENT ON FUNCTION mlops.rows(mlops.profile) IS
'Rows that the profile counts, NULL and all other special cells included. Negative after corrections only.';

CREATE FUNCTION mlops.mean(profile mlops.profile) RETURNS float8
	LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE
	AS 'MODULE_PATHNAME', 'mlops_sql_profile_mean';
COMMENT ON FUNCTION mlops.mean(mlops.profile) IS
'Mean of the finite numbers; each enters to a 2^53rd of the greatest absolute value of the reference, and the sum is exact. NULL without any, and for labels.';

CREATE FUNCTION mlops.stddev(profile mlops.profile) RETURNS float8
	LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE
	AS 'MODULE_PATHNAME', 'mlops_sql_profile_stddev';
COMMENT ON FUNCTION mlops.stddev(mlops.profile) IS
'Standard deviation of the finite numbers as stddev() of SQL: of a sample, n - 1; the variance to a 2^44th of the squared range of the reference. NULL for fewer than two, and for labels.';

CREATE FUNCTION mlops.minimum(profile mlops.profile) RETURNS float8
	LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE
	AS 'MODULE_PATHNAME', 'mlops_sql_profile_minimum';
COMMENT ON FUNCTION mlops.minimum(mlops.profile) IS
'Least finite number; NULL without any, and for labels. Corrections do not take it back.';

CREATE FUNCTION mlops.maximum(profile mlops.profile) RETURNS float8
	LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE
	AS 'MODULE_PATHNAME', 'mlops_sql_profile_maximum';
COMMENT ON FUNCTION mlops.maximum(mlops.profile) IS
'Greatest finite number; NULL without any, and for labels. Corrections do not take it back.';

CREATE FUNCTION mlops.null_rate(profile mlops.profile) RETURNS float8
	LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE
	AS 'MODULE_PATHNAME', 'mlops_sql_profile_null_rate';
COMMENT ON FUNCTION mlops.null_rate(mlops.profile) IS
'Share of NULL among all rows, from 0 to 1; NULL without rows.';

CREATE FUNCTION mlops.quantile(profile mlops.profile, fraction float8) RETURNS float8
	LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE
	AS 'MODULE_PATHNAME', 'mlops_sql_profile_quantile';
COMMENT ON FUNCTION mlops.quantile(mlops.profile, float8) IS
'Finite number of rank ceil(fraction * n), as percentile_disc: exact at the edges of cells, in cells of one value and at the extremes, linear in between. NULL without numbers, and for labels. Error 22003 for a fraction outside 0 to 1.';

CREATE FUNCTION mlops.histogram(profile mlops.profile,
		OUT cell int, OUT kind text, OUT label text, OUT lo float8, OUT hi float8,
		OUT count bigint, OUT share float8, OUT mean float8) RETURNS SETOF record
	LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE ROWS 30
	AS 'MODULE_PATHNAME', 'mlops_sql_profile_histogram';
COMMENT ON FUNCTION mlops.histogram(mlops.profile) IS
'One line per cell, in order. cell: number from 1; kind: interval (lo < x <= hi), atom (x = lo = hi), label, other (labels that the reference saw and did not keep), unseen (labels that it never saw), null, nan, inf, -inf; count: rows; share: of all rows, NULL without any; mean: of the numbers in the cell, NULL without any. The first and the last interval are what lies outside the reference''s range.';

CREATE FUNCTION mlops.profile_final(mlops.profile) RETURNS mlops.profile
	LANGUAGE C IMMUTABLE PARALLEL SAFE
	AS 'MODULE_PATHNAME', 'mlops_sql_profile_final';
COMMENT ON FUNCTION mlops.profile_final(mlops.profile) IS 'end of the aggregates profile and profile_merge';

CREATE FUNCTION mlops.profile_combine(mlops.profile, mlops.profile) RETURNS mlops.profile
	LANGUAGE C IMMUTABLE PARALLEL SAFE
	AS 'MODULE_PATHNAME', 'mlops_sql_profile_combine';
COMMENT ON FUNCTION mlops.profile_combine(mlops.profile, mlops.profile) IS 'step of the aggregates profile and profile_merge';

CREATE FUNCTION mlops.profile_add(mlops.profile, float8, mlops.profile) RETURNS mlops.profile
	LANGUAGE C IMMUTABLE PARALLEL SAFE
	AS 'MODULE_PATHNAME', 'mlops_sql_profile_add_float8';
COMMENT ON FUNCTION mlops.profile_add(mlops.profile, float8, mlops.profile) IS 'step of the aggregate profile';

CREATE FUNCTION mlops.profile_add(mlops.profile, boolean, mlops.profile) RETURNS mlops.profile
	LANGUAGE C IMMUTABLE PARALLEL SAFE
	AS 'MODULE_PATHNAME', 'mlops_sql_profile_add_boolean';
COMMENT ON FUNCTION mlops.profile_add(mlops.profile, boolean, mlops.profile) IS 'step of the aggregate profile';

CREATE FUNCTION mlops.profile_add(mlops.profile, date, mlops.profile) RETURNS mlops.profile
	LANGUAGE C IMMUTABLE PARALLEL SAFE
	AS 'MODULE_PATHNAME', 'mlops_sql_profile_add_date';
COMMENT ON FUNCTION mlops.profile_add(mlops.profile, date, mlops.profile) IS 'step of the aggregate profile';

CREATE FUNCTION mlops.profile_add(mlops.profile, time, mlops.profile) RETURNS mlops.profile
	LANGUAGE C IMMUTABLE PARALLEL SAFE
	AS 'MODULE_PATHNAME', 'mlops_sql_profile_add_time';
COMMENT ON FUNCTION mlops.profile_add(mlops.profile, time, mlops.profile) IS 'step of the aggregate profile';

CREATE FUNCTION mlops.profile_add(mlops.profile, timestamp, mlops.profile) RETURNS mlops.profile
	LANGUAGE C IMMUTABLE PARALLEL SAFE
	AS 'MODULE_PATHNAME', 'mlops_sql_profile_add_timestamp';
COMMENT ON FUNCTION mlops.profile_add(mlops.profile, timestamp, mlops.profile) IS 'step of the aggregate profile';

CREATE FUNCTION mlops.profile_add(mlops.profile, timestamptz, mlops.profile) RETURNS mlops.profile
	LANGUAGE C IMMUTABLE PARALLEL SAFE
	AS 'MODULE_PATHNAME', 'mlops_sql_profile_add_timestamp';
COMMENT ON FUNCTION mlops.profile_add(mlops.profile, timestamptz, mlops.profile) IS 'step of the aggregate profile';

CREATE FUNCTION mlops.profile_add(mlops.profile, interval, mlops.profile) RETURNS mlops.profile
	LANGUAGE C IMMUTABLE PARALLEL SAFE
	AS 'MODULE_PATHNAME', 'mlops_sql_profile_add_interval';
COMMENT ON FUNCTION mlops.profile_add(mlops.profile, interval, mlops.profile) IS 'step of the aggregate profile';

CREATE FUNCTION mlops.profile_add(mlops.profile, text, mlops.profile) RETURNS mlops.profile
	LANGUAGE C IMMUTABLE PARALLEL SAFE
	AS 'MODULE_PATHNAME', 'mlops_sql_profile_add_text';
COMMENT ON FUNCTION mlops.profile_add(mlops.profile, text, mlops.profile) IS 'step of the aggregate profile';

CREATE FUNCTION mlops.profile_add(mlops.profile, anyenum, mlops.profile) RETURNS mlops.profile
	LANGUAGE C STABLE PARALLEL SAFE
	AS 'MODULE_PATHNAME', 'mlops_sql_profile_add_enum';
COMMENT ON FUNCTION mlops.profile_add(mlops.profile, anyenum, mlops.profile) IS 'step of the aggregate profile';

CREATE AGGREGATE mlops.profile(value float8, reference mlops.profile) (
	SFUNC = mlops.profile_add, STYPE = mlops.profile, SSPACE = 1200,
	FINALFUNC = mlops.profile_final, COMBINEFUNC = mlops.profile_combine, PARALLEL = SAFE
);
COMMENT ON AGGREGATE mlops.profile(float8, mlops.profile) IS
'Counts the values, NULL included, into the cells of a reference, which all rows of a group share: give it as (SELECT ...), not as a column of a join. Smaller numbers and numeric are cast. The result has the reference''s cells, so that both compare with mlops.drift and results merge with profile_merge, always to the same bits. NULL without rows. Errors: 22004 for a NULL reference, 22023 for one of another kind.';

CREATE AGGREGATE mlops.profile(value boolean, reference mlops.profile) (
	SFUNC = mlops.profile_add, STYPE = mlops.profile, SSPACE = 1200,
	FINALFUNC = mlops.profile_final, COMBINEFUNC = mlops.profile_combine, PARALLEL = SAFE
);
COMMENT ON AGGREGATE mlops.profile(boolean, mlops.profile) IS
'Counts the values, NULL included, into the cells of a reference, which all rows of a group share: give it as (SELECT ...), not as a column of a join. Booleans are counted as 0 and 1. The result has the reference''s cells, so that both compare with mlops.drift and results merge with profile_merge, always to the same bits. NULL without rows. Errors: 22004 for a NULL reference, 22023 for one of another kind.';

CREATE AGGREGATE mlops.profile(value date, reference mlops.profile) (
	SFUNC = mlops.profile_add, STYPE = mlops.profile, SSPACE = 1200,
	FINALFUNC = mlops.profile_final, COMBINEFUNC = mlops.profile_combine, PARALLEL = SAFE
);
COMMENT ON AGGREGATE mlops.profile(date, mlops.profile) IS
'Counts the values, NULL included, into the cells of a reference, which all rows of a group share: give it as (SELECT ...), not as a column of a join. Dates are counted as days since 2000-01-01. The result has the reference''s cells, so that both compare with mlops.drift and results merge with profile_merge, always to the same bits. NULL without rows. Errors: 22004 for a NULL reference, 22023 for one of another kind.';

CREATE AGGREGATE mlops.profile(value time, reference mlops.profile) (
	SFUNC = mlops.profile_add, STYPE = mlops.profile, SSPACE = 1200,
	FINALFUNC = mlops.profile_final, COMBINEFUNC = mlops.profile_combine, PARALLEL = SAFE
);
COMMENT ON AGGREGATE mlops.profile(time, mlops.profile) IS
'Counts the values, NULL included, into the cells of a reference, which all rows of a group share: give it as (SELECT ...), not as a column of a join. Times are counted as seconds since midnight. The result has the reference''s cells, so that both compare with mlops.drift and results merge with profile_merge, always to the same bits. NULL without rows. Errors: 22004 for a NULL reference, 22023 for one of another kind.';

CREATE AGGREGATE mlops.profile(value timestamp, reference mlops.profile) (
	SFUNC = mlops.profile_add, STYPE = mlops.profile, SSPACE = 1200,
	FINALFUNC = mlops.profile_final, COMBINEFUNC = mlops.profile_combine, PARALLEL = SAFE
);
COMMENT ON AGGREGATE mlops.profile(timestamp, mlops.profile) IS
'Counts the values, NULL included, into the cells of a reference, which all rows of a group share: give it as (SELECT ...), not as a column of a join. Timestamps are counted as seconds since 1970-01-01. The result has the reference''s cells, so that both compare with mlops.drift and results merge with profile_merge, always to the same bits. NULL without rows. Errors: 22004 for a NULL reference, 22023 for one of another kind.';

CREATE AGGREGATE mlops.profile(value timestamptz, reference mlops.profile) (
	SFUNC = mlops.profile_add, STYPE = mlops.profile, SSPACE = 1200,
	FINALFUNC = mlops.profile_final, COMBINEFUNC = mlops.profile_combine, PARALLEL = SAFE
);
COMMENT ON AGGREGATE mlops.profile(timestamptz, mlops.profile) IS
'Counts the values, NULL included, into the cells of a reference, which all rows of a group share: give it as (SELECT ...), not as a column of a join. Timestamps are counted as seconds since 1970-01-01 UTC. The result has the reference''s cells, so that both compare with mlops.drift and results merge with profile_merge, always to the same bits. NULL without rows. Errors: 22004 for a NULL reference, 22023 for one of another kind.';

CREATE AGGREGATE mlops.profile(value interval, reference mlops.profile) (
	SFUNC = mlops.profile_add, STYPE = mlops.profile, SSPACE = 1200,
	FINALFUNC = mlops.profile_final, COMBINEFUNC = mlops.profile_combine, PARALLEL = SAFE
);
COMMENT ON AGGREGATE mlops.profile(interval, mlops.profile) IS
'Counts the values, NULL included, into the cells of a reference, which all rows of a group share: give it as (SELECT ...), not as a column of a join. Intervals are counted as seconds, a month as 30 days and a year as 365.25, as extract(epoch) does. The result has the reference''s cells, so that both compare with mlops.drift and results merge with profile_merge, always to the same bits. NULL without rows. Errors: 22004 for a NULL reference, 22023 for one of another kind.';

CREATE AGGREGATE mlops.profile(value text, reference mlops.profile) (
	SFUNC = mlops.profile_add, STYPE = mlops.profile, SSPACE = 1200,
	FINALFUNC = mlops.profile_final, COMBINEFUNC = mlops.profile_combine, PARALLEL = SAFE
);
COMMENT ON AGGREGATE mlops.profile(text, mlops.profile) IS
'Counts the values, NULL included, into the cells of a reference, which all rows of a group share: give it as (SELECT ...), not as a column of a join. Labels: equal ones are equal bytes; more than 255 bytes are shortened to their start and a hash. The result has the reference''s cells, so that both compare with mlops.drift and results merge with profile_merge, always to the same bits. NULL without rows. Errors: 22004 for a NULL reference, 22023 for one of another kind.';

CREATE AGGREGATE mlops.profile(value anyenum, reference mlops.profile) (
	SFUNC = mlops.profile_add, STYPE = mlops.profile, SSPACE = 1200,
	FINALFUNC = mlops.profile_final, COMBINEFUNC = mlops.profile_combine, PARALLEL = SAFE
);
COMMENT ON AGGREGATE mlops.profile(anyenum, mlops.profile) IS
'Counts the values, NULL included, into the cells of a reference, which all rows of a group share: give it as (SELECT ...), not as a column of a join. Enums are labels by their text. The result has the reference''s cells, so that both compare with mlops.drift and results merge with profile_merge, always to the same bits. NULL without rows. Errors: 22004 for a NULL reference, 22023 for one of another kind.';

CREATE FUNCTION mlops.reference_add(internal, float8) RETURNS internal
	LANGUAGE C IMMUTABLE PARALLEL SAFE
	AS 'MODULE_PATHNAME', 'mlops_sql_reference_add_float8';
COMMENT ON FUNCTION mlops.reference_add(internal, float8) IS 'step of the aggregate reference';

CREATE FUNCTION mlops.reference_add(internal, float8, int) RETURNS internal
	LANGUAGE C IMMUTABLE PARALLEL SAFE
	AS 'MODULE_PATHNAME', 'mlops_sql_reference_add_float8';
COMMENT ON FUNCTION mlops.reference_add(internal, float8, int) IS 'step of the aggregate reference';

CREATE FUNCTION mlops.reference_add(internal, boolean) RETURNS internal
	LANGUAGE C IMMUTABLE PARALLEL SAFE
	AS 'MODULE_PATHNAME', 'mlops_sql_reference_add_boolean';
COMMENT ON FUNCTION mlops.reference_add(internal, boolean) IS 'step of the aggregate reference';

CREATE FUNCTION mlops.reference_add(internal, boolean, int) RETURNS internal
	LANGUAGE C IMMUTABLE PARALLEL SAFE
	AS 'MODULE_PATHNAME', 'mlops_sql_reference_add_boolean';
COMMENT ON FUNCTION mlops.reference_add(internal, boolean, int) IS 'step of the aggregate reference';

CREATE FUNCTION mlops.reference_add(internal, date) RETURNS internal
	LANGUAGE C IMMUTABLE PARALLEL SAFE
	AS 'MODULE_PATHNAME', 'mlops_sql_reference_add_date';
COMMENT ON FUNCTION mlops.reference_add(internal, date) IS 'step of the aggregate reference';

CREATE FUNCTION mlops.reference_add(internal, date, int) RETURNS internal
	LANGUAGE C IMMUTABLE PARALLEL SAFE
	AS 'MODULE_PATHNAME', 'mlops_sql_reference_add_date';
COMMENT ON FUNCTION mlops.reference_add(internal, date, int) IS 'step of the aggregate reference';

CREATE FUNCTION mlops.reference_add(internal, time) RETURNS internal
	LANGUAGE C IMMUTABLE PARALLEL SAFE
	AS 'MODULE_PATHNAME', 'mlops_sql_reference_add_time';
COMMENT ON FUNCTION mlops.reference_add(internal, time) IS 'step of the aggregate reference';

CREATE FUNCTION mlops.reference_add(internal, time, int) RETURNS internal
	LANGUAGE C IMMUTABLE PARALLEL SAFE
	AS 'MODULE_PATHNAME', 'mlops_sql_reference_add_time';
COMMENT ON FUNCTION mlops.reference_add(internal, time, int) IS 'step of the aggregate reference';

CREATE FUNCTION mlops.reference_add(internal, timestamp) RETURNS internal
	LANGUAGE C IMMUTABLE PARALLEL SAFE
	AS 'MODULE_PATHNAME', 'mlops_sql_reference_add_timestamp';
COMMENT ON FUNCTION mlops.reference_add(internal, timestamp) IS 'step of the aggregate reference';

CREATE FUNCTION mlops.reference_add(internal, timestamp, int) RETURNS internal
	LANGUAGE C IMMUTABLE PARALLEL SAFE
	AS 'MODULE_PATHNAME', 'mlops_sql_reference_add_timestamp';
COMMENT ON FUNCTION mlops.reference_add(internal, timestamp, int) IS 'step of the aggregate reference';

CREATE FUNCTION mlops.reference_add(internal, timestamptz) RETURNS internal
	LANGUAGE C IMMUTABLE PARALLEL SAFE
	AS 'MODULE_PATHNAME', 'mlops_sql_reference_add_timestamp';
COMMENT ON FUNCTION mlops.reference_add(internal, timestamptz) IS 'step of the aggregate reference';

CREATE FUNCTION mlops.reference_add(internal, timestamptz, int) RETURNS internal
	LANGUAGE C IMMUTABLE PARALLEL SAFE
	AS 'MODULE_PATHNAME', 'mlops_sql_reference_add_timestamp';
COMMENT ON FUNCTION mlops.reference_add(internal, timestamptz, int) IS 'step of the aggregate reference';

CREATE FUNCTION mlops.reference_add(internal, interval) RETURNS internal
	LANGUAGE C IMMUTABLE PARALLEL SAFE
	AS 'MODULE_PATHNAME', 'mlops_sql_reference_add_interval';
COMMENT ON FUNCTION mlops.reference_add(internal, interval) IS 'step of the aggregate reference';

CREATE FUNCTION mlops.reference_add(internal, interval, int) RETURNS internal
	LANGUAGE C IMMUTABLE PARALLEL SAFE
	AS 'MODULE_PATHNAME', 'mlops_sql_reference_add_interval';
COMMENT ON FUNCTION mlops.reference_add(internal, interval, int) IS 'step of the aggregate reference';

CREATE FUNCTION mlops.reference_add(internal, text) RETURNS internal
	LANGUAGE C IMMUTABLE PARALLEL SAFE
	AS 'MODULE_PATHNAME', 'mlops_sql_reference_add_text';
COMMENT ON FUNCTION mlops.reference_add(internal, text) IS 'step of the aggregate reference';

CREATE FUNCTION mlops.reference_add(internal, text, int) RETURNS internal
	LANGUAGE C IMMUTABLE PARALLEL SAFE
	AS 'MODULE_PATHNAME', 'mlops_sql_reference_add_text';
COMMENT ON FUNCTION mlops.reference_add(internal, text, int) IS 'step of the aggregate reference';

CREATE FUNCTION mlops.reference_add(internal, anyenum) RETURNS internal
	LANGUAGE C STABLE PARALLEL SAFE
	AS 'MODULE_PATHNAME', 'mlops_sql_reference_add_enum';
COMMENT ON FUNCTION mlops.reference_add(internal, anyenum) IS 'step of the aggregate reference';

CREATE FUNCTION mlops.reference_add(internal, anyenum, int) RETURNS internal
	LANGUAGE C STABLE PARALLEL SAFE
	AS 'MODULE_PATHNAME', 'mlops_sql_reference_add_enum';
COMMENT ON FUNCTION mlops.reference_add(internal, anyenum, int) IS 'step of the aggregate reference';

CREATE FUNCTION mlops.reference_final(internal) RETURNS mlops.profile
	LANGUAGE C IMMUTABLE PARALLEL SAFE
	AS 'MODULE_PATHNAME', 'mlops_sql_reference_final';
COMMENT ON FUNCTION mlops.reference_final(internal) IS 'end of the aggregate reference';

CREATE AGGREGATE mlops.reference(value float8) (
	SFUNC = mlops.reference_add, STYPE = internal, SSPACE = 65536, FINALFUNC = mlops.reference_final,
	FINALFUNC_MODIFY = READ_WRITE, PARALLEL = SAFE
);
COMMENT ON AGGREGATE mlops.reference(float8) IS
'A profile whose cells suit the values themselves: edges are quantiles (cells: how many between them, default 10), the extremes, and both sides of every value that has at least one row in cells; of at most that many distinct values each gets a cell. Smaller numbers and numeric are cast. Sorts, in work_mem and then on disk; not for windows. NULL without rows. Error 22023 unless cells is 1 to 1000.';

CREATE AGGREGATE mlops.reference(value float8, cells int) (
	SFUNC = mlops.reference_add, STYPE = internal, SSPACE = 65536, FINALFUNC = mlops.reference_final,
	FINALFUNC_MODIFY = READ_WRITE, PARALLEL = SAFE
);
COMMENT ON AGGREGATE mlops.reference(float8, int) IS
'As mlops.reference(float8), with the number of cells.';

CREATE AGGREGATE mlops.reference(value boolean) (
	SFUNC = mlops.reference_add, STYPE = internal, SSPACE = 65536, FINALFUNC = mlops.reference_final,
	FINALFUNC_MODIFY = READ_WRITE, PARALLEL = SAFE
);
COMMENT ON AGGREGATE mlops.reference(boolean) IS
'A profile whose cells suit the values themselves: edges are quantiles (cells: how many between them, default 10), the extremes, and both sides of every value that has at least one row in cells; of at most that many distinct values each gets a cell. Booleans are counted as 0 and 1. Sorts, in work_mem and then on disk; not for windows. NULL without rows. Error 22023 unless cells is 1 to 1000.';

CREATE AGGREGATE mlops.reference(value boolean, cells int) (
	SFUNC = mlops.reference_add, STYPE = internal, SSPACE = 65536, FINALFUNC = mlops.reference_final,
	FINALFUNC_MODIFY = READ_WRITE, PARALLEL = SAFE
);
COMMENT ON AGGREGATE mlops.reference(boolean, int) IS
'As mlops.reference(boolean), with the number of cells.';

CREATE AGGREGATE mlops.reference(value date) (
	SFUNC = mlops.reference_add, STYPE = internal, SSPACE = 65536, FINALFUNC = mlops.reference_final,
	FINALFUNC_MODIFY = READ_WRITE, PARALLEL = SAFE
);
COMMENT ON AGGREGATE mlops.reference(date) IS
'A profile whose cells suit the values themselves: edges are quantiles (cells: how many between them, default 10), the extremes, and both sides of every value that has at least one row in cells; of at most that many distinct values each gets a cell. Dates are counted as days since 2000-01-01. Sorts, in work_mem and then on disk; not for windows. NULL without rows. Error 22023 unless cells is 1 to 1000.';

CREATE AGGREGATE mlops.reference(value date, cells int) (
	SFUNC = mlops.reference_add, STYPE = internal, SSPACE = 65536, FINALFUNC = mlops.reference_final,
	FINALFUNC_MODIFY = READ_WRITE, PARALLEL = SAFE
);
COMMENT ON AGGREGATE mlops.reference(date, int) IS
'As mlops.reference(date), with the number of cells.';

CREATE AGGREGATE mlops.reference(value time) (
	SFUNC = mlops.reference_add, STYPE = internal, SSPACE = 65536, FINALFUNC = mlops.reference_final,
	FINALFUNC_MODIFY = READ_WRITE, PARALLEL = SAFE
);
COMMENT ON AGGREGATE mlops.reference(time) IS
'A profile whose cells suit the values themselves: edges are quantiles (cells: how many between them, default 10), the extremes, and both sides of every value that has at least one row in cells; of at most that many distinct values each gets a cell. Times are counted as seconds since midnight. Sorts, in work_mem and then on disk; not for windows. NULL without rows. Error 22023 unless cells is 1 to 1000.';

CREATE AGGREGATE mlops.reference(value time, cells int) (
	SFUNC = mlops.reference_add, STYPE = internal, SSPACE = 65536, FINALFUNC = mlops.reference_final,
	FINALFUNC_MODIFY = READ_WRITE, PARALLEL = SAFE
);
COMMENT ON AGGREGATE mlops.reference(time, int) IS
'As mlops.reference(time), with the number of cells.';

CREATE AGGREGATE mlops.reference(value timestamp) (
	SFUNC = mlops.reference_add, STYPE = internal, SSPACE = 65536, FINALFUNC = mlops.reference_final,
	FINALFUNC_MODIFY = READ_WRITE, PARALLEL = SAFE
);
COMMENT ON AGGREGATE mlops.reference(timestamp) IS
'A profile whose cells suit the values themselves: edges are quantiles (cells: how many between them, default 10), the extremes, and both sides of every value that has at least one row in cells; of at most that many distinct values each gets a cell. Timestamps are counted as seconds since 1970-01-01. Sorts, in work_mem and then on disk; not for windows. NULL without rows. Error 22023 unless cells is 1 to 1000.';

CREATE AGGREGATE mlops.reference(value timestamp, cells int) (
	SFUNC = mlops.reference_add, STYPE = internal, SSPACE = 65536, FINALFUNC = mlops.reference_final,
	FINALFUNC_MODIFY = READ_WRITE, PARALLEL = SAFE
);
COMMENT ON AGGREGATE mlops.reference(timestamp, int) IS
'As mlops.reference(timestamp), with the number of cells.';

CREATE AGGREGATE mlops.reference(value timestamptz) (
	SFUNC = mlops.reference_add, STYPE = internal, SSPACE = 65536, FINALFUNC = mlops.reference_final,
	FINALFUNC_MODIFY = READ_WRITE, PARALLEL = SAFE
);
COMMENT ON AGGREGATE mlops.reference(timestamptz) IS
'A profile whose cells suit the values themselves: edges are quantiles (cells: how many between them, default 10), the extremes, and both sides of every value that has at least one row in cells; of at most that many distinct values each gets a cell. Timestamps are counted as seconds since 1970-01-01 UTC. Sorts, in work_mem and then on disk; not for windows. NULL without rows. Error 22023 unless cells is 1 to 1000.';

CREATE AGGREGATE mlops.reference(value timestamptz, cells int) (
	SFUNC = mlops.reference_add, STYPE = internal, SSPACE = 65536, FINALFUNC = mlops.reference_final,
	FINALFUNC_MODIFY = READ_WRITE, PARALLEL = SAFE
);
COMMENT ON AGGREGATE mlops.reference(timestamptz, int) IS
'As mlops.reference(timestamptz), with the number of cells.';

CREATE AGGREGATE mlops.reference(value interval) (
	SFUNC = mlops.reference_add, STYPE = internal, SSPACE = 65536, FINALFUNC = mlops.reference_final,
	FINALFUNC_MODIFY = READ_WRITE, PARALLEL = SAFE
);
COMMENT ON AGGREGATE mlops.reference(interval) IS
'A profile whose cells suit the values themselves: edges are quantiles (cells: how many between them, default 10), the extremes, and both sides of every value that has at least one row in cells; of at most that many distinct values each gets a cell. Intervals are counted as seconds, a month as 30 days and a year as 365.25, as extract(epoch) does. Sorts, in work_mem and then on disk; not for windows. NULL without rows. Error 22023 unless cells is 1 to 1000.';

CREATE AGGREGATE mlops.reference(value interval, cells int) (
	SFUNC = mlops.reference_add, STYPE = internal, SSPACE = 65536, FINALFUNC = mlops.reference_final,
	FINALFUNC_MODIFY = READ_WRITE, PARALLEL = SAFE
);
COMMENT ON AGGREGATE mlops.reference(interval, int) IS
'As mlops.reference(interval), with the number of cells.';

CREATE AGGREGATE mlops.reference(value text) (
	SFUNC = mlops.reference_add, STYPE = internal, SSPACE = 65536, FINALFUNC = mlops.reference_final,
	FINALFUNC_MODIFY = READ_WRITE, PARALLEL = SAFE
);
COMMENT ON AGGREGATE mlops.reference(text) IS
'A profile whose cells suit the values themselves: the most frequent labels get a cell each (cells: how many, default 50, of equal ones the bytewise first); the rest is counted together. Labels: equal ones are equal bytes; more than 255 bytes are shortened to their start and a hash. Sorts, in work_mem and then on disk; not for windows. NULL without rows. Error 22023 unless cells is 1 to 1000.';

CREATE AGGREGATE mlops.reference(value text, cells int) (
	SFUNC = mlops.reference_add, STYPE = internal, SSPACE = 65536, FINALFUNC = mlops.reference_final,
	FINALFUNC_MODIFY = READ_WRITE, PARALLEL = SAFE
);
COMMENT ON AGGREGATE mlops.reference(text, int) IS
'As mlops.reference(text), with the number of cells.';

CREATE AGGREGATE mlops.reference(value anyenum) (
	SFUNC = mlops.reference_add, STYPE = internal, SSPACE = 65536, FINALFUNC = mlops.reference_final,
	FINALFUNC_MODIFY = READ_WRITE, PARALLEL = SAFE
);
COMMENT ON AGGREGATE mlops.reference(anyenum) IS
'A profile whose cells suit the values themselves: the most frequent labels get a cell each (cells: how many, default 50, of equal ones the bytewise first); the rest is counted together. Enums are labels by their text. Sorts, in work_mem and then on disk; not for windows. NULL without rows. Error 22023 unless cells is 1 to 1000.';

CREATE AGGREGATE mlops.reference(value anyenum, cells int) (
	SFUNC = mlops.reference_add, STYPE = internal, SSPACE = 65536, FINALFUNC = mlops.reference_final,
	FINALFUNC_MODIFY = READ_WRITE, PARALLEL = SAFE
);
COMMENT ON AGGREGATE mlops.reference(anyenum, int) IS
'As mlops.reference(anyenum), with the number of cells.';

CREATE AGGREGATE mlops.profile_merge(profile mlops.profile) (
	SFUNC = mlops.profile_combine, STYPE = mlops.profile, SSPACE = 1200,
	FINALFUNC = mlops.profile_final, COMBINEFUNC = mlops.profile_combine, PARALLEL = SAFE
);
COMMENT ON AGGREGATE mlops.profile_merge(mlops.profile) IS
'Adds up profiles of one reference, equal to the last bit in any order and to the profile of all rows together. NULL is skipped; NULL without profiles. Errors: 22023 for profiles of different references, 22003 beyond 2^48 rows in a cell.';
