/*-------------------------------------------------------------------------
 *
 * promotion.c
 *	  From a version that an event had trained to the champion.
 *
 * The challenger must be shown to be better on rows that neither version was
 * trained on, or not worse than by the margin: the lower bound of the paired
 * difference decides.  Anything else leaves the champion where it is.
 *
 * Locks: the row of the run, then of the event, then of the alias.
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include <math.h>

#include "miscadmin.h"
#include "utils/snapmgr.h"

#include "base/error.h"
#include "base/spi_args.h"
#include "drift/event.h"
#include "job/comparison.h"
#include "job/promotion.h"
#include "job/queue.h"
#include "registry/registry.h"

#define MIN_ROWS 100			/* unless the monitor says otherwise */
#define MIN_CLASS_ROWS 30
/*
 * 99.5 % of the normal distribution.  A model that keeps being retrained is compared
 * many times: of forty equal challengers, one in five sequences promotes one.
 */
#define Z_BOUND 2.575829303548901

/* The event of a comparison, its row locked. */
typedef struct Contest
{
	int64		event;
	char	   *model;
	int			champion;
	int			challenger;
	Oid			owner;			/* of the monitor */
	Oid			submitter;		/* of the comparison */
	double		margin;
	int64		min_rows;
} Contest;

static bool
lock_contest(const SpiScope *scope, int64 run, Contest *contest)
{
	SpiArgs		args = {0};
	bool		isnull;
	Datum		min_rows;

	mlops_args_add_id(&args, run);
	if (mlops_spi_run(scope,
					  "SELECT e.id, e.model, e.version, e.new_version, m.owner::oid, m.margin, m.min_rows,"
					  " r.submitted_by::oid FROM mlops.drift_event e JOIN mlops.monitor m ON m.name = e.monitor"
					  " JOIN mlops.run r ON r.id = e.compare_run_id"
					  " WHERE e.compare_run_id = $1 AND e.outcome = 'comparing' FOR UPDATE OF e",
					  &args) == 0)
		return false;
	contest->event = DatumGetInt64(mlops_spi_value(0, 1, &isnull));
	contest->model = mlops_spi_text(0, 2);
	contest->champion = DatumGetInt32(mlops_spi_value(0, 3, &isnull));
	contest->challenger = DatumGetInt32(mlops_spi_value(0, 4, &isnull));
	contest->owner = DatumGetObjectId(mlops_spi_value(0, 5, &isnull));
	contest->margin = DatumGetFloat8(mlops_spi_value(0, 6, &isnull));
	min_rows = mlops_spi_value(0, 7, &isnull);
	contest->min_rows = isnull ? MIN_ROWS : DatumGetInt64(min_rows);
	contest->submitter = DatumGetObjectId(mlops_spi_value(0, 8, &isnull));
	return true;
}

/* How much better the challenger is, and the lower bound. */
static double
get_difference(const PairedMetric *pair, double *low)
{
	double		difference = pair->greater_is_better ? pair->second - pair->first :
	pair->first - pair->second;

	*low = difference - Z_BOUND * pair->error;
	return difference;
}

static bool
has_few_rows(const Contest *contest, const PairedMetric *pair)
{
	return pair->n < contest->min_rows || pair->n_class < MIN_CLASS_ROWS;
}

/* Why the comparison decides nothing; NULL: the challenger wins. */
static char *
find_doubt(const Contest *contest, const PairedMetric *pair)
{
	double		low;
	double		difference = get_difference(pair, &low);

	if (pair->n < contest->min_rows)
		return psprintf("there are only " INT64_FORMAT " rows that neither version was trained on, of "
						INT64_FORMAT " that are needed", pair->n, contest->min_rows);
	if (pair->n_class < MIN_CLASS_ROWS)
		return psprintf("the rarest class has only " INT64_FORMAT " rows that neither version was trained on, of %d that are needed",
						pair->n_class, MIN_CLASS_ROWS);
	if (isnan(low))
		return psprintf("%s has no confidence interval on these rows", pair->name);
	if (difference == 0 && pair->error == 0)
		return pstrdup("both versions predict the same");
	if (low < -contest->margin)
		return psprintf("%s of version %d is %g, of version %d %g; the lower bound of the difference is %g, below %g",
						pair->name, contest->challenger, pair->second, contest->champion, pair->first,
						low, -contest->margin);
	return NULL;
}

static void
store_figures(const SpiScope *scope, const Contest *contest, const PairedMetric *pair, bool again)
{
	SpiArgs		args = {0};
	double		low;
	double		difference = get_difference(pair, &low);

	mlops_args_add_id(&args, contest->event);
	mlops_args_add_text(&args, pair->name);
	mlops_args_add_float8(&args, pair->first);
	mlops_args_add_float8(&args, pair->second);
	mlops_args_add_float8(&args, difference);
	mlops_args_add_float8(&args, low);
	mlops_args_add(&args, INT8OID, Int64GetDatum(pair->n), false);
	mlops_args_add_bool(&args, again);
	mlops_spi_run(scope,
				  "UPDATE mlops.drift_event e SET metric = $2, champion_metric = $3,"
				  " challenger_metric = $4, difference = $5, difference_low = $6, n = $7,"
				  " compare_at = CASE WHEN $8 THEN now() +"
				  " least(coalesce(m.window_size, '1 hour'), interval '1 year') END"
				  " FROM mlops.monitor m WHERE e.id = $1 AND m.name = e.monitor", &args);
}

static void
promote(const Contest *contest, const char *reason)
{
	PushActiveSnapshot(GetLatestSnapshot());
	if (!mlops_registry_permits(contest->model, contest->owner, MODEL_OWN) ||
		!mlops_registry_permits(contest->model, contest->submitter, MODEL_OWN))
		ereport(ERROR,
				(errcode(ERRCODE_INSUFFICIENT_PRIVILEGE),
				 errmsg("the monitor's owner or the author of the query does not own model \"%s\" any more",
						contest->model)));
	PopActiveSnapshot();
	(void) mlops_registry_move_alias(contest->model, "champion", contest->challenger,
									 contest->champion, contest->owner, reason);
}

void
mlops_promotion_record(const Attempt *attempt, const RunResult *result)
{
	SpiScope	scope;
	SpiArgs		args = {0};
	Contest		contest;
	PairedMetric pair;

	mlops_spi_begin(&scope, false);
	if (!mlops_comparison_read(result, &pair))
		ereport(ERROR,
				(errcode(ERRCODE_DATA_CORRUPTED),
				 errmsg("the comparison left no figures")));
	if (lock_contest(&scope, attempt->run, &contest))
	{
		char	   *doubt = find_doubt(&contest, &pair);

		store_figures(&scope, &contest, &pair, has_few_rows(&contest, &pair));
		if (doubt)
			mlops_event_settle(&scope, contest.event, "undecided", doubt);
		else
		{
			char	   *reason = psprintf("better on " INT64_FORMAT " rows that neither version was trained on: %s %g, version %d has %g",
										  pair.n, pair.name, pair.second, contest.champion, pair.first);

			promote(&contest, reason);
			mlops_event_settle(&scope, contest.event, "promoted", reason);
		}
	}
	(void) mlops_queue_end(&scope, attempt, "succeeded", NULL, NULL);
	mlops_args_add_id(&args, attempt->run);
	mlops_args_add(&args, INT8OID, Int64GetDatum(pair.n), false);
	mlops_spi_run(&scope, "UPDATE mlops.run SET n_rows = $2 WHERE id = $1", &args);
	mlops_spi_end(&scope);
}
