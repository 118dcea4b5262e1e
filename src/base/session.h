/*-------------------------------------------------------------------------
 *
 * session.h
 *	  The settings under which a query means what it means.
 *
 *-------------------------------------------------------------------------
 */
#ifndef MLOPS_SESSION_H
#define MLOPS_SESSION_H

#include "utils/jsonb.h"

#define MLOPS_N_SESSION_SETTINGS 5

extern const char *const mlops_session_settings[MLOPS_N_SESSION_SETTINGS];

/* Push an object with their present values. */
extern JsonbValue *mlops_session_push(JsonbParseState **state);

#endif							/* MLOPS_SESSION_H */
