/*-------------------------------------------------------------------------
 *
 * value.h
 *	  One SQL value -> nearest float32, or a label.
 *
 *-------------------------------------------------------------------------
 */
#ifndef MLOPS_VALUE_H
#define MLOPS_VALUE_H

#include "fmgr.h"

#include "compat/pg_compat.h"

typedef enum ValueKind
{
	VALUE_NONE,					/* makes no feature */
	VALUE_BOOLEAN,
	VALUE_INT2,
	VALUE_INT4,
	VALUE_INT8,
	VALUE_FLOAT4,
	VALUE_FLOAT8,
	VALUE_NUMERIC,
	VALUE_DATE,					/* as a number: days since 2000-01-01 */
	VALUE_TIME,					/* seconds since midnight */
	VALUE_TIMESTAMP,			/* seconds since 1970-01-01 */
	VALUE_TIMESTAMPTZ,			/* likewise, UTC */
	VALUE_TEXT,
	VALUE_BPCHAR,
	VALUE_LABEL,				/* any other type whose text is a label */
	VALUE_ARRAY					/* of numbers */
} ValueKind;

typedef struct ValueType
{
	ValueKind	kind;
	Oid			type;			/* domains resolved */
	FmgrInfo	output;			/* output function of "type" */
	ValueKind	element_kind;	/* of an array, likewise below */
	Oid			element_type;
	int16		element_length;
	bool		element_by_value;
	char		element_align;
} ValueType;

#define mlops_value_is_number(kind) ((kind) >= VALUE_INT2 && (kind) <= VALUE_NUMERIC)
#define mlops_value_is_integer(kind) ((kind) >= VALUE_INT2 && (kind) <= VALUE_INT8)
#define mlops_value_is_time(kind) ((kind) >= VALUE_DATE && (kind) <= VALUE_TIMESTAMPTZ)
#define mlops_value_is_label(kind) ((kind) >= VALUE_TEXT && (kind) <= VALUE_LABEL)

/* What a type makes, domains and arrays aside. */
extern ValueKind mlops_value_kind(Oid type);

/* Find out what a type makes; allocates in the current context. */
extern void mlops_value_init(ValueType *value_type, Oid type);

/* Number, boolean or time -> nearest float32; infinite when it is infinite or too large. */
extern float mlops_value_number(ValueKind kind, Datum value);

/* Elements of an array; a NULL element is NaN.  Errors name "column". */
extern void mlops_value_array(const ValueType *value_type, Datum value, int length,
							  const char *column, float *vector);
extern int	mlops_value_array_length(Datum value, const char *column);

/* value::text, which for numeric has no trailing zeros, so that equal values have
 * one label; in place or in the current context; not terminated. */
extern const char *mlops_value_label(ValueType *value_type, Datum value, size_t *length);

/* The value is infinite or too large. */
pg_noreturn extern void mlops_value_overflow(const char *column);

#endif							/* MLOPS_VALUE_H */
