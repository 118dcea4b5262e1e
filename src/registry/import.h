/*-------------------------------------------------------------------------
 *
 * import.h
 *	  Models trained elsewhere.
 *
 *-------------------------------------------------------------------------
 */
#ifndef MLOPS_IMPORT_H
#define MLOPS_IMPORT_H

#include "utils/jsonb.h"

/* Arguments of register_model. */
typedef struct ImportRequest
{
	const char *model;
	bytea	   *bytes;
	Jsonb	   *signature;		/* NULL: from the bytes */
	Jsonb	   *params;
	Jsonb	   *metrics;
	int			parent_version; /* 0: none */
	const char *description;
	Jsonb	   *tags;
} ImportRequest;

/* Register a version for the current user, with a run of kind import that
 * carries the metrics; returns its number. */
extern int	mlops_import_register(const ImportRequest *request);

#endif							/* MLOPS_IMPORT_H */
