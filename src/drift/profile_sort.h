/*-------------------------------------------------------------------------
 *
 * profile_sort.h
 *	  Values of a column in any order -> its reference, by the server's tuplesort.
 *
 * Beyond the memory that it is given, the sort goes to temporary files.
 *
 *-------------------------------------------------------------------------
 */
#ifndef MLOPS_PROFILE_SORT_H
#define MLOPS_PROFILE_SORT_H

#include "drift/profile.h"

#define PROFILE_NUMERIC_CELLS 10
#define PROFILE_CATEGORICAL_CELLS 50

typedef struct ProfileSort ProfileSort;

/* Lives in the current context; "cells" 0: the default of the kind; memory in kB. */
extern ProfileSort *mlops_profile_sort_start(ProfileKind kind, int cells, unsigned flags, int memory);

/* Each in the context of the start. */
extern void mlops_profile_sort_number(ProfileSort *sort, double value);
extern void mlops_profile_sort_label(ProfileSort *sort, const char *label, size_t length);
extern void mlops_profile_sort_null(ProfileSort *sort);

/* The reference, in the current context and with a header; once. */
extern Profile *mlops_profile_sort_finish(ProfileSort *sort);

/* Give up memory and files. */
extern void mlops_profile_sort_end(ProfileSort *sort);

#endif							/* MLOPS_PROFILE_SORT_H */
