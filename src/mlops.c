/*-------------------------------------------------------------------------
 *
 * mlops.c
 *	  Module magic and start: one call per folder, in the order of the flow.
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "fmgr.h"

#include "base/settings.h"
#include "job/launcher.h"
#include "serve/forest_cache.h"
#include "serve/stat.h"

PG_MODULE_MAGIC;

void		_PG_init(void);

void
_PG_init(void)
{
	mlops_settings_init();
	mlops_forest_cache_init();
	mlops_stat_init();
	mlops_launcher_init();
}
