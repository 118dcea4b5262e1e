/*-------------------------------------------------------------------------
 *
 * open_window.c
 *	  A window of a monitor with its profiles, to be added to.
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "catalog/pg_type.h"
#include "utils/array.h"
#include "utils/builtins.h"
#include "utils/lsyscache.h"
#include "utils/syscache.h"

#include "base/spi_args.h"
#include "drift/open_window.h"
#include "drift/profile_datum.h"

/* $1 to $3 of every statement here. */
static void
add_key(SpiArgs *args, const char *monitor, int version, TimestampTz start)
{
	mlops_args_add_text(args, monitor);
	mlops_args_add_int4(args, version);
	mlops_args_add(args, TIMESTAMPTZOID, TimestampTzGetDatum(start), false);
}

static Oid
get_type(const char *name)
{
	Oid			type = GetSysCacheOid2(TYPENAMENSP, Anum_pg_type_oid, CStringGetDatum(name),
									   ObjectIdGetDatum(mlops_schema()));

	if (!OidIsValid(type))
		elog(ERROR, "type mlops.%s does not exist", name);
	return type;
}

/* Column of a set by role and name; -1: it has none. */
static int
find_column(const WatchSet *set, const char *role, const char *name)
{
	for (int i = 0; i < set->n; i++)
		if (strcmp(set->columns[i].name, name) == 0 &&
			strcmp(mlops_watch_role_name(set->columns[i].role), role) == 0)
			return i;
	return -1;
}

Profile **
mlops_open_window_profiles(const SpiScope *scope, const char *monitor, const WatchSet *set,
						   TimestampTz start)
{
	Profile   **profiles = palloc0(sizeof(Profile *) * set->n);
	SpiArgs		args = {0};
	uint64		n;

	add_key(&args, monitor, set->version->version, start);
	n = mlops_spi_run(scope, "SELECT role, name, profile FROM mlops.drift_profile"
					  " WHERE monitor = $1 AND version = $2 AND window_start = $3", &args);
	for (uint64 i = 0; i < n; i++)
	{
		int			column = find_column(set, mlops_spi_text(i, 1), mlops_spi_text(i, 2));
		bool		isnull;

		if (column >= 0)
			profiles[column] = mlops_profile_copy(DatumGetProfile(mlops_spi_value(i, 3, &isnull)));
	}
	return profiles;
}

/* Make the profiles complete: those that are missing, or on other cells, empty. */
static void
complete_profiles(OpenWindow *window)
{
	window->touched = palloc0(sizeof(bool) * window->set->n);
	for (int i = 0; i < window->set->n; i++)
	{
		const Profile *reference = window->set->columns[i].reference;

		if (window->profiles[i] != NULL && mlops_profile_same_cells(window->profiles[i], reference))
			continue;
		window->replaced |= window->profiles[i] != NULL;
		window->profiles[i] = mlops_profile_clear(mlops_profile_copy(reference));
	}
}

/* Take the sums of the estimate from an array. */
static void
read_estimate(Datum value, EstimateSums *sums)
{
	ArrayType  *array = DatumGetArrayTypeP(value);
	const int64 *elements = (const int64 *) ARR_DATA_PTR(array);
	EstimateSums stored;

	if (ARR_NDIM(array) != 1 || ARR_DIMS(array)[0] != ESTIMATE_N_SUMS || ARR_HASNULL(array))
		return;
	memcpy(&stored, elements, sizeof(stored));
	if (mlops_estimate_is_valid(&stored))
		*sums = stored;
}

static Datum
write_estimate(const EstimateSums *sums)
{
	Datum		elements[ESTIMATE_N_SUMS];

	for (int i = 0; i < ESTIMATE_N_SUMS; i++)
		elements[i] = Int64GetDatum((&sums->n)[i]);
	return PointerGetDatum(construct_array(elements, ESTIMATE_N_SUMS, INT8OID, sizeof(int64),
										   FLOAT8PASSBYVAL, TYPALIGN_DOUBLE));
}

/* With window_rows: the window that is not full, or the start of a new one. */
static void
find_by_rows(const SpiScope *scope, OpenWindow *window, TimestampTz arrived)
{
	SpiArgs		args = {0};
	bool		isnull;

	mlops_args_add_text(&args, window->monitor->name);
	mlops_args_add_int4(&args, window->set->version->version);
	window->start = window->end = arrived;
	if (mlops_spi_run(scope, "SELECT window_start, n_rows FROM mlops.drift_window"
					  " WHERE monitor = $1 AND version = $2 ORDER BY window_start DESC LIMIT 1", &args) == 0)
		return;
	if (DatumGetInt64(mlops_spi_value(0, 2, &isnull)) < window->monitor->window_rows)
		window->start = DatumGetTimestampTz(mlops_spi_value(0, 1, &isnull));
	else
		window->start = Max(arrived, DatumGetTimestampTz(mlops_spi_value(0, 1, &isnull)) + 1);
	window->end = Max(window->end, window->start);
}

OpenWindow *
mlops_open_window_load(const SpiScope *scope, const Monitor *monitor, const WatchSet *set,
					   TimestampTz start, TimestampTz arrived)
{
	OpenWindow *window = palloc0(sizeof(OpenWindow));
	SpiArgs		args = {0};
	Datum		value;
	bool		isnull;

	window->monitor = monitor;
	window->set = set;
	window->start = start;
	if (TIMESTAMP_IS_NOBEGIN(start))
		find_by_rows(scope, window, arrived);
	else
		window->end = mlops_window_add(&monitor->window_size, start, 1);
	add_key(&args, monitor->name, set->version->version, window->start);
	if (mlops_spi_run(scope, "SELECT n_rows, n_labels, estimated, realized FROM mlops.drift_window"
					  " WHERE monitor = $1 AND version = $2 AND window_start = $3", &args) > 0)
	{
		window->n_rows = DatumGetInt64(mlops_spi_value(0, 1, &isnull));
		window->n_labels = DatumGetInt64(mlops_spi_value(0, 2, &isnull));
		value = mlops_spi_value(0, 3, &isnull);
		if (!isnull)
			read_estimate(value, &window->estimate);
		value = mlops_spi_value(0, 4, &isnull);
		if (!isnull)
			window->realized = (Performance *) PG_DETOAST_DATUM_COPY(value);
	}
	window->profiles = mlops_open_window_profiles(scope, monitor->name, set, window->start);
	complete_profiles(window);
	if (window->replaced)
	{
		window->n_rows = window->n_labels = 0;
		memset(&window->estimate, 0, sizeof(window->estimate));
		window->realized = NULL;
	}
	return window;
}

/* Add a packed state of performance. */
static const char *
add_realized(OpenWindow *window, const DeltaTarget *target)
{
	Performance *added;
	PerformanceStatus status;

	if (target->realized_size == 0)
		return NULL;
	added = mlops_performance_read(target->realized, target->realized_size);
	if (window->realized == NULL)
		window->realized = mlops_performance_new(added->parts);
	status = mlops_performance_join(&window->realized, added);
	return status == PERFORMANCE_OK ? NULL : mlops_performance_message(status);
}

const char *
mlops_open_window_add(OpenWindow *window, const bytea *delta, TimestampTz arrived)
{
	DeltaTarget target = {
		.digest = window->set->digest,.n = window->set->n,.label = window->set->label,
		.profiles = window->profiles,.touched = window->touched,.estimate = window->estimate
	};
	const char *why = mlops_delta_apply((const uint8_t *) VARDATA_ANY(delta), VARSIZE_ANY_EXHDR(delta),
										&target);

	if (why == NULL)
		why = add_realized(window, &target);
	if (why != NULL)
		return why;
	window->estimate = target.estimate;
	window->n_rows += target.n_rows;
	window->n_labels += target.n_labels;
	if (window->monitor->window_rows > 0)
		window->end = Max(window->end, arrived);
	return NULL;
}

bool
mlops_open_window_is_full(const OpenWindow *window)
{
	return window->monitor->window_rows > 0 && window->n_rows >= window->monitor->window_rows;
}

static void
save_row(const SpiScope *scope, OpenWindow *window, TimestampTz now)
{
	const Monitor *monitor = window->monitor;
	TimestampTz due = mlops_monitor_due(monitor, window->end);
	TimestampTz label_due = mlops_monitor_label_due(monitor, window->end);
	bool		is_open = monitor->window_rows > 0 && !mlops_open_window_is_full(window);
	bool		has_performance = monitor->label != NULL || window->estimate.n != 0;
	SpiArgs		args = {0};

	add_key(&args, monitor->name, window->set->version->version, window->start);
	mlops_args_add(&args, TIMESTAMPTZOID, TimestampTzGetDatum(window->end), false);
	mlops_args_add(&args, INT8OID, Int64GetDatum(window->n_rows), false);
	mlops_args_add(&args, INT8OID, Int64GetDatum(window->n_labels), false);
	mlops_args_add(&args, TIMESTAMPTZOID, TimestampTzGetDatum(due), is_open);
	mlops_args_add(&args, TIMESTAMPTZOID, TimestampTzGetDatum(label_due), is_open || !has_performance);
	mlops_args_add(&args, INT8ARRAYOID, write_estimate(&window->estimate), window->estimate.n == 0);
	mlops_args_add(&args, get_type("performance"), window->realized == NULL ? (Datum) 0 :
				   PointerGetDatum(mlops_performance_result(window->realized)),
				   window->realized == NULL);
	mlops_args_add(&args, TIMESTAMPTZOID, TimestampTzGetDatum(now), false);
	(void) mlops_spi_run(scope,
						 "INSERT INTO mlops.drift_window AS w (monitor, version, window_start, window_end, n_rows,"
						 " n_labels, due_at, label_due_at, estimated, realized, created_at, updated_at)"
						 " VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $11)"
						 " ON CONFLICT (monitor, version, window_start) DO UPDATE SET window_end = $4, n_rows = $5,"
						 " n_labels = $6, due_at = $7, label_due_at = $8, estimated = $9, realized = $10,"
						 " updated_at = $11", &args);
}

static void
save_profiles(const SpiScope *scope, OpenWindow *window)
{
	const WatchSet *set = window->set;
	Datum	   *roles = palloc(sizeof(Datum) * set->n);
	Datum	   *names = palloc(sizeof(Datum) * set->n);
	Datum	   *profiles = palloc(sizeof(Datum) * set->n);
	Oid			type = get_type("profile");
	int			n = 0;
	int16		length;
	bool		by_value;
	char		align;
	SpiArgs		args = {0};

	for (int i = 0; i < set->n; i++)
	{
		if (!window->touched[i])
			continue;
		roles[n] = CStringGetTextDatum(mlops_watch_role_name(set->columns[i].role));
		names[n] = CStringGetTextDatum(set->columns[i].name);
		profiles[n++] = ProfileGetDatum(window->profiles[i]);
	}
	if (n == 0)
		return;
	get_typlenbyvalalign(type, &length, &by_value, &align);
	add_key(&args, window->monitor->name, set->version->version, window->start);
	mlops_args_add(&args, TEXTARRAYOID,
				   PointerGetDatum(construct_array(roles, n, TEXTOID, -1, false, TYPALIGN_INT)), false);
	mlops_args_add(&args, TEXTARRAYOID,
				   PointerGetDatum(construct_array(names, n, TEXTOID, -1, false, TYPALIGN_INT)), false);
	mlops_args_add(&args, get_array_type(type),
				   PointerGetDatum(construct_array(profiles, n, type, length, by_value, align)), false);
	(void) mlops_spi_run(scope,
						 "INSERT INTO mlops.drift_profile (monitor, version, window_start, role, name, profile)"
						 " SELECT $1, $2, $3, u.* FROM unnest($4, $5, $6) u"
						 " ON CONFLICT (monitor, version, window_start, role, name)"
						 " DO UPDATE SET profile = excluded.profile", &args);
}

void
mlops_open_window_save(const SpiScope *scope, OpenWindow *window, TimestampTz now)
{
	if (window->replaced)
	{
		SpiArgs		args = {0};

		add_key(&args, window->monitor->name, window->set->version->version, window->start);
		(void) mlops_spi_run(scope, "DELETE FROM mlops.drift_window"
							 " WHERE monitor = $1 AND version = $2 AND window_start = $3", &args);
	}
	save_row(scope, window, now);
	save_profiles(scope, window);
}
