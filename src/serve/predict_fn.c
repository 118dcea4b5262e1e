/*-------------------------------------------------------------------------
 *
 * predict_fn.c
 *	  SQL entry points of prediction.
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "catalog/pg_type.h"
#include "funcapi.h"
#include "utils/array.h"
#include "utils/builtins.h"

#include "serve/prediction.h"

PG_FUNCTION_INFO_V1(mlops_sql_predict);
PG_FUNCTION_INFO_V1(mlops_sql_predict_class);
PG_FUNCTION_INFO_V1(mlops_sql_predict_array);
PG_FUNCTION_INFO_V1(mlops_sql_predict_raw);
PG_FUNCTION_INFO_V1(mlops_sql_predict_leaf);
PG_FUNCTION_INFO_V1(mlops_sql_predict_calibrated);
PG_FUNCTION_INFO_V1(mlops_sql_predict_proba);
PG_FUNCTION_INFO_V1(mlops_sql_predict_classes);

/* Score the row of a call; NULL when the answer is NULL. */
static ServedModel *
score_row(FunctionCallInfo fcinfo)
{
	return mlops_call_site_score(fcinfo->flinfo, 0, PG_NARGS(), fcinfo->args);
}

static Datum
make_array(const double *numbers, int n)
{
	Datum	   *elements = palloc(n * sizeof(Datum));

	for (int i = 0; i < n; i++)
		elements[i] = Float8GetDatum(numbers[i]);
	return PointerGetDatum(construct_array(elements, n, FLOAT8OID, sizeof(float8),
										   FLOAT8PASSBYVAL, TYPALIGN_DOUBLE));
}

static Datum
make_array_of_floats(const float *numbers, int n)
{
	double	   *widened = palloc(n * sizeof(double));

	for (int i = 0; i < n; i++)
		widened[i] = numbers[i];
	return make_array(widened, n);
}

Datum
mlops_sql_predict(PG_FUNCTION_ARGS)
{
	ServedModel *served = score_row(fcinfo);

	if (served == NULL)
		PG_RETURN_NULL();
	PG_RETURN_FLOAT8(mlops_prediction_value(served));
}

Datum
mlops_sql_predict_class(PG_FUNCTION_ARGS)
{
	ServedModel *served = score_row(fcinfo);

	if (served == NULL)
		PG_RETURN_NULL();
	PG_RETURN_TEXT_P(cstring_to_text(mlops_prediction_class(served)));
}

Datum
mlops_sql_predict_array(PG_FUNCTION_ARGS)
{
	ServedModel *served = score_row(fcinfo);

	if (served == NULL)
		PG_RETURN_NULL();
	PG_RETURN_DATUM(make_array_of_floats(mlops_prediction_values(served), served->n_values));
}

Datum
mlops_sql_predict_raw(PG_FUNCTION_ARGS)
{
	ServedModel *served = score_row(fcinfo);

	if (served == NULL)
		PG_RETURN_NULL();
	PG_RETURN_DATUM(make_array_of_floats(served->margin, served->n_outputs));
}

Datum
mlops_sql_predict_calibrated(PG_FUNCTION_ARGS)
{
	ServedModel *served = score_row(fcinfo);

	if (served == NULL)
		PG_RETURN_NULL();
	PG_RETURN_FLOAT8(mlops_prediction_calibrated(served));
}

Datum
mlops_sql_predict_leaf(PG_FUNCTION_ARGS)
{
	ServedModel *served = score_row(fcinfo);
	int			n_trees;
	int32	   *leaf;
	Datum	   *elements;

	if (served == NULL)
		PG_RETURN_NULL();
	leaf = mlops_prediction_leaves(served, &n_trees);
	elements = palloc(n_trees * sizeof(Datum));
	for (int i = 0; i < n_trees; i++)
		elements[i] = Int32GetDatum(leaf[i]);
	PG_RETURN_ARRAYTYPE_P(construct_array(elements, n_trees, INT4OID, sizeof(int32), true,
										  TYPALIGN_INT));
}

Datum
mlops_sql_predict_proba(PG_FUNCTION_ARGS)
{
	ServedModel *served = score_row(fcinfo);
	double	   *probability;

	if (served == NULL)
		PG_RETURN_NULL();
	probability = palloc(served->version->n_classes * sizeof(double));
	mlops_prediction_probabilities(served, probability);
	PG_RETURN_DATUM(make_array(probability, served->version->n_classes));
}

Datum
mlops_sql_predict_classes(PG_FUNCTION_ARGS)
{
	ReturnSetInfo *result = (ReturnSetInfo *) fcinfo->resultinfo;
	ServedModel *served;
	double	   *probability;

	InitMaterializedSRF(fcinfo, MAT_SRF_USE_EXPECTED_DESC);
	served = score_row(fcinfo);
	if (served == NULL)
		PG_RETURN_NULL();
	probability = palloc(served->version->n_classes * sizeof(double));
	mlops_prediction_probabilities(served, probability);
	for (int i = 0; i < served->version->n_classes; i++)
	{
		Datum		values[2];
		bool		isnull[2] = {false, false};

		values[0] = CStringGetTextDatum(served->version->classes[i]);
		values[1] = Float8GetDatum(probability[i]);
		tuplestore_putvalues(result->setResult, result->setDesc, values, isnull);
	}
	PG_RETURN_NULL();
}
