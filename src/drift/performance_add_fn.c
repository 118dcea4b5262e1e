/*-------------------------------------------------------------------------
 *
 * performance_add_fn.c
 *	  SQL entry points that count one row: what the performance aggregates do
 *	  per row.
 *
 * Each takes a state, what it judges, and perhaps a weight as its last argument.
 * Rows with a NULL label, prediction, score or weight are left out.
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include <math.h>

#include "catalog/pg_type.h"
#include "utils/array.h"

#include "drift/performance_input.h"

static Datum
keep_state(FunctionCallInfo fcinfo)
{
	if (PG_ARGISNULL(0))
		PG_RETURN_NULL();
	PG_RETURN_DATUM(PG_GETARG_DATUM(0));
}

/* Start a row with the weight in argument "weight", where there is one; false to leave it out. */
static bool
start_row(FunctionCallInfo fcinfo, PerformanceRow *row, int weight)
{
	*row = (PerformanceRow)
	{
		.weight = 1,.sign = 1,.score = NAN
	};
	if (PG_ARGISNULL(1) || PG_ARGISNULL(2))
		return false;
	if (weight >= PG_NARGS())
		return true;
	if (PG_ARGISNULL(weight))
		return false;
	row->weight = PG_GETARG_FLOAT8(weight);
	return true;
}

static Datum
finish_row(FunctionCallInfo fcinfo, Performance *state, const PerformanceRow *row)
{
	PerformanceStatus status = mlops_performance_put(&state, row);

	if (status != PERFORMANCE_OK)
		mlops_performance_fail(status);
	PG_RETURN_POINTER(state);
}

static void
set_labels(FunctionCallInfo fcinfo, PerformanceCall *call, PerformanceRow *row)
{
	row->label_text = mlops_performance_label_text(fcinfo, &call->label, &row->label_length);
	row->prediction_text = mlops_performance_label_text(fcinfo, &call->prediction, &row->prediction_length);
}

/* state, label, prediction [, weight] */
PG_FUNCTION_INFO_V1(mlops_sql_performance_add_hit);
Datum
mlops_sql_performance_add_hit(PG_FUNCTION_ARGS)
{
	PerformanceCall *call = mlops_performance_call(fcinfo, true);
	PerformanceRow row;

	if (!start_row(fcinfo, &row, 3))
		return keep_state(fcinfo);
	set_labels(fcinfo, call, &row);
	row.called = row.label_length == row.prediction_length &&
		memcmp(row.label_text, row.prediction_text, row.label_length) == 0;
	return finish_row(fcinfo, mlops_performance_get_state(fcinfo, PERFORMANCE_HITS, AVERAGE_NONE), &row);
}

/* state, label, prediction [, weight] */
PG_FUNCTION_INFO_V1(mlops_sql_performance_add_class);
Datum
mlops_sql_performance_add_class(PG_FUNCTION_ARGS)
{
	PerformanceCall *call = mlops_performance_call(fcinfo, true);
	PerformanceRow row;

	if (!start_row(fcinfo, &row, 3))
		return keep_state(fcinfo);
	set_labels(fcinfo, call, &row);
	return finish_row(fcinfo, mlops_performance_get_state(fcinfo, PERFORMANCE_CLASSES, AVERAGE_NONE), &row);
}

/* state, label, prediction [, positive [, weight]] */
PG_FUNCTION_INFO_V1(mlops_sql_performance_add_cell);
Datum
mlops_sql_performance_add_cell(PG_FUNCTION_ARGS)
{
	PerformanceCall *call = mlops_performance_call(fcinfo, true);
	int			positive = PG_NARGS() > 3 ? 3 : 0;
	PerformanceRow row;

	if (!start_row(fcinfo, &row, 4))
		return keep_state(fcinfo);
	row.actual = mlops_performance_is_positive(fcinfo, &call->label, positive);
	row.called = mlops_performance_is_positive(fcinfo, &call->prediction, positive);
	return finish_row(fcinfo, mlops_performance_get_state(fcinfo, PERFORMANCE_CELLS, AVERAGE_NONE), &row);
}

/* state, label, prediction, positive, average [, weight] */
PG_FUNCTION_INFO_V1(mlops_sql_performance_add_average);
Datum
mlops_sql_performance_add_average(PG_FUNCTION_ARGS)
{
	PerformanceCall *call = mlops_performance_call(fcinfo, true);
	PerformanceAverage average = mlops_performance_average(fcinfo, 4);
	PerformanceRow row;

	if (average != AVERAGE_NONE && !PG_ARGISNULL(3))
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
				 errmsg("positive class and average exclude each other"),
				 errhint("An average is over all classes: give NULL as the positive class.")));
	if (!start_row(fcinfo, &row, 5))
		return keep_state(fcinfo);
	if (average == AVERAGE_NONE)
	{
		row.actual = mlops_performance_is_positive(fcinfo, &call->label, 3);
		row.called = mlops_performance_is_positive(fcinfo, &call->prediction, 3);
		return finish_row(fcinfo, mlops_performance_get_state(fcinfo, PERFORMANCE_CELLS, average), &row);
	}
	set_labels(fcinfo, call, &row);
	return finish_row(fcinfo, mlops_performance_get_state(fcinfo, PERFORMANCE_CLASSES, average), &row);
}

/* A row of label, score [, positive [, weight]] for a state with "parts". */
static Datum
add_score(FunctionCallInfo fcinfo, unsigned parts)
{
	PerformanceCall *call = mlops_performance_call(fcinfo, false);
	PerformanceRow row;

	if (!start_row(fcinfo, &row, 4))
		return keep_state(fcinfo);
	row.actual = mlops_performance_is_positive(fcinfo, &call->label, PG_NARGS() > 3 ? 3 : 0);
	row.score = PG_GETARG_FLOAT8(2);
	mlops_performance_check_finite(row.score);
	return finish_row(fcinfo, mlops_performance_get_state(fcinfo, parts, AVERAGE_NONE), &row);
}

PG_FUNCTION_INFO_V1(mlops_sql_performance_add_score);
Datum
mlops_sql_performance_add_score(PG_FUNCTION_ARGS)
{
	return add_score(fcinfo, PERFORMANCE_LOSSES);
}

PG_FUNCTION_INFO_V1(mlops_sql_performance_add_bin);
Datum
mlops_sql_performance_add_bin(PG_FUNCTION_ARGS)
{
	return add_score(fcinfo, PERFORMANCE_BINS);
}

/* The elements of an array of one dimension without NULLs. */
static int
get_elements(FunctionCallInfo fcinfo, int argument, Oid type, Datum **values)
{
	ArrayType  *array = PG_GETARG_ARRAYTYPE_P(argument);
	int			n;

	if (ARR_NDIM(array) != 1 || array_contains_nulls(array))
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
				 errmsg("probabilities and classes must be arrays of one dimension without NULLs"),
				 errhint("For instance mlops.log_loss(label, mlops.predict_proba('m', t), mlops.classes('m')).")));
	if (type == FLOAT8OID)
		deconstruct_array(array, FLOAT8OID, sizeof(float8), FLOAT8PASSBYVAL, TYPALIGN_DOUBLE, values, NULL, &n);
	else
		deconstruct_array(array, TEXTOID, -1, false, TYPALIGN_INT, values, NULL, &n);
	return n;
}

/* state, label, probabilities, classes [, weight] */
PG_FUNCTION_INFO_V1(mlops_sql_performance_add_probabilities);
Datum
mlops_sql_performance_add_probabilities(PG_FUNCTION_ARGS)
{
	PerformanceCall *call = mlops_performance_call(fcinfo, false);
	Performance *state;
	PerformanceRow row;
	PerformanceStatus status;
	Datum	   *probabilities;
	Datum	   *classes;
	int			n;
	int			class = -1;
	double	   *scores;

	if (!start_row(fcinfo, &row, 4) || PG_ARGISNULL(3))
		return keep_state(fcinfo);
	n = get_elements(fcinfo, 2, FLOAT8OID, &probabilities);
	if (n != get_elements(fcinfo, 3, TEXTOID, &classes))
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
				 errmsg("probabilities and classes differ in number"),
				 errhint("Both come in the order of mlops.classes(model).")));
	row.label_text = mlops_performance_label_text(fcinfo, &call->label, &row.label_length);
	scores = palloc(n * sizeof(double));
	for (int i = 0; i < n; i++)
	{
		struct varlena *name = PG_DETOAST_DATUM_PACKED(classes[i]);

		scores[i] = DatumGetFloat8(probabilities[i]);
		if (VARSIZE_ANY_EXHDR(name) == row.label_length &&
			memcmp(VARDATA_ANY(name), row.label_text, row.label_length) == 0)
			class = i;
		mlops_performance_check_finite(scores[i]);
		if (scores[i] < 0 || scores[i] > 1)
			mlops_performance_fail(PERFORMANCE_NOT_PROBABILITY);
	}
	if (class < 0)
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
				 errmsg("label \"%s\" is not among the classes", pnstrdup(row.label_text, row.label_length)),
				 errhint("Leave such rows out with FILTER (WHERE label = ANY (classes)).")));
	state = mlops_performance_get_state(fcinfo, PERFORMANCE_LOSSES, AVERAGE_NONE);
	status = mlops_performance_put_loss(&state, mlops_metric_class_log_loss(scores, n, class), row.weight);
	if (status != PERFORMANCE_OK)
		mlops_performance_fail(status);
	PG_RETURN_POINTER(state);
}

/* A row of label, prediction [, weight] for a state with "parts". */
static Datum
add_value(FunctionCallInfo fcinfo, unsigned parts)
{
	PerformanceRow row;

	if (!start_row(fcinfo, &row, 3))
		return keep_state(fcinfo);
	row.label = PG_GETARG_FLOAT8(1);
	row.prediction = PG_GETARG_FLOAT8(2);
	return finish_row(fcinfo, mlops_performance_get_state(fcinfo, parts, AVERAGE_NONE), &row);
}

PG_FUNCTION_INFO_V1(mlops_sql_performance_add_value);
Datum
mlops_sql_performance_add_value(PG_FUNCTION_ARGS)
{
	return add_value(fcinfo, PERFORMANCE_VALUES);
}

/* The same for the aggregate mlops.performance, which has standard errors. */
PG_FUNCTION_INFO_V1(mlops_sql_performance_add_regression);
Datum
mlops_sql_performance_add_regression(PG_FUNCTION_ARGS)
{
	return add_value(fcinfo, PERFORMANCE_REGRESSION);
}

/* state, label, prediction, score, positive [, weight]; the score may be NULL */
PG_FUNCTION_INFO_V1(mlops_sql_performance_add_binary);
Datum
mlops_sql_performance_add_binary(PG_FUNCTION_ARGS)
{
	PerformanceCall *call = mlops_performance_call(fcinfo, true);
	PerformanceRow row;

	if (!start_row(fcinfo, &row, 5))
		return keep_state(fcinfo);
	row.actual = mlops_performance_is_positive(fcinfo, &call->label, 4);
	row.called = mlops_performance_is_positive(fcinfo, &call->prediction, 4);
	if (!PG_ARGISNULL(3))
	{
		row.score = PG_GETARG_FLOAT8(3);
		mlops_performance_check_finite(row.score);
	}
	return finish_row(fcinfo, mlops_performance_get_state(fcinfo, PERFORMANCE_BINARY, AVERAGE_NONE), &row);
}
