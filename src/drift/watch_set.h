/*-------------------------------------------------------------------------
 *
 * watch_set.h
 *	  The references of a version, as a monitor counts on them.
 *
 *-------------------------------------------------------------------------
 */
#ifndef MLOPS_WATCH_SET_H
#define MLOPS_WATCH_SET_H

#include "drift/profile.h"
#include "registry/calibration.h"
#include "registry/registry.h"

typedef enum WatchRole
{
	WATCH_FEATURE,
	WATCH_LABEL,
	WATCH_PREDICTION
} WatchRole;

typedef struct WatchColumn
{
	WatchRole	role;
	char	   *name;
	Profile    *reference;
	double		importance;		/* NaN: none */
} WatchColumn;

typedef struct WatchSet
{
	ModelVersion *version;
	Calibration *calibration;	/* NULL: none */
	int			n;
	WatchColumn *columns;		/* by role and name */
	int			label;			/* column, or -1 */
	int			prediction;		/* likewise */
	uint64		digest;			/* of all columns and their cells */
	FoundRow	first_row;		/* of model_reference */
} WatchSet;

/*
 * References of a version, in the current context, by index scans of its own: no
 * rights check.  NULL when it has none, or does not exist.
 */
extern WatchSet *mlops_watch_set_find(const char *model, int version);

/* Whether the references are still those; cheap, and false when that is not known. */
extern bool mlops_watch_set_stands(const WatchSet *set);

extern const char *mlops_watch_role_name(WatchRole role);

#endif							/* MLOPS_WATCH_SET_H */
