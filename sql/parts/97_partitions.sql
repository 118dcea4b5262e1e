-- partitions of the first week, before any dispatcher runs; behind the grants, of which they get none
CREATE FUNCTION mlops.make_partitions() RETURNS void LANGUAGE C VOLATILE PARALLEL UNSAFE
	AS 'MODULE_PATHNAME', 'mlops_sql_make_partitions';
COMMENT ON FUNCTION mlops.make_partitions() IS 'Makes the first partitions of mlops.prediction_log; for the script of the extension only, which drops it.';
SELECT mlops.make_partitions();
DROP FUNCTION mlops.make_partitions();
