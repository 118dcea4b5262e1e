/*-------------------------------------------------------------------------
 *
 * tidy.c
 *	  What the dispatcher cleans up after monitors.
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "base/settings.h"
#include "base/spi_args.h"
#include "drift/tidy.h"

#define BATCH_WINDOWS 200
#define KEPT_RUN_DAYS 30		/* of runs that pulled; what they counted
								 * stays */
#define TIDY_MS 3600000			/* between looks for old windows, at least */

/* Pause monitors for which the condition holds, with the reason. */
static void
pause_monitors(const SpiScope *scope, const char *condition, const char *reason)
{
	SpiArgs		args = {0};

	mlops_args_add_text(&args, reason);
	(void) mlops_spi_run(scope,
						 psprintf("WITH lost AS (SELECT m.name FROM mlops.monitor m WHERE NOT m.paused AND %s"
								  " FOR UPDATE SKIP LOCKED),"
								  " paused AS (UPDATE mlops.monitor m SET paused = true, altered_at = now()"
								  " FROM lost WHERE m.name = lost.name)"
								  " UPDATE mlops.monitor_state s SET pause_reason = $1"
								  " FROM lost WHERE s.monitor = lost.name", condition), &args);
}

TimestampTz
mlops_tidy_monitors(const SpiScope *scope, TimestampTz now)
{
	pause_monitors(scope, "m.query IS NULL AND NOT EXISTS (SELECT FROM pg_class c WHERE c.oid = m.relation)",
				   "the table was dropped");
	pause_monitors(scope, "m.query IS NOT NULL"
				   " AND NOT EXISTS (SELECT FROM pg_roles r WHERE r.oid = m.owner)",
				   "the owner was dropped");
	return DT_NOEND;
}

TimestampTz
mlops_tidy_windows(const SpiScope *scope, TimestampTz now)
{
	SpiArgs		args = {0};
	TimestampTz oldest;
	bool		isnull;
	uint64		n;

	mlops_args_add_int4(&args, KEPT_RUN_DAYS);
	(void) mlops_spi_run(scope,
						 "DELETE FROM mlops.run r WHERE kind = 'monitor' AND ended_at < now() - make_interval(days => $1)"
						 " AND NOT EXISTS (SELECT FROM mlops.cancel_request c WHERE c.run_id = r.id)", &args);
	args.n = 0;
	if (mlops_drift_retention == 0)
		return DT_NOEND;
	mlops_args_add(&args, TIMESTAMPTZOID,
				   TimestampTzGetDatum(now - mlops_drift_retention * USECS_PER_DAY), false);
	mlops_args_add_int4(&args, BATCH_WINDOWS);
	n = mlops_spi_run(scope,
					  "DELETE FROM mlops.drift_window w USING (SELECT monitor, version, window_start"
					  " FROM mlops.drift_window WHERE created_at < $1"
					  " ORDER BY created_at LIMIT $2 FOR UPDATE SKIP LOCKED) o"
					  " WHERE w.monitor = o.monitor AND w.version = o.version"
					  " AND w.window_start = o.window_start", &args);
	if (n == BATCH_WINDOWS)
		return now;
	args.n = 0;
	(void) mlops_spi_run(scope, "SELECT min(created_at) FROM mlops.drift_window", &args);
	oldest = DatumGetTimestampTz(mlops_spi_value(0, 1, &isnull));
	if (isnull)
		return DT_NOEND;
	return Max(TimestampTzPlusMilliseconds(now, TIDY_MS),
			   oldest + mlops_drift_retention * USECS_PER_DAY);
}
