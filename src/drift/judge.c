/*-------------------------------------------------------------------------
 *
 * judge.c
 *	  What counts as drift.
 *
 *	 measures of columns -> adjusted p -> status of each -> status of all
 *
 * Two keys must turn.  PSI alone alarms on noise when windows are small, a test
 * alone on trifles when they are large.
 *
 *-------------------------------------------------------------------------
 */
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "drift/judge.h"

/* Smallest double above 0, denormal */
#define SMALLEST 4.9406564584124654e-324

DriftStatus
mlops_drift_judge(double psi, double psi_critical, double p_adjusted, int64_t n_current,
				  double threshold, double alpha)
{
	if (n_current <= 0 || isnan(psi))
		return DRIFT_INSUFFICIENT;
	if (psi >= fmax(threshold, psi_critical) && p_adjusted < alpha)
		return DRIFT_FOUND;
	return psi_critical > threshold ? DRIFT_INSUFFICIENT : DRIFT_OK;
}

const char *
mlops_drift_status_name(DriftStatus status)
{
	return status == DRIFT_FOUND ? "drift" : status == DRIFT_OK ? "ok" : "insufficient";
}

double
mlops_drift_power10(double log10_p)
{
	return isnan(log10_p) ? NAN : fmax(pow(10, log10_p), SMALLEST);
}

typedef struct RankedP
{
	double		log10_p;
	int			column;
} RankedP;

static int
compare_p(const void *a, const void *b)
{
	const RankedP *x = a;
	const RankedP *y = b;

	if (x->log10_p != y->log10_p)
		return x->log10_p < y->log10_p ? -1 : 1;
	return x->column - y->column;
}

/* Benjamini-Hochberg over numbers that are "stride" bytes apart. */
static void
adjust_p(char *first, size_t stride, int n)
{
#define LOG10_P(i) (*(double *) (first + (i) * stride))
	RankedP    *ranked = malloc(sizeof(RankedP) * (n > 0 ? n : 1));
	double		least = 0;
	int			n_tests = 0;

	for (int i = 0; i < n; i++)
	{
		if (isnan(LOG10_P(i)))
			continue;
		if (ranked != NULL)
		{
			ranked[n_tests].log10_p = LOG10_P(i);
			ranked[n_tests].column = i;
		}
		n_tests++;
	}
	if (ranked == NULL)
	{
		/* Bonferroni's wants no memory, and is never too small */
		for (int i = 0; i < n; i++)
			LOG10_P(i) = isnan(LOG10_P(i)) ? NAN : fmin(LOG10_P(i) + log10(n_tests), 0);
		return;
	}
	qsort(ranked, n_tests, sizeof(RankedP), compare_p);
	for (int i = n_tests - 1; i >= 0; i--)
	{
		least = fmin(least, ranked[i].log10_p + log10((double) n_tests / (i + 1)));
		LOG10_P(ranked[i].column) = least;
	}
	free(ranked);
#undef LOG10_P
}

void
mlops_adjust_p(double *log10_p, int n)
{
	adjust_p((char *) log10_p, sizeof(double), n);
}

/* Means over the features, by importance where there is any. */
static void
sum_features(const DriftColumn *columns, int n, bool weighted, DriftSummary *summary)
{
	double		total = 0;

	summary->psi = summary->psi_critical = 0;
	for (int i = 0; i < n; i++)
	{
		double		weight = weighted ? columns[i].importance : 1;

		if (!columns[i].is_feature || isnan(columns[i].measures.psi) || !(weight > 0))
			continue;
		total += weight;
		summary->psi += weight * columns[i].measures.psi;
		summary->psi_critical += weight * columns[i].measures.psi_critical;
	}
	summary->psi = total > 0 ? summary->psi / total : NAN;
	summary->psi_critical = total > 0 ? summary->psi_critical / total : NAN;
}

static int64_t
max_count(int64_t a, int64_t b)
{
	return a > b ? a : b;
}

static void
summarize(const DriftColumn *columns, int n, DriftSummary *summary)
{
	int			n_drifted = 0;

	memset(summary, 0, sizeof(*summary));
	summary->p_adjusted = NAN;
	sum_features(columns, n, true, summary);
	if (isnan(summary->psi))
		sum_features(columns, n, false, summary);
	for (int i = 0; i < n; i++)
	{
		summary->n_reference = max_count(summary->n_reference, columns[i].measures.n_reference);
		summary->n_current = max_count(summary->n_current, columns[i].measures.n_current);
		n_drifted += columns[i].status == DRIFT_FOUND;
		if (columns[i].is_feature)
			summary->p_adjusted = fmin(summary->p_adjusted, columns[i].p_adjusted);
	}
	summary->drifted_share = n > 0 ? (double) n_drifted / n : NAN;
}

void
mlops_drift_judge_columns(DriftColumn *columns, int n, double threshold, double alpha,
						  DriftSummary *summary)
{
	for (int i = 0; i < n; i++)
		columns[i].log10_p_adjusted = columns[i].measures.log10_p;
	if (n > 0)
		adjust_p((char *) &columns[0].log10_p_adjusted, sizeof(DriftColumn), n);
	for (int i = 0; i < n; i++)
	{
		DriftColumn *column = &columns[i];

		column->p_adjusted = mlops_drift_power10(column->log10_p_adjusted);
		column->status = mlops_drift_judge(column->measures.psi, column->measures.psi_critical,
										   column->p_adjusted, column->measures.n_current,
										   threshold, alpha);
	}
	summarize(columns, n, summary);
	summary->status = mlops_drift_judge(summary->psi, summary->psi_critical, summary->p_adjusted,
										summary->n_current, threshold, alpha);
}
