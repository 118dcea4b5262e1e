/*-------------------------------------------------------------------------
 *
 * error.h
 *	  SQLSTATE class ML: the errors that a client may want to branch on.
 *
 * Everything else uses PostgreSQL's own codes.  docs/reference.md lists both.
 *
 *-------------------------------------------------------------------------
 */
#ifndef MLOPS_ERROR_H
#define MLOPS_ERROR_H

#include "utils/elog.h"

/* no such model, version or alias, or no right to know of it */
#define ERRCODE_MLOPS_UNDEFINED_MODEL		MAKE_SQLSTATE('M', 'L', '0', '0', '1')
/* no such run, or no right to know of it */
#define ERRCODE_MLOPS_UNDEFINED_RUN			MAKE_SQLSTATE('M', 'L', '0', '0', '2')
/* bytes that are not a model we can serve */
#define ERRCODE_MLOPS_INVALID_MODEL			MAKE_SQLSTATE('M', 'L', '0', '0', '3')
/* a row or query does not fit the model's signature */
#define ERRCODE_MLOPS_SIGNATURE_MISMATCH	MAKE_SQLSTATE('M', 'L', '0', '0', '4')
/* a query or its rows cannot be trained on or evaluated */
#define ERRCODE_MLOPS_INVALID_DATASET		MAKE_SQLSTATE('M', 'L', '0', '0', '5')
/* the trainer failed */
#define ERRCODE_MLOPS_TRAINING_FAILED		MAKE_SQLSTATE('M', 'L', '0', '0', '6')
/* set_alias with an expected version that no longer holds */
#define ERRCODE_MLOPS_ALIAS_MOVED			MAKE_SQLSTATE('M', 'L', '0', '0', '7')
/* no such monitor, or no right to know of it */
#define ERRCODE_MLOPS_UNDEFINED_MONITOR		MAKE_SQLSTATE('M', 'L', '0', '0', '8')

/* a training without new rows to learn from */
#define ERRCODE_MLOPS_NOTHING_NEW			MAKE_SQLSTATE('M', 'L', '0', '0', '9')

#endif							/* MLOPS_ERROR_H */
