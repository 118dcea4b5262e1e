-- every shape that the row of a prediction can have, against each other; what
-- libxgboost says about the same models is asked in test/interop
\set VERBOSITY terse
\set superuser :USER
SET client_min_messages = warning;
CREATE ROLE regress_mlops_shapes LOGIN;
GRANT EXECUTE ON FUNCTION mlops.train, mlops.register_model TO regress_mlops_shapes;
GRANT EXECUTE ON PROCEDURE mlops.train_wait TO regress_mlops_shapes;
CREATE SCHEMA shapes AUTHORIZATION regress_mlops_shapes;
\connect - regress_mlops_shapes
SET client_min_messages = warning;
SET search_path = shapes;

-- one feature of each kind, and a target that needs all of them
CREATE TABLE house (id int PRIMARY KEY, garden boolean, city text, size numeric, rooms int, built date, rent real[], price float8);
INSERT INTO house SELECT i, i % 2 = 0, (ARRAY['Bern', 'Oslo', 'Rome'])[1 + i % 3], (i * 7919 % 1500) / 10.0, i % 7, date '1950-01-01' + i * 53 % 20000,
	ARRAY[i * 31 % 100, i * 17 % 50], 0 FROM generate_series(1, 400) i;
UPDATE house SET price = garden::int * 50 + CASE city WHEN 'Oslo' THEN 80 WHEN 'Rome' THEN 30 ELSE 0 END + size + rooms * 20
	+ (built - '1950-01-01') / 200.0 + rent[1] + rent[2] * 2;
UPDATE house SET garden = NULL WHERE id % 41 = 0;
UPDATE house SET city = NULL WHERE id % 43 = 0;
UPDATE house SET size = NULL WHERE id % 47 = 0;
UPDATE house SET rent = ARRAY[rent[1], NULL] WHERE id % 53 = 0;
CALL mlops.train_wait('house', 'SELECT * FROM house', 'price', key => '{id}', include => '{built}', num_boost_round => 30, params => '{"max_depth": 5}');
SELECT string_agg(f ->> 'name', ' ' ORDER BY n) AS signature FROM mlops.model_version, jsonb_array_elements(signature -> 'features') WITH ORDINALITY a(f, n) WHERE model = 'house';
CREATE TABLE truth AS SELECT id, mlops.predict('house', h) AS p FROM house h;
SELECT count(DISTINCT p) > 300 AS differ, corr(p, price) > 0.95 AS learned FROM truth JOIN house USING (id);

-- rows: named composite, subquery, record, domain over composite, named_row, other order and types, further columns
CREATE DOMAIN house_domain AS house;
CREATE FUNCTION make_record(h house) RETURNS record LANGUAGE sql AS
	'SELECT s FROM (SELECT h.rent, h.built, h.rooms::int8 AS rooms, h.size, h.city::varchar AS city, h.garden, 1 AS more) s';
SELECT count(*) AS rows, count(*) FILTER (WHERE p IS DISTINCT FROM mlops.predict('house', h::house_domain)) AS domain,
	count(*) FILTER (WHERE p IS DISTINCT FROM mlops.predict('house', make_record(h))) AS record,
	count(*) FILTER (WHERE p IS DISTINCT FROM (SELECT mlops.predict('house', s)
		FROM (SELECT rent::float8[], city, garden, size, rooms, built) s)) AS subquery,
	count(*) FILTER (WHERE p IS DISTINCT FROM mlops.predict('house',
		mlops.named_row('{rooms,garden,city,built,rent,size}', rooms, garden, city, built, rent, size))) AS named_row
FROM truth JOIN house h USING (id);
-- objects: jsonb, json, text, with further members, in any order
SELECT count(*) FILTER (WHERE p IS DISTINCT FROM mlops.predict('house', to_jsonb(h))) AS jsonb,
	count(*) FILTER (WHERE p IS DISTINCT FROM mlops.predict('house', to_json(h))) AS json,
	count(*) FILTER (WHERE p IS DISTINCT FROM mlops.predict('house', to_json(h)::text)) AS text,
	count(*) FILTER (WHERE p IS DISTINCT FROM mlops.predict('house', to_json(h)::varchar)) AS varchar,
	count(*) FILTER (WHERE p IS DISTINCT FROM mlops.predict(model => 'house', features => to_json(h)::text)) AS named
FROM truth JOIN house h USING (id);
-- separate arguments, in the order of the signature
SELECT count(*) FILTER (WHERE p IS DISTINCT FROM mlops.predict('house', garden, city, size, rooms, built, rent)) AS as_stored,
	count(*) FILTER (WHERE p IS DISTINCT FROM mlops.predict('house', garden, city::char(10), size::text::numeric, rooms::real, built, rent::numeric[])) AS other_types
FROM truth JOIN house h USING (id);

-- S02: a model of numbers only takes arrays of any numeric type
CREATE TABLE number AS SELECT i AS id, i % 11 AS a, i % 7 AS b, i % 5 AS c, (i % 11) * (i % 7) - (i % 5) AS y FROM generate_series(1, 400) i;
UPDATE number SET b = NULL WHERE id % 19 = 0;
CALL mlops.train_wait('number', 'SELECT * FROM number', 'y', key => '{id}', task => 'regression', num_boost_round => 20, params => '{"max_depth": 4}');
SELECT count(DISTINCT p) > 40 AS differ, count(*) FILTER (WHERE p IS DISTINCT FROM mlops.predict('number', ARRAY[a, b, c])) AS int4,
	count(*) FILTER (WHERE p IS DISTINCT FROM mlops.predict('number', ARRAY[a, b, c]::int2[])) AS int2,
	count(*) FILTER (WHERE p IS DISTINCT FROM mlops.predict('number', ARRAY[a, b, c]::int8[])) AS int8,
	count(*) FILTER (WHERE p IS DISTINCT FROM mlops.predict('number', ARRAY[a, b, c]::real[])) AS float4,
	count(*) FILTER (WHERE p IS DISTINCT FROM mlops.predict('number', ARRAY[a, b, c]::float8[])) AS float8,
	count(*) FILTER (WHERE p IS DISTINCT FROM mlops.predict('number', ARRAY[a, b, c]::numeric[])) AS "numeric",
	count(*) FILTER (WHERE p IS DISTINCT FROM mlops.predict('number', VARIADIC ARRAY[a, b, c])) AS variadic,
	count(*) FILTER (WHERE p IS DISTINCT FROM mlops.predict('number', a, b, c)) AS arguments
FROM (SELECT *, mlops.predict('number', number) AS p FROM number) n;
SELECT mlops.predict('number', '[7:9]={1,2,3}'::int[]) = mlops.predict('number', 1, 2, 3) AS bounds_do_not_matter;
-- all features count in an array, the elements of an array column too; VARIADIC passes the array as such
SELECT mlops.predict('number', VARIADIC NULL::int[]) IS NULL AS no_row, mlops.predict('number', VARIADIC ARRAY[1, NULL, 3]) = mlops.predict('number', 1, NULL::int, 3) AS missing;

-- one overload takes what has no type: literals and parameters, in every function; the other takes all the rest
SELECT count(*) > 5 AS several, bool_and(twin.oid IS NOT NULL) AS each, bool_and(array_position(twin.proargnames, 'features') = array_position(original.proargnames, 'features') AND twin.provariadic = 0
	AND (twin.prosrc, twin.prorettype, twin.proretset, twin.provolatile, twin.proparallel, twin.procost, twin.prorows, twin.prosupport)
	= (original.prosrc, original.prorettype, original.proretset, original.provolatile, original.proparallel, original.procost, original.prorows, original.prosupport)) AS equal,
	bool_and(has_function_privilege('public', twin.oid, 'EXECUTE') = has_function_privilege('public', original.oid, 'EXECUTE')) AS rights
FROM pg_proc original LEFT JOIN pg_proc twin ON twin.pronamespace = original.pronamespace AND twin.proname = original.proname AND twin.oid <> original.oid
WHERE original.pronamespace = 'mlops'::regnamespace AND original.prokind = 'f' AND original.provariadic = '"any"'::regtype AND original.proargtypes[0] = 'text'::regtype;
PREPARE untyped AS SELECT mlops.predict($1, $2);
SELECT name, parameter_types FROM pg_prepared_statements;
EXECUTE untyped('number', '{"c": 3, "b": null, "a": 1}') \gset
SELECT :predict = mlops.predict('number', 1, NULL::int, 3) AS same;
EXECUTE untyped('number', NULL);
EXECUTE untyped(NULL, '{}');
EXECUTE untyped('number', ' null ');
EXECUTE untyped('number', '{"a": 1, "b": 2, "c": 3');
EXECUTE untyped('number', '{"a": 1, "b": 2}');
EXECUTE untyped('number', '[1, 2, 3]');
EXECUTE untyped('number', '{1,2,3}');
EXECUTE untyped('number', 'Oslo');
EXECUTE untyped('number', '');
SELECT mlops.predict('number', '{"a": 1, "b": 2, "c": 3}') = mlops.predict('number', 1, 2, 3) AS literal, mlops.predict('number', NULL) IS NULL AS "null",
	mlops.predict_raw('number', '{"a": 1, "b": 2, "c": 3}') = mlops.predict_raw('number', 1, 2, 3) AS raw,
	mlops.predict_array('number', '{"a": 1, "b": 2, "c": 3}') = mlops.predict_array('number', 1, 2, 3) AS all_numbers;
-- the one text column of a model is no exception: a lone text is an object
CREATE TABLE word AS SELECT i AS id, (ARRAY['no', 'so', 'yes'])[1 + i % 3] AS word, i % 3 = 2 AS y FROM generate_series(1, 300) i;
CALL mlops.train_wait('word', 'SELECT * FROM word', 'y', key => '{id}', num_boost_round => 2);
SELECT mlops.predict('word', 'yes'::text);
CREATE TYPE word_row AS (word text);
SELECT word, mlops.predict('word', jsonb_build_object('word', word)) = p AS jsonb, mlops.predict('word', format('{"word": "%s"}', word)) = p AS text,
	mlops.predict('word', ARRAY[word]) = p AS "array", mlops.predict('word', ROW(word)::shapes.word_row) = p AS "row", mlops.predict_class('word', w), mlops.predict_proba('word', to_json(w)::text) = mlops.predict_proba('word', w) AS proba
FROM (SELECT DISTINCT word FROM word) w, LATERAL (SELECT mlops.predict('word', w) AS p) p ORDER BY word;
SELECT c.class, c.probability = (mlops.predict_proba('word', ARRAY['yes']))[n] AS same FROM mlops.predict_classes('word', '{"word": "yes"}') WITH ORDINALITY c(class, probability, n);

-- missing, not a number, unseen: what is missing equals NULL; a label never seen is no missing value
SELECT mlops.predict('number', 'NaN'::float8, 2, 3) = mlops.predict('number', NULL::int, 2, 3) AS nan,
	mlops.predict('number', ARRAY['NaN', 2, 3]::real[]) = mlops.predict('number', ARRAY[NULL, 2, 3]) AS nan_in_array,
	mlops.predict('number', 'NaN'::numeric, 2, 3) = mlops.predict('number', NULL::int, 2, 3) AS numeric_nan;
SELECT mlops.predict('word', '{"word": "never"}') = mlops.predict('word', mlops.named_row('{word}', 'never'::text)) AS unseen_everywhere_alike,
	mlops.predict('word', '{"word": null}') = mlops.predict('word', mlops.named_row('{word}', NULL::text)) AS missing_everywhere_alike;
SELECT mlops.predict('number', 'inf'::float8, 2, 3);
SELECT mlops.predict('number', ARRAY[1, '-inf', 3]::real[]);
SELECT mlops.predict('number', 'inf'::numeric, 2, 3);
SELECT mlops.predict('number', '{"a": 1e39, "b": 2, "c": 3}');
SELECT mlops.predict('house', true, 'Oslo'::text, 1, 1, 'infinity'::date, '{1,2}'::real[]);
-- NULL rows of each shape
SELECT mlops.predict('number', NULL::number) IS NULL AS row, mlops.predict('number', NULL::jsonb) IS NULL AS jsonb, mlops.predict('number', NULL::json) IS NULL AS json,
	mlops.predict('number', NULL::text) IS NULL AS text, mlops.predict('number', NULL::float8[]) IS NULL AS "array", mlops.predict('number', NULL::record) IS NULL AS record,
	mlops.predict('number', 'null'::json) IS NULL AS json_null, mlops.predict('number', NULL::int, NULL::int, NULL::int) IS NOT NULL AS all_missing;

-- S02: wrong in every way
SELECT mlops.predict('number', ROW(1, 2, 3));
SELECT mlops.predict('number', mlops.named_row('{a,b,d}', 1, 2, 3));
SELECT mlops.predict('number', mlops.named_row('{a,b,c,a}', 1, 2, 3, 4));
SELECT mlops.predict('number', mlops.named_row('{a,b,c}', 1, 2, '3'::text));
SELECT mlops.predict('number', mlops.named_row('{a,b,c}', 1, 2, true));
SELECT mlops.predict('number', 1);
SELECT mlops.predict('number', 1, 2);
SELECT mlops.predict('number', 1, 2, 3, 4);
SELECT mlops.predict('number', 1, 2, '3');
SELECT mlops.predict('number', 1, 2, NULL);
SELECT mlops.predict('number', 1, 2, now());
SELECT mlops.predict('number', ARRAY[1, 2]);
SELECT mlops.predict('number', ARRAY[1, 2, 3, 4]);
SELECT mlops.predict('number', VARIADIC ARRAY[1, 2]);
SELECT mlops.predict('number', VARIADIC 1);
SELECT mlops.predict('number', '{}'::int[]);
SELECT mlops.predict('number', ARRAY[[1, 2, 3]]);
SELECT mlops.predict('number', ARRAY['1', '2', '3']);
SELECT mlops.predict('number', ARRAY[true, false, true]);
SELECT mlops.predict('number', ARRAY['{"a": 1}'::jsonb]);
SELECT mlops.predict('number', '[1, 2, 3]'::jsonb);
SELECT mlops.predict('number', '"a"'::jsonb);
SELECT mlops.predict('number', '7'::json);
SELECT mlops.predict('number', '{"a": {"a": 1}, "b": 2, "c": 3}'::jsonb);
SELECT mlops.predict('number', '{"a": [1], "b": 2, "c": 3}'::jsonb);
SELECT mlops.predict('number', '{"a": "1", "b": 2, "c": 3}'::jsonb);
SELECT mlops.predict('number', '{"a": true, "b": 2, "c": 3}'::jsonb);
SELECT mlops.predict('number', '{"A": 1, "b": 2, "c": 3}'::jsonb);
SELECT mlops.predict('number', point(1, 2));
SELECT mlops.predict('house', true, 7, 1, 1, '2000-01-01'::date, '{1,2}'::real[]);
SELECT mlops.predict('house', 1, 'Oslo'::text, 1, 1, '2000-01-01'::date, '{1,2}'::real[]);
SELECT mlops.predict('house', true, 'Oslo'::text, 1, 1, 10957, '{1,2}'::real[]);
SELECT mlops.predict('house', true, 'Oslo'::text, 1, 1, '2000-01-01'::date, '{1,2,3}'::real[]);
SELECT mlops.predict('house', true, 'Oslo'::text, 1, 1, '2000-01-01'::date, '{{1,2}}'::real[]);
SELECT mlops.predict('house', true, 'Oslo'::text, 1, 1, '2000-01-01'::date, 1);
SELECT mlops.predict('house', '{"garden": true, "city": "Oslo", "size": 1, "rooms": 1, "built": "soon", "rent": [1, 2]}');
SELECT mlops.predict('house', '{"garden": "yes", "city": "Oslo", "size": 1, "rooms": 1, "built": "2000-01-01", "rent": [1, 2]}');
SELECT mlops.predict('house', '{"garden": true, "city": "Oslo", "size": 1, "rooms": 1, "built": "2000-01-01", "rent": [1, [2]]}');
SELECT mlops.predict('house', '{"garden": true, "city": ["Oslo"], "size": 1, "rooms": 1, "built": "2000-01-01", "rent": [1, 2]}');
-- of members with one name jsonb keeps the last
SELECT mlops.predict('number', '{"a": 9, "b": 2, "c": 3, "a": 1}') = mlops.predict('number', 1, 2, 3) AS last_wins;

-- a column that is an array whose NULL leaves all its features missing
SELECT mlops.predict('house', true, 'Oslo'::text, 1, 1, '2000-01-01'::date, NULL::real[])
	= mlops.predict('house', true, 'Oslo'::text, 1, 1, '2000-01-01'::date, '{NULL,NULL}'::real[]) AS null_array;

-- S03: more features than a function has arguments: rows, objects and arrays; separate arguments are refused by the parser
DO $$
DECLARE
	n int := 120;
BEGIN
	EXECUTE format('CREATE TABLE wide AS SELECT i AS id, %s, i %% 17 AS y FROM generate_series(1, 300) i',
				   (SELECT string_agg(format('i * %s %% 17 AS x%s', i, i), ', ') FROM generate_series(1, n) i));
END $$;
CALL mlops.train_wait('wide', 'SELECT * FROM wide', 'y', key => '{id}', task => 'regression', num_boost_round => 10);
DO $$
DECLARE
	columns text := (SELECT string_agg('x' || i, ', ') FROM generate_series(1, 120) i);
	answer record;
BEGIN
	EXECUTE format('SELECT count(DISTINCT p) > 5 AS differ, count(*) FILTER (WHERE p <> mlops.predict(''wide'', ARRAY[%s])) AS "array",'
				   ' count(*) FILTER (WHERE p <> mlops.predict(''wide'', to_json(w)::text)) AS text'
				   ' FROM (SELECT *, mlops.predict(''wide'', wide) AS p FROM wide) w', columns) INTO answer;
	RAISE WARNING 'differ %, other from arrays %, other from text %', answer.differ, answer.array, answer.text;
	BEGIN
		EXECUTE format('SELECT mlops.predict(''wide'', %s) FROM wide', columns);
	EXCEPTION WHEN too_many_arguments THEN
		RAISE WARNING '%', SQLERRM;
	END;
END $$;

-- named_row
SELECT mlops.named_row('{a,"b c"}', 1, 'x'::text), to_jsonb(mlops.named_row('{a,"b c"}', 1, NULL::text));
SELECT to_jsonb(mlops.named_row(ARRAY['n' || i % 2, 'm'], i, i)) FROM generate_series(1, 3) i;
SELECT mlops.named_row('{a}', 1, 2);
SELECT mlops.named_row('{a,b}', 1);
SELECT mlops.named_row('{a,NULL}', 1, 2);
SELECT mlops.named_row('{a,""}', 1, 2);
SELECT mlops.named_row(ARRAY['a', repeat('x', 64)], 1, 2);
SELECT mlops.named_row('{{a,b}}', 1, 2);
SELECT mlops.named_row('{a}', 'untyped');
SELECT mlops.named_row('{a,b}', VARIADIC ARRAY[1, 2]);
SELECT mlops.named_row(NULL, 1);

\connect - :superuser
SET client_min_messages = warning;
DROP SCHEMA shapes CASCADE;
TRUNCATE mlops.model, mlops.model_blob, mlops.dataset CASCADE;
REVOKE ALL ON FUNCTION mlops.train, mlops.register_model FROM regress_mlops_shapes;
REVOKE ALL ON PROCEDURE mlops.train_wait FROM regress_mlops_shapes;
DROP ROLE regress_mlops_shapes;
