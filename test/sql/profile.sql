-- profiles: cells, counts and exact sums; aggregates in every way there is
SET client_min_messages = warning;
CREATE SCHEMA profile_test;
SET search_path = profile_test;
-- rows without chance: a spread number, a skewed one, few values, labels, all kinds of time, gaps
CREATE TYPE mood AS ENUM ('sad', 'ok', 'happy');
CREATE DOMAIN score AS float8;
CREATE TABLE t AS SELECT i AS id, i % 7 AS grp, (i * 7919 % 20011)::float8 / 7 AS x, exp((i * 104729 % 9973)::float8 / 500) AS e,
	CASE WHEN i % 11 = 0 THEN NULL ELSE i * 31 % 5 END AS k, (ARRAY['Bern', 'Oslo', 'Rome', 'Bonn', NULL])[1 + i % 5] AS city,
	i % 3 = 0 AS b, date '2026-01-01' + i % 90 AS d, timestamp '2026-01-01' + i * interval '61 seconds' AS ts,
	timestamptz '2026-01-01 00:00+00' + i * interval '61 seconds' AS tz, time '00:00' + i % 1440 * interval '1 minute' AS tm,
	i % 40 * interval '1 hour' AS iv, (ARRAY['sad', 'ok', 'happy'])[1 + i % 3]::mood AS m
	FROM generate_series(1, 20000) i;
ANALYZE t;
CREATE FUNCTION same(a mlops.profile, b mlops.profile) RETURNS boolean LANGUAGE sql IMMUTABLE PARALLEL SAFE AS 'SELECT a OPERATOR(mlops.=) b';
CREATE FUNCTION plan_has(query text, node text) RETURNS boolean LANGUAGE plpgsql AS $$
DECLARE plan json;
BEGIN
	EXECUTE 'EXPLAIN (FORMAT json) ' || query INTO plan;
	RETURN plan::text LIKE '%"Partial Mode": "' || node || '"%';
END $$;

-- what a histogram says
SELECT * FROM mlops.histogram((SELECT mlops.reference(k) FROM t));
SELECT * FROM mlops.histogram((SELECT mlops.reference(city, 2) FROM t));
SELECT cell, kind, count, share FROM mlops.histogram((SELECT mlops.reference(v) FROM (VALUES ('NaN'::float8), ('Infinity'), ('-Infinity'), ('-Infinity'), (NULL), (1.5)) s (v)));
-- edges are SQL's own quantiles, counts and means SQL's own
SELECT count(*) AS cells, bool_and(h.count = s.n) AS counts, bool_and(abs(h.mean - s.mean) < 1e-9) AS means, max(h.share - 0.1) AS beyond_share
	FROM mlops.histogram((SELECT mlops.reference(x) FROM t)) h,
	LATERAL (SELECT count(*) AS n, avg(x) AS mean FROM t WHERE x > h.lo AND x <= h.hi) s WHERE kind = 'interval' AND h.count > 0;
SELECT array_agg(hi ORDER BY cell) = (SELECT percentile_disc(ARRAY[0.1, 0.2, 0.3, 0.4, 0.5, 0.6, 0.7, 0.8, 0.9, 1]) WITHIN GROUP (ORDER BY e) FROM t) AS edges
	FROM mlops.histogram((SELECT mlops.reference(e, 10) FROM t)) WHERE kind = 'interval' AND count > 0;
SELECT mlops.rows(p), mlops.null_rate(p), mlops.minimum(p) = min AS minimum, mlops.maximum(p) = max AS maximum,
	abs(mlops.mean(p) / avg - 1) < 1e-13 AS mean, abs(mlops.stddev(p) / dev - 1) < 1e-9 AS stddev, mlops.quantile(p, 0.3) = q AS quantile,
	mlops.quantile(p, 0) = min AS first, mlops.quantile(p, 1) = max AS last
	FROM (SELECT mlops.reference(x) AS p, min(x), max(x), avg(x), stddev(x) AS dev, percentile_disc(0.3) WITHIN GROUP (ORDER BY x) AS q FROM t) s;
SELECT mlops.rows(p), mlops.null_rate(p), mlops.mean(p), mlops.stddev(p), mlops.minimum(p), mlops.quantile(p, 0.5) FROM (SELECT mlops.reference(city) AS p FROM t) s;

-- every type, by itself and against its own reference
SELECT mlops.quantile(mlops.reference(id::int2), 1) AS int2, mlops.quantile(mlops.reference(id), 1) AS int4, mlops.quantile(mlops.reference(id::int8), 1) AS int8,
	mlops.quantile(mlops.reference(id::numeric), 1) AS numeric, mlops.quantile(mlops.reference(id::float4), 1) AS float4, mlops.quantile(mlops.reference(id::score), 1) AS domain,
	mlops.mean(mlops.reference(b)) = avg(b::int) AS boolean, mlops.quantile(mlops.reference(d), 1) = max(d) - date '2000-01-01' AS date,
	mlops.quantile(mlops.reference(ts), 1) = extract(epoch FROM max(ts)) AS timestamp, mlops.quantile(mlops.reference(tz), 1) = extract(epoch FROM max(tz)) AS timestamptz,
	mlops.quantile(mlops.reference(tm), 1) = extract(epoch FROM max(tm)) AS time, mlops.quantile(mlops.reference(iv), 1) = extract(epoch FROM max(iv)) AS interval FROM t WHERE id < 1000;
SELECT mlops.quantile(mlops.reference(v), 1) = extract(epoch FROM v) AS interval FROM (VALUES (interval '-1 year 5 mons 3 days 04:05:06.789')) s (v) GROUP BY v;
SELECT kind, count FROM mlops.histogram((SELECT mlops.reference(v) FROM (VALUES (date 'infinity'), ('-infinity'), ('2000-01-02')) s (v))) WHERE count > 0;
SELECT kind, count FROM mlops.histogram((SELECT mlops.reference(v) FROM (VALUES (timestamptz 'infinity'), ('-infinity'), ('2000-01-02')) s (v))) WHERE count > 0;
SELECT label, count FROM mlops.histogram((SELECT mlops.reference(v) FROM (VALUES ('a '::char(5)), ('a'), ('b')) s (v))) WHERE kind = 'label';
SELECT label, count FROM mlops.histogram((SELECT mlops.reference(m) FROM t)) WHERE kind = 'label';
SELECT label FROM mlops.histogram((SELECT mlops.reference(v) FROM (VALUES ('a'::varchar), ('B'), ('é'), (''), ('"\')) s (v))) WHERE kind = 'label';
SELECT same(mlops.reference(x), mlops.profile(x, (SELECT mlops.reference(x) FROM t))) AS x, same(mlops.reference(k), mlops.profile(k, (SELECT mlops.reference(k) FROM t))) AS k,
	same(mlops.reference(city), mlops.profile(city, (SELECT mlops.reference(city) FROM t))) AS city, same(mlops.reference(b), mlops.profile(b, (SELECT mlops.reference(b) FROM t))) AS b,
	same(mlops.reference(d), mlops.profile(d, (SELECT mlops.reference(d) FROM t))) AS d, same(mlops.reference(ts), mlops.profile(ts, (SELECT mlops.reference(ts) FROM t))) AS ts,
	same(mlops.reference(tz), mlops.profile(tz, (SELECT mlops.reference(tz) FROM t))) AS tz, same(mlops.reference(tm), mlops.profile(tm, (SELECT mlops.reference(tm) FROM t))) AS tm,
	same(mlops.reference(iv), mlops.profile(iv, (SELECT mlops.reference(iv) FROM t))) AS iv, same(mlops.reference(m), mlops.profile(m, (SELECT mlops.reference(m) FROM t))) AS m,
	same(mlops.reference(city, 3), mlops.profile(city, (SELECT mlops.reference(city, 3) FROM t))) AS top FROM t;

-- D01: edge cases: no rows, one, a constant, NULL only, -0, the ends of the range, a far outlier
SELECT mlops.reference(x), mlops.profile(x, (SELECT mlops.reference(x) FROM t)), mlops.profile_merge(NULL::mlops.profile) FROM t WHERE false;
SELECT cell, kind, lo, hi, count, mean FROM mlops.histogram((SELECT mlops.reference(5.0::float8))) WHERE kind <> 'null' AND kind !~ 'inf|nan';
SELECT mlops.rows(p), mlops.null_rate(p), mlops.mean(p), mlops.quantile(p, 0.5) FROM (SELECT mlops.reference(NULL::float8) AS p FROM t) s;
SELECT mlops.stddev(mlops.reference(7::float8)) AS constant, mlops.stddev(mlops.profile(8::float8, (SELECT mlops.reference(7::float8)))) AS one_row FROM generate_series(1, 3);
SELECT lo, hi, count FROM mlops.histogram((SELECT mlops.reference(v) FROM (VALUES ('-0'::float8), (0)) s (v))) WHERE count > 0;
SELECT mlops.mean(p), mlops.minimum(p), mlops.maximum(p), mlops.stddev(p) > 1e308 AS wide FROM (SELECT mlops.reference(v) AS p FROM (VALUES (1.7976931348623157e308::float8), (-1.7976931348623157e308)) s (v)) s;
SELECT abs(mlops.stddev(p) / 1e-300 - 1) < 1e-6 AS tiny FROM (SELECT mlops.reference(v) AS p FROM (VALUES (1e-300::float8), (-1e-300), (0)) s (v)) s;
SELECT h.kind, h.count, h.mean FROM mlops.histogram((SELECT mlops.profile(v, (SELECT mlops.reference(x) FROM t)) FROM (VALUES (1e6::float8), (-1e300), (12)) s (v))) h WHERE count > 0;
SELECT kind, count FROM mlops.histogram((SELECT mlops.profile(v, (SELECT mlops.reference(city) FROM t)) FROM (VALUES ('Rome'), ('rome'), ('Paris'), (NULL)) s (v))) WHERE count > 0;
SELECT kind, count FROM mlops.histogram((SELECT mlops.profile(v, (SELECT mlops.reference(city, 2) FROM t)) FROM (VALUES ('Rome'), ('Paris')) s (v))) WHERE count > 0;
-- D07: many labels, and long ones: these are distinct although their starts are not
SELECT count(*) FILTER (WHERE kind = 'label') AS kept, sum(count) AS rows, sum(count) FILTER (WHERE kind = 'other') AS other FROM mlops.histogram((SELECT mlops.reference('c' || i) FROM generate_series(1, 100000) i));
SELECT length(label), left(label, 3) || '…' || substr(label, 237, 3) AS label, count FROM mlops.histogram((SELECT mlops.reference(repeat('x', 300) || i % 2) FROM generate_series(1, 5) i)) WHERE kind = 'label' ORDER BY count;
SELECT octet_length(label), left(label, 4), count FROM mlops.histogram((SELECT mlops.reference('ab' || repeat('é', 300)) FROM generate_series(1, 5) i)) WHERE kind = 'label';

-- D02: serial, 2 and 4 workers, and any grouping: the same bits
CREATE TABLE ref AS SELECT mlops.reference(x, 100) AS x, mlops.reference(e) AS e, mlops.reference(city) AS city, (SELECT mlops.reference(t) FROM t) AS row FROM t;
CREATE FUNCTION all_of() RETURNS TABLE (p text) LANGUAGE sql AS
	$$SELECT md5(concat(mlops.profile(x + 0.5, (SELECT x FROM ref)), mlops.profile(e * 1.01, (SELECT e FROM ref)), mlops.profile(city, (SELECT city FROM ref)), mlops.profile(t, (SELECT row FROM ref)))) FROM t$$;
SET max_parallel_workers_per_gather = 0;
CREATE TABLE expected AS SELECT p FROM all_of();
SET parallel_setup_cost = 0; SET parallel_tuple_cost = 0; SET min_parallel_table_scan_size = 0;
SET max_parallel_workers_per_gather = 2;
SELECT plan_has('SELECT mlops.profile(x, (SELECT x FROM ref)), mlops.profile(t, (SELECT row FROM ref)) FROM t', 'Partial') AS parallel;
SELECT p = (SELECT p FROM expected) AS two_workers FROM all_of();
ALTER TABLE t SET (parallel_workers = 4);
SET max_parallel_workers_per_gather = 4;
SELECT p = (SELECT p FROM expected) AS four_workers FROM all_of();
SELECT plan_has('SELECT grp, mlops.profile(x, (SELECT x FROM ref)) FROM t GROUP BY grp', 'Partial') AS parallel;
SELECT bool_and(same(a.p, b.p)) AS per_group, count(*) FROM (SELECT grp, mlops.profile(x, (SELECT x FROM ref)) AS p FROM t GROUP BY grp) a
	JOIN LATERAL (SELECT mlops.profile(x, (SELECT x FROM ref)) AS p FROM t WHERE t.grp = a.grp) b ON true;
SET max_parallel_workers_per_gather = 0;
SELECT same(mlops.profile_merge(p), (SELECT mlops.profile(e, (SELECT e FROM ref)) FROM t)) AS merged FROM (SELECT mlops.profile(e, (SELECT e FROM ref)) AS p FROM t GROUP BY id / 37) s;
SELECT same(mlops.profile_merge(p ORDER BY grp), mlops.profile_merge(p ORDER BY grp DESC)) AS orders FROM (SELECT grp, mlops.profile(e, (SELECT e FROM ref)) AS p FROM t GROUP BY grp) s;
SELECT mlops.profile_merge(p)::text = (SELECT mlops.profile(t, (SELECT row FROM ref))::text FROM t) AS merged_rows FROM (SELECT mlops.profile(t, (SELECT row FROM ref)) AS p FROM t GROUP BY grp) s;
-- D05: FILTER, GROUPING SETS, DISTINCT and ORDER BY inside, windows
SET max_parallel_workers_per_gather = 0;
SELECT grp, b, mlops.rows(mlops.profile(x, (SELECT x FROM ref)) FILTER (WHERE k = 1)) AS rows, count(*) FILTER (WHERE k = 1) FROM t WHERE grp < 2 GROUP BY GROUPING SETS ((grp, b), (grp), ()) ORDER BY 1, 2;
SELECT mlops.rows(mlops.reference(DISTINCT k)) AS distinct_values FROM t;
SELECT same(mlops.reference(e), mlops.reference(e ORDER BY id DESC)) AS order_of_rows FROM t;
SELECT bool_and(mlops.rows(p) = id AND mlops.maximum(p) = m) AS running, count(DISTINCT p::text) AS states FROM
	(SELECT id, mlops.profile(x, (SELECT x FROM ref)) OVER w AS p, max(x) OVER w AS m FROM t WHERE id <= 200 WINDOW w AS (ORDER BY id)) s;
SELECT bool_and(mlops.rows(p) = least(id, 5)) AS sliding FROM (SELECT id, mlops.profile(city, (SELECT city FROM ref)) OVER (ORDER BY id ROWS 4 PRECEDING) AS p FROM t WHERE id <= 200) s;
SELECT mlops.rows(mlops.profile_merge(p) OVER (ORDER BY grp)) FROM (SELECT grp, mlops.profile(x, (SELECT x FROM ref)) AS p FROM t WHERE id <= 70 GROUP BY grp) s;
-- a sort on disk gives the same as one in memory
SET work_mem = '64kB';
SELECT mlops.reference(e) AS e, mlops.reference(city) AS city, mlops.reference(t)::text AS row FROM t \gset
RESET work_mem;
SELECT same(:'e', mlops.reference(e)) AS numbers, same(:'city', mlops.reference(city)) AS labels, :'row' = mlops.reference(t)::text AS rows FROM t;
-- a reference in a row of its own is detoasted once; one per group is fine, two in one group are not
SELECT grp, mlops.rows(mlops.profile(x, r)) FROM t JOIN (SELECT grp, mlops.reference(x) AS r FROM t GROUP BY grp) s USING (grp) WHERE grp < 3 GROUP BY grp ORDER BY grp;
SELECT mlops.profile(k, r) FROM t JOIN (SELECT grp, mlops.reference(k + grp, 2) AS r FROM t GROUP BY grp) s USING (grp);
SELECT mlops.profile_merge(r) FROM (SELECT mlops.reference(k + grp, 2) AS r FROM t GROUP BY grp) s;

-- whole rows: as column by column, by name
SELECT name, mlops.rows(profile), same(profile, mlops.column_profile(row, name)) FROM ref, mlops.profiles(row);
SELECT same(mlops.column_profile(row, 'x'), (SELECT mlops.reference(x) FROM t)) AS x, same(mlops.column_profile(row, 'city'), (SELECT mlops.reference(city) FROM t)) AS city,
	same(mlops.column_profile(row, 'm'), (SELECT mlops.reference(m) FROM t)) AS m, same(mlops.column_profile(row, 'iv'), (SELECT mlops.reference(iv) FROM t)) AS iv,
	mlops.column_profile(row, 'nobody') IS NULL AS nobody FROM ref;
SELECT mlops.profile(s, (SELECT row FROM ref))::text = (SELECT mlops.profile(t, (SELECT row FROM ref))::text FROM t) AS by_name
	FROM (SELECT city, 1 AS other, m, iv, tm, tz, ts, d, b, k::numeric, e, x, grp::int2, id::int8 FROM t) s;
SELECT mlops.profile(s, (SELECT row FROM ref)) FROM (SELECT city, id FROM t) s;
SELECT mlops.profile(s, (SELECT mlops.profile_set(p.name, p.profile) FROM ref, mlops.profiles(row) p WHERE name = 'x')) FROM (SELECT city AS x FROM t) s;
SELECT h.label, h.count FROM (SELECT mlops.profile(s, (SELECT mlops.profile_set('k', p) FROM (SELECT mlops.reference(k::text) AS p FROM t) r)) AS p FROM (SELECT k::numeric(10, 2) FROM t) s) s, mlops.histogram(mlops.column_profile(p, 'k')) h WHERE kind IN ('label', 'null');
CREATE TABLE odd ("Weird ""name" int, gone int, "v" money, u uuid, j jsonb);
INSERT INTO odd VALUES (1, 2, '1.50', '00000000-0000-0000-0000-000000000001', '{"a": 1}'), (NULL, 2, '2.50', NULL, NULL);
ALTER TABLE odd DROP COLUMN gone;
SELECT name, h.kind, h.label, h.hi, h.count FROM mlops.profiles((SELECT mlops.reference(odd) FROM odd)) p, mlops.histogram(profile) h WHERE h.count > 0;
SELECT mlops.rows(mlops.column_profile(mlops.profile(o, (SELECT mlops.reference(odd) FROM odd)), 'v')) AS skips_null_rows FROM (SELECT * FROM odd UNION ALL SELECT * FROM odd) u LEFT JOIN odd o ON o.u = u.u AND o.u IS NOT NULL;
SELECT mlops.profile(ROW(1, 'a'), (SELECT mlops.reference(ROW(i, 'a')) FROM generate_series(1, 3) i))::text ~ '"f1"' AS anonymous;
-- elements of an array, as the features that training makes of them
SELECT name, h.lo, h.count, h.kind FROM (SELECT mlops.profile(s, (SELECT mlops.profile_set(n, p) FROM (SELECT n, mlops.reference(1.5::float8) AS p FROM unnest('{v[1],v[3],k}'::text[]) n GROUP BY n ORDER BY n DESC) r)) AS p
	FROM (VALUES (1.5, ARRAY[1.5, NULL, 7]), (NULL, ARRAY[1.5]), (1, NULL)) s (k, v)) s, mlops.profiles(p) q, mlops.histogram(q.profile) h WHERE h.count > 0;
SELECT mlops.profile(s, (SELECT mlops.profile_set('v[1]', mlops.column_profile(row, 'x')) FROM ref)) FROM (SELECT ARRAY['a'] AS v) s;
SELECT mlops.profile(s, (SELECT mlops.profile_set('v[0]', mlops.column_profile(row, 'x')) FROM ref)) FROM (SELECT ARRAY[1] AS v) s;
SELECT mlops.profile(s, (SELECT mlops.profile_set('v[1]', mlops.column_profile(row, 'x')) FROM ref)) FROM (SELECT ARRAY[[1, 2]] AS v) s;
SELECT mlops.reference(r) FROM (SELECT ROW(1, 2) AS r UNION ALL SELECT ROW(1, 2, 3)) s;
SELECT mlops.profile_set(n, p) FROM (SELECT 'a' AS n, x AS p FROM ref UNION ALL SELECT 'a', x FROM ref) s;
SELECT mlops.profile_set(NULL, x) FROM ref;
SELECT mlops.profile_set('', x) FROM ref;

-- text and bytes bring the same back, whatever the database does with them
CREATE TABLE kept (i int, p mlops.profile, s mlops.profile_set);
INSERT INTO kept SELECT 1, x, row FROM ref UNION ALL SELECT 2, mlops.reference('"\' || chr(10) || city), NULL FROM t UNION ALL SELECT 3, mlops.reference(v), NULL FROM (VALUES (-1.7976931348623157e308::float8), ('NaN'), (5e-324), (0.1)) s (v)
	UNION ALL SELECT 4, min(p::text)::mlops.profile, mlops.profile_set('a', p) FROM (SELECT mlops.reference(NULL::text) AS p) s;
\copy kept TO 'profile_kept.txt'
\copy kept TO 'profile_kept.bin' (FORMAT binary)
CREATE TABLE back (LIKE kept);
\copy back FROM 'profile_kept.txt'
\copy back FROM 'profile_kept.bin' (FORMAT binary)
\! rm profile_kept.txt profile_kept.bin
SELECT i, count(*), bool_and(same(k.p, b.p)) AS same, bool_and(k.s::text = b.s::text) AS same_set, bool_and(jsonb_typeof(b.p::text::jsonb) = 'object') AS is_json FROM kept k JOIN back b USING (i) GROUP BY i ORDER BY i;
SELECT get_byte(mlops.profile_send(p), 0) AS format, same(p, convert_from(substr(mlops.profile_send(p), 2), 'UTF8')::mlops.profile) FROM kept;
SELECT p OPERATOR(mlops.=) p AS equal, p OPERATOR(mlops.<>) p AS differ, p OPERATOR(mlops.=) NULL AS unknown FROM kept WHERE i = 1;
-- the smallest profile has a short header when it is stored
SELECT pg_column_size(p) < 128 AS short, mlops.rows(p) FROM kept WHERE i = 4;
SELECT mlops.rows(mlops.profile_merge(p)) AS merged, mlops.rows(mlops.profile(CASE g WHEN 1 THEN 'x' END, p)) AS counted FROM kept, generate_series(1, 3) g WHERE i = 4;
-- many groups that each sort
SELECT count(*), sum(mlops.rows(p)) FROM (SELECT id / 10 AS g, mlops.reference(x) AS p FROM t GROUP BY 1) s;

-- D03: hostile text; bytes are in test/unit and test/fuzz
SELECT ''::mlops.profile;
SELECT '{}'::mlops.profile;
SELECT (p::text || 'x')::mlops.profile FROM kept WHERE i = 3;
SELECT left(p::text, 40)::mlops.profile FROM kept WHERE i = 3;
SELECT replace(p::text, '"format": 1', '"format": 2')::mlops.profile FROM kept WHERE i = 3;
SELECT replace(p::text, '"kind": "numeric"', '"kind": "other"')::mlops.profile FROM kept WHERE i = 3;
SELECT replace(p::text, '0.1]', '-0.1]')::mlops.profile FROM kept WHERE i = 3;
SELECT replace(p::text, '0.1]', '1e999]')::mlops.profile FROM kept WHERE i = 3;
SELECT replace(p::text, '"nan": 1', '"nan": 1e3')::mlops.profile FROM kept WHERE i = 3;
SELECT replace(p::text, '"nan": 1', '"nan": 999999999999999999999')::mlops.profile FROM kept WHERE i = 3;
SELECT replace(p::text, '"max": 0.1', '"max": -1e309')::mlops.profile FROM kept WHERE i = 3;
SELECT regexp_replace(p::text, '"unit": -?\d+', '"unit": 5000')::mlops.profile FROM kept WHERE i = 3;
SELECT regexp_replace(p::text, '"labels": \[', '"labels": ["' || repeat('y', 256) || '", ')::mlops.profile FROM kept WHERE i = 2;
SELECT regexp_replace(p::text, '"labels": \[', '"labels": ["\u00e9", ')::mlops.profile FROM kept WHERE i = 2;
SELECT '{"a": {"format": 1}}'::mlops.profile_set;
SELECT replace(s::text, '"a"', '""')::mlops.profile_set FROM kept WHERE i = 4;
SELECT '{}'::mlops.profile_set;
-- wrong arguments
SELECT mlops.profile(x, NULL) FROM t;
SELECT mlops.profile(city, (SELECT x FROM ref)) FROM t;
SELECT mlops.profile(x, (SELECT city FROM ref)) FROM t;
SELECT mlops.reference(x, 0) FROM t;
SELECT mlops.reference(city, 1001) FROM t;
SELECT mlops.quantile(x, 1.5), mlops.quantile(x, 'NaN') FROM ref;
SELECT mlops.reference(x) OVER () FROM t;
SELECT mlops.profile_merge(regexp_replace(p::text, '"counts": \[\d+', '"counts": [1099511627776')::mlops.profile) FROM kept, generate_series(1, 2) WHERE i = 3;
SELECT mlops.profile_add(x, 1.0::float8, x) FROM ref;
SELECT mlops.profile_combine(x, x) FROM ref;
SELECT mlops.profile_final(x) FROM ref;
SELECT mlops.profile_add(row, ROW(1), row) FROM ref;
SELECT mlops.profile_set_combine(row, row) FROM ref;
-- D04: everybody may read and make profiles, and nobody may call the steps
CREATE ROLE regress_profile_reader;
GRANT USAGE ON SCHEMA profile_test TO regress_profile_reader;
GRANT SELECT ON t, ref TO regress_profile_reader;
SET ROLE regress_profile_reader;
SELECT mlops.rows(mlops.profile(x, (SELECT x FROM ref))), mlops.rows(mlops.reference(city)), (SELECT count(*) FROM mlops.histogram((SELECT x FROM ref))) AS cells, mlops.rows(mlops.profile_merge((SELECT x FROM ref))) > 0 AS merged FROM t;
SELECT mlops.profile_add(x, 1.0::float8, x) FROM ref;
RESET ROLE;
DROP SCHEMA profile_test CASCADE;
DROP ROLE regress_profile_reader;
