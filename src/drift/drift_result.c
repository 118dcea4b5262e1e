/*-------------------------------------------------------------------------
 *
 * drift_result.c
 *	  Measures of drift as values of SQL.
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include <math.h>

#include "drift/drift_result.h"

void
mlops_drift_result_put_number(double number, Datum *value, bool *isnull)
{
	*value = Float8GetDatum(number);
	*isnull = isnan(number);
}

void
mlops_drift_result_put(const DriftMeasures *measures, Datum *values, bool *nulls)
{
	const double before[] = {
		measures->psi, measures->psi_noise, measures->psi_critical, measures->kl, measures->js,
		measures->hellinger, measures->tv, measures->l_infinity, measures->chi2, measures->g
	};
	const double after[] = {
		measures->p_value, measures->log10_p, measures->ks_low, measures->ks_high,
		measures->wasserstein_low, measures->wasserstein_high, measures->mean_shift,
		measures->null_rate_change, measures->unseen_rate, measures->out_of_range_rate
	};
	int			n = 0;

	StaticAssertStmt(2 + lengthof(before) + 1 + lengthof(after) == DRIFT_MEASURES,
					 "mlops.drift_result has other fields");
	memset(nulls, 0, sizeof(bool) * DRIFT_MEASURES);
	values[n++] = Int64GetDatum(measures->n_reference);
	values[n++] = Int64GetDatum(measures->n_current);
	for (int i = 0; i < lengthof(before); i++, n++)
		mlops_drift_result_put_number(before[i], &values[n], &nulls[n]);
	values[n] = Int32GetDatum(measures->df);
	nulls[n++] = isnan(measures->p_value);
	for (int i = 0; i < lengthof(after); i++, n++)
		mlops_drift_result_put_number(after[i], &values[n], &nulls[n]);
}

void
mlops_drift_check_settings(double threshold, double alpha)
{
	if (!(threshold >= 0 && threshold < INFINITY))
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
				 errmsg("threshold must be a number that is not negative"),
				 errhint("The default is 0.1; it is compared with PSI.")));
	if (!(alpha > 0 && alpha < 1))
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
				 errmsg("alpha must be between 0 and 1"),
				 errhint("The default is 0.01; it is compared with p values.")));
}
