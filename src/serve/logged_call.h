/*-------------------------------------------------------------------------
 *
 * logged_call.h
 *	  One place in an expression that predicts and logs.
 *
 *-------------------------------------------------------------------------
 */
#ifndef MLOPS_LOGGED_CALL_H
#define MLOPS_LOGGED_CALL_H

#include "access/tupdesc.h"
#include "fmgr.h"

#include "serve/prediction_log.h"

typedef struct LoggedCall LoggedCall;

/* What the call site of a function (model text, key text, row ...) remembers. */
extern LoggedCall *mlops_logged_call_get(FunctionCallInfo fcinfo);

/* Row type of the result, blessed. */
extern TupleDesc mlops_logged_call_tupdesc(const LoggedCall *call);

/*
 * Choose the arm, predict, try shadow arms, and write all of it down.  False, and
 * nothing is written, when the model or the row is NULL.
 */
extern bool mlops_logged_call_predict(LoggedCall *call, FunctionCallInfo fcinfo,
									  LoggedPrediction *logged);

#endif							/* MLOPS_LOGGED_CALL_H */
