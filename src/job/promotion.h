/*-------------------------------------------------------------------------
 *
 * promotion.h
 *	  From a version that an event had trained to the champion.
 *
 *-------------------------------------------------------------------------
 */
#ifndef MLOPS_PROMOTION_H
#define MLOPS_PROMOTION_H

#include "job/handover.h"

/*
 * End a run that compared a challenger with the champion: record the figures with
 * its event, and move the alias champion when they allow it.
 */
extern void mlops_promotion_record(const Attempt *attempt, const RunResult *result);

#endif							/* MLOPS_PROMOTION_H */
