/*-------------------------------------------------------------------------
 *
 * row_plan.h
 *	  Where the columns of a monitor and of a version are in rows of one type.
 *
 *-------------------------------------------------------------------------
 */
#ifndef MLOPS_ROW_PLAN_H
#define MLOPS_ROW_PLAN_H

#include "access/tupdesc.h"

#include "drift/delta.h"
#include "drift/monitor.h"
#include "drift/watch_set.h"
#include "feature/value.h"

typedef struct PlanColumn
{
	int			place;			/* in values, from 0; -1: not there */
	bool		is_float8;		/* on cells of numbers: no need to look
								 * further */
	ValueType	type;
} PlanColumn;

/* Columns that the monitor names; the same for all versions. */
typedef struct RowPlan
{
	const Monitor *monitor;
	int			n_values;		/* leading attributes that are looked at */
	PlanColumn	time;
	PlanColumn	version;
	PlanColumn	label;
	PlanColumn	prediction;
	PlanColumn *key;
} RowPlan;

/* Columns of the references of one version. */
typedef struct SetPlan
{
	const WatchSet *set;
	PlanColumn *columns;		/* as in the set */
	int			n_found;
	char	   *problem;		/* first column that cannot be counted, or
								 * NULL */
} SetPlan;

/*
 * Find the columns; allocates in the current context.  Errors for one that the
 * monitor names and that is not there, or has a type that cannot be used.
 */
extern RowPlan *mlops_row_plan_make(const Monitor *monitor, TupleDesc desc);

/* Find a column by name; none (place -1) with NULL, an error when it is not there. */
extern void mlops_row_plan_find(TupleDesc desc, const char *name, PlanColumn *column);

/* Find the columns of a version, and let the plan look at them. */
extern SetPlan *mlops_set_plan_make(RowPlan *plan, const WatchSet *set, TupleDesc desc);

/* Event time, "now" where the row has none that is finite; version, 0 likewise. */
extern TimestampTz mlops_row_plan_time(const RowPlan *plan, const Datum *values,
									   const bool *nulls, TimestampTz now);
extern int	mlops_row_plan_version(const RowPlan *plan, const Datum *values, const bool *nulls);

/* Value of column i of the set. */
extern DeltaValue mlops_set_plan_value(SetPlan *plan, int i, const Datum *values, const bool *nulls);

#endif							/* MLOPS_ROW_PLAN_H */
