/*-------------------------------------------------------------------------
 *
 * spool.h
 *	  Write the rows of a data set into the files that the trainer maps.
 *
 *-------------------------------------------------------------------------
 */
#ifndef MLOPS_SPOOL_H
#define MLOPS_SPOOL_H

#include "feature/dataset.h"
#include "job/spool_format.h"

typedef struct Spool
{
	int			fd[SPOOL_N_PARTS];	/* read only; for the trainer */
	uint64		n_rows[SPOOL_N_PARTS];
} Spool;

/*
 * Drain the data set into three files in "directory".  The files have no name
 * any more when this returns: they vanish with their last descriptor, which the
 * caller closes.
 */
extern void mlops_spool_write(Dataset *dataset, const char *directory, Spool *spool);

#endif							/* MLOPS_SPOOL_H */
