\pset footer off
\echo
\echo '-- The loop.  Loan applications, a bank that grants by disposable income, and a model of it'
SELECT setseed(0.5) \gset
\echo '-- Eight days of history: 80,000 applications'
INSERT INTO application (applied_on, salary, commission, age, education, car, zip, house_value, house_years, loan, granted)
SELECT applied_on, salary, commission, age, education, car, zip, house_value, house_years, loan, granted
FROM generate_series(1, 8) d, draw_applications(current_date - 21 + d, 10000, 0, false);

SELECT mlops.train('loan', 'SELECT id, salary, commission, age, education, car, zip, house_value, house_years, loan, granted FROM application',
				   'granted', key => '{id}', early_stopping_rounds => 10) AS run \gset
CALL mlops.wait_run(:run);

\echo '-- Watch the table: what comes in, what the model says, whether it is right; learn anew from the last two days'
SELECT mlops.create_monitor('loan', 'loan', 'application', time_column => 'applied_on', label => 'granted', prediction => 'score', version => 'version',
	consecutive => 1, metric => 'accuracy', metric_floor => 0.95, cooldown => '0', action => 'retrain_and_promote',
	retrain_query => 'SELECT id, salary, commission, age, education, car, zip, house_value, house_years, loan, granted FROM application
		WHERE applied_on > (SELECT max(applied_on) - 2 FROM application)');

\echo '-- Twelve days pass: two like before, then applicants are richer by half, then the bank changes its mind'
CALL pass_day(9);
CALL pass_day(10);
CALL pass_day(11, richer => 0.5);
CALL pass_day(12, richer => 0.5);
CALL pass_day(13, richer => 0.5);
CALL pass_day(14, richer => 0.5);
CALL pass_day(15, richer => 0.5, changed => true);
CALL pass_day(16, richer => 0.5, changed => true);
CALL pass_day(17, richer => 0.5, changed => true);
CALL pass_day(18, richer => 0.5, changed => true);
CALL pass_day(19, richer => 0.5, changed => true);
CALL pass_day(20, richer => 0.5, changed => true);

\echo '-- What the monitor saw, day by day'
SELECT extract(day FROM h.window_start - current_date + interval '21 days') AS day, h.version, h.status, round(h.psi::numeric, 3) AS psi, round(p.value::numeric, 3) AS accuracy,
	(SELECT string_agg(feature || ' ' || round(f.psi::numeric, 2), ', ' ORDER BY coalesce(f.importance, 1) * f.psi DESC)
	 FROM mlops.drift_history f WHERE (f.monitor, f.version, f.window_start) = (h.monitor, h.version, h.window_start) AND f.role = 'feature' AND f.status = 'drift') AS drifting
FROM mlops.drift_history h LEFT JOIN mlops.performance_history p ON (p.monitor, p.version, p.window_start, p.kind, p.metric) = (h.monitor, h.version, h.window_start, 'realized', 'accuracy')
WHERE h.monitor = 'loan' AND h.role = 'dataset' ORDER BY h.window_start, h.version;

\echo '-- and what was done about it'
SELECT id, cause, version, new_version, outcome, round(champion_metric::numeric, 4) AS champion, round(challenger_metric::numeric, 4) AS challenger,
	round(difference_low::numeric, 4) AS at_least, n, outcome_reason FROM mlops.drift_event WHERE monitor = 'loan' ORDER BY id;
