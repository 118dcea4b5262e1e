/*-------------------------------------------------------------------------
 *
 * measure_test.c
 *	  The rule of drift, p adjusted for many columns, and hostile counts.
 *
 * Agreement of the measures with SciPy is tested in test/interop.
 *
 *-------------------------------------------------------------------------
 */
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "drift/judge.h"
#include "unit.h"

#define CLOSE(a, b) (fabs((a) - (b)) < 1e-12)
#define COUNT(array) ((int) (sizeof(array) / sizeof((array)[0])))

static Profile *
build_numeric(int n, int cells)
{
	ProfileBuilder *builder = malloc(mlops_profile_builder_size(PROFILE_NUMERIC, cells));
	Profile    *profile;

	mlops_profile_builder_init(builder, PROFILE_NUMERIC, cells, 0, n);
	for (int i = 0; i < n; i++)
		mlops_profile_builder_add_number(builder, i);
	profile = mlops_profile_build(builder, malloc(mlops_profile_build_size(builder)));
	for (int i = 0; i < n; i++)
		mlops_profile_add_number(profile, i);
	free(builder);
	return profile;
}

static Profile *
copy_empty(const Profile *profile)
{
	Profile    *copy = malloc(mlops_profile_size(profile));

	memcpy(copy, profile, mlops_profile_size(profile));
	return mlops_profile_clear(copy);
}

static void
test_rule(void)
{
	CHECK(mlops_drift_judge(0.2, 0.05, 1e-5, 500, 0.1, 0.01) == DRIFT_FOUND, "both keys");
	CHECK(mlops_drift_judge(0.2, 0.05, 0.02, 500, 0.1, 0.01) == DRIFT_OK, "PSI alone");
	CHECK(mlops_drift_judge(0.09, 0.05, 1e-9, 500, 0.1, 0.01) == DRIFT_OK, "p alone");
	CHECK(mlops_drift_judge(0.1, 0.05, 1e-9, 500, 0.1, 0.01) == DRIFT_FOUND, "at the threshold");
	CHECK(mlops_drift_judge(0.2, 0.3, 1e-9, 30, 0.1, 0.01) == DRIFT_INSUFFICIENT, "below the noise");
	CHECK(mlops_drift_judge(0.4, 0.3, 1e-9, 30, 0.1, 0.01) == DRIFT_FOUND, "above the noise");
	CHECK(mlops_drift_judge(0.4, 0.3, 0.01, 30, 0.1, 0.01) == DRIFT_INSUFFICIENT, "p equals alpha");
	CHECK(mlops_drift_judge(NAN, NAN, NAN, 30, 0.1, 0.01) == DRIFT_INSUFFICIENT, "no reference");
	CHECK(mlops_drift_judge(0.4, 0, 0, 0, 0.1, 0.01) == DRIFT_INSUFFICIENT, "no rows");
	CHECK(strcmp(mlops_drift_status_name(DRIFT_FOUND), "drift") == 0, "name");
	CHECK(strcmp(mlops_drift_status_name(DRIFT_INSUFFICIENT), "insufficient") == 0, "name");
}

/* Benjamini and Hochberg (1995), section 3.2: of these 15 p values the first four are
 * rejected at 0.05; adjusted by hand, p n / rank, the least from the right. */
static void
test_adjustment(void)
{
	static const double p[] = {
		0.0001, 0.0004, 0.0019, 0.0095, 0.0201, 0.0278, 0.0298, 0.0344, 0.0459, 0.3240, 0.4262,
		0.5719, 0.6528, 0.7590, 1.000
	};
	static const double wanted[] = {
		0.0015, 0.003, 0.0095, 0.035625, 0.0603, 0.0638571428571, 0.0638571428571, 0.0645,
		0.0765, 0.486, 0.58118181818, 0.714875, 0.75323076923, 0.81321428571, 1
	};
	double		log10_p[COUNT(p) + 1];
	int			rejected = 0;

	/* in descending order, and with a column that has no p */
	for (int i = 0; i < COUNT(p); i++)
		log10_p[COUNT(p) - 1 - i] = log10(p[i]);
	log10_p[COUNT(p)] = NAN;
	mlops_adjust_p(log10_p, COUNT(log10_p));
	for (int i = 0; i < COUNT(p); i++)
	{
		double		adjusted = pow(10, log10_p[COUNT(p) - 1 - i]);

		CHECK(fabs(adjusted - wanted[i]) < 1e-9, "example of 1995");
		rejected += adjusted <= 0.05;
	}
	CHECK(rejected == 4, "four of 15");
	CHECK(isnan(log10_p[COUNT(p)]), "no p");
	mlops_adjust_p(NULL, 0);

	log10_p[0] = -20000;
	log10_p[1] = 0;
	mlops_adjust_p(log10_p, 2);
	CHECK(CLOSE(log10_p[0], -20000 + log10(2)), "far below the smallest double");
	CHECK(mlops_drift_power10(log10_p[0]) > 0, "never 0");
}

static void
test_columns(void)
{
	DriftColumn columns[3] = {
		{.is_feature = true,.importance = 0.75,.measures = {.psi = 0.4,.psi_critical = 0.05,.log10_p = -8,.n_reference = 1000,.n_current = 500}},
		{.is_feature = true,.importance = 0.25,.measures = {.psi = 0.04,.psi_critical = 0.01,.log10_p = -0.5,.n_reference = 1000,.n_current = 500}},
		{.importance = NAN,.measures = {.psi = 9,.psi_critical = 0.05,.log10_p = -9,.n_reference = 200,.n_current = 500}}
	};
	DriftSummary summary;

	mlops_drift_judge_columns(columns, 3, 0.1, 0.01, &summary);
	CHECK(columns[0].status == DRIFT_FOUND && columns[1].status == DRIFT_OK &&
		  columns[2].status == DRIFT_FOUND, "of each");
	CHECK(CLOSE(columns[0].log10_p_adjusted, -8 + log10(1.5)), "second of three");
	CHECK(CLOSE(summary.psi, 0.31), "by importance, features only");
	CHECK(CLOSE(summary.psi_critical, 0.04), "critical value likewise");
	CHECK(CLOSE(summary.drifted_share, 2 / 3.0), "of all columns");
	CHECK(CLOSE(summary.p_adjusted / columns[0].p_adjusted, 1), "least of the features");
	CHECK(summary.status == DRIFT_FOUND && summary.n_reference == 1000, "all");

	columns[0].importance = columns[1].importance = NAN;
	mlops_drift_judge_columns(columns, 3, 0.1, 0.01, &summary);
	CHECK(CLOSE(summary.psi, 0.22), "no importance: unweighted");
	mlops_drift_judge_columns(columns, 0, 0.1, 0.01, &summary);
	CHECK(isnan(summary.psi) && summary.status == DRIFT_INSUFFICIENT, "no column");
	mlops_drift_judge_columns(columns + 2, 1, 0.1, 0.01, &summary);
	CHECK(isnan(summary.psi) && CLOSE(summary.drifted_share, 1), "no feature");
}

static void
test_counts(void)
{
	Profile    *reference = build_numeric(1000, 10);
	Profile    *other = build_numeric(1001, 10);
	Profile    *current = copy_empty(reference);
	DriftMeasures m;

	CHECK(!mlops_measure_drift(reference, other, 0.01, &m), "other cells");
	CHECK(mlops_measure_drift(reference, current, 0.01, &m), "no rows");
	CHECK(m.n_current == 0 && isnan(m.psi) && isnan(m.p_value) && isnan(m.ks_low), "no rows");
	CHECK(mlops_measure_drift(reference, reference, 0.01, &m), "itself");
	CHECK(m.psi == 0 && m.js == 0 && m.p_value == 1 && m.ks_low == 0 && m.wasserstein_low == 0 &&
		  m.mean_shift == 0, "itself");

	/* a correction that took away more than was there */
	mlops_profile_remove_number(current, 5);
	CHECK(mlops_measure_drift(reference, current, 0.01, &m), "less than nothing");
	CHECK(m.n_current == 0 && isnan(m.psi), "less than nothing");
	for (int i = 0; i < 300; i++)
		mlops_profile_add_number(current, 995);
	CHECK(mlops_measure_drift(reference, current, 0.01, &m), "a negative count");
	CHECK(m.n_current == 300 && isfinite(m.psi) && m.tv <= 1 && isfinite(m.log10_p), "a negative count");

	/* as many as a cell can hold */
	for (int i = 0; i < mlops_profile_cells(current); i++)
		(void) mlops_profile_add_cell(current, i, PROFILE_MAX_COUNT - 1000, 0);
	CHECK(mlops_measure_drift(reference, current, 0.01, &m), "huge counts");
	CHECK(isfinite(m.psi) && isfinite(m.log10_p) && m.ks_high <= 1, "huge counts");
	free(reference);
	free(other);
	free(current);
}

int
main(void)
{
	test_rule();
	test_adjustment();
	test_columns();
	test_counts();
	return unit_finish("measure");
}
