/*-------------------------------------------------------------------------
 *
 * upkeep.c
 *	  Chores of the dispatcher: what has to be done beside the runs.
 *
 * Each call of a chore is a step of its own (step.h).  One that fails is logged
 * and put off; it stops neither the others nor the runs.
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "miscadmin.h"

#include "base/settings.h"
#include "drift/evaluate_window.h"
#include "drift/fold.h"
#include "drift/tidy.h"
#include "job/action.h"
#include "job/pull.h"
#include "job/step.h"
#include "job/upkeep.h"
#include "serve/prediction_log_partition.h"

#define RUN_MS 500				/* of repeated calls, then others have a turn */
#define BLOCKED_MS 2000			/* until the next try after a lock timeout */
#define FAILED_MS 30000			/* after any other error */

typedef struct Chore
{
	const char *what;			/* "could not ..." */
	ChoreWork	work;
	TimestampTz due;
	TimestampTz called_at;
	bool		follows;		/* also called after another one was */
} Chore;

static Chore chores[] = {
	{"fold rows of watched tables", mlops_fold_work, DT_NOEND, 0, false},
	{"pull queries of monitors", mlops_pull_work, DT_NOEND, 0, false},
	{"evaluate monitors", mlops_evaluate_work, DT_NOEND, 0, false},
	{"look after monitors", mlops_tidy_monitors, DT_NOEND, 0, false},
	{"remove old windows", mlops_tidy_windows, DT_NOEND, 0, false},
	{"keep the log of predictions", mlops_prediction_log_keep, 0, 0, false},
	{"act on events", mlops_action_work, DT_NOEND, 0, true}
};

/* One call of a chore, as a step. */
typedef struct Call
{
	const Chore *chore;
	TimestampTz now;
	TimestampTz next;
} Call;

static void
work_step(const SpiScope *scope, void *arg)
{
	Call	   *call = arg;

	call->next = call->chore->work(scope, call->now);
}

/* Call a chore until it has nothing to do now, or for long enough. */
static void
run_chore(Chore *chore, TimestampTz start)
{
	Call		call = {.chore = chore,.now = start};

	do
	{
		ErrorData  *error = mlops_step_do(work_step, &call);

		CHECK_FOR_INTERRUPTS();
		chore->called_at = call.now;
		if (error)
		{
			mlops_step_log(error, chore->what);
			chore->due = TimestampTzPlusMilliseconds(call.now, mlops_step_is_transient(error) ?
													 BLOCKED_MS : FAILED_MS);
			return;
		}
		chore->due = call.next;
		call.now = GetCurrentTimestamp();
	} while (chore->due <= call.now && !TimestampDifferenceExceeds(start, call.now, RUN_MS));
}

void
mlops_upkeep_run(TimestampTz now)
{
	bool		called = false;

	for (int i = 0; i < lengthof(chores); i++)
	{
		Chore	   *chore = &chores[i];

		if (chore->due <= now || (chore->follows && called) ||
			TimestampDifferenceExceeds(chore->called_at, now, mlops_monitor_interval * 1000))
		{
			run_chore(chore, GetCurrentTimestamp());
			called = true;
		}
	}
}

TimestampTz
mlops_upkeep_next(void)
{
	TimestampTz next = DT_NOEND;

	for (int i = 0; i < lengthof(chores); i++)
		next = Min(next, chores[i].due);
	return next;
}

void
mlops_upkeep_wake(void)
{
	for (int i = 0; i < lengthof(chores); i++)
		chores[i].due = 0;
}
