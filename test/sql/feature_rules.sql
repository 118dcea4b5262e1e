-- which columns, targets and splits training takes, refuses and notes
SELECT current_user AS superuser \gset
CREATE ROLE regress_feature_user LOGIN;
GRANT EXECUTE ON FUNCTION mlops.train TO regress_feature_user;
CREATE SCHEMA regress_feature AUTHORIZATION regress_feature_user;
\c - regress_feature_user
SET search_path = regress_feature, public;
SET client_min_messages = warning;

CREATE TABLE data AS
SELECT i AS id, i % 100 AS entity, (i * 7919 % 1009) / 10.0::float8 AS x, i % 3 AS k, i % 2 AS bit,
	'c' || i % 5 AS c, md5(i::text) AS hex, md5(i::text)::uuid AS uuid,
	timestamptz '2024-01-01 00:00+00' + i * interval '1 hour' AS at, date '2024-01-01' + i / 24 AS day,
	(ARRAY['train', 'train', 'train', 'test', 'validation'])[1 + i % 5] AS part
FROM generate_series(1, 2000) i;

CREATE TABLE tried (id int GENERATED ALWAYS AS IDENTITY, query text, target text, args text, run bigint, refused text);
INSERT INTO tried (query, target, args) VALUES
	-- columns
	('SELECT x, k, id FROM data', 'x', ''),
	('SELECT x, k, id FROM data WHERE id < 1000', 'x', ''),
	('SELECT x, k, id + (SELECT -2147483648) AS id FROM data', 'x', ''),
	('SELECT x, k, id * 2 AS even FROM data', 'x', ''),
	('SELECT x, k, id * 3 AS third FROM data', 'x', ''),
	('SELECT x, k, CASE WHEN id <= 1970 THEN id ELSE 5 END AS almost FROM data', 'x', ''),
	('SELECT x, k, id FROM data', 'x', ', include => ''{id}'''),
	('SELECT x, k, id FROM data', 'x', ', exclude => ''{id}'''),
	('SELECT x, k, id FROM data', 'x', ', key => ''{id}'''),
	('SELECT x, k, hex FROM data', 'x', ''),
	('SELECT x, k, hex FROM data WHERE id < 20', 'x', ', split => ''time'', split_by => ''k2'''),
	('SELECT x, k, hex FROM data WHERE id <= 200', 'x', ', include => ''{hex}'''),
	('SELECT x, k, hex FROM data', 'x', ', include => ''{hex}'''),
	('SELECT x, k, left(hex, 2) AS hex FROM data', 'x', ''),
	('SELECT x, k, uuid FROM data', 'x', ''),
	('SELECT x, k, at FROM data', 'x', ''),
	('SELECT x, k, day FROM data', 'x', ''),
	('SELECT x, k, at::time AS clock FROM data', 'x', ''),
	('SELECT x, k, at, day FROM data', 'x', ', include => ''{at,day}'''),
	('SELECT x, k, extract(epoch FROM $1 - at) AS age FROM data', 'x', ', as_of => ''2025-01-01 00:00+00'''),
	('SELECT x, k, at - day AS "Since midnight" FROM data', 'x', ''),
	('SELECT x, k FROM data', 'x', ', exclude => ''{none}'''),
	('SELECT x, k FROM data', 'x', ', include => ''{k}'', exclude => ''{k}'''),
	('SELECT x, ARRAY[k, bit] AS v, k AS "v[1]" FROM data', 'x', ''),
	('SELECT x FROM data', 'x', ''),
	-- targets
	('SELECT x, k FROM data', 'y', ''),
	('SELECT x, bit FROM data', 'bit', ''),
	('SELECT x, bit FROM data', 'bit', ', positive => ''0'''),
	('SELECT x, bit + 1 AS y FROM data', 'y', ''),
	('SELECT x, bit + 1 AS y FROM data', 'y', ', task => ''binary'''),
	('SELECT x, bit + 1 AS y FROM data', 'y', ', task => ''binary'', positive => ''1'''),
	('SELECT x, bit::numeric(5, 2) AS y FROM data', 'y', ', task => ''binary'''),
	('SELECT x, bit = 1 AS y FROM data', 'y', ''),
	('SELECT x, bit = 1 AS y FROM data', 'y', ', positive => ''false'''),
	('SELECT x, bit = 1 AS y FROM data', 'y', ', positive => ''yes'''),
	('SELECT x, c FROM data', 'c', ''),
	('SELECT x, c FROM data', 'c', ', positive => ''c1'''),
	('SELECT x, c FROM data', 'c', ', task => ''regression'''),
	('SELECT x, c FROM data WHERE c < ''c2''', 'c', ''),
	('SELECT x, c FROM data WHERE c < ''c2''', 'c', ', positive => ''c0'''),
	('SELECT x, k FROM data', 'k', ', task => ''multiclass'''),
	('SELECT x, k FROM data', 'k', ', task => ''binary'''),
	('SELECT x, hex FROM data', 'hex', ''),
	('SELECT x, k, day FROM data', 'day', ''),
	('SELECT x, CASE WHEN id > 100 THEN bit END AS y FROM data', 'y', ''),
	('SELECT x, CASE WHEN id = 7 THEN ''NaN'' ELSE x + 1 END AS y FROM data', 'y', ''),
	('SELECT x, CASE WHEN id = 7 THEN ''Infinity'' ELSE x + 1 END AS y FROM data', 'y', ''),
	('SELECT x, NULL::int AS y FROM data', 'y', ''),
	('SELECT x, 1 AS y FROM data', 'y', ''),
	('SELECT x, true AS y FROM data', 'y', ''),
	('SELECT x, text ''a'' AS y FROM data', 'y', ''),
	('SELECT x, k FROM data WHERE false', 'k', ''),
	('SELECT x, k FROM data LIMIT 1', 'x', ''),
	('SELECT x, CASE WHEN id = 1 THEN k END AS y FROM data', 'y', ''),
	-- weight, groups, bounds
	('SELECT x, k, -x AS w FROM data', 'k', ', weight => ''w'''),
	('SELECT x, k, nullif(x, 0) AS w FROM data', 'k', ', weight => ''w'''),
	('SELECT x, k, ''NaN''::float4 AS w FROM data', 'k', ', weight => ''w'''),
	('SELECT x, k, 0 AS w FROM data', 'k', ', weight => ''w'''),
	('SELECT x, k, c AS w FROM data', 'k', ', weight => ''w'''),
	('SELECT x, k, nullif(entity, 0) AS q FROM data', 'k', ', qid => ''q'''),
	('SELECT x, k FROM data', 'k', ', task => ''ranking'''),
	('SELECT x AS t, x - 1 AS u, k FROM data', 't', ', target_upper => ''u'''),
	('SELECT x AS t, x + 1 AS u, k FROM data', 't', ', target_upper => ''u'', task => ''regression'''),
	-- splits
	('SELECT x, k, 1 AS one FROM data', 'x', ', key => ''{one}'''),
	('SELECT x, k, day FROM data', 'x', ', split => ''time'''),
	('SELECT x, k, day FROM data', 'x', ', split => ''time'', split_by => ''day'''),
	('SELECT x, k, date ''2024-01-01'' AS day FROM data', 'x', ', split => ''time'', split_by => ''day'''),
	('SELECT x, k, id FROM data', 'x', ', split => ''time'', split_by => ''id'', gap => ''1 day'''),
	('SELECT x, k, c FROM data', 'x', ', split => ''time'', split_by => ''c'''),
	('SELECT x, k, at FROM data', 'x', ', split => ''time'', split_by => ''at'', gap => ''100 hours'', validation_size => 0.25'),
	('SELECT x, k, nullif(at, ''2024-01-02 00:00+00'') AS at FROM data', 'x', ', split => ''time'', split_by => ''at'''),
	('SELECT x, k, part FROM data', 'x', ', split => ''column'', split_by => ''part'''),
	('SELECT x, k, part FROM data WHERE part <> ''validation''', 'x', ', split => ''column'', split_by => ''part'', validation_size => 0.1'),
	('SELECT x, k, c FROM data', 'x', ', split => ''column'', split_by => ''c'''),
	('SELECT x, k, k = 0 AS side FROM data', 'x', ', split => ''column'', split_by => ''side'', validation_size => 0.1'),
	('SELECT x, k, false AS side FROM data', 'x', ', split => ''column'', split_by => ''side'''),
	('SELECT x, k, k = 0 AS side FROM data', 'k', ', split => ''column'', split_by => ''side'', task => ''multiclass''');

DO $$
DECLARE
	case_ tried;
	hint text;
BEGIN
	FOR case_ IN SELECT * FROM tried ORDER BY id LOOP
		BEGIN
			EXECUTE format('SELECT mlops.train(%L, %L, %L, num_boost_round => 1%s)', 'regress_rules_' || case_.id,
				case_.query, case_.target, case_.args) INTO case_.run;
			UPDATE tried SET run = case_.run WHERE id = case_.id;
		EXCEPTION WHEN OTHERS THEN
			GET STACKED DIAGNOSTICS hint = PG_EXCEPTION_HINT;
			UPDATE tried SET refused = sqlstate || ': ' || sqlerrm || coalesce(' | ' || nullif(hint, ''), '') WHERE id = case_.id;
		END;
	END LOOP;
END $$;
\pset format unaligned
\pset fieldsep ' | '
-- refused at submit
SELECT query, target || args AS args, refused FROM tried WHERE refused IS NOT NULL ORDER BY id;
-- refused by the run
SELECT query, target || args AS args, w.status, w.sqlstate || ': ' || left(w.error, 1000) AS error FROM tried, mlops.wait(run, '60 s') w
WHERE w.status <> 'succeeded' ORDER BY tried.id;
-- trained
SELECT tried.query, target || args AS args, m.task, m.classes, d.n_rows, d.n_dropped,
	(SELECT max(n) FROM mlops.metric WHERE run_id = w.id AND dataset = 'test') AS n_test, array_to_string(w.notes, '; ') AS notes,
	(SELECT string_agg(f->>'name', ',' ORDER BY n) FROM jsonb_array_elements(v.signature->'features') WITH ORDINALITY e(f, n)) AS features
FROM tried JOIN mlops.run w ON w.id = run JOIN mlops.model m ON m.name = w.model
	JOIN mlops.model_version v ON v.model = m.name JOIN mlops.dataset d ON d.id = w.dataset_id
ORDER BY tried.id;

-- a key has the same side in every version, whatever the features
SELECT mlops.train('regress_rules_key', 'SELECT x, k, entity FROM data', 'x', num_boost_round => 1, key => '{entity}') AS first \gset
SELECT mlops.train('regress_rules_key', 'SELECT x, c, bit, entity::text FROM data ORDER BY x', 'x', num_boost_round => 1, key => '{entity}') AS second \gset
SELECT (mlops.wait(:first)).status, (mlops.wait(:second)).status;
SELECT run_id - :first AS run, max(n) FROM mlops.metric WHERE run_id IN (:first, :second) AND dataset = 'test' GROUP BY 1 ORDER BY 1;

-- classes are fixed by the first version: a missing one keeps its slot, a new one is an error
SELECT mlops.train('regress_rules_class', 'SELECT x, k, c FROM data', 'c', num_boost_round => 1) AS first \gset
SELECT (mlops.wait(:first)).status;
SELECT mlops.train('regress_rules_class', 'SELECT x, k, c FROM data WHERE c <> ''c1''', 'c', num_boost_round => 1) AS second \gset
SELECT mlops.train('regress_rules_class', 'SELECT x, k, CASE id WHEN 9 THEN ''c9'' ELSE c END AS c FROM data', 'c', num_boost_round => 1) AS third \gset
SELECT (mlops.wait(:second)).status;
SELECT mlops.classes('regress_rules_class/2');
SELECT status, sqlstate, error FROM mlops.wait(:third);

-- too many labels: an error for train, the most frequent ones for retrain
CREATE VIEW city AS SELECT x, k, CASE WHEN id <= 500 THEN 'c' || id % 250 ELSE 'd' || id % 900 END AS city FROM data;
SELECT mlops.train('regress_rules_city', 'SELECT * FROM city WHERE city < ''d''', 'x', num_boost_round => 1) AS first \gset
SELECT (mlops.wait(:first)).status;
SELECT mlops.train('regress_rules_city', 'SELECT * FROM city', 'x', num_boost_round => 1) AS second \gset
SELECT status, error FROM mlops.wait(:second);
SELECT mlops.retrain('regress_rules_city', query => 'SELECT * FROM city', promote => 'if_not_worse') AS third \gset
SELECT status, error, notes[1] FROM mlops.wait(:third);
SELECT version, jsonb_array_length(signature #> '{features,1,categories}') AS n,
	signature #> '{features,1,categories}' @> '["c0", "c249", "d501", "d899"]' AS has_frequent FROM mlops.model_version
WHERE model = 'regress_rules_city' ORDER BY version;


\c - :superuser
SET client_min_messages = warning;
TRUNCATE mlops.model, mlops.model_blob, mlops.run, mlops.dataset RESTART IDENTITY CASCADE;
DROP OWNED BY regress_feature_user CASCADE;
DROP ROLE regress_feature_user;
