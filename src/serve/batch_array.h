/*-------------------------------------------------------------------------
 *
 * batch_array.h
 *	  Rows of one group -> array of their predictions, a block at a time.
 *
 *-------------------------------------------------------------------------
 */
#ifndef MLOPS_BATCH_ARRAY_H
#define MLOPS_BATCH_ARRAY_H

#include "serve/call_site.h"

typedef struct BatchArray BatchArray;

/* Empty array, in the current context, as is all that is added later.  It goes when
 * the context is reset, never alone. */
extern BatchArray *mlops_batch_array_create(void);

/* Add the row in served->vector, or NULL for no row; errors for a model with several
 * outputs, and when the array would be too large. */
extern void mlops_batch_array_add(BatchArray *array, const ServedModel *served);

/* float8[] in the current context; more rows may be added afterwards. */
extern Datum mlops_batch_array_get(BatchArray *array);

#endif							/* MLOPS_BATCH_ARRAY_H */
