/*-------------------------------------------------------------------------
 *
 * judge.h
 *	  The rows of one query, scored by one or more versions.
 *
 * For evaluate and compare.  The query runs once, as the current user; its rows
 * are encoded for all versions together and recoded for each.
 *
 *-------------------------------------------------------------------------
 */
#ifndef MLOPS_JUDGE_H
#define MLOPS_JUDGE_H

#include "feature/dataset.h"
#include "registry/metric.h"
#include "registry/registry.h"

/* One version, and how it scores the rows. */
typedef struct JudgedVersion
{
	ModelVersion *version;
	Signature  *signature;
	const Jsonb *recipe;		/* NULL: imported */
	bool		refit;
	MetricInput input;			/* ready for mlops_metric_compute */
	struct Scorer *scorer;
} JudgedVersion;

typedef struct Judgement
{
	int			n_versions;
	JudgedVersion *versions;
	DatasetSpec spec;			/* what was read */
	Dataset    *dataset;		/* read to its end */
	Jsonb	   *columns;		/* for table dataset */
} Judgement;

/*
 * Read the query and score its rows by every version; all need the right read of
 * the current user.  target NULL: the one of the first version.  With unseen_only
 * only rows that no version was trained on, an error where that is not known.
 * Lives in the current context.
 */
extern Judgement *mlops_judge_read(char **references, int n_references, const char *query,
								   const char *target, bool unseen_only);

/* The same with $1 of the query another time than that of the transaction. */
extern Judgement *mlops_judge_read_at(char **references, int n_references, const char *query,
									  const char *target, bool unseen_only, TimestampTz as_of);

/* Metrics of one version; returns their number.  Interruptible. */
extern int	mlops_judge_compute(const MetricInput *input, MetricValue *values);

#endif							/* MLOPS_JUDGE_H */
