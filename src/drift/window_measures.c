/*-------------------------------------------------------------------------
 *
 * window_measures.c
 *	  Profiles of a window beside its references -> rows of drift_measure.
 *
 * The reference of a column is that of the version or, with a season, what windows
 * of the same phase counted, as far as they did not drift themselves.
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include <math.h>

#include "utils/array.h"
#include "utils/builtins.h"
#include "utils/lsyscache.h"

#include "base/spi_args.h"
#include "drift/open_window.h"
#include "drift/profile_datum.h"
#include "drift/window_measures.h"

#define MAX_SEASONS 8			/* windows that make a seasonal reference */

/* What the window before found. */
typedef struct Predecessor
{
	TimestampTz start;			/* DT_NOBEGIN: there is none */
	int			streak;			/* of the window as a whole */
	char	  **keys;			/* role and name of its rows */
	int		   *streaks;
	int			n;
} Predecessor;

static const char insert_measure[] =
"INSERT INTO mlops.drift_measure (monitor, version, window_start, role, name, status, streak,"
" n_reference, n_current, psi, psi_noise, psi_critical, kl, js, hellinger, tv, l_infinity, chi2, g, df,"
" p_value, log10_p, p_adjusted, ks_low, ks_high, wasserstein_low, wasserstein_high, mean_shift,"
" null_rate_change, unseen_rate, out_of_range_rate, importance, drifted_share)"
" VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14, $15, $16, $17, $18, $19, $20,"
" $21, $22, $23, $24, $25, $26, $27, $28, $29, $30, $31, $32, $33)";

static void
add_key(SpiArgs *args, const Monitor *monitor, const WatchSet *set, TimestampTz start)
{
	mlops_args_add_text(args, monitor->name);
	mlops_args_add_int4(args, set->version->version);
	mlops_args_add(args, TIMESTAMPTZOID, TimestampTzGetDatum(start), false);
}

/* Find the window before and its streaks. */
static void
load_predecessor(const SpiScope *scope, const Monitor *monitor, const WatchSet *set,
				 TimestampTz start, Predecessor *before)
{
	SpiArgs		args = {0};
	bool		isnull;

	memset(before, 0, sizeof(*before));
	add_key(&args, monitor, set, start);
	if (mlops_spi_run(scope, "SELECT window_start, streak FROM mlops.drift_window WHERE monitor = $1"
					  " AND version = $2 AND window_start < $3 AND evaluated_at IS NOT NULL"
					  " ORDER BY window_start DESC LIMIT 1", &args) == 0)
		return;
	args.values[2] = mlops_spi_value(0, 1, &isnull);
	before->streak = DatumGetInt32(mlops_spi_value(0, 2, &isnull));
	before->n = (int) mlops_spi_run(scope, "SELECT role || ' ' || name, streak FROM mlops.drift_measure"
									" WHERE monitor = $1 AND version = $2 AND window_start = $3"
									" AND streak > 0", &args);
	before->keys = palloc(sizeof(char *) * Max(before->n, 1));
	before->streaks = palloc(sizeof(int) * Max(before->n, 1));
	for (int i = 0; i < before->n; i++)
	{
		before->keys[i] = mlops_spi_text(i, 1);
		before->streaks[i] = DatumGetInt32(mlops_spi_value(i, 2, &isnull));
	}
}

/* Windows in a row that drift, this one included; one that is insufficient neither adds
 * to the row nor ends it. */
static int
extend_streak(int streak, DriftStatus status)
{
	return status == DRIFT_FOUND ? streak + 1 : status == DRIFT_OK ? 0 : streak;
}

static int
find_streak(const Predecessor *before, const char *role, const char *name, DriftStatus status)
{
	char	   *key = psprintf("%s %s", role, name);

	for (int i = 0; i < before->n; i++)
		if (strcmp(before->keys[i], key) == 0)
			return extend_streak(before->streaks[i], status);
	return extend_streak(0, status);
}

/* Starts of the windows of the same phase in earlier seasons. */
static Datum
list_phase(const Monitor *monitor, TimestampTz start)
{
	Datum		starts[MAX_SEASONS];

	for (int i = 0; i < MAX_SEASONS; i++)
		starts[i] = TimestampTzGetDatum(mlops_window_add(&monitor->season, start, -(i + 1)));
	return PointerGetDatum(construct_array(starts, MAX_SEASONS, TIMESTAMPTZOID, sizeof(TimestampTz),
										   FLOAT8PASSBYVAL, TYPALIGN_DOUBLE));
}

/* References of all columns by season: an empty one where nothing was counted. */
static Profile **
load_seasonal(const SpiScope *scope, const Monitor *monitor, const WatchSet *set, TimestampTz start)
{
	Profile   **references = palloc(sizeof(Profile *) * set->n);
	SpiArgs		args = {0};
	uint64		n;

	for (int i = 0; i < set->n; i++)
		references[i] = mlops_profile_clear(mlops_profile_copy(set->columns[i].reference));
	mlops_args_add_text(&args, monitor->name);
	mlops_args_add_int4(&args, set->version->version);
	mlops_args_add(&args, get_array_type(TIMESTAMPTZOID), list_phase(monitor, start), false);
	n = mlops_spi_run(scope,
					  "SELECT p.role, p.name, p.profile FROM mlops.drift_profile p"
					  " LEFT JOIN mlops.drift_measure d USING (monitor, version, window_start, role, name)"
					  " WHERE p.monitor = $1 AND p.version = $2 AND p.window_start = ANY ($3)"
					  " AND d.status IS DISTINCT FROM 'drift'", &args);
	for (uint64 row = 0; row < n; row++)
	{
		char	   *role = mlops_spi_text(row, 1);
		char	   *name = mlops_spi_text(row, 2);
		bool		isnull;

		for (int i = 0; i < set->n; i++)
			if (strcmp(set->columns[i].name, name) == 0 &&
				strcmp(mlops_watch_role_name(set->columns[i].role), role) == 0)
				(void) mlops_profile_merge(references[i], DatumGetProfile(mlops_spi_value(row, 3, &isnull)));
	}
	return references;
}

/* Measure all columns that the window has; returns their number, and which they are. */
static int
measure_columns(const SpiScope *scope, const Monitor *monitor, const WatchSet *set,
				TimestampTz start, bool with_label, DriftColumn *columns, int *places)
{
	Profile   **profiles = mlops_open_window_profiles(scope, monitor->name, set, start);
	bool		seasonal = monitor->season.months > 0 || monitor->season.microseconds > 0;
	Profile   **references = seasonal ? load_seasonal(scope, monitor, set, start) : NULL;
	int			n = 0;

	for (int i = 0; i < set->n; i++)
	{
		DriftColumn *column = &columns[n];

		if (profiles[i] == NULL || mlops_profile_rows(profiles[i]) <= 0 ||
			(set->columns[i].role == WATCH_LABEL && !with_label))
			continue;
		memset(column, 0, sizeof(*column));
		column->is_feature = set->columns[i].role == WATCH_FEATURE;
		column->importance = set->columns[i].importance;
		if (mlops_measure_drift(seasonal ? references[i] : set->columns[i].reference, profiles[i],
								monitor->alpha, &column->measures))
			places[n++] = i;
	}
	return n;
}

static void
add_measures(SpiArgs *args, const DriftMeasures *m, double p_adjusted)
{
	const double first[] = {
		m->psi, m->psi_noise, m->psi_critical, m->kl, m->js, m->hellinger, m->tv, m->l_infinity,
		m->chi2, m->g
	};
	const double second[] = {
		m->p_value, m->log10_p, p_adjusted, m->ks_low, m->ks_high, m->wasserstein_low,
		m->wasserstein_high, m->mean_shift, m->null_rate_change, m->unseen_rate, m->out_of_range_rate
	};

	for (int i = 0; i < lengthof(first); i++)
		mlops_args_add_float8(args, first[i]);
	mlops_args_add(args, INT4OID, Int32GetDatum(m->df), isnan(m->p_value));
	for (int i = 0; i < lengthof(second); i++)
		mlops_args_add_float8(args, second[i]);
}

/* Store one row by a plan that is made with the first. */
static void
store_row(SPIPlanPtr *plan, const Monitor *monitor, const WatchSet *set, TimestampTz start,
		  const char *role, const char *name, DriftStatus status, int streak,
		  const DriftMeasures *measures, double p_adjusted, double importance, double drifted_share)
{
	SpiArgs		args = {0};

	add_key(&args, monitor, set, start);
	mlops_args_add_text(&args, role);
	mlops_args_add_text(&args, name);
	mlops_args_add_text(&args, mlops_drift_status_name(status));
	mlops_args_add_int4(&args, streak);
	mlops_args_add(&args, INT8OID, Int64GetDatum(measures->n_reference), false);
	mlops_args_add(&args, INT8OID, Int64GetDatum(measures->n_current), false);
	add_measures(&args, measures, p_adjusted);
	mlops_args_add_float8(&args, importance);
	mlops_args_add_float8(&args, drifted_share);
	if (*plan == NULL)
		*plan = SPI_prepare(insert_measure, args.n, args.types);
	if (*plan == NULL || SPI_execute_plan(*plan, args.values, args.nulls, false, 0) != SPI_OK_INSERT)
		elog(ERROR, "could not store measures: %s", SPI_result_code_string(SPI_result));
}

/* A DriftMeasures of the data set: most of it is not defined. */
static DriftMeasures
make_summary(const DriftSummary *summary)
{
	DriftMeasures m = {
		.n_reference = summary->n_reference,.n_current = summary->n_current,.psi = summary->psi,
		.psi_critical = summary->psi_critical
	};

	m.psi_noise = m.kl = m.js = m.hellinger = m.tv = m.l_infinity = m.chi2 = m.g = m.p_value = m.log10_p = NAN;
	m.ks_low = m.ks_high = m.wasserstein_low = m.wasserstein_high = m.mean_shift = NAN;
	m.null_rate_change = m.unseen_rate = m.out_of_range_rate = NAN;
	return m;
}

/* The worst of two: drift, else ok where anything is. */
static DriftStatus
join_status(DriftStatus a, DriftStatus b)
{
	if (a == DRIFT_FOUND || b == DRIFT_FOUND)
		return DRIFT_FOUND;
	return a == DRIFT_OK || b == DRIFT_OK ? DRIFT_OK : DRIFT_INSUFFICIENT;
}

static DriftStatus
apply_min_rows(const Monitor *monitor, int64 n, DriftStatus status)
{
	return n < monitor->min_rows ? DRIFT_INSUFFICIENT : status;
}

WindowVerdict
mlops_window_measure(const SpiScope *scope, const Monitor *monitor, const WatchSet *set,
					 TimestampTz start, bool with_label)
{
	WindowVerdict verdict = {.status = DRIFT_INSUFFICIENT};
	DriftColumn *columns = palloc(sizeof(DriftColumn) * set->n);
	int		   *places = palloc(sizeof(int) * set->n);
	int			n = measure_columns(scope, monitor, set, start, with_label, columns, places);
	SPIPlanPtr	plan = NULL;
	DriftSummary summary;
	DriftMeasures measures;
	Predecessor before;
	SpiArgs		args = {0};

	mlops_drift_judge_columns(columns, n, monitor->psi_threshold, monitor->alpha, &summary);
	load_predecessor(scope, monitor, set, start, &before);
	add_key(&args, monitor, set, start);
	(void) mlops_spi_run(scope, "DELETE FROM mlops.drift_measure"
						 " WHERE monitor = $1 AND version = $2 AND window_start = $3", &args);
	for (int i = 0; i < n; i++)
	{
		const WatchColumn *watched = &set->columns[places[i]];
		const char *role = mlops_watch_role_name(watched->role);
		DriftStatus status = apply_min_rows(monitor, columns[i].measures.n_current, columns[i].status);

		verdict.status = join_status(verdict.status, status);
		store_row(&plan, monitor, set, start, role, watched->name, status,
				  find_streak(&before, role, watched->name, status), &columns[i].measures,
				  columns[i].p_adjusted, watched->importance, NAN);
	}
	summary.status = apply_min_rows(monitor, summary.n_current, summary.status);
	verdict.status = join_status(verdict.status, summary.status);
	measures = make_summary(&summary);
	store_row(&plan, monitor, set, start, "dataset", "", summary.status,
			  find_streak(&before, "dataset", "", summary.status), &measures, summary.p_adjusted,
			  NAN, summary.drifted_share);
	verdict.streak = extend_streak(before.streak, verdict.status);
	return verdict;
}
