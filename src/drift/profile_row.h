/*-------------------------------------------------------------------------
 *
 * profile_row.h
 *	  Rows of any shape -> counts in the profiles of a set, matched by name.
 *
 * Used by the whole-row aggregates and by whatever watches a relation.
 *
 *-------------------------------------------------------------------------
 */
#ifndef MLOPS_PROFILE_ROW_H
#define MLOPS_PROFILE_ROW_H

#include "access/tupdesc.h"

#include "drift/profile_set.h"

typedef struct ProfileRowPlan ProfileRowPlan;

/* Made once per row type and shape of set, in the current context, which must outlive it.
 * A column that the row does not have, or whose values cannot be counted, is an error that
 * names it, or is left alone if "lenient". */
extern ProfileRowPlan *mlops_profile_row_plan(TupleDesc tupdesc, const ProfileSet *set, bool lenient);

/* Whether the plan suits a set: same names and cells. */
extern bool mlops_profile_row_fits(const ProfileRowPlan *plan, const ProfileSet *set);

/* Attributes from the first on that have to be deformed. */
extern int	mlops_profile_row_attributes(const ProfileRowPlan *plan);

/* Count one row into a set that the plan fits.  Takes temporary memory from the current
 * context for some types. */
extern void mlops_profile_row_add(ProfileRowPlan *plan, ProfileSet *set, const Datum *values,
								  const bool *isnull);

#endif							/* MLOPS_PROFILE_ROW_H */
