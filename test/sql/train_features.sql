-- what train makes of columns: types, names, limits; every row of the tables below is one run
\set VERBOSITY terse
SET client_min_messages = warning;
CREATE ROLE regress_train_features LOGIN;
GRANT EXECUTE ON FUNCTION mlops.train TO regress_train_features;
CREATE SCHEMA train_features AUTHORIZATION regress_train_features;
\connect - regress_train_features
SET client_min_messages = warning;
SET search_path = train_features, public;

CREATE PROCEDURE wait_all() LANGUAGE plpgsql AS $$
BEGIN
	PERFORM mlops.wait(id, '100 s') FROM mlops.run WHERE model LIKE 'features\_%';
END $$;
CREATE TYPE mood AS ENUM ('sad', 'ok', 'so "so"');
CREATE DOMAIN percent AS numeric(5, 2) CHECK (VALUE >= 0);
CREATE DOMAIN small_percent AS percent;
CREATE DOMAIN moods AS mood;
CREATE DOMAIN vector2 AS float8[];
CREATE DOMAIN birthday AS date;
-- x in 0 .. 12 repeats, y follows it, so that every model can be made and no column looks like a key
CREATE TABLE t AS SELECT i AS id, i % 13 AS x, (i % 13) * 2.5 AS y FROM generate_series(1, 260) i;

-- T03, T04, T17: one feature column f per run
CREATE TABLE feature (n serial, f text);
INSERT INTO feature (f) VALUES
	('x::int2'), ('x::int4'), ('x::int8'), ('x::float4'), ('x::float8'), ('x::numeric'), ('x::small_percent'), ('9223372036854775807 - x'),
	('x > 5'), ('NULLIF(x, 5)'), ('NULL::int'), ('''NaN''::float8'), ('''NaN''::numeric'),
	('1e-320::float8 * x'), ('(''1.'' || repeat(''0'', 1000) || ''1'')::numeric * x'), ('1e-400 * x'),
	('chr(65 + x)'), ('chr(65 + x)::varchar(1)'), ('chr(65 + x)::char(3)'), ('chr(65 + x)::"char"'), ('chr(65 + x)::name'),
	('CASE WHEN x > 6 THEN '''' ELSE E''a\nb"\\'' END'), ('NULL::text'), ('repeat(''x'', 8000) || x % 2'),
	('(enum_range(NULL::mood))[1 + x % 3]'), ('(enum_range(NULL::mood))[1 + x % 3]::moods'),
	('ARRAY[x, 2 * x]'), ('ARRAY[x, 2 * x]::vector2'), ('ARRAY[x, NULL]'), ('CASE WHEN x > 6 THEN ARRAY[x, 2] END'), ('''[5:6]={1,2}''::int[]'), ('ARRAY[x]::small_percent[]'),
	('uuid ''a0eebc99-9c0b-4ef8-bb6d-6bb9bd380a11'''),
	-- refused once the rows are known
	('''inf''::float8'), ('''-inf''::float4'), ('''inf''::numeric'), ('1e39'), ('3.4028236e38::float8'),
	('''{}''::int[]'), ('CASE WHEN x > 6 THEN ARRAY[x] ELSE ARRAY[x, 1] END'), ('ARRAY[[x, 1], [1, x]]'), ('NULL::int[]'), ('ARRAY[''inf''::float4]'),
	('repeat(''x'', 1000000)'), ('repeat(''x'', 100000000)'), ('array_fill(x, ARRAY[100000])'), ('md5(id::text)'), ('gen_random_uuid()'), ('1 / (x - 5)'), ('birthday ''2026-01-01'' + x');
SELECT count(mlops.train('features_' || n, format('SELECT id, x, (%s) AS f, y FROM t', f), 'y', key => '{id}', num_boost_round => 1))
	FROM feature WHERE f !~ 'birthday';
CALL wait_all();
SELECT left(f, 44) AS f, d.n_rows AS n, (SELECT string_agg(concat_ws(' ', s ->> 'name', s ->> 'type', s ->> 'kind', CASE WHEN jsonb_array_length(s -> 'categories') < 5 THEN left(s ->> 'categories', 40) ELSE jsonb_array_length(s -> 'categories')::text END), ', ')
		FROM jsonb_path_query(v.signature, '$.features[*] ? (@.name != "x")') s) AS features,
	c -> 'n_null' AS n_null, c -> 'min' AS min, c -> 'max' AS max
	FROM feature JOIN mlops.model_version v ON v.model = 'features_' || n JOIN mlops.dataset d ON d.id = v.dataset_id, jsonb_path_query_first(d.columns, '$[1]') c ORDER BY feature.n;
SELECT left(f, 44) AS f, r.sqlstate, regexp_replace(left(error, 110), '\n.*', '') AS error
	FROM feature JOIN mlops.run r ON r.model = 'features_' || n AND r.status <> 'succeeded' ORDER BY n;
SELECT mlops.train('features_date', 'SELECT id, x, birthday ''2026-01-01'' + x AS f, y FROM t', 'y', key => '{id}');

-- serial numbers and keys, which include overrides; 1,000 rows are the least that look like a serial
CREATE TABLE many AS SELECT i AS id, i + 5 AS serial, -i AS falling, 3 * i AS apart, (i + 7)::float8 AS "double", md5(i::text) AS word, 'k' || i % 1000 AS thousand, 'k' || i % 1001 AS more, i % 7 AS y FROM generate_series(1, 2002) i;
SELECT count(mlops.train(concat_ws('_', 'features', f, left(include::text, 1), n), format('SELECT id, y * 2 AS x, %I, y FROM many LIMIT %s', f, n), 'y', key => '{id}', num_boost_round => 1, include => CASE WHEN include THEN ARRAY[f]::name[] END))
	FROM unnest(ARRAY['serial', 'falling', 'apart', 'double', 'word', 'thousand', 'more']) f, unnest(ARRAY[false, true]) include, unnest(ARRAY[999, 2002]) n WHERE n > 1000 OR f IN ('serial', 'word');
CALL wait_all();
SELECT model, status, sqlstate, regexp_replace(error, '\n.*', '') AS error FROM mlops.run WHERE model ~ '_[tf]_\d+$' ORDER BY model COLLATE "C";

-- T05: names: quoted, long, with brackets; dropped and duplicate columns
CREATE TABLE names AS SELECT id, 1 AS gone, x AS "Mixed ""Case""", x + 1 AS "v[1]", x % 2 AS " ", x % 3 AS "größe", x % 5 AS "a,b=<c>
d", x % 4 AS abcdefghijklmnopqrstuvwxyzabcdefghijklmnopqrstuvwxyzabcdefghijk, y FROM t;
ALTER TABLE names DROP COLUMN gone;
SELECT mlops.train('features_names', 'SELECT * FROM names', 'y', key => '{id}', num_boost_round => 2) > 0 AS names,
	mlops.train('features_clash', 'SELECT id, ARRAY[x, 1] AS v, x AS "v[2]", y FROM t', 'y', key => '{id}') > 0 AS clash,
	mlops.train('features_excluded', 'SELECT id, x, x + 1 AS x, y + 1 AS z, y FROM t', 'y', key => '{id}', exclude => '{x}', num_boost_round => 1) > 0 AS excluded;
CALL wait_all();
SELECT s ->> 'name' AS name FROM mlops.model_version, jsonb_array_elements(signature -> 'features') s WHERE model = 'features_names';
SELECT count(*) AS agree FROM names n WHERE mlops.predict('features_names', n) = mlops.predict('features_names', "Mixed ""Case""", "v[1]", " ", "größe", "a,b=<c>
d", abcdefghijklmnopqrstuvwxyzabcdefghijklmnopqrstuvwxyzabcdefghijk);
SELECT error FROM mlops.run WHERE model = 'features_clash';
SELECT jsonb_path_query_array(signature, '$.features[*].name') AS excluded FROM mlops.model_version WHERE model = 'features_excluded';

-- T17: 1 and 1,600 columns, an array as wide as mlops.max_columns allows, and one more
SELECT format('SELECT id, y, %s FROM t LIMIT 40', string_agg(format('(x + %s)::float4 AS c%s', i, i), ', ')) AS wide FROM generate_series(1, 1598) i \gset
SELECT mlops.train('features_one', 'SELECT id, x, y FROM t', 'y', key => '{id}', num_boost_round => 1) > 0 AS one,
	mlops.train('features_1598', :'wide', 'y', key => '{id}', test_size => 0.3, num_boost_round => 1) > 0 AS wide,
	mlops.train('features_4096', 'SELECT id, y, array_fill(x, ARRAY[4096]) AS v FROM t LIMIT 40', 'y', key => '{id}', test_size => 0.3, num_boost_round => 1) > 0 AS widest,
	mlops.train('features_4097', 'SELECT id, y, array_fill(x, ARRAY[4097]) AS v FROM t LIMIT 40', 'y', key => '{id}', num_boost_round => 1) > 0 AS too_wide;
CALL wait_all();
SELECT r.model, r.status, jsonb_array_length(v.signature -> 'features') AS features, regexp_replace(error, '\n.*', '') AS error
	FROM mlops.run r LEFT JOIN mlops.model_version v ON v.run_id = r.id WHERE r.model ~ '_(one|1598|4096|4097)$' ORDER BY r.model COLLATE "C";

-- T05: versions with other columns: each is asked for its own, by name; T18: the same rows give the same bytes
SELECT mlops.train('features_moving', 'SELECT id, x, x % 4 AS z, y FROM t', 'y', key => '{id}', num_boost_round => 2) AS first \gset
CALL mlops.wait_run(:first);
SELECT mlops.train('features_moving', 'SELECT y, x % 4 AS z, id, x FROM t', 'y', key => '{id}', num_boost_round => 2) AS reordered,
	mlops.train('features_moving', 'SELECT id, x, x % 4 AS renamed, y FROM t', 'y', key => '{id}', num_boost_round => 2) AS renamed,
	mlops.train('features_moving', 'SELECT id, x, ''k'' || x % 4 AS z, y FROM t', 'y', key => '{id}', num_boost_round => 2) AS retyped,
	mlops.train('features_moving', 'SELECT id, x, x % 4 AS z, y FROM t ORDER BY -id', 'y', key => '{id}', num_boost_round => 2) AS again \gset
CALL wait_all();
SELECT r.status, v.version IS NOT NULL AS made, jsonb_path_query_array(v.signature, '$.features[*].name') AS names, jsonb_path_query_array(v.signature, '$.features[*].type') AS types,
	v.digest = (SELECT digest FROM mlops.model_version WHERE run_id = :first) AS same FROM mlops.run r LEFT JOIN mlops.model_version v ON v.model = r.model AND v.version = r.version
	WHERE r.id IN (:first, :reordered, :renamed, :retyped, :again) ORDER BY r.id;
CREATE VIEW moving AS SELECT x % 4 AS z, x FROM t;
SELECT count(*) FILTER (WHERE mlops.predict('features_moving/1', moving) = mlops.predict('features_moving/1', x, z)) = count(*) AS by_name FROM moving;
SELECT mlops.predict('features_moving/' || version, moving) FROM moving, mlops.run WHERE id = :renamed LIMIT 1;
SELECT mlops.predict('features_moving/' || version, moving) FROM moving, mlops.run WHERE id = :retyped LIMIT 1;
SELECT mlops.train('features_moving', 'SELECT id, x, x + 1, y FROM t', 'y', key => '{id}');
