/*-------------------------------------------------------------------------
 *
 * sorter.c
 *	  Encoded rows -> canonical order, digest and column statistics.
 *
 * Rows are sorted as tuples of [group, only with qid], hash and a bytea:
 *
 *	 features f32 | label f32 | [upper f32, only with target_upper]
 *		| weight f32 | part u8
 *
 * big-endian, -0 as 0, missing as 7fc00000.  The hash covers it but for the
 * part, and decides nearly every comparison.
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include <math.h>

#include "access/tupdesc.h"
#include "catalog/pg_operator_d.h"
#include "catalog/pg_type.h"
#include "common/hashfn.h"
#include "common/shortest_dec.h"
#include "executor/tuptable.h"
#include "miscadmin.h"
#include "port/pg_bswap.h"
#include "utils/builtins.h"
#include "utils/tuplesort.h"
#include "utils/typcache.h"

#include "base/json.h"
#include "compat/pg_compat.h"
#include "feature/digest.h"
#include "feature/mix.h"
#include "feature/sorter.h"

#define MISSING_BITS 0x7fc00000

struct Sorter
{
	const DatasetSpec *spec;
	const Signature *signature;
	int			n_features;
	bool		has_group;
	bool		has_upper;
	size_t		row_size;		/* without the part */
	int64		n_rows;
	Tuplesortstate *sort;
	bytea	   *bytes;			/* of the row being put */
	TupleTableSlot *put;
	TupleTableSlot *next;
	Digest	   *digest;
	float	   *features;		/* of the row being read */
	DatasetColumn *columns;
};

/* Bytes that a row takes, by which mlops.max_spool_size counts. */
static int64
get_size(const Sorter *sorter)
{
	return VARHDRSZ + (sorter->has_group ? 2 : 1) * sizeof(uint64) + sorter->row_size + 1;
}

static void
start_sort(Sorter *sorter)
{
	TypeCacheEntry *bytea_type = lookup_type_cache(BYTEAOID, TYPECACHE_LT_OPR);
	int			n = sorter->has_group ? 3 : 2;
	TupleDesc	tupdesc = CreateTemplateTupleDesc(n);
	AttrNumber	numbers[] = {1, 2, 3};
	Oid			operators[] = {Int8LessOperator, Int8LessOperator, Int8LessOperator};
	Oid			collations[] = {InvalidOid, InvalidOid, InvalidOid};
	bool		nulls_first[] = {false, false, false};

	for (int i = 1; i < n; i++)
		TupleDescInitEntry(tupdesc, i, NULL, INT8OID, -1, 0);
	TupleDescInitEntry(tupdesc, n, NULL, BYTEAOID, -1, 0);
	operators[n - 1] = bytea_type->lt_opr;
	sorter->put = MakeSingleTupleTableSlot(tupdesc, &TTSOpsVirtual);
	sorter->next = MakeSingleTupleTableSlot(tupdesc, &TTSOpsMinimalTuple);
	sorter->sort = tuplesort_begin_heap(tupdesc, n, numbers, operators, collations, nulls_first,
										maintenance_work_mem, NULL, TUPLESORT_NONE);
}

Sorter *
mlops_sorter_create(const DatasetSpec *spec, int n_features)
{
	Sorter	   *sorter = palloc0(sizeof(Sorter));
	size_t		size;

	sorter->spec = spec;
	sorter->n_features = n_features;
	sorter->has_group = spec->qid != NULL;
	sorter->has_upper = spec->target_upper != NULL;
	sorter->row_size = (n_features + (sorter->has_upper ? 3 : 2)) * sizeof(uint32);
	size = VARHDRSZ + sorter->row_size + 1;
	sorter->bytes = palloc0(size);
	SET_VARSIZE(sorter->bytes, size);
	sorter->features = palloc(Max(n_features, 1) * sizeof(float));
	sorter->columns = palloc(Max(n_features, 1) * sizeof(DatasetColumn));
	for (int i = 0; i < n_features; i++)
		sorter->columns[i] = (DatasetColumn)
	{
		0, INFINITY, -INFINITY, 0
	};
	start_sort(sorter);
	return sorter;
}

/* The integer that sorts among integers with sign as this one does without. */
static inline Datum
sort_unsigned(uint64 value)
{
	return Int64GetDatum((int64) (value ^ (UINT64CONST(1) << 63)));
}

static inline uint32
encode_float(float value)
{
	uint32		bits;

	value += 0.0f;				/* -0 -> 0 */
	memcpy(&bits, &value, sizeof(bits));
	return pg_hton32(isnan(value) ? MISSING_BITS : bits);
}

/* The i-th float of a row, which need not be aligned. */
static inline float
decode_float(const char *row, int i)
{
	float		value;
	uint32		bits;

	memcpy(&bits, row + i * sizeof(bits), sizeof(bits));
	bits = pg_ntoh32(bits);
	memcpy(&value, &bits, sizeof(value));
	return value;
}

void
mlops_sorter_put(Sorter *sorter, const DatasetRow *row)
{
	uint32	   *words = (uint32 *) VARDATA(sorter->bytes);
	Datum	   *values = sorter->put->tts_values;
	int			n = sorter->n_features;

	for (int i = 0; i < n; i++)
		words[i] = encode_float(row->features[i]);
	words[n++] = encode_float(row->label);
	if (sorter->has_upper)
		words[n++] = encode_float(row->upper);
	words[n++] = encode_float(row->weight);
	Assert(n * sizeof(uint32) == sorter->row_size);
	*(uint8 *) &words[n] = row->part;

	sorter->n_rows++;
	if (sorter->spec->max_bytes > 0 && sorter->n_rows > sorter->spec->max_bytes / get_size(sorter))
		ereport(ERROR,
				(errcode(ERRCODE_PROGRAM_LIMIT_EXCEEDED),
				 errmsg("encoded rows need more than mlops.max_spool_size (" INT64_FORMAT " MB)",
						sorter->spec->max_bytes / (1024 * 1024)),
				 errhint("Select fewer rows or columns, or raise mlops.max_spool_size.")));

	ExecClearTuple(sorter->put);
	if (sorter->has_group)
		*values++ = sort_unsigned(row->group);
	*values++ = sort_unsigned(hash_bytes_extended((unsigned char *) words, sorter->row_size, 0));
	*values = PointerGetDatum(sorter->bytes);
	ExecStoreVirtualTuple(sorter->put);
	tuplesort_puttupleslot(sorter->sort, sorter->put);
}

void
mlops_sorter_sort(Sorter *sorter, const Signature *signature)
{
	sorter->signature = signature;
	sorter->digest = mlops_digest_create("mlops.dataset.v1");
	mlops_digest_u32(sorter->digest, signature->n_features);
	for (int i = 0; i < signature->n_features; i++)
	{
		const Feature *feature = &signature->features[i];

		CHECK_FOR_INTERRUPTS();
		mlops_digest_string(sorter->digest, feature->name);
		mlops_digest_u8(sorter->digest, feature->kind == FEATURE_CATEGORY ? 1 : 0);
		if (feature->kind != FEATURE_CATEGORY)
			continue;
		mlops_digest_u32(sorter->digest, feature->n_categories);
		for (int j = 0; j < feature->n_categories; j++)
			mlops_digest_string(sorter->digest, feature->categories[j]);
	}
	tuplesort_performsort(sorter->sort);
}

static inline void
count_value(DatasetColumn *column, float value)
{
	uint32		bits;

	if (isnan(value))
	{
		column->n_null++;
		return;
	}
	if (value < column->min)
		column->min = value;
	if (value > column->max)
		column->max = value;
	memcpy(&bits, &value, sizeof(bits));
	column->checksum += mlops_mix64(UINT64CONST(1) << 32 | bits);	/* 0 counts too */
}

bool
mlops_sorter_next(Sorter *sorter, DatasetRow *row, uint8 *digest)
{
	TupleTableSlot *slot = sorter->next;
	const char *bytes;
	uint64		group = 0;
	int			n = sorter->n_features;

	if (sorter->digest == NULL)
		return false;			/* the end was reached before */
	CHECK_FOR_INTERRUPTS();
	if (!tuplesort_gettupleslot(sorter->sort, true, false, slot, NULL))
	{
		mlops_digest_u64(sorter->digest, sorter->n_rows);
		mlops_digest_finish(sorter->digest, digest);
		sorter->digest = NULL;
		return false;
	}

	slot_getallattrs(slot);
	bytes = VARDATA_ANY(DatumGetPointer(slot->tts_values[sorter->has_group ? 2 : 1]));
	if (sorter->has_group)
		group = DatumGetInt64(slot->tts_values[0]) ^ (UINT64CONST(1) << 63);
	mlops_digest_bytes(sorter->digest, bytes, sorter->row_size);
	mlops_digest_u64(sorter->digest, group);

	for (int i = 0; i < n; i++)
	{
		sorter->features[i] = decode_float(bytes, i);
		count_value(&sorter->columns[i], sorter->features[i]);
	}
	row->features = sorter->features;
	row->group = group;
	row->label = decode_float(bytes, n++);
	row->upper = sorter->has_upper ? decode_float(bytes, n++) : row->label;
	row->weight = decode_float(bytes, n++);
	row->part = (uint8) bytes[sorter->row_size];
	return true;
}

const DatasetColumn *
mlops_sorter_column(const Sorter *sorter, int i)
{
	return &sorter->columns[i];
}

/* Shortest number that reads back as the same float32. */
static void
push_number(JsonbParseState **state, const char *key, float number)
{
	JsonbValue	value;
	char		decimal[FLOAT_SHORTEST_DECIMAL_LEN];

	float_to_shortest_decimal_buf(number, decimal);
	mlops_json_push_string(state, WJB_KEY, key);
	value.type = jbvNumeric;
	value.val.numeric = DatumGetNumeric(DirectFunctionCall3(numeric_in, CStringGetDatum(decimal),
															ObjectIdGetDatum(InvalidOid),
															Int32GetDatum(-1)));
	pushJsonbValue(state, WJB_VALUE, &value);
}

Jsonb *
mlops_sorter_columns(const Sorter *sorter)
{
	JsonbParseState *state = NULL;

	pushJsonbValue(&state, WJB_BEGIN_ARRAY, NULL);
	for (int i = 0; i < sorter->n_features; i++)
	{
		const Feature *feature = &sorter->signature->features[i];
		const DatasetColumn *column = &sorter->columns[i];
		JsonbValue	value;

		CHECK_FOR_INTERRUPTS();
		pushJsonbValue(&state, WJB_BEGIN_OBJECT, NULL);
		mlops_json_push_string(&state, WJB_KEY, "name");
		mlops_json_push_string(&state, WJB_VALUE, feature->name);
		mlops_json_push_string(&state, WJB_KEY, "n_null");
		value.type = jbvNumeric;
		value.val.numeric = int64_to_numeric(column->n_null);
		pushJsonbValue(&state, WJB_VALUE, &value);
		if (feature->kind != FEATURE_CATEGORY && column->min <= column->max)
		{
			push_number(&state, "min", column->min);
			push_number(&state, "max", column->max);
		}
		mlops_json_push_string(&state, WJB_KEY, "checksum");
		mlops_json_push_string(&state, WJB_VALUE,
							   psprintf("%016llx", (unsigned long long) column->checksum));
		pushJsonbValue(&state, WJB_END_OBJECT, NULL);
	}
	return JsonbValueToJsonb(pushJsonbValue(&state, WJB_END_ARRAY, NULL));
}

void
mlops_sorter_end(Sorter *sorter)
{
	if (sorter->digest != NULL)
		mlops_digest_finish(sorter->digest, NULL);
	tuplesort_end(sorter->sort);
	ExecDropSingleTupleTableSlot(sorter->put);
	ExecDropSingleTupleTableSlot(sorter->next);
}
