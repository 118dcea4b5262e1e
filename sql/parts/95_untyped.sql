-- What drivers send without a type cannot become "any": each function of a model
-- and a row gets an overload whose row is the text of a JSON object.  It takes
-- untyped parameters and literals, and leaves every other type to its original.
DO $untyped$
DECLARE
	original regprocedure;
	signature text;
BEGIN
	FOR original, signature IN
		SELECT oid, format('mlops.%I(%s)', proname, replace(pg_get_function_identity_arguments(oid), 'VARIADIC features "any"', 'features text'))
		FROM pg_proc WHERE pronamespace = 'mlops'::regnamespace AND prokind = 'f' AND provariadic = '"any"'::regtype AND proargtypes[0] = 'text'::regtype
		ORDER BY proname
	LOOP
		EXECUTE regexp_replace(replace(pg_get_functiondef(original), 'VARIADIC features "any"', 'features text'),
							   '^CREATE .*? FUNCTION', 'CREATE FUNCTION');
		EXECUTE format('COMMENT ON FUNCTION %s IS %L', signature,
			format('As %s for a row that comes as text, such as an untyped parameter or literal: features is a JSON object, {"age": 42, "city": "Oslo", "tenure": null}, matched by name as jsonb is. NULL for a NULL model or row. Errors: as there; text that is not a JSON object.', original));
		EXECUTE format('REVOKE ALL ON FUNCTION %s FROM PUBLIC', signature);
		IF has_function_privilege('public', original, 'EXECUTE') THEN
			EXECUTE format('GRANT EXECUTE ON FUNCTION %s TO PUBLIC', signature);
		END IF;
	END LOOP;
END $untyped$;
