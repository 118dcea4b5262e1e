/*-------------------------------------------------------------------------
 *
 * event_excuse.c
 *	  Columns that grow with time, such as serial numbers and dates.
 *
 * Their values of today are never those of the training rows.  No training cures
 * that, so what they contribute to the drift of a window does not count when an
 * event decides whether to train.
 *
 * A column grows (or falls) with time when nearly all its values lie beyond one
 * end of the reference, those of the window before as well, and on the average
 * beyond everything of the window before.  Without a window before, the first
 * alone decides.
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "miscadmin.h"

#include "base/spi_args.h"
#include "drift/event.h"
#include "drift/profile_datum.h"

#define BEYOND_SHARE 0.9

/* On which side of the reference nearly all numbers lie: -1, 1, or 0: on none. */
static int
find_side(const Profile *profile)
{
	int			last = mlops_profile_value_cells(profile) - 1;
	double		enough = BEYOND_SHARE * mlops_profile_values(profile);

	if (last < 1 || enough <= 0)
		return 0;
	if (mlops_profile_count(profile, 0) >= enough)
		return -1;
	return mlops_profile_count(profile, last) >= enough ? 1 : 0;
}

static bool
moves_with_time(const Profile *current, const Profile *previous)
{
	int			side;

	if (mlops_profile_kind(current) != PROFILE_NUMERIC)
		return false;
	side = find_side(current);
	if (side == 0 || !previous)
		return side != 0;
	if (find_side(previous) != side)
		return false;
	return side > 0 ? mlops_profile_mean(current) >= mlops_profile_max(previous) :
		mlops_profile_mean(current) <= mlops_profile_min(previous);
}

/* A profile of a row, or NULL. */
static const Profile *
get_profile(uint64 row, int column)
{
	bool		isnull;
	Datum		value = mlops_spi_value(row, column, &isnull);

	return isnull ? NULL : DatumGetProfile(value);
}

bool
mlops_event_is_excused(const SpiScope *scope, const EventMonitor *monitor, TimestampTz window_start)
{
	SpiArgs		args = {0};
	bool		moves = false;
	int			i;
	double		sums[2] = {0};	/* weighted by importance, unweighted */
	double		weights[2] = {0};
	bool		drifts = false;
	uint64		n;

	mlops_args_add_text(&args, monitor->name);
	mlops_args_add_int4(&args, monitor->version);
	mlops_args_add(&args, TIMESTAMPTZOID, TimestampTzGetDatum(window_start), false);
	n = mlops_spi_run(scope,
					  "SELECT d.name, d.psi, coalesce(d.importance, 0), d.status = 'drift', p.profile, b.profile"
					  " FROM mlops.drift_measure d"
					  " JOIN mlops.drift_profile p ON p.monitor = $1 AND p.version = $2"
					  " AND p.window_start = $3 AND p.role = 'feature' AND p.name = d.name"
					  " LEFT JOIN mlops.drift_profile b ON b.monitor = $1 AND b.version = $2"
					  " AND b.window_start = (SELECT w.window_start FROM mlops.drift_window w"
					  " WHERE w.monitor = $1 AND w.version = $2 AND w.window_start < $3"
					  " AND w.evaluated_at IS NOT NULL ORDER BY w.window_start DESC LIMIT 1)"
					  " AND b.role = 'feature' AND b.name = d.name"
					  " WHERE d.monitor = $1 AND d.version = $2 AND d.window_start = $3"
					  " AND d.role = 'feature' AND d.psi IS NOT NULL", &args);
	for (uint64 row = 0; row < n; row++)
	{
		bool		isnull;
		double		psi = DatumGetFloat8(mlops_spi_value(row, 2, &isnull));
		double		importance = DatumGetFloat8(mlops_spi_value(row, 3, &isnull));

		CHECK_FOR_INTERRUPTS();
		if (moves_with_time(get_profile(row, 5), get_profile(row, 6)))
		{
			moves = true;
			continue;
		}
		sums[0] += psi * importance;
		weights[0] += importance;
		sums[1] += psi;
		weights[1] += 1;
		drifts |= DatumGetBool(mlops_spi_value(row, 4, &isnull));
	}
	if (!moves)
		return false;
	i = weights[0] > 0 ? 0 : 1;
	return !(drifts && sums[i] / weights[i] >= monitor->psi_threshold);
}
