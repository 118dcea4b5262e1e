-- partitions of the first week, before any dispatcher runs; behind the grants, of which they get none
CREATE FUNCTION mlops.make_partitions() RETURNS void LANGUAGE C AS 'MODULE_PATHNAME', 'mlops_sql_make_partitions';
SELECT mlops.make_partitions();
DROP FUNCTION mlops.make_partitions();
