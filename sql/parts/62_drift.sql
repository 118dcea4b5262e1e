-- drift: how far current rows are from a reference, and whether that is more than noise

CREATE TYPE mlops.drift_result AS (
	n_reference bigint,
	n_current bigint,
	psi float8,
	psi_noise float8,
	psi_critical float8,
	kl float8,
	js float8,
	hellinger float8,
	tv float8,
	l_infinity float8,
	chi2 float8,
	g float8,
	df int,
	p_value float8,
	log10_p float8,
	ks_low float8,
	ks_high float8,
	wasserstein_low float8,
	wasserstein_high float8,
	mean_shift float8,
	null_rate_change float8,
	unseen_rate float8,
	out_of_range_rate float8,
	status text
);
COMMENT ON TYPE mlops.drift_result IS 'Distances and tests between a reference and current rows, both counted into the cells of the reference, missing and infinite values included. NULL: not defined, as when one side has no rows.';
COMMENT ON COLUMN mlops.drift_result.n_reference IS 'Rows of the reference.';
COMMENT ON COLUMN mlops.drift_result.n_current IS 'Current rows.';
COMMENT ON COLUMN mlops.drift_result.psi IS 'Population stability index: sum of (p - q) ln(p / q) over the cells, p and q the shares of reference and current rows, half a row added to every cell that is not empty on both sides. 0 or more, without bound.';
COMMENT ON COLUMN mlops.drift_result.psi_noise IS 'What PSI is on average without drift: (1 / n_reference + 1 / n_current) (cells - 1).';
COMMENT ON COLUMN mlops.drift_result.psi_critical IS 'What PSI exceeds with probability alpha without drift: the same with the critical value of chi-squared in place of cells - 1 (Yurdakul, 2018).';
COMMENT ON COLUMN mlops.drift_result.kl IS 'Kullback-Leibler divergence of the reference from the current rows, sum of p ln(p / q), half rows added as for psi. 0 or more, natural logarithm.';
COMMENT ON COLUMN mlops.drift_result.js IS 'Jensen-Shannon distance, base 2: 0 to 1, as scipy.spatial.distance.jensenshannon(base=2).';
COMMENT ON COLUMN mlops.drift_result.hellinger IS 'Hellinger distance, 0 to 1.';
COMMENT ON COLUMN mlops.drift_result.tv IS 'Total variation distance, 0 to 1: share of rows that would have to change their cell.';
COMMENT ON COLUMN mlops.drift_result.l_infinity IS 'Largest change of a cell''s share, 0 to 1.';
COMMENT ON COLUMN mlops.drift_result.chi2 IS 'Statistic of Pearson''s two-sample test (no Yates correction) on cells that are merged where the reference lets expect fewer than 5 rows; NULL without rows, 0 with one cell.';
COMMENT ON COLUMN mlops.drift_result.g IS 'Likelihood ratio statistic of the same cells.';
COMMENT ON COLUMN mlops.drift_result.df IS 'Degrees of freedom of chi2 and g: merged cells less one; 0 when there is nothing to test.';
COMMENT ON COLUMN mlops.drift_result.p_value IS 'Probability of such a chi2 or greater without drift; where rows fall into rare cells, twice the smaller of it and Fisher''s exact test of these (one tail). At least 4.9e-324.';
COMMENT ON COLUMN mlops.drift_result.log10_p IS 'Its decimal logarithm, also far below.';
COMMENT ON COLUMN mlops.drift_result.ks_low IS 'Lower bound of the Kolmogorov-Smirnov distance, 0 to 1; infinite values count, missing ones do not. NULL for labels, likewise below.';
COMMENT ON COLUMN mlops.drift_result.ks_high IS 'Upper bound of the same; equal where each value has a cell.';
COMMENT ON COLUMN mlops.drift_result.wasserstein_low IS 'Lower bound of the first Wasserstein distance between finite values, in units of the column; divide by stddev(reference) to compare columns.';
COMMENT ON COLUMN mlops.drift_result.wasserstein_high IS 'Upper bound of the same.';
COMMENT ON COLUMN mlops.drift_result.mean_shift IS 'Mean of the current values less that of the reference, in standard deviations of the reference; NULL when that is 0 and the means differ.';
COMMENT ON COLUMN mlops.drift_result.null_rate_change IS 'Share of NULL and NaN among current rows less that in the reference, -1 to 1.';
COMMENT ON COLUMN mlops.drift_result.unseen_rate IS 'Share of current rows with a label that the reference never saw; 0 when it did not keep all of its labels. NULL for numbers.';
COMMENT ON COLUMN mlops.drift_result.out_of_range_rate IS 'Share of current rows below the least or above the greatest number of the reference; NULL for labels.';
COMMENT ON COLUMN mlops.drift_result.status IS 'drift when psi is at least the threshold and psi_critical, and p_value below alpha; else insufficient when psi_critical is above the threshold, or there are no rows; else ok.';

CREATE FUNCTION mlops.drift(reference mlops.profile, current mlops.profile,
		threshold float8 DEFAULT 0.1, alpha float8 DEFAULT 0.01) RETURNS mlops.drift_result
	LANGUAGE C IMMUTABLE PARALLEL SAFE
	AS 'MODULE_PATHNAME', 'mlops_sql_drift_profiles';
COMMENT ON FUNCTION mlops.drift(mlops.profile, mlops.profile, float8, float8) IS
'How far the current rows of a column are from the reference, and a status: drift when PSI is at least the threshold and what noise would reach at these sample sizes with probability alpha, and the two-sample p is below alpha; insufficient when noise alone would exceed the threshold, that is with too few rows; else ok. The current profile is mlops.profile(value, reference), so that both have the same cells. p is not adjusted here: see bh_adjust for many columns. Fields: see the type drift_result. A NULL current profile, as of a window without rows, is insufficient; NULL for another NULL argument. Errors: 22023 for profiles with different cells, a negative threshold, or an alpha outside 0 to 1.';

CREATE FUNCTION mlops.bh_adjust(p_value float8) RETURNS float8
	LANGUAGE C IMMUTABLE WINDOW PARALLEL SAFE
	AS 'MODULE_PATHNAME', 'mlops_sql_bh_adjust';
COMMENT ON FUNCTION mlops.bh_adjust(float8) IS
'Window function: p adjusted by Benjamini and Hochberg (1995) for the number of tests in the partition, as scipy.stats.false_discovery_control. Of the columns with an adjusted p below alpha, a share of at most alpha is noise on average. A NULL gives NULL and does not count. Error 22003 for a p outside 0 to 1.';

CREATE FUNCTION mlops.drift(model_ref text, query text,
		threshold float8 DEFAULT 0.1, alpha float8 DEFAULT 0.01)
	RETURNS TABLE (role text, name text, status text, importance float8, p_adjusted float8,
				   drifted_share float8,
				   n_reference bigint, n_current bigint, psi float8, psi_noise float8,
				   psi_critical float8, kl float8, js float8, hellinger float8, tv float8,
				   l_infinity float8, chi2 float8, g float8, df int, p_value float8,
				   log10_p float8, ks_low float8, ks_high float8, wasserstein_low float8,
				   wasserstein_high float8, mean_shift float8, null_rate_change float8,
				   unseen_rate float8, out_of_range_rate float8)
	LANGUAGE C STABLE PARALLEL UNSAFE ROWS 30
	AS 'MODULE_PATHNAME', 'mlops_sql_drift_query';
COMMENT ON FUNCTION mlops.drift(text, text, float8, float8) IS
'The rows of a query against what a version was trained on (table model_reference): a row for the data set, one for the prediction, one for the label if the query has its column, and one per feature, ordered by importance times PSI. The query runs as the caller; $1 in it is now(); columns match by name, others are ignored. status is as for drift(profile, profile), with p_adjusted, the p adjusted for the number of columns by Benjamini and Hochberg, in place of p. importance: share of the feature in the model''s gain. Row dataset: name is the version, psi and psi_critical are means over the features weighted by importance, p_adjusted is the least of a feature, status follows from these three, and drifted_share is the share of columns with status drift. Predictions are computed by the version; a row with an infinite number has none, and counts as missing. Labels that are NULL do not count: the truth may be late. The other columns are the fields of drift_result. Needs the right read. Errors: ML001 for a missing model, ML004 for a query that lacks a feature, ML005 for one that is not one SELECT, 55000 for a version without references: see set_reference. Writes nothing.';

CREATE FUNCTION mlops.auc_test(auc float8, n_negative float8, n_positive float8,
		OUT z float8, OUT p_value float8, OUT log10_p float8)
	LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE
	AS 'MODULE_PATHNAME', 'mlops_sql_auc_test';
COMMENT ON FUNCTION mlops.auc_test(float8, float8, float8) IS
'Whether an area under the ROC curve is above 0.5 by more than chance, by the test of Mann and Whitney: z = (auc - 0.5) / sqrt((n + m + 1) / (12 n m)) for n negative and m positive rows that the scores were not fitted to, and the probability of such a z or greater, at least 4.9e-324. NULL for an area outside 0 to 1, or without rows.';

CREATE FUNCTION mlops.domain_query(reference text, current text) RETURNS text
	LANGUAGE C STABLE STRICT PARALLEL SAFE
	AS 'MODULE_PATHNAME', 'mlops_sql_domain_query';
COMMENT ON FUNCTION mlops.domain_query(text, text) IS
'One query over the rows of two: the columns of the first, by name, and is_current, false for the first and true for the second. Further columns of the second are left out. For mlops.train with parameters of your own; domain_classifier does it with defaults. Errors: ML004 for a column that the second lacks, ML005 for what is not one SELECT.';

CREATE FUNCTION mlops.domain_classifier(reference text, current text,
		model text DEFAULT 'domain_classifier', key name[] DEFAULT NULL, exclude name[] DEFAULT '{}')
	RETURNS bigint LANGUAGE sql VOLATILE PARALLEL UNSAFE
	RETURN mlops.train(model => model, query => mlops.domain_query(reference, current),
		target => 'is_current', params => '{"max_depth": 4}', task => 'binary', positive => 'true', num_boost_round => 30,
		test_size => 0.5, key => key, exclude => exclude, description => 'tells current rows from a reference',
		tags => '{"domain_classifier": true}');
COMMENT ON FUNCTION mlops.domain_classifier(text, text, text, name[], name[]) IS
'Queues the training of a model that tells the rows of the query current from those of reference, and returns the run''s id; view domain_drift has the answer once it has ended. Finds drift that no single column shows, as of a correlation. Half of the rows are held out; a model that does better than chance on them has found a difference. model: name of the model, which gets a version per call; another role than its owner chooses another name. key: what identifies an entity that has several rows; both sides of the split share no key. exclude: columns that tell the rows apart by their nature, such as numbers that only grow. Leave the target out. Columns match by name. Rights and errors: as for train and domain_query.';

CREATE VIEW mlops.domain_drift WITH (security_invoker, security_barrier) AS
SELECT r.id AS run_id, r.model, r.version, r.ended_at, c.n_reference, c.n_current, m.value AS auc, m.std_error,
	t.z, t.p_value, t.log10_p,
	ARRAY(SELECT f.name FROM mlops.model_reference f
		WHERE f.model OPERATOR(pg_catalog.=) r.model AND f.version OPERATOR(pg_catalog.=) r.version
			AND f.role OPERATOR(pg_catalog.=) 'feature' AND f.importance OPERATOR(pg_catalog.>) 0
		ORDER BY f.importance DESC, f.name) AS features
FROM mlops.run r
	JOIN mlops.metric m ON m.run_id OPERATOR(pg_catalog.=) r.id AND m.dataset OPERATOR(pg_catalog.=) 'test'
		AND m.name OPERATOR(pg_catalog.=) 'roc_auc' AND NOT m.weighted,
	LATERAL (SELECT v.negative[pg_catalog.cardinality(v.negative)] AS n_reference,
			v.positive[pg_catalog.cardinality(v.positive)] AS n_current
		FROM mlops.model_curve v
		WHERE v.model OPERATOR(pg_catalog.=) r.model AND v.version OPERATOR(pg_catalog.=) r.version) c,
	LATERAL mlops.auc_test(m.value, c.n_reference, c.n_current) t
WHERE r.kind OPERATOR(pg_catalog.=) 'train' AND r.recipe OPERATOR(pg_catalog.@>) '{"tags": {"domain_classifier": true}}';
COMMENT ON VIEW mlops.domain_drift IS 'What the models of domain_classifier found: a row per run that has ended well. Needs the right read.';
COMMENT ON COLUMN mlops.domain_drift.run_id IS 'Run that domain_classifier returned.';
COMMENT ON COLUMN mlops.domain_drift.model IS 'Model name.';
COMMENT ON COLUMN mlops.domain_drift.version IS 'Version.';
COMMENT ON COLUMN mlops.domain_drift.ended_at IS 'End of the run.';
COMMENT ON COLUMN mlops.domain_drift.n_reference IS 'Reference rows held out.';
COMMENT ON COLUMN mlops.domain_drift.n_current IS 'Current rows held out.';
COMMENT ON COLUMN mlops.domain_drift.auc IS 'Area under the ROC curve on the rows held out: 0.5 when the model cannot tell them apart, 1 when always.';
COMMENT ON COLUMN mlops.domain_drift.std_error IS 'Its standard error, by DeLong.';
COMMENT ON COLUMN mlops.domain_drift.z IS 'Standard errors above 0.5 that the area would have without drift: see auc_test.';
COMMENT ON COLUMN mlops.domain_drift.p_value IS 'Probability of such an area or greater without drift.';
COMMENT ON COLUMN mlops.domain_drift.log10_p IS 'Its decimal logarithm, also far below the smallest double.';
COMMENT ON COLUMN mlops.domain_drift.features IS 'Columns that tell the rows apart, the greatest importance first; model_reference has the shares.';
