-- every object says what it is, and every routine states how it may be used
SELECT pg_describe_object(classid, objid, 0) AS without_comment
	FROM pg_depend
	WHERE refclassid = 'pg_extension'::regclass AND deptype = 'e'
		AND refobjid = (SELECT oid FROM pg_extension WHERE extname = 'mlops')
		AND classid IN ('pg_proc'::regclass, 'pg_class'::regclass, 'pg_namespace'::regclass)
		AND obj_description(objid, (SELECT relname FROM pg_class WHERE oid = classid)) IS NULL
	ORDER BY 1;
SELECT attrelid::regclass AS relation, attname AS column_without_comment
	FROM pg_attribute JOIN pg_class c ON c.oid = attrelid
	WHERE relnamespace = 'mlops'::regnamespace AND relkind IN ('r', 'p', 'v') AND attnum > 0 AND NOT attisdropped
		AND col_description(c.oid, attnum) IS NULL
	ORDER BY 1, attnum;
-- every table and identity sequence is dumped (the rows of partitions by way of another table), and shows its rows by row security only
SELECT c.oid::regclass AS not_dumped FROM pg_class c
	WHERE relnamespace = 'mlops'::regnamespace AND relkind IN ('r', 'S') AND NOT relispartition
		AND c.oid <> ALL ((SELECT extconfig FROM pg_extension WHERE extname = 'mlops')::oid[]);
SELECT c.oid::regclass AS without_row_security FROM pg_class c
	WHERE relnamespace = 'mlops'::regnamespace AND relkind IN ('r', 'p') AND NOT relrowsecurity;
SELECT c.oid::regclass AS view_with_rights_of_its_owner FROM pg_class c
	WHERE relnamespace = 'mlops'::regnamespace AND relkind = 'v'
		AND NOT (reloptions @> '{security_invoker=true,security_barrier=true}' OR reloptions @> '{security_invoker=on,security_barrier=on}');
-- roles are stored as such, so that a dump names them
SELECT attrelid::regclass AS relation, attname FROM pg_attribute JOIN pg_class c ON c.oid = attrelid
	WHERE relnamespace = 'mlops'::regnamespace AND relkind = 'r' AND attnum > 0 AND atttypid = 'oid'::regtype;
