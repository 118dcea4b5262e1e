/*-------------------------------------------------------------------------
 *
 * profile_datum.c
 *	  Profiles as values of SQL.
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "drift/profile_datum.h"

Profile *
mlops_profile_copy(const Profile *profile)
{
	Profile    *copy = palloc(mlops_profile_size(profile));

	memcpy(copy, profile, mlops_profile_size(profile));
	ProfileGetDatum(copy);
	return copy;
}

ProfileSet *
mlops_profile_set_copy(const ProfileSet *set)
{
	ProfileSet *copy = palloc(mlops_profile_set_size(set));

	memcpy(copy, set, mlops_profile_set_size(set));
	ProfileSetGetDatum(copy);
	return copy;
}

ProfileSet *
mlops_profile_set_make(int n, const char *const *names, Profile *const *profiles)
{
	size_t		size = mlops_profile_set_start_size(n);
	ProfileSet *set;

	for (int i = 0; i < n; i++)
		size += mlops_profile_set_entry_size(strlen(names[i]), mlops_profile_size(profiles[i]));
	set = mlops_profile_set_start(palloc(size), n);
	for (int i = 0; i < n; i++)
	{
		Profile    *profile = mlops_profile_set_put(set, i, names[i], strlen(names[i]),
													mlops_profile_size(profiles[i]));

		memcpy(profile, profiles[i], mlops_profile_size(profiles[i]));
		if (mlops_profile_set_find(set, names[i], strlen(names[i])) != i)
			ereport(ERROR,
					(errcode(ERRCODE_DUPLICATE_COLUMN),
					 errmsg("profile \"%s\" occurs twice", names[i]),
					 errhint("Give each column a name of its own.")));
	}
	mlops_profile_set_seal(set);
	return set;
}

MemoryContext
mlops_profile_aggregate_context(FunctionCallInfo fcinfo)
{
	MemoryContext context;

	if (!AggCheckCallContext(fcinfo, &context))
		ereport(ERROR,
				(errcode(ERRCODE_FEATURE_NOT_SUPPORTED),
				 errmsg("function works as a part of an aggregate only"),
				 errhint("Call mlops.reference(), mlops.profile() or mlops.profile_merge().")));
	return context;
}

int
mlops_profile_cells_argument(FunctionCallInfo fcinfo)
{
	int			cells;

	if (PG_NARGS() < 3 || PG_ARGISNULL(2))
		return 0;
	cells = PG_GETARG_INT32(2);
	if (cells < 1 || cells > PROFILE_MAX_CELLS)
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
				 errmsg("a reference cannot have %d cells", cells),
				 errhint("Ask for 1 to %d cells.", PROFILE_MAX_CELLS)));
	return cells;
}
