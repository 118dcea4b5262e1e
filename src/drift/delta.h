/*-------------------------------------------------------------------------
 *
 * delta.h
 *	  What a statement adds to a window, in few bytes; pure C.
 *
 *	  format	1 byte
 *	  digest	8 bytes: of the references whose cells are meant
 *	  rows		signed varint: rows, then rows with a label
 *	  form		1 byte: 0 values, 1 profiles
 *	  values	varint n, then n entries: kind 0 (a row: one value per column),
 *				1 or 2 (the label column only, to add or to remove)
 *	  profiles	per touched column: varint index + 1, then its cells; 0 ends it
 *	  estimate	1 byte 0, or 1 and six signed varints
 *	  realized	varint size, then the packed state
 *
 * A value is a varint: 0 absent, 1 missing, 2 a float32 (4 bytes follow), else a
 * cell + 3.  Few rows are kept as values: a float32 is smaller than the sums that
 * it adds to.
 *
 *-------------------------------------------------------------------------
 */
#ifndef MLOPS_DELTA_H
#define MLOPS_DELTA_H

#include "drift/estimate.h"
#include "drift/profile.h"

#define DELTA_FORMAT 1

typedef enum DeltaValueKind
{
	DELTA_ABSENT,				/* the table has no such column */
	DELTA_MISSING,
	DELTA_NUMBER,
	DELTA_CELL					/* of a categorical profile */
} DeltaValueKind;

typedef struct DeltaValue
{
	uint8_t		kind;
	union
	{
		float		number;
		int32_t		cell;
	}			as;
} DeltaValue;

/* An entry of the form "values". */
typedef enum DeltaEntry
{
	DELTA_ROW,
	DELTA_LABEL_ADDED,
	DELTA_LABEL_REMOVED
} DeltaEntry;

/* Writing: "next" may run over "end", then the buffer was too small. */
typedef struct DeltaWriter
{
	uint8_t    *next;
	uint8_t    *end;
} DeltaWriter;

extern void mlops_delta_put_byte(DeltaWriter *writer, uint8_t byte);
extern void mlops_delta_put_bytes(DeltaWriter *writer, const void *bytes, size_t size);
extern void mlops_delta_put_u64(DeltaWriter *writer, uint64_t value);
extern void mlops_delta_put_unsigned(DeltaWriter *writer, uint64_t value);
extern void mlops_delta_put_signed(DeltaWriter *writer, ProfileSum value);
extern void mlops_delta_put_value(DeltaWriter *writer, DeltaValue value);
extern void mlops_delta_put_profile(DeltaWriter *writer, const Profile *profile);
extern void mlops_delta_put_estimate(DeltaWriter *writer, const EstimateSums *sums);

/* Count a value once more, or once less. */
extern void mlops_delta_count(Profile *profile, DeltaValue value, int sign);

/* What a delta is added to. */
typedef struct DeltaTarget
{
	uint64_t	digest;
	int			n;
	int			label;			/* column, or -1 */
	Profile   **profiles;		/* of all columns */
	bool	   *touched;		/* columns that the delta added to */
	int64_t		n_rows;			/* out, likewise below */
	int64_t		n_labels;
	EstimateSums estimate;		/* merged into */
	const uint8_t *realized;	/* in the delta */
	size_t		realized_size;
} DeltaTarget;

/*
 * Add a delta of any origin.  Returns NULL, or why not; then the profiles may have
 * part of it.
 */
extern const char *mlops_delta_apply(const uint8_t *bytes, size_t size, DeltaTarget *target);

#endif							/* MLOPS_DELTA_H */
