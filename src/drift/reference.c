/*-------------------------------------------------------------------------
 *
 * reference.c
 *	  The references of a version: check and store.
 *
 * Locks: the row of the version, shared, so that a deletion takes the references
 * with it; then the rows that are written.
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include <math.h>

#include "catalog/pg_type.h"
#include "utils/builtins.h"
#include "utils/lsyscache.h"
#include "utils/syscache.h"

#include "base/error.h"
#include "base/spi_args.h"
#include "drift/reference.h"

/* Rows of the table, as arrays. */
typedef struct StoredRows
{
	int			n;
	Datum	   *role;
	Datum	   *name;
	Datum	   *profile;
	Datum	   *importance;
	bool	   *no_importance;
	Datum	   *dataset;
} StoredRows;

static void
report_misfit(const char *name)
{
	ereport(ERROR,
			(errcode(ERRCODE_MLOPS_TRAINING_FAILED),
			 errmsg("the profile of \"%s\" does not fit the signature of the model", name)));
}

/* Make the cells of a categorical column from its counts. */
static Profile *
build_labels(const ReferenceColumn *column, char **labels)
{
	const int64 n_outside = column->counts[column->n_categories];
	ProfileBuilder *builder = mlops_profile_builder_init(palloc(mlops_profile_builder_size(PROFILE_CATEGORICAL, REFERENCE_LABELS)),
														 PROFILE_CATEGORICAL, REFERENCE_LABELS,
														 n_outside > 0 ? PROFILE_DROPPED : 0, 0);
	Profile    *profile;
	int			other;

	for (int i = 0; i < column->n_categories; i++)
		if (column->counts[i] != 0)
			mlops_profile_builder_add_label(builder, labels[i], strlen(labels[i]), column->counts[i]);
	profile = mlops_profile_build(builder, palloc(mlops_profile_build_size(builder)));
	other = mlops_profile_value_cells(profile);
	if (!mlops_profile_add_cell(profile, other + PROFILE_OTHER, n_outside, 0) ||
		!mlops_profile_add_cell(profile, other + PROFILE_NULL,
								column->counts[column->n_categories + 1], 0))
		report_misfit("counts");
	return profile;
}

Profile *
mlops_reference_profile(const ReferenceColumn *column, char **labels)
{
	if (column->n_categories < 0)
	{
		size_t		size = mlops_profile_size(column->profile);

		return memcpy(palloc(size), column->profile, size);
	}
	for (int i = 0; i < column->n_categories + 2; i++)
		if (column->counts[i] < 0 || column->counts[i] > PROFILE_MAX_COUNT)
			report_misfit("counts");
	return build_labels(column, labels);
}

/* Whether a label is one of these, as profiles shorten them. */
static bool
has_label(char **labels, int n, const char *label, size_t length)
{
	for (int i = 0; i < n; i++)
	{
		char		buffer[PROFILE_MAX_LABEL];
		size_t		known_length = strlen(labels[i]);
		const char *known = mlops_profile_short_label(labels[i], &known_length, buffer);

		if (known_length == length && memcmp(known, label, length) == 0)
			return true;
	}
	return false;
}

/* Error unless it is a profile of a column with these labels (n < 0: of numbers). */
static void
check_profile(const Profile *profile, const char *name, char **labels, int n)
{
	int			cells = mlops_profile_cells(profile);

	if ((mlops_profile_kind(profile) == PROFILE_CATEGORICAL) != (n >= 0) ||
		(n < 0 && !(mlops_profile_flags(profile) & PROFILE_SINGLE)))
		report_misfit(name);
	for (int i = 0; i < cells; i++)
		if (mlops_profile_count(profile, i) < 0)
			report_misfit(name);
	if (n < 0)
		return;
	for (int i = 0; i < mlops_profile_value_cells(profile); i++)
	{
		size_t		length;
		const char *label = mlops_profile_label(profile, i, &length);

		if (!has_label(labels, n, label, length))
			report_misfit(name);
	}
}

/* Share of each feature in the total gain; false where that is not known. */
static bool
compute_importance(const VersionReference *reference, double *share)
{
	int			n = reference->signature->n_features;
	float	   *gain = palloc(sizeof(float) * Max(n, 1));
	uint32	   *n_splits = palloc(sizeof(uint32) * Max(n, 1));
	double		total = 0;

	if (mlops_forest_importance(reference->forest, IMPORTANCE_TOTAL_GAIN, mlops_registry_interrupted,
								gain, n_splits) != FOREST_OK)
		return false;
	for (int i = 0; i < n; i++)
		total += gain[i] > 0 ? gain[i] : 0;
	if (!(total > 0 && isfinite(total)))
		return false;
	for (int i = 0; i < n; i++)
		share[i] = gain[i] > 0 ? gain[i] / total : 0;
	return true;
}

/* Add a row; importance NaN: none. */
static void
add_row(StoredRows *rows, const char *role, const char *name, Profile *profile, double importance,
		const char *dataset)
{
	SET_VARSIZE(profile, mlops_profile_size(profile));
	rows->role[rows->n] = CStringGetTextDatum(role);
	rows->name[rows->n] = CStringGetTextDatum(name);
	rows->profile[rows->n] = PointerGetDatum(profile);
	rows->importance[rows->n] = Float8GetDatum(importance);
	rows->no_importance[rows->n] = isnan(importance);
	rows->dataset[rows->n] = CStringGetTextDatum(dataset);
	rows->n++;
}

/* Lay the profiles beside what they are of. */
static void
arrange_rows(const VersionReference *reference, StoredRows *rows)
{
	const Signature *signature = reference->signature;
	int			n = signature->n_features;
	Profile    *label = reference->profiles[n];
	Profile    *prediction = reference->profiles[n + 1];
	double	   *share = palloc(sizeof(double) * Max(n, 1));
	bool		has_share = compute_importance(reference, share);

	for (int i = 0; i < n; i++)
	{
		const Feature *feature = &signature->features[i];

		if (reference->profiles[i] == NULL)
			report_misfit(feature->name);
		check_profile(reference->profiles[i], feature->name, feature->categories,
					  feature->kind == FEATURE_CATEGORY ? feature->n_categories : -1);
		add_row(rows, "feature", feature->name, reference->profiles[i], has_share ? share[i] : NAN,
				reference->rows);
	}
	if (label != NULL && reference->target != NULL)
	{
		check_profile(label, reference->target, reference->classes,
					  reference->n_classes > 0 ? reference->n_classes : -1);
		add_row(rows, "label", reference->target, label, NAN, reference->rows);
	}
	if (prediction != NULL)
	{
		check_profile(prediction, "prediction", reference->classes,
					  reference->predicts_classes ? reference->n_classes : -1);
		add_row(rows, "prediction", "prediction", prediction, NAN, reference->scored);
	}
}

static void
add_array(SpiArgs *args, Oid type, Datum *values, bool *nulls, int n)
{
	int			lower = 1;
	int16		length;
	bool		by_value;
	char		align;

	get_typlenbyvalalign(type, &length, &by_value, &align);
	mlops_args_add(args, get_array_type(type),
				   PointerGetDatum(construct_md_array(values, nulls, 1, &n, &lower, type, length,
													  by_value, align)),
				   false);
}

/* Keep the version from being deleted until the end of the transaction; false: it was. */
static bool
lock_version(const SpiScope *scope, const VersionReference *reference)
{
	SpiArgs		args = {0};

	mlops_args_add_text(&args, reference->model);
	mlops_args_add_int4(&args, reference->version);
	return mlops_spi_run(scope,
						 "SELECT FROM mlops.model_version WHERE model = $1 AND version = $2"
						 " AND deleted_at IS NULL FOR SHARE", &args) > 0;
}

void
mlops_reference_store(const VersionReference *reference, bool replace)
{
	int			max = reference->n_profiles;
	StoredRows	rows = {0};
	SpiScope	scope;
	SpiArgs		args = {0};

	if (max == 0)
		return;
	if (max != reference->signature->n_features + 2)
		report_misfit(reference->model);
	rows.role = palloc(sizeof(Datum) * max);
	rows.name = palloc(sizeof(Datum) * max);
	rows.profile = palloc(sizeof(Datum) * max);
	rows.importance = palloc(sizeof(Datum) * max);
	rows.no_importance = palloc(sizeof(bool) * max);
	rows.dataset = palloc(sizeof(Datum) * max);
	arrange_rows(reference, &rows);

	mlops_spi_begin(&scope, false);
	if (!lock_version(&scope, reference))
		ereport(ERROR,
				(errcode(ERRCODE_MLOPS_UNDEFINED_MODEL),
				 errmsg("version %d of model \"%s\" was deleted", reference->version,
						reference->model)));
	mlops_args_add_text(&args, reference->model);
	mlops_args_add_int4(&args, reference->version);
	add_array(&args, TEXTOID, rows.role, NULL, rows.n);
	add_array(&args, TEXTOID, rows.name, NULL, rows.n);
	add_array(&args, GetSysCacheOid2(TYPENAMENSP, Anum_pg_type_oid, CStringGetDatum("profile"),
									 ObjectIdGetDatum(mlops_schema())),
			  rows.profile, NULL, rows.n);
	add_array(&args, FLOAT8OID, rows.importance, rows.no_importance, rows.n);
	add_array(&args, TEXTOID, rows.dataset, NULL, rows.n);
	mlops_args_add_bool(&args, replace);
	(void) mlops_spi_run(&scope,
						 "INSERT INTO mlops.model_reference AS r"
						 " (model, version, role, name, profile, importance, dataset)"
						 " SELECT $1, $2, u.* FROM unnest($3, $4, $5, $6, $7) u"
						 " ON CONFLICT (model, version, role, name) DO UPDATE"
						 " SET profile = EXCLUDED.profile, importance = EXCLUDED.importance,"
						 " dataset = EXCLUDED.dataset WHERE $8", &args);
	mlops_spi_end(&scope);
}
