/*-------------------------------------------------------------------------
 *
 * version.c
 *	  Which versions of the SQL objects this library serves.
 *
 * A package brings a new library before anybody can say ALTER EXTENSION UPDATE,
 * and a preloaded one stays until the server restarts: so either may be older
 * than the other.
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "base/version.h"

/* Its own, and older ones whose tables and functions it still knows. */
static const char *const served[] = {MLOPS_VERSION};

void
mlops_version_check(const char *objects)
{
	for (int i = 0; i < lengthof(served); i++)
		if (strcmp(objects, served[i]) == 0)
			return;
	ereport(ERROR,
			(errcode(ERRCODE_OBJECT_NOT_IN_PREREQUISITE_STATE),
			 errmsg("library mlops %s does not serve extension mlops %s", MLOPS_VERSION, objects),
			 errhint("Restart the server if it preloads mlops, else connect again, so that the installed library is loaded; then use ALTER EXTENSION mlops UPDATE.")));
}
