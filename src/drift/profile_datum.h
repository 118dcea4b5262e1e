/*-------------------------------------------------------------------------
 *
 * profile_datum.h
 *	  Profiles as values of SQL.
 *
 * Both types are varlenas aligned to 8 bytes, so an image is used in place once
 * it has a header of four bytes, which detoasting gives it.
 *
 *-------------------------------------------------------------------------
 */
#ifndef MLOPS_PROFILE_DATUM_H
#define MLOPS_PROFILE_DATUM_H

#include "fmgr.h"

#include "compat/pg_compat.h"
#include "drift/profile_set.h"

#define DatumGetProfile(datum) ((Profile *) PG_DETOAST_DATUM(datum))
#define DatumGetProfileSet(datum) ((ProfileSet *) PG_DETOAST_DATUM(datum))

/* Give the image its header; what SQL gets to see needs one. */
static inline Datum
ProfileGetDatum(Profile *profile)
{
	SET_VARSIZE(profile, mlops_profile_size(profile));
	return PointerGetDatum(profile);
}

static inline Datum
ProfileSetGetDatum(ProfileSet *set)
{
	SET_VARSIZE(set, mlops_profile_set_size(set));
	return PointerGetDatum(set);
}

/* Copies in the current context, with their headers. */
extern Profile *mlops_profile_copy(const Profile *profile);
extern ProfileSet *mlops_profile_set_copy(const ProfileSet *set);

/* A set of profiles, in the current context; error when a name comes twice. */
extern ProfileSet *mlops_profile_set_make(int n, const char *const *names, Profile *const *profiles);

/* The context of an aggregate's state; error when called as a plain function. */
extern MemoryContext mlops_profile_aggregate_context(FunctionCallInfo fcinfo);

/* The argument "cells" of an aggregate, its third; 0 when it is missing or NULL. */
extern int	mlops_profile_cells_argument(FunctionCallInfo fcinfo);

#endif							/* MLOPS_PROFILE_DATUM_H */
