/*-------------------------------------------------------------------------
 *
 * argument.h
 *	  Arguments of SQL functions that are not strict and must not be NULL.
 *
 *-------------------------------------------------------------------------
 */
#ifndef MLOPS_ARGUMENT_H
#define MLOPS_ARGUMENT_H

#include "fmgr.h"

/* Error (22004) when argument number "i", named "name", is NULL. */
extern void mlops_argument_require(FunctionCallInfo fcinfo, int i, const char *name);

/* A text argument, palloc'ed; error when it is NULL. */
extern char *mlops_argument_text(FunctionCallInfo fcinfo, int i, const char *name);

#endif							/* MLOPS_ARGUMENT_H */
