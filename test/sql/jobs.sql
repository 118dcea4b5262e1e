-- the jobs of README.md, as a user types them
\set VERBOSITY terse
\set superuser :USER
SET client_min_messages = warning;
CREATE ROLE regress_mlops_analyst LOGIN;
GRANT EXECUTE ON FUNCTION mlops.train, mlops.register_model TO regress_mlops_analyst;
GRANT EXECUTE ON PROCEDURE mlops.train_wait TO regress_mlops_analyst;
CREATE SCHEMA jobs AUTHORIZATION regress_mlops_analyst;
\connect - regress_mlops_analyst
SET client_min_messages = warning;
SET search_path = jobs, public;

-- customers: a plan, an age in days, calls; who called often on the short plan left
CREATE TABLE customer (id int PRIMARY KEY, plan text, since timestamptz, calls int);
INSERT INTO customer SELECT i, (ARRAY['year', 'month'])[1 + i % 2], '2026-01-01'::timestamptz - i * interval '1 hour', (i * 7919) % 13
	FROM generate_series(1, 1200) i;
CREATE TABLE labels AS SELECT id, plan = 'month' AND calls > 6 AS churned FROM customer;
CREATE FUNCTION churn_features(at timestamptz) RETURNS TABLE (id int, plan text, age float8, calls int)
	LANGUAGE sql STABLE AS $$
	SELECT id, plan, extract(day FROM at - since)::float8, calls FROM customer WHERE since < at $$;

-- train on features as they were when the labels were not yet known
CALL mlops.train_wait('churn', 'SELECT f.*, l.churned FROM churn_features($1) f JOIN labels l USING (id)', 'churned',
					  key => '{id}', label_delay => '30 days', as_of => '2026-02-01', early_stopping_rounds => 20);
SELECT status, version, recipe ->> 'label_delay' AS label_delay FROM mlops.run WHERE model = 'churn';
SELECT name, value, n FROM mlops.metric m JOIN mlops.run r ON r.id = m.run_id
	WHERE r.model = 'churn' AND dataset = 'test' AND m.round IS NULL AND name = 'roc_auc';

-- score everybody
CREATE TABLE scores (id int, at timestamptz, score float8);
INSERT INTO scores SELECT id, now(), mlops.predict('churn', f) FROM churn_features('2026-02-01') f;
SELECT count(*), count(*) FILTER (WHERE (score > 0.5) = churned) AS agree FROM scores JOIN labels USING (id);

-- why somebody has that score: largest contributions first; they and the base make the margin
SELECT e.feature, e.class, e.value, contribution > 0 AS pushes FROM churn_features('2026-02-01') f, mlops.explain('churn', f) e WHERE f.id = 42 AND feature <> '(base)' ORDER BY abs(contribution) DESC;
SELECT abs(sum(contribution) - (SELECT (mlops.predict_raw('churn', f))[1] FROM churn_features('2026-02-01') f WHERE f.id = 42)) < 1e-5 AS adds_up
	FROM churn_features('2026-02-01') f, mlops.explain('churn', f) e WHERE f.id = 42;
SELECT feature FROM mlops.importance('churn', 'total_gain') LIMIT 2;

-- score one from an application: a function with the model's columns, which takes untyped parameters
SELECT mlops.create_function('churn', 'churn_score');
PREPARE s AS SELECT churn_score($1, $2, $3);
EXECUTE s('month', '400', '9') \gset
SELECT :churn_score > 0.5 AS leaves;
SELECT count(*), count(*) FILTER (WHERE churn_score(plan, age, calls) = score) AS same FROM churn_features('2026-02-01') JOIN scores USING (id);

-- once more, with the recipe of version 1 and other rounds; compare on rows that neither saw
CALL mlops.retrain_wait('churn', num_boost_round => 3);
SELECT version, parent_version FROM mlops.model_version WHERE model = 'churn' ORDER BY version;
SELECT metric, version, n, difference IS NOT NULL AS compared FROM mlops.compare('{churn/1,churn/2}',
	'SELECT f.*, l.churned FROM churn_features(''2026-02-01'') f JOIN labels l USING (id)', 'churned')
	WHERE metric = 'log_loss' ORDER BY version;
SELECT mlops.set_alias('churn', 'champion', 2, expected_version => 1);
SELECT name, version FROM mlops.resolve('churn');

-- a model from elsewhere
SELECT mlops.register_model('imported', mlops.export_model('churn/1'), signature => (SELECT signature FROM mlops.model_version WHERE model = 'churn' AND version = 1));
SELECT * FROM mlops.check_predictions('imported', 'SELECT f.*, mlops.predict(''churn/1'', f) AS expected FROM churn_features(''2026-02-01'') f', 'expected');
SELECT n, n_different, max_difference > 0.001 AS far FROM mlops.check_predictions('imported',
	'SELECT f.*, mlops.predict(''churn/1'', f) + (id = 7)::int * 0.002 AS expected FROM churn_features(''2026-02-01'') f -- one is wrong', 'expected');
SELECT n, n_different FROM mlops.check_predictions('imported', 'SELECT f.*, mlops.predict_array(''churn/1'', f) AS expected FROM churn_features($1) f', 'expected');
SELECT mlops.check_predictions('imported', 'SELECT f.* FROM churn_features($1) f', 'expected');
SELECT mlops.check_predictions('imported', 'DELETE FROM customer', 'expected');

-- time split with gap and refit
CREATE TABLE demand AS SELECT date '2026-01-01' + i AS day, i % 7 AS weekday, (i % 7) * 10 + i % 3 AS qty FROM generate_series(0, 199) i;
CALL mlops.train_wait('demand', 'SELECT * FROM demand', 'qty', split => 'time', split_by => 'day', gap => '7 days', refit => true, task => 'regression', num_boost_round => 20);
SELECT v.refit, d.n_rows, d.n_dropped FROM mlops.model_version v JOIN mlops.dataset d ON d.id = v.dataset_id WHERE v.model = 'demand';
SELECT DISTINCT n FROM mlops.metric m JOIN mlops.run r ON r.id = m.run_id WHERE r.model = 'demand' AND dataset = 'test' AND m.round IS NULL;

-- one model per store
CREATE TABLE stores AS SELECT unnest(ARRAY['north', 'south']) AS store;
CREATE TABLE sales AS SELECT i AS id, (ARRAY['north', 'south'])[1 + i % 2] AS store, i % 11 AS size, (i % 11) * 3.5 AS amount FROM generate_series(1, 400) i;
SELECT mlops.train('sales_' || store, format('SELECT id, size, amount FROM sales WHERE store = %L', store), 'amount', key => '{id}', num_boost_round => 10) > 0 AS queued FROM stores;
SELECT max(id) AS last FROM mlops.run \gset
CALL mlops.wait_run(:last - 1);
CALL mlops.wait_run(:last);
SELECT model, status, version FROM mlops.run WHERE model LIKE 'sales%' ORDER BY model;

\connect - :superuser
SET client_min_messages = warning;
DROP SCHEMA jobs CASCADE;
