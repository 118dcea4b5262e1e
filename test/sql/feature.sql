-- data set digests: the specification, what they depend on, and refused queries
\set SHOW_CONTEXT never

-- The reference: Bob Jenkins' lookup3 as the server has it in hash_bytes_extended, seed 0, for
-- lengths that are a multiple of 4.
CREATE FUNCTION regress_word(bytes bytea, at int) RETURNS bigint LANGUAGE sql IMMUTABLE
RETURN get_byte(bytes, at) + 256::bigint * (get_byte(bytes, at + 1) + 256::bigint * (get_byte(bytes, at + 2) + 256::bigint * get_byte(bytes, at + 3)));
CREATE FUNCTION regress_rot(x bigint, k int) RETURNS bigint LANGUAGE sql IMMUTABLE
RETURN ((x << k) | (x >> (32 - k))) & 4294967295;
CREATE FUNCTION regress_hash(bytes bytea) RETURNS bytea LANGUAGE plpgsql IMMUTABLE AS $$
DECLARE
	m CONSTANT bigint := 4294967295;
	n int := length(bytes);
	a bigint := (x'9e3779b9'::bigint + n + 3923095) & m;
	b bigint := a;
	c bigint := a;
	i int := 0;
BEGIN
	WHILE n - i >= 12 LOOP
		a := (a + regress_word(bytes, i)) & m; b := (b + regress_word(bytes, i + 4)) & m; c := (c + regress_word(bytes, i + 8)) & m;
		a := ((a - c) & m) # regress_rot(c, 4); c := (c + b) & m;
		b := ((b - a) & m) # regress_rot(a, 6); a := (a + c) & m;
		c := ((c - b) & m) # regress_rot(b, 8); b := (b + a) & m;
		a := ((a - c) & m) # regress_rot(c, 16); c := (c + b) & m;
		b := ((b - a) & m) # regress_rot(a, 19); a := (a + c) & m;
		c := ((c - b) & m) # regress_rot(b, 4); b := (b + a) & m;
		i := i + 12;
	END LOOP;
	IF n - i >= 4 THEN a := (a + regress_word(bytes, i)) & m; END IF;
	IF n - i >= 8 THEN b := (b + regress_word(bytes, i + 4)) & m; END IF;
	c := ((c # b) - regress_rot(b, 14)) & m;
	a := ((a # c) - regress_rot(c, 11)) & m;
	b := ((b # a) - regress_rot(a, 25)) & m;
	c := ((c # b) - regress_rot(b, 16)) & m;
	a := ((a # c) - regress_rot(c, 4)) & m;
	b := ((b # a) - regress_rot(a, 14)) & m;
	c := ((c # b) - regress_rot(b, 24)) & m;
	RETURN int4send((b - (b >> 31 << 32))::int) || int4send((c - (c >> 31 << 32))::int);
END $$;
-- the server's own hash of an 8-byte text says that the reference is right
SELECT regress_hash('abcdefgh') = int8send(hashtextextended('abcdefgh', 0)) AS hash_8,
	regress_hash('abcdefghijkl') = int8send(hashtextextended('abcdefghijkl', 0)) AS hash_12,
	regress_hash('abcdefghijklmnop') = int8send(hashtextextended('abcdefghijklmnop', 0)) AS hash_16;

CREATE FUNCTION regress_f32(x float4) RETURNS bytea LANGUAGE sql IMMUTABLE
RETURN CASE WHEN x IS NULL OR x = 'NaN' THEN '\x7fc00000' WHEN x = 0 THEN '\x00000000' ELSE float4send(x) END;
CREATE FUNCTION regress_string(s text) RETURNS bytea LANGUAGE sql IMMUTABLE
RETURN int4send(octet_length(s)) || convert_to(s, 'UTF8');

CREATE TABLE regress_rows AS
SELECT i AS a, CASE i % 7 WHEN 0 THEN NULL WHEN 1 THEN 'NaN' WHEN 2 THEN '-0' ELSE i / 3.0 END::float8 AS "B c",
	(ARRAY['ü', 'b', 'B', ''])[1 + i % 5] AS label, i % 2 = 0 AS flag
FROM generate_series(1, 200) i;
INSERT INTO regress_rows SELECT * FROM regress_rows WHERE a <= 3;

WITH row AS (
	SELECT regress_f32(a) || regress_f32("B c"::float4) ||
		regress_f32(array_position('{"",B,b,ü}', label) - 1) || regress_f32(flag::int) ||
		regress_f32(0) || regress_f32(1) AS bytes
	FROM regress_rows
)
SELECT d.n_rows, d.digest = sha256('mlops.dataset.v1'::bytea || '\x00' || int4send(4) ||
	regress_string('a') || '\x00' || regress_string('B c') || '\x00' ||
	regress_string('label') || '\x01' || int4send(4) ||
	regress_string('') || regress_string('B') || regress_string('b') || regress_string('ü') ||
	regress_string('flag') || '\x00' ||
	(SELECT string_agg(bytes || int8send(0), '' ORDER BY regress_hash(bytes), bytes) FROM row) || int8send(203)) AS as_specified
FROM mlops.dataset_digest('SELECT * FROM regress_rows') d;
SELECT d.schema_digest = sha256('mlops.schema.v1'::bytea || '\x00' || int4send(2) ||
	regress_string('label') || regress_string('text') || '\x02' || int4send(4) ||
	regress_string('') || regress_string('B') || regress_string('b') || regress_string('ü') ||
	regress_string('flag') || regress_string('boolean') || '\x01' || int4send(0) || int4send(0)) AS as_specified
FROM mlops.dataset_digest('SELECT label, flag FROM regress_rows') d;

-- a known vector: one row of one column
SELECT * FROM mlops.dataset_digest('SELECT 1.5::float8 AS x');

-- the order of rows does not matter, in the heap, in the query, or in the sort's files
CREATE TABLE regress_order AS SELECT i, (i * 7919 % 10007)::float4 AS x, 'c' || i % 9 AS c FROM generate_series(1, 20000) i;
CREATE INDEX regress_order_idx ON regress_order (x);
SELECT digest AS expected FROM mlops.dataset_digest('SELECT * FROM regress_order') \gset
CLUSTER regress_order USING regress_order_idx;
SELECT digest = :'expected' AS same FROM mlops.dataset_digest('SELECT * FROM regress_order');
SELECT digest = :'expected' AS same FROM mlops.dataset_digest('SELECT * FROM regress_order ORDER BY i DESC');
SET maintenance_work_mem = '1MB';
SELECT digest = :'expected' AS same FROM mlops.dataset_digest('SELECT * FROM regress_order');
RESET maintenance_work_mem;
BEGIN READ ONLY;
SELECT digest = :'expected' AS same FROM mlops.dataset_digest('SELECT * FROM regress_order');
ROLLBACK;

-- what matters: duplicates, values, names, columns; what does not: digits that float32 lacks
CREATE FUNCTION regress_same(a text, b text, OUT digest boolean, OUT schema_digest boolean) LANGUAGE sql
RETURN (SELECT (x.digest = y.digest, x.schema_digest = y.schema_digest) FROM mlops.dataset_digest(a) x, mlops.dataset_digest(b) y);
SELECT d.what, (regress_same(d.a, d.b)).* FROM (VALUES
	('duplicates', 'VALUES (1), (1), (2)', 'VALUES (1), (2)'),
	('pairs', 'VALUES (1), (1), (2), (2)', 'VALUES (1), (2)'),
	('value', 'VALUES (1), (3)', 'VALUES (1), (2)'),
	('NULL and zero', 'VALUES (1), (NULL)', 'VALUES (1), (0)'),
	('NULL and NaN', 'VALUES (1.0::float8), (NULL)', 'VALUES (1.0::float8), (''NaN'')'),
	('-0', 'SELECT -0.0::float8 AS x', 'SELECT 0.0::float8 AS x'),
	('name', 'SELECT 1 AS x', 'SELECT 1 AS y'),
	('types of number', 'SELECT 7::smallint AS x', 'SELECT 7::numeric AS x'),
	('order of columns', 'SELECT 1 AS x, 1 AS y', 'SELECT 1 AS y, 1 AS x'),
	('below float32', 'SELECT 0.1::float8 AS x', 'SELECT 0.1::float4 AS x'),
	('text and varchar', 'SELECT text ''a'' AS x', 'SELECT varchar ''a'' AS x'),
	('dictionary', 'SELECT text ''a'' AS x', 'SELECT text ''b'' AS x'),
	('trailing blanks of char', 'SELECT text ''a'' AS x', 'SELECT char(5) ''a'' AS x'),
	('inverted boolean', 'VALUES (true), (true), (false)', 'VALUES (true), (false), (false)'),
	('array and columns', 'SELECT ARRAY[1, 2] AS v', 'SELECT 1 AS "v[1]", 2 AS "v[2]"')
) d(what, a, b);

-- the nearest float32 of a decimal number: half-way cases to even, and no way through a rounded double
SELECT d.x, (regress_same(format('SELECT numeric %L AS x', d.x), format('SELECT float4 %L AS x', d.nearest))).digest
FROM (VALUES ('16777217', '16777216'), ('16777219', '16777220'), ('16777217.0000001', '16777218'), ('-16777217.0000001', '-16777218'),
	('1.000000059604644775390625', '1'), ('1.00000005960464477539062500001', '1.0000001'),
	('0.1', '0.1'), ('123456789012345678', '1.2345679e17'), ('1e-45', '1e-45'), ('1e-60', '0'), ('3.4028235e38', '3.4028235e38'), ('NaN', 'NaN')) d(x, nearest);
SELECT (regress_same('SELECT 16777217::int AS x', 'SELECT 16777216::float4 AS x')).digest AS int4,
	(regress_same('SELECT 9007199791611905::bigint AS x', 'SELECT 9007200328482816::float4 AS x')).digest AS int8,
	(regress_same('SELECT date ''2000-01-03'' AS x', 'SELECT 2 AS x')).digest AS days,
	(regress_same('SELECT timestamptz ''1970-01-01 00:02:08+00'' AS x', 'SELECT 128 AS x')).digest AS seconds;

-- arrays: a NULL array is missing elements, also before the first one that tells the length
SELECT (regress_same('VALUES (NULL::int[]), (ARRAY[1, NULL, 3]), (NULL)', 'VALUES (ARRAY[1, NULL, 3]), (ARRAY[NULL, NULL, NULL]::int[]), (NULL)')).*;

-- enum, domain, quoted and long names, dropped columns, many columns
CREATE TYPE regress_mood AS ENUM ('sad', 'ok');
CREATE DOMAIN regress_dmood AS regress_mood;
CREATE DOMAIN regress_positive AS int CHECK (VALUE > 0);
CREATE TABLE regress_types AS SELECT 'sad'::regress_dmood AS m, 1 AS gone, 5::regress_positive AS p, '{1.5}'::numeric[] AS n,
	'x'::"char" AS "Q""q", 1 AS abcdefghijklmnopqrstuvwxyzabcdefghijklmnopqrstuvwxyzabcdefghijk;
ALTER TABLE regress_types DROP COLUMN gone;
SELECT (regress_same('SELECT * FROM regress_types',
	'SELECT text ''sad'' AS m, 5 AS p, 1.5 AS "n[1]", text ''x'' AS "Q""q", 1 AS abcdefghijklmnopqrstuvwxyzabcdefghijklmnopqrstuvwxyzabcdefghijk')).digest;
SELECT 'SELECT ' || string_agg(format('%s AS c%s', i, i), ', ') AS wide FROM generate_series(1, 1600) i \gset
SELECT n_rows FROM mlops.dataset_digest(:'wide');

-- T04, T06, T07: refused queries
DO $$
DECLARE
	query text;
	hint text;
BEGIN
	FOREACH query IN ARRAY ARRAY['', ';', 'SELECT 1 AS a; SELECT 2 AS a', 'SELEC 1', 'INSERT INTO regress_rows DEFAULT VALUES',
		'CREATE TABLE regress_new (a int)', 'SELECT 1 AS a INTO regress_new', 'EXPLAIN SELECT 1', 'VACUUM', 'COMMIT', 'SHOW work_mem',
		'WITH d AS (DELETE FROM regress_rows RETURNING *) SELECT * FROM d', 'SELECT a FROM regress_rows FOR UPDATE',
		'SELECT * FROM (SELECT a FROM regress_rows FOR SHARE) s', 'SELECT a FROM regress_none', 'SELECT none FROM regress_rows', 'SELECT $2 AS a',
		'SELECT', 'SELECT 1', 'SELECT 1 AS a, 2 AS a', 'SELECT regress_rows FROM regress_rows', 'SELECT ''{}''::jsonb AS j', 'SELECT bytea ''x'' AS b',
		'SELECT interval ''1 day'' AS i', 'SELECT point(1, 2) AS p', 'SELECT int4range(1, 2) AS r', 'SELECT ARRAY[''a''] AS t', 'SELECT ARRAY[true] AS t',
		'SELECT NULL::int[] AS v', 'SELECT ''{}''::int[] AS v', 'VALUES (ARRAY[1, 2]), (ARRAY[1])', 'SELECT ARRAY[[1, 2]] AS v',
		'SELECT ''inf''::float8 AS "My x"', 'SELECT float4 ''-inf'' AS x', 'SELECT 1e39::float8 AS x', 'SELECT 1e39 AS x', 'SELECT numeric ''inf'' AS x',
		'SELECT ARRAY[1, ''inf''::float8] AS v', 'SELECT date ''infinity'' AS d', 'SELECT repeat(''x'', 8192) AS t', 'SELECT 1 / (a - 5) AS x FROM regress_rows']
	LOOP
		BEGIN
			PERFORM mlops.dataset_digest(query);
			RAISE NOTICE '% was accepted', query;
		EXCEPTION WHEN OTHERS THEN
			GET STACKED DIAGNOSTICS hint = PG_EXCEPTION_HINT;
			RAISE NOTICE '% | % % | %', query, sqlstate, sqlerrm, hint;
		END;
	END LOOP;
END $$;
SELECT count(*) FROM regress_rows;
SELECT mlops.dataset_digest('SELECT a FORM regress_rows');
SELECT mlops.dataset_digest(NULL);
SELECT n_rows FROM mlops.dataset_digest('SELECT 1 AS a WHERE false');
SELECT n_rows FROM mlops.dataset_digest('SELECT a, $1 AS now FROM regress_rows WHERE $1 = now()');

-- the caller's rights
CREATE ROLE regress_feature_reader;
SET ROLE regress_feature_reader;
SELECT mlops.dataset_digest('SELECT * FROM regress_rows');
RESET ROLE;
GRANT SELECT ON regress_rows TO regress_feature_reader;
ALTER TABLE regress_rows ENABLE ROW LEVEL SECURITY;
CREATE POLICY regress_half ON regress_rows USING (a % 2 = 0);
SET ROLE regress_feature_reader;
SELECT n_rows FROM mlops.dataset_digest('SELECT * FROM regress_rows');
RESET ROLE;
SELECT n_rows FROM mlops.dataset_digest('SELECT * FROM regress_rows');

-- limits
ALTER SYSTEM SET mlops.max_columns = 3;
ALTER SYSTEM SET mlops.max_rows = 20;
ALTER SYSTEM SET mlops.max_spool_size = '1MB';
SELECT pg_reload_conf();
\c -
\set SHOW_CONTEXT never
SELECT n_rows FROM mlops.dataset_digest('SELECT * FROM regress_order');
SELECT mlops.dataset_digest('SELECT *, 1 AS one FROM regress_order');
SELECT mlops.dataset_digest('SELECT c, ARRAY[1, 2, 3] AS v FROM regress_order');
SELECT mlops.dataset_digest('SELECT * FROM regress_order UNION ALL SELECT 1, 2, ''c''');
ALTER SYSTEM SET mlops.max_rows = 0;
SELECT pg_reload_conf();
\c -
\set SHOW_CONTEXT never
SELECT mlops.dataset_digest('SELECT a.* FROM regress_order a, generate_series(1, 2)');
ALTER SYSTEM RESET mlops.max_columns;
ALTER SYSTEM RESET mlops.max_rows;
ALTER SYSTEM RESET mlops.max_spool_size;
SELECT pg_reload_conf();
SELECT mlops.dataset_digest('SELECT i % 100001 AS n, i::text AS t FROM generate_series(1, 100001) i');

DROP TABLE regress_rows, regress_order, regress_types;
DROP DOMAIN regress_dmood, regress_positive;
DROP TYPE regress_mood;
DROP FUNCTION regress_same, regress_word, regress_rot, regress_hash, regress_f32, regress_string;
DROP ROLE regress_feature_reader;
