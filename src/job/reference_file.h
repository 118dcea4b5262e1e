/*-------------------------------------------------------------------------
 *
 * reference_file.h
 *	  The profiles that a trainer left.
 *
 *-------------------------------------------------------------------------
 */
#ifndef MLOPS_REFERENCE_FILE_H
#define MLOPS_REFERENCE_FILE_H

#include "feature/dataset.h"
#include "job/handover.h"

/* Name of the file in the attempt's directory; trainer_protocol.h has its form. */
#define REFERENCE_FILE "reference"

/* Read and check it, and put the profiles into the result. */
extern void mlops_reference_file_read(const Attempt *attempt, const Dataset *dataset,
									  RunResult *result);

#endif							/* MLOPS_REFERENCE_FILE_H */
