/*-------------------------------------------------------------------------
 *
 * reference_file.c
 *	  The profiles that a trainer left.
 *
 * The trainer counts categories by code, so that no label of the data set leaves
 * the server; here they get their labels.  The file counts as hostile.
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "miscadmin.h"

#include "base/error.h"
#include "base/wire.h"
#include "compat/pg_compat.h"
#include "drift/reference.h"
#include "job/reference_file.h"

#define MAX_FILE (INT64CONST(256) * 1024 * 1024)

pg_noreturn static void
report_damage(void)
{
	ereport(ERROR,
			(errcode(ERRCODE_MLOPS_TRAINING_FAILED),
			 errmsg("trainer left profiles that are not valid")));
}

/* The next profile, of a column with n labels, or of numbers with n < 0. */
static Profile *
read_profile(WireReader *reader, char **labels, int n)
{
	ReferenceColumn column = {.n_categories = n};
	size_t		size = mlops_wire_read_u32(reader);
	const uint8_t *bytes = mlops_wire_read_bytes(reader, size);
	void	   *aligned;
	const char *why;

	if (bytes == NULL || (n >= 0 && size != ((size_t) n + 2) * sizeof(int64)))
		report_damage();
	aligned = memcpy(palloc(Max(size, 1)), bytes, size);
	if (n >= 0)
		column.counts = aligned;
	else if (mlops_profile_check(aligned, size, &why))
		column.profile = aligned;
	else
		report_damage();
	return mlops_reference_profile(&column, labels);
}

void
mlops_reference_file_read(const Attempt *attempt, const Dataset *dataset, RunResult *result)
{
	const Signature *signature = dataset->signature;
	int			n = signature->n_features;
	int64		size = -1;
	char	   *bytes = mlops_handover_read_file(attempt, REFERENCE_FILE, MAX_FILE, &size);
	WireReader	reader;

	if (bytes == NULL)
		report_damage();
	mlops_wire_read_init(&reader, bytes + VARHDRSZ, size);
	result->n_references = n + 2;
	result->references = palloc0(sizeof(Profile *) * result->n_references);
	for (int i = 0; i < n; i++)
	{
		const Feature *feature = &signature->features[i];

		CHECK_FOR_INTERRUPTS();
		result->references[i] = read_profile(&reader, feature->categories,
											 feature->kind == FEATURE_CATEGORY ? feature->n_categories : -1);
	}
	result->references[n] = read_profile(&reader, dataset->classes,
										 dataset->n_classes > 0 ? dataset->n_classes : -1);
	if (reader.next < reader.end)
		result->references[n + 1] = read_profile(&reader, dataset->classes,
												 dataset->task == TASK_MULTICLASS ? dataset->n_classes : -1);
	if (reader.next != reader.end)
		report_damage();
	pfree(bytes);
}
