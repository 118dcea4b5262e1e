/*-------------------------------------------------------------------------
 *
 * lineage.h
 *	  Where a version comes from.
 *
 *-------------------------------------------------------------------------
 */
#ifndef MLOPS_LINEAGE_H
#define MLOPS_LINEAGE_H

#include "nodes/execnodes.h"

/* Put the rows of function lineage into a materialized result. */
extern void mlops_registry_lineage(const char *reference, ReturnSetInfo *result);

#endif							/* MLOPS_LINEAGE_H */
