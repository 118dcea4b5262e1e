/*-------------------------------------------------------------------------
 *
 * profile.h
 *	  A profile: counts and exact sums of a column on cells made from a
 *	  reference.
 *
 * Pure C, for the library, the trainer, the unit tests and the fuzzers alike.
 * A profile is one flat image without pointers, aligned to 8 bytes; its first
 * four bytes belong to the server and are never looked at here.
 *
 * Cells have one order for both kinds: the value cells (numeric: half-open
 * intervals (lower, upper] that cover the line, ascending, of which the first and
 * the last are empty in the reference; categorical: the kept labels, bytewise
 * ascending), then the special ones of ProfileSpecial.
 *
 * Sums are fixed-point numbers of 128 bits whose unit is a power of two that the
 * reference chose; what one value adds depends on that value alone.  So profiles
 * merge exactly: any order and any split of the rows gives the same bits.
 *
 *-------------------------------------------------------------------------
 */
#ifndef MLOPS_PROFILE_H
#define MLOPS_PROFILE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define PROFILE_FORMAT 1
#define PROFILE_MAX_CELLS 1000	/* to ask for; numeric references may get
								 * thrice as many */
#define PROFILE_MAX_LABEL 255	/* bytes; longer labels go by
								 * mlops_profile_short_label */
#define PROFILE_MAX_COUNT (INT64_C(1) << 40)	/* of one cell, either sign */

typedef struct Profile Profile;
typedef __int128 ProfileSum;	/* in units of the profile */

typedef enum ProfileKind
{
	PROFILE_NUMERIC = 1,
	PROFILE_CATEGORICAL = 2
} ProfileKind;

/* Cells after the value cells, as offsets from mlops_profile_value_cells(). */
typedef enum ProfileSpecial
{
	PROFILE_OTHER,				/* labels that the reference saw and did not
								 * keep */
	PROFILE_UNSEEN,				/* labels that it never saw; see
								 * PROFILE_DROPPED */
	PROFILE_NULL,
	PROFILE_NAN,
	PROFILE_PLUS_INF,
	PROFILE_MINUS_INF,
	N_PROFILE_SPECIALS
} ProfileSpecial;

typedef enum ProfileFlag
{
	PROFILE_SINGLE = 1,			/* values are rounded to float32 before they
								 * are counted, and NaN counts as NULL */
	PROFILE_DROPPED = 2			/* the reference did not keep all labels: one
								 * that is not kept is "other" */
} ProfileFlag;

/*
 * Reading.  Functions of numeric profiles give NaN, and those of labels NULL, for the
 * other kind.
 */

/* Whether bytes of any origin are a profile; "why" gets a static text otherwise. */
extern bool mlops_profile_check(const Profile *profile, size_t size, const char **why);

extern size_t mlops_profile_size(const Profile *profile);
extern ProfileKind mlops_profile_kind(const Profile *profile);
extern unsigned mlops_profile_flags(const Profile *profile);	/* of ProfileFlag */
extern int	mlops_profile_value_cells(const Profile *profile);
extern int	mlops_profile_cells(const Profile *profile);	/* the special ones too */
extern int64_t mlops_profile_count(const Profile *profile, int cell);
extern int64_t mlops_profile_rows(const Profile *profile);	/* all cells */
extern int64_t mlops_profile_values(const Profile *profile);	/* all value cells */

/* Bounds of a numeric value cell, -Inf and Inf of the outer ones. */
extern double mlops_profile_lower(const Profile *profile, int cell);
extern double mlops_profile_upper(const Profile *profile, int cell);

/* Whether a cell holds one value only, its upper bound. */
extern bool mlops_profile_is_atom(const Profile *profile, int cell);

/* Label of a categorical value cell; not terminated. */
extern const char *mlops_profile_label(const Profile *profile, int cell, size_t *length);

/* Sum of the values of a cell; its mean, NaN when it is empty. */
extern double mlops_profile_cell_sum(const Profile *profile, int cell);
extern double mlops_profile_cell_mean(const Profile *profile, int cell);

/* Of all finite values; NaN when there are none.  Variance and standard deviation are the
 * population's; the former may be beyond the range of float64 when the latter is not. */
extern double mlops_profile_mean(const Profile *profile);
extern double mlops_profile_variance(const Profile *profile);
extern double mlops_profile_deviation(const Profile *profile);
extern double mlops_profile_min(const Profile *profile);
extern double mlops_profile_max(const Profile *profile);

/* The value of rank ceil(fraction * n), linear between the bounds of its cell and the
 * extremes: exact at the bounds and in atoms. */
extern double mlops_profile_quantile(const Profile *profile, double fraction);

/* Bits that two profiles with the same cells share. */
extern uint64_t mlops_profile_digest(const Profile *profile);
extern bool mlops_profile_same_cells(const Profile *a, const Profile *b);

/* Same cells, counts and sums. */
extern bool mlops_profile_equal(const Profile *a, const Profile *b);

/*
 * Counting.
 */

/* Zero all counts and sums; cells and size stay. */
extern Profile *mlops_profile_clear(Profile *profile);

extern void mlops_profile_add_number(Profile *profile, double value);
extern void mlops_profile_add_label(Profile *profile, const char *label, size_t length);
extern void mlops_profile_add_null(Profile *profile);

/* The opposite, for corrections: counts may become negative, extremes stay. */
extern void mlops_profile_remove_number(Profile *profile, double value);
extern void mlops_profile_remove_label(Profile *profile, const char *label, size_t length);
extern void mlops_profile_remove_null(Profile *profile);

/* Cell of a value; NaN and infinite numbers have special ones. */
extern int	mlops_profile_find_number(const Profile *profile, double value);
extern int	mlops_profile_find_label(const Profile *profile, const char *label, size_t length);

/* Add what another profile with the same cells counted; false, and nothing changed, when
 * the cells differ or a count or sum gets too large. */
extern bool mlops_profile_merge(Profile *into, const Profile *from);
extern bool mlops_profile_can_merge(const Profile *into, const Profile *from);

/*
 * Parts of the state, for sparse copies of it: what a cell counted and summed; the second
 * moment about the reference's mean and the extremes, Inf and -Inf without values.
 * Adding all parts of a profile to another with the same cells is a merge.
 */
extern ProfileSum mlops_profile_cell_total(const Profile *profile, int cell);
extern ProfileSum mlops_profile_second_moment(const Profile *profile);
extern void mlops_profile_extremes(const Profile *profile, double *minimum, double *maximum);
extern bool mlops_profile_add_cell(Profile *profile, int cell, int64_t count, ProfileSum total);
extern bool mlops_profile_add_moments(Profile *profile, ProfileSum second, double minimum,
									  double maximum);

/*
 * Building a reference.  Memory is the caller's; the builder makes the cells, then the
 * caller counts the rows with mlops_profile_add_* (for labels the builder does).
 *
 * Numeric: give all "n" finite values in ascending order, rounded to float32 already if
 * PROFILE_SINGLE is among the flags.  The edges are the values of rank ceil(j * n /
 * cells), j = 1 .. cells - 1, the extremes, and both sides of every value that has at
 * least one row in "cells"; each of at most "cells" distinct values gets a cell of its own.
 *
 * Categorical: give every label once with its count, in any order; the "cells" most
 * frequent ones are kept, of equal ones the bytewise first.
 */
typedef struct ProfileBuilder ProfileBuilder;

extern size_t mlops_profile_builder_size(ProfileKind kind, int cells);
extern ProfileBuilder *mlops_profile_builder_init(void *memory, ProfileKind kind, int cells,
												  unsigned flags, int64_t n);
extern void mlops_profile_builder_add_number(ProfileBuilder *builder, double value);
extern void mlops_profile_builder_add_label(ProfileBuilder *builder, const char *label,
											size_t length, int64_t count);

/* Size of the reference, then the reference itself: numeric ones still empty. */
extern size_t mlops_profile_build_size(ProfileBuilder *builder);
extern Profile *mlops_profile_build(ProfileBuilder *builder, void *memory);

/* A label in at most PROFILE_MAX_LABEL bytes: itself, or its leading ASCII bytes and a
 * hash.  "buffer" has PROFILE_MAX_LABEL bytes. */
extern const char *mlops_profile_short_label(const char *label, size_t *length, char *buffer);

/*
 * Text: one JSON object, exact.
 */

/* Write the text, without an end; returns its length, which may exceed "capacity": then
 * nothing is of use but the length. */
extern size_t mlops_profile_print(const Profile *profile, char *buffer, size_t capacity);

/* Read what print wrote, up to the end of the object.  With "memory" NULL returns the size
 * needed, else fills memory of that size and moves *text beyond the object.  On error
 * returns 0; "why" gets a static text, and *text the place. */
extern size_t mlops_profile_parse(const char **text, const char *end, void *memory,
								  const char **why);

#endif							/* MLOPS_PROFILE_H */
