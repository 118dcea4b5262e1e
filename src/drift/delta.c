/*-------------------------------------------------------------------------
 *
 * delta.c
 *	  What a statement adds to a window, in few bytes; pure C.
 *
 *-------------------------------------------------------------------------
 */
#include <math.h>
#include <string.h>

#include "base/wire.h"
#include "drift/delta.h"

void
mlops_delta_put_byte(DeltaWriter *writer, uint8_t byte)
{
	if (writer->next < writer->end)
		*writer->next = byte;
	writer->next++;
}

void
mlops_delta_put_bytes(DeltaWriter *writer, const void *bytes, size_t size)
{
	if (size <= (size_t) (writer->end - writer->next) && writer->next <= writer->end)
		memcpy(writer->next, bytes, size);
	writer->next += size;
}

void
mlops_delta_put_u64(DeltaWriter *writer, uint64_t value)
{
	for (int i = 0; i < 8; i++)
		mlops_delta_put_byte(writer, value >> (8 * i) & 0xff);
}

/* Seven bits per byte, the lowest first. */
static void
put_wide(DeltaWriter *writer, unsigned __int128 value)
{
	for (; value > 0x7f; value >>= 7)
		mlops_delta_put_byte(writer, (uint8_t) value | 0x80);
	mlops_delta_put_byte(writer, (uint8_t) value);
}

void
mlops_delta_put_unsigned(DeltaWriter *writer, uint64_t value)
{
	put_wide(writer, value);
}

/* The sign becomes the lowest bit. */
void
mlops_delta_put_signed(DeltaWriter *writer, ProfileSum value)
{
	put_wide(writer, (unsigned __int128) value << 1 ^ (unsigned __int128) (value >> 127));
}

void
mlops_delta_put_value(DeltaWriter *writer, DeltaValue value)
{
	switch ((DeltaValueKind) value.kind)
	{
		case DELTA_ABSENT:
		case DELTA_MISSING:
			mlops_delta_put_byte(writer, value.kind);
			break;
		case DELTA_NUMBER:
			mlops_delta_put_byte(writer, value.kind);
			mlops_delta_put_bytes(writer, &value.as.number, sizeof(value.as.number));
			break;
		case DELTA_CELL:
			mlops_delta_put_unsigned(writer, (uint64_t) value.as.cell + DELTA_CELL);
			break;
	}
}

static bool
has_sums(const Profile *profile)
{
	return mlops_profile_kind(profile) == PROFILE_NUMERIC;
}

void
mlops_delta_put_profile(DeltaWriter *writer, const Profile *profile)
{
	int			n_value = mlops_profile_value_cells(profile);
	int			last = -1;

	for (int i = 0; i < mlops_profile_cells(profile); i++)
	{
		int64_t		count = mlops_profile_count(profile, i);
		ProfileSum	total = has_sums(profile) && i < n_value ? mlops_profile_cell_total(profile, i) : 0;

		if (count == 0 && total == 0)
			continue;
		mlops_delta_put_unsigned(writer, i - last);
		mlops_delta_put_signed(writer, count);
		if (has_sums(profile) && i < n_value)
			mlops_delta_put_signed(writer, total);
		last = i;
	}
	mlops_delta_put_unsigned(writer, 0);
	if (has_sums(profile))
	{
		double		extremes[2];

		mlops_profile_extremes(profile, &extremes[0], &extremes[1]);
		mlops_delta_put_signed(writer, mlops_profile_second_moment(profile));
		mlops_delta_put_bytes(writer, extremes, sizeof(extremes));
	}
}

void
mlops_delta_put_estimate(DeltaWriter *writer, const EstimateSums *sums)
{
	const int64_t *sum = &sums->n;

	mlops_delta_put_byte(writer, sums->n != 0);
	for (int i = 0; sums->n != 0 && i < ESTIMATE_N_SUMS; i++)
		mlops_delta_put_signed(writer, sum[i]);
}

void
mlops_delta_count(Profile *profile, DeltaValue value, int sign)
{
	switch ((DeltaValueKind) value.kind)
	{
		case DELTA_ABSENT:
			break;
		case DELTA_MISSING:
			if (sign > 0)
				mlops_profile_add_null(profile);
			else
				mlops_profile_remove_null(profile);
			break;
		case DELTA_NUMBER:
			if (sign > 0)
				mlops_profile_add_number(profile, value.as.number);
			else
				mlops_profile_remove_number(profile, value.as.number);
			break;
		case DELTA_CELL:
			(void) mlops_profile_add_cell(profile, value.as.cell, sign, 0);
			break;
	}
}

/* Reading */

static unsigned __int128
read_wide(WireReader *reader)
{
	unsigned	__int128 value = 0;

	for (int shift = 0; shift < 128; shift += 7)
	{
		const uint8_t *byte = mlops_wire_read_bytes(reader, 1);

		if (byte == NULL)
			return 0;
		value |= (unsigned __int128) (*byte & 0x7f) << shift;
		if (*byte < 0x80)
			return value;
	}
	reader->failed = true;
	return 0;
}

static uint64_t
read_unsigned(WireReader *reader)
{
	unsigned	__int128 value = read_wide(reader);

	if (value > UINT64_MAX)
		reader->failed = true;
	return (uint64_t) value;
}

static ProfileSum
read_signed(WireReader *reader)
{
	unsigned	__int128 value = read_wide(reader);

	return (ProfileSum) (value >> 1) ^ -(ProfileSum) (value & 1);
}

static int64_t
read_int64(WireReader *reader)
{
	ProfileSum	value = read_signed(reader);

	if (value > INT64_MAX || value < -INT64_MAX)
		reader->failed = true;
	return (int64_t) value;
}

static uint8_t
read_byte(WireReader *reader)
{
	const uint8_t *byte = mlops_wire_read_bytes(reader, 1);

	return byte ? *byte : 0;
}

/* Read a value that fits the profile. */
static DeltaValue
read_value(WireReader *reader, const Profile *profile)
{
	uint64_t	tag = read_unsigned(reader);
	DeltaValue	value = {.kind = tag < DELTA_CELL ? (uint8_t) tag : DELTA_CELL};
	const uint8_t *bytes;

	if (value.kind == DELTA_NUMBER)
	{
		bytes = mlops_wire_read_bytes(reader, sizeof(value.as.number));
		if (bytes)
			memcpy(&value.as.number, bytes, sizeof(value.as.number));
	}
	else if (value.kind == DELTA_CELL)
	{
		if (tag - DELTA_CELL >= (uint64_t) mlops_profile_cells(profile))
			reader->failed = true;
		else
			value.as.cell = (int32_t) (tag - DELTA_CELL);
	}
	if ((value.kind == DELTA_NUMBER) != has_sums(profile) && value.kind >= DELTA_NUMBER)
		reader->failed = true;
	return value;
}

/* Read one value of a column and count it. */
static void
apply_value(WireReader *reader, DeltaTarget *target, int column, int sign)
{
	DeltaValue	value = read_value(reader, target->profiles[column]);

	if (reader->failed || value.kind == DELTA_ABSENT)
		return;
	mlops_delta_count(target->profiles[column], value, sign);
	target->touched[column] = true;
}

static void
apply_values(WireReader *reader, DeltaTarget *target)
{
	uint64_t	n = read_unsigned(reader);

	for (uint64_t i = 0; i < n && !reader->failed; i++)
	{
		uint8_t		entry = read_byte(reader);

		if (entry == DELTA_ROW)
			for (int j = 0; j < target->n && !reader->failed; j++)
				apply_value(reader, target, j, 1);
		else if (entry > DELTA_LABEL_REMOVED || target->label < 0)
			reader->failed = true;
		else
			apply_value(reader, target, target->label, entry == DELTA_LABEL_ADDED ? 1 : -1);
	}
}

/* Add the cells of one column; false: they do not fit. */
static bool
apply_profile(WireReader *reader, Profile *profile)
{
	int64_t		cell = -1;
	double		extremes[2];
	ProfileSum	second;
	const uint8_t *bytes;

	for (;;)
	{
		uint64_t	step = read_unsigned(reader);
		int64_t		count;
		ProfileSum	total;

		if (step == 0)
			break;
		if (step > (uint64_t) (mlops_profile_cells(profile) - 1 - cell))
			return false;
		cell += (int64_t) step;
		count = read_int64(reader);
		total = has_sums(profile) && cell < mlops_profile_value_cells(profile) ? read_signed(reader) : 0;
		if (reader->failed || !mlops_profile_add_cell(profile, (int) cell, count, total))
			return false;
	}
	if (!has_sums(profile))
		return !reader->failed;
	second = read_signed(reader);
	bytes = mlops_wire_read_bytes(reader, sizeof(extremes));
	if (reader->failed)
		return false;
	memcpy(extremes, bytes, sizeof(extremes));
	return mlops_profile_add_moments(profile, second, extremes[0], extremes[1]);
}

static void
apply_profiles(WireReader *reader, DeltaTarget *target)
{
	uint64_t	column;

	while ((column = read_unsigned(reader)) != 0)
	{
		if (column > (uint64_t) target->n || !apply_profile(reader, target->profiles[column - 1]))
		{
			reader->failed = true;
			return;
		}
		target->touched[column - 1] = true;
	}
}

static void
apply_estimate(WireReader *reader, DeltaTarget *target)
{
	EstimateSums sums;
	int64_t    *sum = &sums.n;
	uint8_t		has = read_byte(reader);

	if (has > 1)
		reader->failed = true;
	if (has != 1)
		return;
	for (int i = 0; i < ESTIMATE_N_SUMS; i++)
		sum[i] = read_int64(reader);
	if (reader->failed || !mlops_estimate_is_valid(&sums) ||
		!mlops_estimate_merge(&target->estimate, &sums))
		reader->failed = true;
}

const char *
mlops_delta_apply(const uint8_t *bytes, size_t size, DeltaTarget *target)
{
	WireReader	reader;
	uint8_t		form;

	mlops_wire_read_init(&reader, bytes, size);
	if (read_byte(&reader) != DELTA_FORMAT)
		return "format is not known";
	if (mlops_wire_read_u64(&reader) != target->digest)
		return "references have been replaced since";
	target->n_rows = read_int64(&reader);
	target->n_labels = read_int64(&reader);
	form = read_byte(&reader);
	if (form > 1)
		return "form is not known";
	if (form == 0)
		apply_values(&reader, target);
	else
		apply_profiles(&reader, target);
	if (!reader.failed)
		apply_estimate(&reader, target);
	target->realized_size = read_unsigned(&reader);
	target->realized = mlops_wire_read_bytes(&reader, target->realized_size);
	if (reader.failed || reader.next != reader.end)
		return "bytes are damaged";
	return NULL;
}
