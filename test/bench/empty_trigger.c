/*
 * empty_trigger.c
 *	  A statement trigger that does nothing: what the transition table alone costs.
 */
#include "postgres.h"

#include "fmgr.h"

PG_MODULE_MAGIC;

PG_FUNCTION_INFO_V1(empty_trigger);

Datum
empty_trigger(PG_FUNCTION_ARGS)
{
	return PointerGetDatum(NULL);
}
