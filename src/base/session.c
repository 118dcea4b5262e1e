/*-------------------------------------------------------------------------
 *
 * session.c
 *	  The settings under which a query means what it means.
 *
 * Captured when a run is submitted or a data set is read, and applied again
 * when a recipe is repeated.
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "utils/guc.h"

#include "base/json.h"
#include "base/session.h"

const char *const mlops_session_settings[MLOPS_N_SESSION_SETTINGS] = {
	"search_path", "TimeZone", "DateStyle", "IntervalStyle", "row_security"
};

JsonbValue *
mlops_session_push(JsonbParseState **state)
{
	pushJsonbValue(state, WJB_BEGIN_OBJECT, NULL);
	for (int i = 0; i < MLOPS_N_SESSION_SETTINGS; i++)
	{
		mlops_json_push_string(state, WJB_KEY, mlops_session_settings[i]);
		mlops_json_push_string(state, WJB_VALUE,
							   GetConfigOptionByName(mlops_session_settings[i], NULL, false));
	}
	return pushJsonbValue(state, WJB_END_OBJECT, NULL);
}
