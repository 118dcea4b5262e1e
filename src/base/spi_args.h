/*-------------------------------------------------------------------------
 *
 * spi_args.h
 *	  Parameters of one SPI statement, added one after the other.
 *
 *-------------------------------------------------------------------------
 */
#ifndef MLOPS_SPI_ARGS_H
#define MLOPS_SPI_ARGS_H

#include "catalog/pg_type.h"
#include "utils/array.h"
#include "utils/builtins.h"
#include "utils/jsonb.h"

#include "base/spi.h"

#define SPI_ARGS_MAX 48

typedef struct SpiArgs
{
	int			n;
	Oid			types[SPI_ARGS_MAX];
	Datum		values[SPI_ARGS_MAX];
	char		nulls[SPI_ARGS_MAX];
} SpiArgs;

static inline void
mlops_args_add(SpiArgs *args, Oid type, Datum value, bool isnull)
{
	Assert(args->n < SPI_ARGS_MAX);
	args->types[args->n] = type;
	args->values[args->n] = value;
	args->nulls[args->n] = isnull ? 'n' : ' ';
	args->n++;
}

static inline void
mlops_args_add_int4(SpiArgs *args, int32 value)
{
	mlops_args_add(args, INT4OID, Int32GetDatum(value), false);
}

/* Add a number, or NULL for 0: ids and versions count from 1. */
static inline void
mlops_args_add_id(SpiArgs *args, int64 value)
{
	mlops_args_add(args, INT8OID, Int64GetDatum(value), value == 0);
}

static inline void
mlops_args_add_bool(SpiArgs *args, bool value)
{
	mlops_args_add(args, BOOLOID, BoolGetDatum(value), false);
}

/* Add a number, or NULL for NaN. */
static inline void
mlops_args_add_float8(SpiArgs *args, double value)
{
	mlops_args_add(args, FLOAT8OID, Float8GetDatum(value), value != value);
}

static inline void
mlops_args_add_role(SpiArgs *args, Oid value)
{
	mlops_args_add(args, REGROLEOID, ObjectIdGetDatum(value), false);
}

/* Add a text, or NULL; likewise below. */
static inline void
mlops_args_add_text(SpiArgs *args, const char *value)
{
	mlops_args_add(args, TEXTOID, value ? CStringGetTextDatum(value) : (Datum) 0, value == NULL);
}

static inline void
mlops_args_add_jsonb(SpiArgs *args, const Jsonb *value)
{
	mlops_args_add(args, JSONBOID, PointerGetDatum(value), value == NULL);
}

static inline void
mlops_args_add_bytea(SpiArgs *args, const bytea *value)
{
	mlops_args_add(args, BYTEAOID, PointerGetDatum(value), value == NULL);
}

/* Add bytes that are not a bytea yet, such as a digest. */
static inline void
mlops_args_add_bytes(SpiArgs *args, const void *bytes, int size)
{
	mlops_args_add_bytea(args, (const bytea *) cstring_to_text_with_len(bytes, size));
}

static inline void
mlops_args_add_text_array(SpiArgs *args, char **values, int n)
{
	Datum	   *elements;

	if (values == NULL)
	{
		mlops_args_add(args, TEXTARRAYOID, (Datum) 0, true);
		return;
	}
	elements = palloc(sizeof(Datum) * Max(n, 1));
	for (int i = 0; i < n; i++)
		elements[i] = CStringGetTextDatum(values[i]);
	mlops_args_add(args, TEXTARRAYOID,
				   PointerGetDatum(construct_array(elements, n, TEXTOID, -1, false, TYPALIGN_INT)),
				   false);
}

static inline uint64
mlops_spi_run(const SpiScope *scope, const char *sql, SpiArgs *args)
{
	return mlops_spi_execute(scope, sql, args->n, args->types, args->values, args->nulls);
}

#endif							/* MLOPS_SPI_ARGS_H */
