/*-------------------------------------------------------------------------
 *
 * drift_fn.c
 *	  SQL functions that measure drift.
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include <math.h>

#include "fmgr.h"
#include "funcapi.h"
#include "utils/builtins.h"
#include "windowapi.h"

#include "drift/domain.h"
#include "drift/drift_query.h"
#include "drift/drift_result.h"
#include "drift/profile_datum.h"
#include "drift/special.h"

PG_FUNCTION_INFO_V1(mlops_sql_drift_profiles);
PG_FUNCTION_INFO_V1(mlops_sql_drift_query);
PG_FUNCTION_INFO_V1(mlops_sql_bh_adjust);
PG_FUNCTION_INFO_V1(mlops_sql_domain_query);
PG_FUNCTION_INFO_V1(mlops_sql_auc_test);

Datum
mlops_sql_drift_profiles(PG_FUNCTION_ARGS)
{
	Profile    *reference;
	Profile    *current;
	double		threshold;
	double		alpha;
	DriftMeasures measures;
	DriftStatus status;
	TupleDesc	tupdesc;
	Datum		values[DRIFT_MEASURES + 1];
	bool		nulls[DRIFT_MEASURES + 1];

	if (PG_ARGISNULL(0) || PG_ARGISNULL(2) || PG_ARGISNULL(3))
		PG_RETURN_NULL();
	reference = DatumGetProfile(PG_GETARG_DATUM(0));
	/* the aggregate of no rows is NULL: a window without rows */
	current = PG_ARGISNULL(1) ? mlops_profile_clear(mlops_profile_copy(reference)) :
		DatumGetProfile(PG_GETARG_DATUM(1));
	threshold = PG_GETARG_FLOAT8(2);
	alpha = PG_GETARG_FLOAT8(3);
	mlops_drift_check_settings(threshold, alpha);
	if (get_call_result_type(fcinfo, NULL, &tupdesc) != TYPEFUNC_COMPOSITE)
		elog(ERROR, "return type must be a row type");
	if (!mlops_measure_drift(reference, current, alpha, &measures))
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
				 errmsg("profiles do not have the same cells"),
				 errhint("Make the current one with mlops.profile(value, reference).")));
	status = mlops_drift_judge(measures.psi, measures.psi_critical, measures.p_value,
							   measures.n_current, threshold, alpha);
	mlops_drift_result_put(&measures, values, nulls);
	values[DRIFT_MEASURES] = CStringGetTextDatum(mlops_drift_status_name(status));
	nulls[DRIFT_MEASURES] = false;
	return HeapTupleGetDatum(heap_form_tuple(BlessTupleDesc(tupdesc), values, nulls));
}

Datum
mlops_sql_drift_query(PG_FUNCTION_ARGS)
{
	static const char *const names[] = {"model_ref", "query", "threshold", "alpha"};

	for (int i = 0; i < lengthof(names); i++)
		if (PG_ARGISNULL(i))
			ereport(ERROR,
					(errcode(ERRCODE_NULL_VALUE_NOT_ALLOWED),
					 errmsg("argument \"%s\" must not be null", names[i])));
	InitMaterializedSRF(fcinfo, 0);
	mlops_drift_query(text_to_cstring(PG_GETARG_TEXT_PP(0)), text_to_cstring(PG_GETARG_TEXT_PP(1)),
					  PG_GETARG_FLOAT8(2), PG_GETARG_FLOAT8(3),
					  (ReturnSetInfo *) fcinfo->resultinfo);
	return (Datum) 0;
}

/* Adjusted p of every row of the partition, computed at its first row. */
typedef struct Adjustment
{
	bool		is_done;
	double		log10_p[FLEXIBLE_ARRAY_MEMBER];
} Adjustment;

static double
get_log10_p(WindowObject window, int64 row)
{
	bool		isnull;
	bool		is_out;
	Datum		p = WinGetFuncArgInPartition(window, 0, row, WINDOW_SEEK_HEAD, false, &isnull,
											 &is_out);

	if (isnull)
		return NAN;
	if (!(DatumGetFloat8(p) >= 0 && DatumGetFloat8(p) <= 1))
		ereport(ERROR,
				(errcode(ERRCODE_NUMERIC_VALUE_OUT_OF_RANGE),
				 errmsg("p value %g is not between 0 and 1", DatumGetFloat8(p))));
	return log10(DatumGetFloat8(p));
}

Datum
mlops_sql_bh_adjust(PG_FUNCTION_ARGS)
{
	WindowObject window = PG_WINDOW_OBJECT();
	int64		n = WinGetPartitionRowCount(window);
	Adjustment *adjustment;
	double		log10_p;

	if (n > (MaxAllocSize - sizeof(Adjustment)) / sizeof(double))
		ereport(ERROR,
				(errcode(ERRCODE_PROGRAM_LIMIT_EXCEEDED),
				 errmsg("too many p values to adjust")));
	adjustment = WinGetPartitionLocalMemory(window, offsetof(Adjustment, log10_p) +
											sizeof(double) * n);
	if (!adjustment->is_done)
	{
		for (int64 i = 0; i < n; i++)
			adjustment->log10_p[i] = get_log10_p(window, i);
		mlops_adjust_p(adjustment->log10_p, (int) n);
		adjustment->is_done = true;
	}
	log10_p = adjustment->log10_p[WinGetCurrentPosition(window)];
	if (isnan(log10_p))
		PG_RETURN_NULL();
	PG_RETURN_FLOAT8(pow(10, log10_p));
}

Datum
mlops_sql_domain_query(PG_FUNCTION_ARGS)
{
	char	   *query = mlops_domain_query(text_to_cstring(PG_GETARG_TEXT_PP(0)),
										   text_to_cstring(PG_GETARG_TEXT_PP(1)));

	PG_RETURN_TEXT_P(cstring_to_text(query));
}

/* Mann and Whitney's test: without a difference the area under the curve is about
 * normal around 0.5. */
Datum
mlops_sql_auc_test(PG_FUNCTION_ARGS)
{
	double		auc = PG_GETARG_FLOAT8(0);
	double		n = PG_GETARG_FLOAT8(1);
	double		m = PG_GETARG_FLOAT8(2);
	double		z = (auc - 0.5) / sqrt((n + m + 1) / (12 * n * m));
	double		log_p;
	TupleDesc	tupdesc;
	Datum		values[3];
	bool		nulls[3] = {false};

	if (get_call_result_type(fcinfo, NULL, &tupdesc) != TYPEFUNC_COMPOSITE)
		elog(ERROR, "return type must be a row type");
	if (!(auc >= 0 && auc <= 1 && n > 0 && m > 0))
		PG_RETURN_NULL();
	/* half of the two-sided tail, which is that of chi-squared */
	log_p = mlops_special_chi2_log_tail(z * z, 1) - log(2);
	if (z < 0)
		log_p = log1p(-exp(log_p));
	values[0] = Float8GetDatum(z);
	values[1] = Float8GetDatum(mlops_drift_power10(log_p / log(10)));
	values[2] = Float8GetDatum(log_p / log(10));
	return HeapTupleGetDatum(heap_form_tuple(BlessTupleDesc(tupdesc), values, nulls));
}
