-- every argument of train does what it says; each is seen in what the run leaves
SET client_min_messages = warning;
CREATE ROLE regress_mlops_options LOGIN;
GRANT EXECUTE ON PROCEDURE mlops.train_wait TO regress_mlops_options;
CREATE SCHEMA options AUTHORIZATION regress_mlops_options;
\connect - regress_mlops_options
SET client_min_messages = warning;
SET search_path = options, public;

-- a and b tell y and the label; c is noise; side is a given split, upper an interval's end
CREATE TABLE t AS SELECT i AS id, i / 4 AS grp, '2026-01-01'::timestamptz + i * interval '1 hour' AS at,
		(i * 7919) % 101 AS a, (i * 104729) % 89 AS b, (i * 31) % 7 AS c, 1 + i % 3 AS w,
		(ARRAY['train', 'train', 'train', 'validation', 'test'])[1 + i % 5] AS side, i % 4 = 0 AS held
	FROM generate_series(1, 2000) i;
CREATE VIEW v AS SELECT *, a + b > 120 OR id % 17 = 0 AS y, CASE WHEN a + b > 120 THEN 'stay' ELSE 'leave' END AS label,
		a * 0.5 + b AS amount, 1 + a AS lower, CASE WHEN id % 3 = 0 THEN float8 'infinity' ELSE 1 + a + b END AS upper, a / 34 AS grade FROM t;
CREATE VIEW result AS SELECT v.*, r.notes, d.n_rows, d.n_dropped, d.query,
		(SELECT array_agg(f ->> 'name' ORDER BY o) FROM jsonb_array_elements(v.signature -> 'features') WITH ORDINALITY x (f, o)) AS features,
		(SELECT n FROM mlops.metric m WHERE m.run_id = r.id AND m.dataset = 'test' AND m.round IS NULL AND NOT weighted LIMIT 1) AS n_test
	FROM mlops.model_version v JOIN mlops.run r ON r.id = v.run_id JOIN mlops.dataset d ON d.id = v.dataset_id;

-- threshold: 0.5, a number, or chosen; predict_class and the metrics go by it
CALL mlops.train_wait('plain', 'SELECT id, a, b, y FROM v', 'y', key => '{id}', num_boost_round => 5);
CALL mlops.train_wait('careful', 'SELECT id, a, b, y FROM v', 'y', key => '{id}', num_boost_round => 5, threshold => '0.875');
CALL mlops.train_wait('balance', 'SELECT id, a, b, y FROM v', 'y', key => '{id}', num_boost_round => 5, threshold => 'f1');
SELECT model, CASE WHEN threshold IN (0.5, 0.875) THEN threshold::text WHEN threshold > 0 AND threshold < 1 THEN 'chosen' END AS threshold FROM result ORDER BY model;
SELECT count(*) FILTER (WHERE mlops.predict_class('careful', v) = 'true') = count(*) FILTER (WHERE mlops.predict('careful', v) >= 0.875) AS same,
	count(*) FILTER (WHERE mlops.predict_class('careful', v) = 'true') < count(*) FILTER (WHERE mlops.predict('careful', v) >= 0.5) AS fewer FROM v;

-- positive: which label predict gives the probability of
CALL mlops.train_wait('label', 'SELECT id, a, b, label FROM v', 'label', key => '{id}', positive => 'leave', num_boost_round => 5);
SELECT mlops.classes('label'), (SELECT mlops.predict('label', v) > 0.5 FROM v WHERE a = 0 AND b < 80 LIMIT 1) AS leaves;

-- weight and class_weight: other models; weighted metrics beside the plain ones
CALL mlops.train_wait('weight', 'SELECT id, a, b, w, y FROM v', 'y', key => '{id}', weight => 'w', num_boost_round => 5);
CALL mlops.train_wait('class_weight', 'SELECT id, a, b, y FROM v', 'y', key => '{id}', class_weight => 'balanced', num_boost_round => 5);
SELECT model, features, digest <> (SELECT digest FROM result WHERE model = 'plain') AS other_bytes,
	(SELECT count(*) > 5 FROM mlops.metric m WHERE m.run_id = result.run_id AND weighted AND round IS NULL) AS weighted
	FROM result WHERE model IN ('weight', 'class_weight') ORDER BY model;

-- split, split_by, test_size, validation_size, gap, refit
CALL mlops.train_wait('half', 'SELECT id, a, b, amount FROM v', 'amount', key => '{id}', test_size => 0.5, num_boost_round => 5);
CALL mlops.train_wait('time', 'SELECT at, a, b, amount FROM v', 'amount', split => 'time', split_by => 'at', gap => '2 days', num_boost_round => 5);
CALL mlops.train_wait('given', 'SELECT side, a, b, amount FROM v', 'amount', split => 'column', split_by => 'side', num_boost_round => 60, early_stopping_rounds => 3);
CALL mlops.train_wait('held', 'SELECT held, a, b, amount FROM v', 'amount', split => 'column', split_by => 'held', num_boost_round => 5);
CALL mlops.train_wait('refitted', 'SELECT held, a, b, amount FROM v', 'amount', split => 'column', split_by => 'held', num_boost_round => 5, refit => true);
SELECT model, features, n_rows, n_dropped, n_test, n_test BETWEEN 0.45 * 2000 AND 0.55 * 2000 AS half, refit FROM result
	WHERE model IN ('half', 'time', 'given', 'held', 'refitted') ORDER BY model;
SELECT count(DISTINCT v.digest) AS digests, count(DISTINCT m.value) AS values FROM result v JOIN mlops.metric m USING (run_id)
	WHERE model IN ('held', 'refitted') AND m.dataset = 'test' AND m.round IS NULL AND m.name = 'rmse';

-- early stopping: the stored model ends at the best round of the validation part
SELECT (SELECT count(*) FROM mlops.metric m WHERE m.run_id = r.run_id AND dataset = 'validation' AND m.name = 'rmse') <= 60 AS at_most,
	r.notes::text LIKE '%early stopping kept ' || (SELECT round + 1 FROM mlops.metric m WHERE m.run_id = r.run_id AND dataset = 'validation'
		AND m.name = 'rmse' AND round IS NOT NULL ORDER BY value, round LIMIT 1) || ' rounds%' AS best
	FROM result r WHERE model = 'given';
CALL mlops.train_wait('small', 'SELECT id, a, b, amount FROM v', 'amount', key => '{id}', num_boost_round => 60, early_stopping_rounds => 3, validation_size => 0.4);
SELECT (SELECT n FROM mlops.metric m WHERE m.run_id = r.run_id AND dataset = 'validation' LIMIT 1) BETWEEN 0.4 * 0.75 * 2000 AND 0.4 * 0.85 * 2000 AS share FROM result r WHERE model = 'small';

-- include and exclude; the columns of other arguments are no features
CALL mlops.train_wait('columns', 'SELECT id, grp, at, a, b, c, amount FROM v', 'amount', key => '{grp}', include => '{id,at}', exclude => '{c,b}', num_boost_round => 2);
SELECT features FROM result WHERE model = 'columns';

-- qid; target_upper
CALL mlops.train_wait('rank', 'SELECT grp, a, b, grade FROM v', 'grade', qid => 'grp', num_boost_round => 5);
CALL mlops.train_wait('aft', 'SELECT id, a, b, lower, upper FROM v', 'lower', key => '{id}', target_upper => 'upper', num_boost_round => 5);
SELECT model, task, objective, features FROM result WHERE model IN ('rank', 'aft') ORDER BY model;

-- as_of, label_delay; description, tags
CALL mlops.train_wait('past', 'SELECT id, a, b, amount FROM v WHERE at < $1', 'amount', key => '{id}', as_of => '2026-02-10', label_delay => '10 days',
	num_boost_round => 2, description => 'as it was', tags => '{"team": "blue"}');
SELECT n_rows, (SELECT count(*) FROM t WHERE at < '2026-01-31') AS expected, description, tags FROM result WHERE model = 'past';

-- the session's settings go with the recipe, also into a retraining elsewhere
SET TimeZone = 'Asia/Tokyo';
SET DateStyle = 'German, DMY';
SET IntervalStyle = 'iso_8601';
CALL mlops.train_wait('context', 'SELECT id, a, concat_ws(''|'', extract(hour FROM at)::int % 1, current_setting(''TimeZone''), current_setting(''DateStyle''), current_setting(''IntervalStyle''), current_user) AS s, amount FROM v',
	'amount', key => '{id}', num_boost_round => 2);
\connect - regress_mlops_options
SET client_min_messages = warning;
CALL mlops.retrain_wait('context', num_boost_round => 3, include => '{id}', key => '{a}', description => 'elsewhere');
SELECT version, parent_version, recipe ->> 'num_boost_round' AS rounds, description, signature -> 'features' -> -1 -> 'categories' AS context FROM mlops.model_version WHERE model = 'context' ORDER BY version;

-- promote: the better, not the worse, not what cannot be compared
CALL mlops.retrain_wait('half', num_boost_round => 20, promote => 'if_not_worse', exclude => '{}');
CALL mlops.retrain_wait('half', num_boost_round => 1, promote => 'if_not_worse');
CALL mlops.retrain_wait('half', num_boost_round => 30);
SELECT r.version, substring(r.notes::text FROM '(not promoted|promoted|undecided)') AS verdict, a.version AS champion
	FROM mlops.run r JOIN mlops.alias a USING (model) WHERE model = 'half' ORDER BY r.id;
SET search_path = options, public;
CALL mlops.train_wait('half', 'SELECT id, a, amount FROM v', 'amount', key => '{id}', test_size => 0.5, num_boost_round => 40, promote => 'if_not_worse');
SELECT notes[array_length(notes, 1)] FROM mlops.run WHERE model = 'half' ORDER BY id DESC LIMIT 1;
CALL mlops.train_wait('refitted', 'SELECT held, a, b, amount FROM v', 'amount', split => 'column', split_by => 'held', num_boost_round => 9, promote => 'if_not_worse');
SELECT notes[array_length(notes, 1)] FROM mlops.run WHERE model = 'refitted' ORDER BY id DESC LIMIT 1;
