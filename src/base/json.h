/*-------------------------------------------------------------------------
 *
 * json.h
 *	  Small steps of building a jsonb value.
 *
 *-------------------------------------------------------------------------
 */
#ifndef MLOPS_JSON_H
#define MLOPS_JSON_H

#include "utils/jsonb.h"

/* Push a string as key, value or element; the string is not copied. */
static inline void
mlops_json_push_string(JsonbParseState **state, JsonbIteratorToken token, const char *string)
{
	JsonbValue	value;

	value.type = jbvString;
	value.val.string.val = unconstify(char *, string);
	value.val.string.len = strlen(string);
	pushJsonbValue(state, token, &value);
}

#endif							/* MLOPS_JSON_H */
