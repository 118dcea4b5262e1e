-- references of versions: what training stores, and set_reference, are what mlops.profile counts on the same rows
SET client_min_messages = warning;
CREATE ROLE regress_reference_owner LOGIN;
CREATE ROLE regress_reference_predictor;
CREATE SCHEMA reference_test;
SET search_path = reference_test;
GRANT ALL ON SCHEMA reference_test TO regress_reference_owner;
GRANT USAGE ON SCHEMA reference_test TO regress_reference_predictor;
GRANT EXECUTE ON FUNCTION mlops.train TO regress_reference_owner;
GRANT EXECUTE ON PROCEDURE mlops.train_wait TO regress_reference_owner;
GRANT EXECUTE ON FUNCTION mlops.register_model TO regress_reference_owner;
SET SESSION AUTHORIZATION regress_reference_owner;

-- every type that makes a feature; parts are a column, so that this test knows them
CREATE TYPE mood AS ENUM ('sad', 'ok', 'happy');
CREATE DOMAIN share AS numeric CHECK (VALUE <= 1000);
CREATE TABLE loan AS
SELECT i AS id, (i * 7919 % 1009)::float8 / 100 AS income, CASE WHEN i % 7 = 0 THEN NULL ELSE (i * 104729 % 997)::int END AS debt,
	(CASE i % 11 WHEN 0 THEN 'NaN' WHEN 1 THEN NULL ELSE (i % 13) / 10.0 END)::float8 AS ratio, round((i % 89) / 7.0, 3)::share AS rate,
	(i % 5)::int2 AS kids, 123456789012 + i % 300 AS account, (i % 50)::real AS age, i % 3 = 0 AS house,
	'city ' || i * i % 71 AS city, (ARRAY['sad', 'ok', 'happy', NULL])[1 + i % 4]::mood AS mood, ((i % 6) || ' ')::char(4) AS code,
	date '2020-01-01' + i % 400 AS opened, timestamptz '2021-03-04 05:06:07+00' + i % 90 * interval '1 hour' AS seen,
	time '08:00' + i % 60 * interval '1 minute' AS at, (hashint4(i) & 255) < 25 * (i * 7919 % 1009)::real / 100 AS repaid,
	(i * 7919 % 1009)::real / 50 + i % 3 AS amount, (ARRAY['low', 'mid', 'high'])[1 + (i * 7919 % 1009) / 340] AS class,
	1 + i % 3 AS w, (ARRAY['train', 'train', 'validation', 'test'])[1 + i % 4] AS part
FROM generate_series(1, 3000) i;

-- the same columns as profiles; a row per column, so that drift of any shows
CREATE FUNCTION check_columns(version text, roles text[], rows text) RETURNS TABLE (role text, name text, dataset text, n bigint, equal boolean)
LANGUAGE plpgsql AS $$
DECLARE r record;
BEGIN
	FOR r IN SELECT * FROM mlops.model_reference m WHERE m.model || '/' || m.version = check_columns.version AND m.role = ANY (roles)
		ORDER BY m.role, m.name COLLATE "C" LOOP
		role := r.role; name := r.name; dataset := r.dataset;
		-- classes are labels, of boolean targets as well
		EXECUTE format('SELECT count(*), mlops.profile(t.%I%s, $1) OPERATOR(mlops.=) $1 FROM (%s) t', r.name,
			CASE r.name WHEN 'repaid' THEN '::text' ELSE '' END, rows) INTO n, equal USING r.profile;
		RETURN NEXT;
	END LOOP;
END $$;

CALL mlops.train_wait('loan', 'SELECT * FROM loan', 'repaid', params => '{"max_depth": 3}', num_boost_round => 10, key => '{id}',
	include => '{opened,seen,at}', exclude => '{amount,class}', weight => 'w', split => 'column', split_by => 'part');
SELECT * FROM check_columns('loan/1', '{feature,label}', 'SELECT * FROM loan WHERE part <> ''test''');
SELECT * FROM check_columns('loan/1', '{prediction}', 'SELECT mlops.predict(''loan'', t) AS prediction FROM loan t WHERE part = ''test''');
-- labels are kept by frequency, and one that was never seen has a cell of its own
SELECT c.label, c.count FROM mlops.model_reference r, mlops.histogram(r.profile) c WHERE r.name = 'mood' ORDER BY c.cell;
SELECT count(*) FILTER (WHERE label IS NOT NULL) > 10 AS several FROM mlops.model_reference r, mlops.histogram(r.profile) c WHERE r.name = 'city';
-- importance is the share of the total gain
SELECT sum(importance) BETWEEN 1 - 1e-12 AND 1 + 1e-12 AS whole, count(importance) = count(*) FILTER (WHERE role = 'feature') AS features_only,
	max(abs(r.importance - coalesce(i.share, 0))) < 1e-6 AS by_gain
FROM mlops.model_reference r LEFT JOIN (SELECT feature, importance / sum(importance) OVER () AS share FROM mlops.importance('loan', 'total_gain') i) i ON i.feature = r.name
WHERE model = 'loan';

-- other tasks; with refit the rows are all rows, and predictions those of the evaluated model
CALL mlops.train_wait('amount', 'SELECT id, income, age, amount, part FROM loan', 'amount', num_boost_round => 5, key => '{id}', split => 'column', split_by => 'part', refit => true);
SELECT * FROM check_columns('amount/1', '{feature,label}', 'SELECT * FROM loan');
SELECT role, name, dataset, mlops.null_rate(profile) FROM mlops.model_reference WHERE model = 'amount' AND role = 'prediction';
CALL mlops.train_wait('class', 'SELECT id, income, city, class, part FROM loan', 'class', num_boost_round => 3, key => '{id}', split => 'column', split_by => 'part');
SELECT * FROM check_columns('class/1', '{feature,label}', 'SELECT * FROM loan WHERE part <> ''test''');
SELECT * FROM check_columns('class/1', '{prediction}', 'SELECT mlops.predict_class(''class'', t) AS prediction FROM loan t WHERE part = ''test''');
CALL mlops.train_wait('life', 'SELECT id, income, age, amount + 1 AS died, amount + 2 AS latest, part FROM loan', 'died', task => 'survival', target_upper => 'latest',
	num_boost_round => 3, key => '{id}', split => 'column', split_by => 'part');
SELECT * FROM check_columns('life/1', '{feature,label}', 'SELECT income, age, amount + 1 AS died FROM loan WHERE part <> ''test''');
CALL mlops.train_wait('rank', 'SELECT id / 10 AS q, income, age, kids, part FROM (SELECT *, max(part) OVER (PARTITION BY id / 10) AS p FROM loan) l', 'kids', task => 'ranking', qid => 'q',
	num_boost_round => 3, exclude => '{part}');
SELECT role, name, dataset FROM mlops.model_reference WHERE model = 'rank' ORDER BY role, name;
-- gblinear has no gain
CALL mlops.train_wait('lines', 'SELECT id, income, amount FROM loan', 'amount', params => '{"booster": "gblinear"}', num_boost_round => 2, key => '{id}');
SELECT role, name, importance FROM mlops.model_reference WHERE model = 'lines' ORDER BY role;

-- an imported version has none until set_reference
SELECT mlops.register_model('loan_import', mlops.export_model('loan'), signature => (SELECT signature || '{"classes": ["false", "true"]}' FROM mlops.model_version WHERE model = 'loan'));
SELECT count(*) FROM mlops.model_reference WHERE model = 'loan_import';
SELECT mlops.set_reference('loan_import', 'SELECT * FROM loan WHERE part = ''train''');
SELECT count(*), bool_and(equal) AS equal, min(dataset) AS dataset, max(n) AS n FROM check_columns('loan_import/1', '{feature,label}', 'SELECT * FROM loan WHERE part = ''train''');
SELECT * FROM check_columns('loan_import/1', '{prediction}', 'SELECT mlops.predict(''loan_import'', t) AS prediction FROM loan t WHERE part = ''train''');
SELECT sum(importance) BETWEEN 1 - 1e-12 AND 1 + 1e-12 AS whole FROM mlops.model_reference WHERE model = 'loan_import';
-- again, without the label: that one stays; columns in any order, others ignored
SELECT mlops.set_reference('loan_import', 'SELECT part, w, at, seen, opened, code, mood, city, house, age, account, kids, rate, ratio, debt, income FROM loan');
SELECT role, dataset, count(*) FROM mlops.model_reference WHERE model = 'loan_import' GROUP BY 1, 2 ORDER BY 1;
SELECT bool_and(equal) AS equal, max(n) FROM check_columns('loan_import/1', '{feature}', 'SELECT * FROM loan');
-- under another name; rows without a label take no part; $1 is now()
SELECT mlops.set_reference('class', 'SELECT income, city, nullif(class, ''mid'') AS y FROM loan WHERE $1 = now()', 'y');
SELECT * FROM check_columns('class/1', '{feature,label}', 'SELECT * FROM loan WHERE class <> ''mid''');

-- what it refuses
SELECT mlops.set_reference('loan_import', 'SELECT income FROM loan');
SELECT mlops.set_reference('class', 'SELECT income, 1 AS city, class FROM loan');
SELECT mlops.set_reference('class', 'SELECT income, city FROM loan', 'class');
SELECT mlops.set_reference('class', 'SELECT income, city, class FROM loan WHERE false');
SELECT mlops.set_reference('class', 'SELECT income, city, ''new'' AS class FROM loan');
SELECT mlops.set_reference('class', 'DELETE FROM loan');
SELECT mlops.set_reference('nobody', 'SELECT 1 AS a');
SELECT mlops.set_reference(NULL, 'SELECT 1 AS a');
BEGIN READ ONLY;
SELECT mlops.set_reference('class', 'SELECT income, city FROM loan');
ROLLBACK;
-- it undoes with its transaction
BEGIN;
SELECT mlops.set_reference('amount', 'SELECT income, age FROM loan LIMIT 5');
ROLLBACK;
SELECT DISTINCT dataset FROM mlops.model_reference WHERE model = 'amount' AND role = 'feature';

-- profiles hold data: predicting is not enough to see them, reading not to replace them
SELECT mlops.grant_model('class', 'regress_reference_predictor', 'predict');
RESET SESSION AUTHORIZATION;
SET ROLE regress_reference_predictor;
SELECT count(*) FROM mlops.model_reference;
SELECT mlops.set_reference('class', 'SELECT 1 AS income, ''city 1'' AS city');
RESET ROLE;
SET ROLE regress_reference_owner;
SELECT mlops.grant_model('class', 'regress_reference_predictor', 'read');
SET ROLE regress_reference_predictor;
SELECT count(*) FROM mlops.model_reference;
SELECT mlops.set_reference('class', 'SELECT 1 AS income, ''city 1'' AS city');
INSERT INTO mlops.model_reference SELECT * FROM mlops.model_reference;
RESET ROLE;
SET ROLE regress_reference_owner;

-- the same model again keeps what is stored; gone with the version
CALL mlops.train_wait('class', 'SELECT id, income, city, class, part FROM loan', 'class', num_boost_round => 3, key => '{id}', split => 'column', split_by => 'part');
SELECT version, role, dataset FROM mlops.model_reference WHERE model = 'class' ORDER BY version, role, name;
SELECT mlops.set_alias('class', 'champion', NULL);
SELECT mlops.delete_model_version('class/1');
SELECT count(*) FROM mlops.model_reference WHERE model = 'class';

RESET ROLE;
SET client_min_messages = error;
DROP SCHEMA reference_test CASCADE;
TRUNCATE mlops.model, mlops.model_blob, mlops.run, mlops.dataset RESTART IDENTITY CASCADE;
DROP OWNED BY regress_reference_owner, regress_reference_predictor;
DROP ROLE regress_reference_owner, regress_reference_predictor;
