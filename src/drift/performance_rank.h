/*-------------------------------------------------------------------------
 *
 * performance_rank.h
 *	  Labels and scores of an aggregate, sorted on disk, for exact areas under
 *	  curves.
 *
 *-------------------------------------------------------------------------
 */
#ifndef MLOPS_PERFORMANCE_RANK_H
#define MLOPS_PERFORMANCE_RANK_H

#include "fmgr.h"

#include "drift/performance_curve.h"

typedef struct PerformanceRank PerformanceRank;

/* For the aggregate that calls, until its group ends; bounded by work_mem. */
extern PerformanceRank *mlops_performance_rank_create(FunctionCallInfo fcinfo);

/* A row of any weight but 0. */
extern void mlops_performance_rank_put(PerformanceRank *rank, bool positive, double score, double weight);

/* All rows are there: the curve.  May be called again, but no row put after it. */
extern const PerformanceCurve *mlops_performance_rank_finish(PerformanceRank *rank);

#endif							/* MLOPS_PERFORMANCE_RANK_H */
