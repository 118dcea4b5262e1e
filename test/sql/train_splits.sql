-- parts of a data set, targets and classes; the number of rows that metrics count tells the hold-out
\set VERBOSITY terse
SET client_min_messages = warning;
CREATE ROLE regress_train_splits LOGIN;
GRANT EXECUTE ON FUNCTION mlops.train TO regress_train_splits;
CREATE SCHEMA train_splits AUTHORIZATION regress_train_splits;
\connect - regress_train_splits
SET client_min_messages = warning;
SET search_path = train_splits, public;

CREATE PROCEDURE wait_all() LANGUAGE plpgsql AS $$
BEGIN
	PERFORM mlops.wait(id, '100 s') FROM mlops.run WHERE model LIKE 'splits\_%';
END $$;
CREATE TABLE t AS SELECT i AS id, i % 13 AS x, i % 7 AS z, i % 13 + i % 7 AS y, i <= 100 AS old, CASE WHEN i > 40 THEN i <= 100 END AS sometimes,
	date '2026-01-01' + i AS day, timestamptz '2026-01-01' + i * interval '1 hour' AS hour, i / 40 AS forty, CASE WHEN i > 40 THEN i END AS late,
	CASE i % 4 WHEN 0 THEN 'test' WHEN 1 THEN 'validation' ELSE 'train' END AS part FROM generate_series(1, 400) i;
CREATE TABLE trial (n serial, arguments text);
CREATE FUNCTION submit_all() RETURNS SETOF text LANGUAGE plpgsql AS $$
DECLARE
	trial record;
	run bigint;
BEGIN
	FOR trial IN SELECT * FROM trial ORDER BY n LOOP
		BEGIN
			EXECUTE format('SELECT mlops.train(%L, %s, num_boost_round => 2)', 'splits_' || trial.n, trial.arguments) INTO run;
		EXCEPTION WHEN OTHERS THEN
			RETURN NEXT concat_ws(' ', trial.arguments, '|', sqlstate, sqlerrm);
		END;
	END LOOP;
END $$;
CREATE VIEW outcome AS
	SELECT regexp_replace(arguments, '.*''y'', ', '') AS arguments, r.sqlstate, d.n_rows, d.n_dropped,
		(SELECT DISTINCT m.n FROM mlops.metric m WHERE m.run_id = r.id AND m.dataset = 'test' AND m.round IS NULL) AS n_test,
		(SELECT min(s) FROM unnest(notes || error) s WHERE s !~ '^target .* is a number|^without key') AS notes
	FROM trial JOIN mlops.run r ON model = 'splits_' || n LEFT JOIN mlops.dataset d ON d.id = dataset_id ORDER BY n;

-- time: the newest fifth, whole ties together; rows without a time are left out, and those within gap of the cut
INSERT INTO trial (arguments) SELECT '''SELECT 2 * x AS x2, 2 * z AS z2, y, ' || column_name || ' FROM t'', ''y'', split_by => ''' || column_name || ''', split => ' || split
	FROM (VALUES ('id', '''time'''), ('day', '''time'''), ('hour', '''time'''), ('late', '''time'''), ('forty', '''time'''), ('day', '''time'', test_size => 0.5'),
		('day', '''time'', gap => ''7 days'''), ('hour', '''time'', gap => ''12 hours'''), ('day', '''time'', gap => ''1 month'''), ('day', '''time'', gap => ''1 year'''),
		('hour', '''time'', gap => ''5 hours'', validation_size => 0.25'), ('id', '''time'', gap => ''1 day'''), ('old', '''time'''), ('z', '''time'''), ('x', '''time'', test_size => 0.01'),
		-- column: true is hold-out, or the part by name
		('old', '''column'''), ('sometimes', '''column'''), ('part', '''column'''), ('part', '''column'', early_stopping_rounds => 1'), ('old', '''column'', validation_size => 0.5'),
		('old', '''column'', refit => true'), ('id', '''column''')) v (column_name, split);
SELECT * FROM submit_all();
CALL wait_all();
SELECT * FROM outcome;
DELETE FROM trial;

-- hash: by the key alone.  Rows of a key stay on their side, whatever else the query returns
CREATE FUNCTION n_test(run bigint) RETURNS bigint LANGUAGE sql AS $$ SELECT max(n) FROM mlops.metric WHERE run_id = run AND dataset = 'test' AND round IS NULL $$;
SELECT mlops.train('splits_key', 'SELECT id, x, y FROM t', 'y', key => '{id}', num_boost_round => 1) AS every \gset
CALL mlops.wait_run(:every);
SELECT mlops.retrain('splits_key', query => 'SELECT id, x, y FROM t WHERE id <= 200') AS low, mlops.retrain('splits_key', query => 'SELECT id, x, y FROM t WHERE id > 200') AS high,
	mlops.retrain('splits_key', query => 'SELECT id::bigint, z, 7 - x AS x, y + 1 AS y FROM t ORDER BY random()') AS other,
	mlops.retrain('splits_key', query => 'SELECT t.id, x, y FROM t, generate_series(1, 3)') AS thrice \gset
CALL wait_all();
SELECT n_test(:low) + n_test(:high) = n_test(:every) AS sum, n_test(:other) = n_test(:every) AS other, n_test(:thrice) = 3 * n_test(:every) AS thrice, abs(n_test(:every) / 400.0 - 0.2) < 0.06 AS share;
-- keys of several columns, with NULL; other names of models, other sides
INSERT INTO trial (arguments) VALUES
	('''SELECT id / 2 AS a, CASE WHEN id % 3 > 0 THEN id END AS b, x, y FROM t'', ''y'', key => ''{a,b}'''),
	('''SELECT id, x, y FROM t'', ''y'', key => ''{id}'', test_size => 0.7'), ('''SELECT id, x, y FROM t'', ''y'', key => ''{id}'', test_size => 0'),
	('''SELECT id, x, y FROM t'', ''y'', key => ''{id}'', test_size => ''NaN'''), ('''SELECT id, x, y FROM t'', ''y'', key => ''{}'''),
	('''SELECT id, x, y FROM t'', ''y'', key => ''{id,NULL}'''), ('''SELECT id, x, y FROM t'', ''y'', key => ''{id}'', gap => ''1 day'''),
	('''SELECT id, x, y FROM t'', ''y'', key => ''{id}'', split_by => ''x'''), ('''SELECT id % 40 AS q, x, z, y FROM t'', ''y'', qid => ''q'', key => ''{z}'''),
	('''SELECT id, x, y FROM t'', ''y'', key => ''{id,y}'''), ('''SELECT id, x, y FROM t'', ''y'', key => ''{id}'', weight => ''y'''), ('''SELECT id, x, y FROM t'', ''y'', qid => ''y'''),
	('''SELECT id, x, y FROM t'', ''y'', split => ''time'', split_by => ''y''');
SELECT * FROM submit_all();
CALL wait_all();
SELECT arguments, sqlstate, n_rows, n_test BETWEEN 40 AND 300 AS n_test, notes FROM outcome;
-- a group stays together: groups of 10 rows each
SELECT mlops.train('splits_rank', 'SELECT id % 40 AS q, x, z, y FROM t', 'y', qid => 'q', num_boost_round => 1) AS rank \gset
CALL mlops.wait_run(:rank);
SELECT DISTINCT task, n % 10 AS rest FROM mlops.metric m, mlops.model_version v WHERE m.run_id = :rank AND v.run_id = :rank AND dataset = 'test' AND round IS NULL;
