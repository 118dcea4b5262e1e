\pset footer off
\echo
\echo '-- 569 tumours, 30 measurements each, and what the biopsy said'
SELECT id, radius, texture, worst_area, diagnosis FROM tumor ORDER BY id LIMIT 3;

\echo '-- Train on a query.  The run starts when the transaction commits.'
SELECT mlops.train('tumor', 'SELECT * FROM tumor', 'diagnosis',
				   positive => 'malignant', key => '{id}',
				   early_stopping_rounds => 20, num_boost_round => 500) AS run \gset
CALL mlops.wait_run(:run);

\echo '-- The same for three classes, a number, and handwritten digits in an array'
SELECT mlops.train('wine', 'SELECT * FROM wine', 'cultivar', key => '{id}') AS wine,
	   mlops.train('diabetes', 'SELECT * FROM diabetes', 'progression', key => '{id}',
				   params => '{"max_depth": 3, "eta": 0.1}') AS diabetes,
	   mlops.train('digit', 'SELECT * FROM digit', 'digit', key => '{id}', num_boost_round => 1000) AS digit \gset
SELECT model, status, phase, round, num_round, metric_name, metric_value FROM mlops.progress ORDER BY 1;
CALL mlops.wait_run(:wine);
CALL mlops.wait_run(:diabetes);
CALL mlops.wait_run(:digit);

\echo '-- Every version knows its metrics on rows it never saw'
SELECT r.model, r.version, m.name, round(m.value::numeric, 4) AS value, round(m.std_error::numeric, 4) AS std_error, m.n
FROM mlops.run r JOIN mlops.metric m ON m.run_id = r.id
WHERE m.dataset = 'test' AND m.round IS NULL AND m.name IN ('roc_auc', 'log_loss', 'accuracy', 'rmse', 'r2')
ORDER BY 1, 3;

\echo '-- and where it came from'
SELECT depth, kind, object, left(encode(digest, 'hex'), 16) AS digest FROM mlops.lineage('tumor');

\echo '-- Predict: one function, columns match by name'
SELECT id, diagnosis AS truth, mlops.predict_class('tumor', t) AS predicted, mlops.predict('tumor', t) AS p_malignant
FROM tumor t ORDER BY id DESC LIMIT 6;

SELECT id, cultivar AS truth, class, round(probability::numeric, 4) AS probability
FROM wine w, mlops.predict_classes('wine', w) WHERE id IN (1, 100, 178) ORDER BY id, probability DESC;

SELECT id, progression AS truth, mlops.predict('diabetes', d) AS predicted FROM diabetes d ORDER BY id LIMIT 3;

SELECT count(*) FILTER (WHERE digit = mlops.predict_class('digit', d)) AS digits_read_right, count(*) AS digits
FROM digit d;

\echo '-- Why: what each feature adds to the log-odds of one prediction (SHAP)'
SELECT e.feature, e.value, round(e.contribution::numeric, 3) AS contribution
FROM tumor t, mlops.explain('tumor', t) e WHERE t.id = 569
ORDER BY abs(e.contribution) DESC LIMIT 4;

\echo '-- For applications: a function with the model''s own columns'
SELECT mlops.create_function('diabetes', 'progression_of');
SELECT id, progression AS truth, progression_of(age, sex, bmi, bp, s1, s2, s3, s4, s5, s6) AS predicted
FROM diabetes ORDER BY id LIMIT 3;
