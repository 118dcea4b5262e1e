/*-------------------------------------------------------------------------
 *
 * prediction_log.h
 *	  Predictions that are written down, and what came of them.
 *
 *-------------------------------------------------------------------------
 */
#ifndef MLOPS_PREDICTION_LOG_H
#define MLOPS_PREDICTION_LOG_H

#include "base/spi_args.h"
#include "serve/call_site.h"

/* One row of mlops.prediction_log. */
typedef struct LoggedPrediction
{
	int64		id;				/* after write */
	const char *model;
	int			version;
	const char *arm;			/* alias; NULL: none */
	bool		shadow;
	bool		has_prediction;
	double		prediction;
	const char *class;			/* NULL: none */
	double	   *probability;	/* [n_probabilities] of more than two classes */
	int			n_probabilities;
	Jsonb	   *features;		/* NULL: not logged */
} LoggedPrediction;

/*
 * Take down what the scored row came to, in the current context; arm and shadow
 * are left to the caller.  An error for a model with several outputs that are no
 * classes.
 */
extern void mlops_prediction_log_take(ServedModel *served, LoggedPrediction *logged);

/* Write rows about one key (NULL: none) as the current user's, and set their ids. */
extern void mlops_prediction_log_write(LoggedPrediction *logged, int n, const text *key);

/*
 * Record what came true for a key; the current user needs the right to predict,
 * and for what others predicted the right own.  value NULL takes an outcome
 * back; horizon NULL means the latest predictions until event_at.  Returns the number
 * of predictions.
 */
extern int64 mlops_prediction_log_record(const char *model, const char *key, const char *value,
										 TimestampTz event_at, const Interval *horizon);

#endif							/* MLOPS_PREDICTION_LOG_H */
