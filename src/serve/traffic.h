/*-------------------------------------------------------------------------
 *
 * traffic.h
 *	  Which alias of a model answers for a key, and which is tried on it.
 *
 *-------------------------------------------------------------------------
 */
#ifndef MLOPS_TRAFFIC_H
#define MLOPS_TRAFFIC_H

#include "utils/jsonb.h"

typedef struct Arm
{
	char	   *alias;
	double		share;			/* of the keys that it answers */
	double		shadow;			/* of the other keys that it is tried on */
} Arm;

typedef struct Traffic
{
	int			n_arms;			/* 0: champion answers all */
	Arm		   *arms;			/* by alias */
} Traffic;

/* What is set for a model, in the current context, under the active snapshot; no
 * rights check. */
extern Traffic *mlops_traffic_find(const char *model);

/* Alias that answers for a key; NULL key: champion. */
extern const char *mlops_traffic_route(const Traffic *traffic, const char *model, const text *key);

/* Whether an arm is tried on a key that another one answers. */
extern bool mlops_traffic_is_tried(const Arm *arm, const char *model, const text *key);

/* Set it, as the current user, who must own the model; NULL: no split, no shadow. */
extern void mlops_traffic_set(const char *model, Jsonb *split, Jsonb *shadow, const char *reason);

#endif							/* MLOPS_TRAFFIC_H */
