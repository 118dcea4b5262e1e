/*-------------------------------------------------------------------------
 *
 * watch_set.c
 *	  The references of a version, as a monitor counts on them.
 *
 * Whoever replaces references replaces all rows of the version (set_reference),
 * so the first row stands for all.
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include <math.h>

#include "common/hashfn.h"
#include "miscadmin.h"
#include "utils/builtins.h"
#include "utils/snapmgr.h"

#include "drift/watch_set.h"
#include "registry/probe.h"

/* Columns as in sql/parts/61_model_reference.sql. */
enum
{
	Anum_model_reference_model = 1,
	Anum_model_reference_version,
	Anum_model_reference_role,
	Anum_model_reference_name,
	Anum_model_reference_profile,
	Anum_model_reference_importance
};

static const char *const role_names[] = {"feature", "label", "prediction"};

const char *
mlops_watch_role_name(WatchRole role)
{
	return role_names[role];
}

static WatchRole
get_role(const char *name)
{
	for (int i = 0; i < lengthof(role_names); i++)
		if (strcmp(name, role_names[i]) == 0)
			return (WatchRole) i;
	elog(ERROR, "reference of role \"%s\"", name);
}

/* Copy the current row of the probe. */
static void
copy_column(const Probe *probe, WatchColumn *column)
{
	Datum		image = mlops_probe_filled_column(probe, Anum_model_reference_profile);
	Datum		importance;
	bool		isnull;
	const char *why;

	column->role = get_role(TextDatumGetCString(mlops_probe_filled_column(probe, Anum_model_reference_role)));
	column->name = TextDatumGetCString(mlops_probe_filled_column(probe, Anum_model_reference_name));
	column->reference = (Profile *) PG_DETOAST_DATUM_COPY(image);
	if (!mlops_profile_check(column->reference, VARSIZE(column->reference), &why))
		ereport(ERROR,
				(errcode(ERRCODE_DATA_CORRUPTED),
				 errmsg("reference of column \"%s\" is damaged: %s", column->name, why)));
	importance = mlops_probe_column(probe, Anum_model_reference_importance, &isnull);
	column->importance = isnull ? NAN : DatumGetFloat8(importance);
}

/* Add a column to the digest and to the special places. */
static void
register_column(WatchSet *set, int i)
{
	const WatchColumn *column = &set->columns[i];

	set->digest = hash_combine64(set->digest, mlops_profile_digest(column->reference));
	set->digest = hash_combine64(set->digest,
								 hash_bytes_extended((const unsigned char *) column->name,
													 strlen(column->name), column->role));
	if (column->role == WATCH_LABEL)
		set->label = i;
	else if (column->role == WATCH_PREDICTION)
		set->prediction = i;
}

WatchSet *
mlops_watch_set_find(const char *model, int version)
{
	WatchSet   *set = palloc0(sizeof(WatchSet));
	Probe		probe;
	ScanKeyData keys[2];
	int			max = 16;

	set->label = set->prediction = -1;
	set->columns = palloc(max * sizeof(WatchColumn));
	mlops_probe_text_key(&keys[0], Anum_model_reference_model, model);
	mlops_probe_int4_key(&keys[1], Anum_model_reference_version, version);
	mlops_probe_begin(&probe, "model_reference", "model_reference_pkey", 2, keys);
	while (mlops_probe_fetch(&probe))
	{
		CHECK_FOR_INTERRUPTS();
		if (set->n == max)
			set->columns = repalloc(set->columns, (max *= 2) * sizeof(WatchColumn));
		if (set->n == 0)
			mlops_probe_keep(&probe, &set->first_row);
		copy_column(&probe, &set->columns[set->n]);
		register_column(set, set->n++);
	}
	mlops_probe_end(&probe);
	if (set->n == 0)
		return NULL;
	set->version = mlops_registry_find_version(model, version);
	if (strcmp(set->version->task, "binary") == 0)
		set->calibration = mlops_calibration_find(model, version);
	return set;
}

bool
mlops_watch_set_stands(const WatchSet *set)
{
	return mlops_found_row_stands(&set->first_row, GetActiveSnapshot());
}
