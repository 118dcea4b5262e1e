/*-------------------------------------------------------------------------
 *
 * prediction_log_partition.c
 *	  Partitions of mlops.prediction_log: made ahead, filled, dropped.
 *
 * One partition per UTC day, named prediction_log_YYYYMMDD.  They belong to the
 * extension, so that pg_dump leaves their definition alone: a table that is dumped
 * would come back beside the parent's indexes of the extension's script, and only
 * as long as its columns are those of the extension's present version.  Their rows
 * are dumped as rows of prediction_log_restored, which the steps below move to
 * where they belong.
 *
 * Locks, all with a short timeout: a new partition is attached with
 * ShareUpdateExclusive on the log and AccessExclusive on the default partition,
 * which no writer needs as long as there are partitions; dropping one takes
 * AccessExclusive on the log, which writers wait behind, hence seldom and briefly.
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "commands/extension.h"
#include "miscadmin.h"
#include "access/xact.h"
#include "storage/lmgr.h"
#include "utils/guc.h"

#include "base/settings.h"
#include "base/spi_args.h"
#include "serve/prediction_log_partition.h"

#define DAYS_AHEAD 7

/* Writers wait at most this long for a partition to be dropped, or rather for a
 * reader of the log that keeps us from it; and not again for a while. */
#define LOCK_TIMEOUT "100ms"
#define DROP_INTERVAL_S 10

/* Blocks of restored rows that one step moves, about 100,000 rows. */
#define BLOCKS_PER_STEP 2000

static TimestampTz next_drop = 0;	/* not to be tried before */
static int64 next_block = 0;	/* of prediction_log_restored */

static void
run(const SpiScope *scope, const char *sql)
{
	SpiArgs		args = {0};

	(void) mlops_spi_run(scope, sql, &args);
}

/* Whether a query has a row. */
static bool
has_rows(const SpiScope *scope, const char *sql)
{
	SpiArgs		args = {0};

	return mlops_spi_run(scope, sql, &args) > 0;
}

/* Settings of the steps, until the end of the scope. */
static void
change_settings(void)
{
	(void) set_config_option("lock_timeout", LOCK_TIMEOUT, PGC_USERSET, PGC_S_SESSION,
							 GUC_ACTION_SAVE, true, 0, false);
	(void) set_config_option("TimeZone", "UTC", PGC_USERSET, PGC_S_SESSION,
							 GUC_ACTION_SAVE, true, 0, false);
}

/* Start of the UTC day. */
static TimestampTz
get_day(TimestampTz time)
{
	return time - time % USECS_PER_DAY;
}

/* First day that is kept; DT_NOBEGIN: all are. */
static TimestampTz
get_cutoff(TimestampTz now)
{
	if (mlops_prediction_log_retention == 0)
		return DT_NOBEGIN;
	return get_day(now - mlops_prediction_log_retention * (int64) USECS_PER_MINUTE);
}

/* Take away what default privileges of the owner gave: rights come by the log alone. */
static void
revoke_privileges(const SpiScope *scope, const char *partition)
{
	SpiArgs		args = {0};
	uint64		n;
	char	  **grantees;

	mlops_args_add_text(&args, partition);
	n = mlops_spi_run(scope,
					  "SELECT DISTINCT CASE WHEN a.grantee = 0 THEN 'PUBLIC' ELSE pg_catalog.quote_ident(r.rolname) END"
					  " FROM pg_catalog.pg_class c, pg_catalog.aclexplode(c.relacl) a"
					  " LEFT JOIN pg_catalog.pg_roles r ON r.oid = a.grantee"
					  " WHERE c.oid = $1::pg_catalog.regclass AND a.grantee <> c.relowner", &args);
	grantees = palloc(sizeof(char *) * Max(n, 1));
	for (uint64 i = 0; i < n; i++)
		grantees[i] = mlops_spi_text(i, 1);
	for (uint64 i = 0; i < n; i++)
		run(scope, psprintf("REVOKE ALL ON TABLE %s FROM %s CASCADE", partition, grantees[i]));
}

/* Make the partition of a day, given as YYYYMMDD, with its bounds. */
static void
create_partition(const SpiScope *scope, const char *day, const char *from, const char *to)
{
	char	   *partition = psprintf("mlops.prediction_log_%s", day);

	run(scope, psprintf("CREATE TABLE %s (LIKE mlops.prediction_log INCLUDING COMMENTS)", partition));
	run(scope, psprintf("COMMENT ON TABLE %s IS 'Predictions of one day; read mlops.prediction_log.'",
						partition));
	run(scope, psprintf("ALTER TABLE %s ENABLE ROW LEVEL SECURITY", partition));
	revoke_privileges(scope, partition);
	run(scope, psprintf("ALTER TABLE mlops.prediction_log ATTACH PARTITION %s"
						" FOR VALUES FROM ('%s+00') TO ('%s+00')", partition, from, to));
	if (!creating_extension)	/* else it belongs to it already */
		run(scope, psprintf("ALTER EXTENSION mlops ADD TABLE %s", partition));
}

/* Those of the days without a partition: what create_partition takes of each. */
#define MISSING_DAYS(days) \
	"SELECT pg_catalog.to_char(day, 'YYYYMMDD')," \
	" pg_catalog.to_char(day, 'YYYY-MM-DD HH24:MI:SS')," \
	" pg_catalog.to_char(day + interval '1 day', 'YYYY-MM-DD HH24:MI:SS')" \
	" FROM (" days ") AS d (day)" \
	" WHERE NOT EXISTS (SELECT FROM pg_catalog.pg_inherits i" \
	" JOIN pg_catalog.pg_class c ON c.oid = i.inhrelid" \
	" WHERE i.inhparent = 'mlops.prediction_log'::pg_catalog.regclass" \
	" AND c.relname = 'prediction_log_' || pg_catalog.to_char(day, 'YYYYMMDD'))" \
	" ORDER BY day"

/* Make the partitions that such a query found; their number. */
static int
create_partitions(const SpiScope *scope, int n)
{
	char	  **texts = palloc(sizeof(char *) * 3 * Max(n, 1));

	for (int i = 0; i < 3 * n; i++)
		texts[i] = mlops_spi_text(i / 3, i % 3 + 1);
	for (int i = 0; i < n; i++)
		create_partition(scope, texts[3 * i], texts[3 * i + 1], texts[3 * i + 2]);
	return n;
}

/*
 * Rows of the default partition keep their days from getting partitions: move them
 * to where rows wait for theirs.  Holds the partition until the end.
 */
static void
empty_default(const SpiScope *scope)
{
	SpiArgs		args = {0};
	uint64		n;

	if (!has_rows(scope, "SELECT FROM mlops.prediction_log_default LIMIT 1"))
		return;
	run(scope, "LOCK TABLE mlops.prediction_log_default IN ACCESS EXCLUSIVE MODE");
	n = mlops_spi_run(scope,
					  "WITH moved AS (DELETE FROM mlops.prediction_log_default RETURNING *)"
					  " INSERT INTO mlops.prediction_log_restored SELECT * FROM moved", &args);
	ereport(WARNING,
			(errmsg("%llu logged predictions came when there was no partition of their day",
					(unsigned long long) n),
			 errdetail("They are being moved to partitions."),
			 errhint("The dispatcher makes partitions a week ahead: put mlops into shared_preload_libraries, or call mlops.tick() daily.")));
}

/* Make the partitions of today and the days ahead. */
static void
look_ahead(const SpiScope *scope, TimestampTz now)
{
	SpiArgs		args = {0};

	mlops_args_add(&args, TIMESTAMPTZOID, TimestampTzGetDatum(now), false);
	mlops_args_add_int4(&args, DAYS_AHEAD);
	create_partitions(scope, mlops_spi_run(scope,
										   MISSING_DAYS("SELECT pg_catalog.generate_series(pg_catalog.date_trunc('day', $1),"
														" $1 + pg_catalog.make_interval(days => $2), '1 day')"),
										   &args));
}

/*
 * Give back the space of waiting rows that were moved, unless somebody has the
 * table: a restore that is under way, or a dump, whose snapshot may see them there.
 */
static void
truncate_restored(const SpiScope *scope)
{
	if (ConditionalLockRelationOid(mlops_relation("prediction_log_restored"), AccessExclusiveLock) &&
		!has_rows(scope, "SELECT FROM mlops.prediction_log_restored LIMIT 1"))
		run(scope, "TRUNCATE ONLY mlops.prediction_log_restored");
}

/* Move some of the waiting rows to partitions, unless they are too old; false when
 * none wait. */
static bool
move_restored(const SpiScope *scope, TimestampTz now)
{
	SpiArgs		args = {0};
	bool		isnull;
	int64		n_blocks;

	(void) mlops_spi_run(scope,
						 "SELECT pg_catalog.pg_relation_size('mlops.prediction_log_restored')"
						 " / pg_catalog.current_setting('block_size')::pg_catalog.int8", &args);
	n_blocks = DatumGetInt64(mlops_spi_value(0, 1, &isnull));
	if (next_block >= n_blocks)
		next_block = 0;
	if (n_blocks == 0)
		return false;
	if (!has_rows(scope, "SELECT FROM mlops.prediction_log_restored LIMIT 1"))
	{
		truncate_restored(scope);
		return false;
	}
	mlops_args_add_text(&args, psprintf("(" INT64_FORMAT ",0)", next_block));
	mlops_args_add_text(&args, psprintf("(" INT64_FORMAT ",0)", next_block + BLOCKS_PER_STEP));
	mlops_args_add(&args, TIMESTAMPTZOID, TimestampTzGetDatum(get_cutoff(now)), false);
	create_partitions(scope, mlops_spi_run(scope,
										   MISSING_DAYS("SELECT DISTINCT pg_catalog.date_trunc('day', predicted_at)"
														" FROM mlops.prediction_log_restored"
														" WHERE ctid >= $1::pg_catalog.tid AND ctid < $2::pg_catalog.tid"
														" AND predicted_at >= $3"), &args));
	(void) mlops_spi_run(scope,
						 "WITH moved AS (DELETE FROM mlops.prediction_log_restored"
						 " WHERE ctid >= $1::pg_catalog.tid AND ctid < $2::pg_catalog.tid RETURNING *)"
						 " INSERT INTO mlops.prediction_log OVERRIDING SYSTEM VALUE"
						 " SELECT * FROM moved WHERE predicted_at >= $3", &args);
	next_block += BLOCKS_PER_STEP;
	return true;
}

/* Drop the oldest partition when it is old enough; false when there is none. */
static bool
drop_old(const SpiScope *scope, TimestampTz now)
{
	SpiArgs		args = {0};
	char	   *partition;

	if (now < next_drop)
		return false;
	mlops_args_add(&args, TIMESTAMPTZOID, TimestampTzGetDatum(get_cutoff(now)), false);
	if (mlops_spi_run(scope,
					  "SELECT c.relname FROM pg_catalog.pg_inherits i"
					  " JOIN pg_catalog.pg_class c ON c.oid = i.inhrelid"
					  " WHERE i.inhparent = 'mlops.prediction_log'::pg_catalog.regclass"
					  " AND c.relname ~ '^prediction_log_[0-9]{8}$'"
					  " AND pg_catalog.to_timestamp(pg_catalog.right(c.relname, 8), 'YYYYMMDD')"
					  " < $1 ORDER BY 1 LIMIT 1", &args) == 0)
		return false;
	partition = mlops_spi_text(0, 1);

	/* an error must not bring us back at once */
	next_drop = TimestampTzPlusMilliseconds(now, DROP_INTERVAL_S * 1000);
	run(scope, psprintf("ALTER EXTENSION mlops DROP TABLE mlops.%s", partition));
	run(scope, psprintf("DROP TABLE mlops.%s", partition));
	next_drop = 0;
	return true;
}

void
mlops_prediction_log_make_partitions(void)
{
	SpiScope	scope;

	mlops_spi_begin(&scope, false);
	change_settings();
	look_ahead(&scope, GetCurrentTransactionStartTimestamp());
	mlops_spi_end(&scope);
}

TimestampTz
mlops_prediction_log_keep(const SpiScope *scope, TimestampTz now)
{
	TimestampTz next_day = get_day(now) + USECS_PER_DAY;

	change_settings();
	empty_default(scope);
	look_ahead(scope, now);
	if (move_restored(scope, now) || drop_old(scope, now))
		return now;
	return Min(next_day, TimestampTzPlusMilliseconds(now, 1000 * SECS_PER_HOUR));
}
