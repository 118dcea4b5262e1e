/*-------------------------------------------------------------------------
 *
 * profile_value.h
 *	  One SQL value -> what a profile counts: a number or a label.
 *
 * Numbers: integers, floats, numeric and money; booleans as 0 and 1; dates as days
 * since 2000-01-01, time as seconds since midnight, timestamps as seconds since
 * 1970-01-01, intervals as seconds.  All other types are labels by their text.
 * The kinds and units are those of feature/value.h, so that a current value falls
 * where the row that a model was trained on fell.
 *
 *-------------------------------------------------------------------------
 */
#ifndef MLOPS_PROFILE_VALUE_H
#define MLOPS_PROFILE_VALUE_H

#include "drift/profile.h"
#include "feature/value.h"

typedef struct ProfileValue
{
	ValueType	type;
	ProfileKind kind;			/* of a reference made of such values */
} ProfileValue;

/* Find out how values of a type are counted; allocates in the current context. */
extern void mlops_profile_value_init(ProfileValue *value, Oid type);

/* Whether values of the type can be counted into a profile of that kind: numbers into
 * both, others as labels only. */
extern bool mlops_profile_value_fits(const ProfileValue *value, ProfileKind kind);

/* The number of a value that is one.  "single": to the nearest float32, rounded once. */
extern double mlops_profile_value_number(const ProfileValue *value, Datum datum, bool single);

/* The label of any value; in place or in the current context; not terminated. */
extern const char *mlops_profile_value_label(ProfileValue *value, Datum datum, size_t *length);

/* Count a value that is not NULL. */
extern void mlops_profile_value_add(ProfileValue *value, Profile *profile, Datum datum);

/* Conversions of single types, as above. */
extern double mlops_profile_date(Datum datum);
extern double mlops_profile_time(Datum datum);
extern double mlops_profile_timestamp(Datum datum);
extern double mlops_profile_interval(Datum datum);

#endif							/* MLOPS_PROFILE_VALUE_H */
