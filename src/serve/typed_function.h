/*-------------------------------------------------------------------------
 *
 * typed_function.h
 *	  An ordinary SQL function that predicts with one model.
 *
 *-------------------------------------------------------------------------
 */
#ifndef MLOPS_TYPED_FUNCTION_H
#define MLOPS_TYPED_FUNCTION_H

#include "nodes/pg_list.h"

typedef struct TypedFunctionRequest
{
	const char *reference;		/* of the model */
	List	   *name;			/* of the function, perhaps with its schema */
	const char *output;			/* function of mlops that it calls; NULL: by
								 * the model */
	bool		definer;		/* callers need no right to the model */
	bool		replace;		/* like OR REPLACE */
} TypedFunctionRequest;

/*
 * Create the function with the rights of the current user, who needs the right
 * to predict and CREATE on the schema.  Returns its OID.
 */
extern Oid	mlops_typed_function_create(const TypedFunctionRequest *request);

#endif							/* MLOPS_TYPED_FUNCTION_H */
