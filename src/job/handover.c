/*-------------------------------------------------------------------------
 *
 * handover.c
 *	  What an executor leaves for the dispatcher: progress, result, model.
 *
 * A file is: magic, payload size, SHA-256 of the payload, payload.  One
 * function per kind of payload walks its fields in both directions.  The
 * executor's process belongs to the submitter of the run, so its files are
 * checked like any input: sizes, digest, encoding.
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include "common/file_perm.h"
#include "miscadmin.h"
#include "storage/fd.h"
#include "utils/syscache.h"

#include "base/error.h"
#include "base/settings.h"
#include "compat/pg_compat.h"
#include "job/archive.h"
#include "job/handover.h"
#include "registry/registry.h"

#define ROOT "base/pgsql_tmp/pgsql_tmp_mlops_run"
#define MAGIC UINT64_C(0x314e55525f534c4d)	/* "MLS_RUN1" */
#define DIGEST_SIZE 32
#define PREFIX_SIZE (8 + 8 + DIGEST_SIZE)
#define MAX_PAYLOAD (256 * 1024 * 1024)
#define MAX_ITEMS 4000000
#define RESERVED_BYTES (40 * 1024)	/* more than a failure takes */

static uint64
walk_count(Archive *archive, List *list)
{
	uint64		count = archive->out ? list_length(list) : 0;

	walk_u64(archive, &count);
	if (count > MAX_ITEMS)
		archive->in.failed = true;
	return archive->in.failed ? 0 : count;
}

static void
walk_texts(Archive *archive, List **texts)
{
	uint64		count = walk_count(archive, *texts);

	if (!archive->out)
		*texts = NIL;
	for (uint64 i = 0; i < count && !archive->in.failed; i++)
	{
		char	   *string = archive->out ? list_nth(*texts, i) : NULL;

		walk_text(archive, &string);
		if (!archive->out)
			*texts = lappend(*texts, string ? string : "");
	}
}

static void
walk_metrics(Archive *archive, List **metrics)
{
	uint64		count = walk_count(archive, *metrics);

	if (!archive->out)
		*metrics = NIL;
	for (uint64 i = 0; i < count && !archive->in.failed; i++)
	{
		ResultMetric *metric = archive->out ? list_nth(*metrics, i) : palloc0(sizeof(ResultMetric));

		walk_int32(archive, &metric->part);
		walk_bool(archive, &metric->weighted);
		walk_bool(archive, &metric->baseline);
		walk_text(archive, &metric->name);
		walk_int32(archive, &metric->round);
		walk_double(archive, &metric->value);
		walk_double(archive, &metric->std_error);
		walk_int64(archive, &metric->n);
		if (!archive->out)
		{
			if (!metric->name)
				archive->in.failed = true;
			*metrics = lappend(*metrics, metric);
		}
	}
}

/* Number of elements that come in or go out, at most "max"; memory for those that come. */
static void
walk_array(Archive *archive, int *n, int max, void **elements, size_t size)
{
	uint64		count = archive->out ? *n : 0;

	walk_u64(archive, &count);
	if (count > max)
		archive->in.failed = true;
	if (archive->out)
		return;
	*n = archive->in.failed ? 0 : count;
	*elements = palloc0(Max(*n, 1) * size);
}

static void
walk_calibration(Archive *archive, Calibration *calibration)
{
	walk_int64(archive, &calibration->n);
	walk_array(archive, &calibration->n_knots, METRIC_MAX_KNOTS, (void **) &calibration->knots,
			   sizeof(MetricKnot));
	for (int i = 0; i < calibration->n_knots; i++)
	{
		walk_double(archive, &calibration->knots[i].score);
		walk_double(archive, &calibration->knots[i].probability);
	}
	if (!archive->out && !mlops_calibration_is_valid(calibration))
		archive->in.failed = true;
}

static void
walk_curve(Archive *archive, ThresholdCurve *curve)
{
	walk_int64(archive, &curve->n);
	walk_bool(archive, &curve->weighted);
	walk_array(archive, &curve->n_cuts, METRIC_MAX_CUTS, (void **) &curve->cuts,
			   sizeof(MetricCut));
	for (int i = 0; i < curve->n_cuts; i++)
	{
		walk_double(archive, &curve->cuts[i].threshold);
		walk_double(archive, &curve->cuts[i].positive);
		walk_double(archive, &curve->cuts[i].negative);
	}
	if (!archive->out && !mlops_calibration_curve_is_valid(curve))
		archive->in.failed = true;
}

/* Profiles that come in are checked by themselves; NULL is none. */
static void
walk_references(Archive *archive, RunResult *result)
{
	uint64		count = archive->out ? result->n_references : 0;

	walk_u64(archive, &count);
	if (!archive->out)
	{
		/* each takes the room of its size at least */
		if (count > (archive->in.end - archive->in.next) / sizeof(uint64))
			archive->in.failed = true;
		result->n_references = archive->in.failed ? 0 : count;
		result->references = palloc0(sizeof(Profile *) * Max(result->n_references, 1));
	}
	for (int i = 0; i < result->n_references; i++)
	{
		Profile    *profile = result->references[i];
		uint64		size = archive->out && profile ? mlops_profile_size(profile) : 0;
		const char *why;

		walk_u64(archive, &size);
		if (!archive->out && (archive->in.failed || size > archive->in.end - archive->in.next))
			archive->in.failed = true;
		if (size == 0 || archive->in.failed)
			continue;
		if (!archive->out)
			profile = result->references[i] = palloc(size);
		walk_bytes(archive, profile, size);
		if (!archive->out && !mlops_profile_check(profile, size, &why))
			archive->in.failed = true;
	}
}

static void
walk_progress(Archive *archive, Progress *progress)
{
	walk_text(archive, &progress->phase);
	walk_int64(archive, &progress->n_rows);
	walk_int32(archive, &progress->round);
	walk_int32(archive, &progress->num_round);
	walk_text(archive, &progress->metric_name);
	walk_double(archive, &progress->metric_value);
}

static void
walk_result(Archive *archive, RunResult *result)
{
	walk_bool(archive, &result->succeeded);
	walk_bool(archive, &result->canceled);
	walk_bytes(archive, result->sqlstate, sizeof(result->sqlstate));
	result->sqlstate[sizeof(result->sqlstate) - 1] = '\0';
	walk_text(archive, &result->error);
	walk_text(archive, &result->task);
	walk_texts(archive, &result->classes);
	walk_text(archive, &result->signature);
	walk_text(archive, &result->columns);
	walk_text(archive, &result->relations);
	walk_bool(archive, &result->reproducible);
	walk_text(archive, &result->snapshot);
	walk_int64(archive, &result->lsn);
	walk_int64(archive, &result->system_identifier);
	walk_int64(archive, &result->n_rows);
	walk_int64(archive, &result->n_dropped);
	walk_bytes(archive, result->digest, sizeof(result->digest));
	walk_bytes(archive, result->schema_digest, sizeof(result->schema_digest));
	walk_int64(archive, &result->model_size);
	walk_bytes(archive, result->model_digest, sizeof(result->model_digest));
	walk_double(archive, &result->threshold);
	walk_int32(archive, &result->baseline_version);
	walk_text(archive, &result->params);
	walk_metrics(archive, &result->metrics);
	walk_calibration(archive, &result->calibration);
	walk_int32(archive, &result->curve_part);
	walk_curve(archive, &result->curve);
	walk_references(archive, result);
	walk_texts(archive, &result->notes);
	walk_text(archive, &result->environment);
	walk_text(archive, &result->payload);
}

char *
mlops_handover_path(const Attempt *attempt)
{
	return psprintf(ROOT "/%u_" INT64_FORMAT "_%d", MyDatabaseId, attempt->run,
					attempt->attempt);
}

static void
make_directory(const char *path)
{
	if (MakePGDirectory(path) != 0 && errno != EEXIST)
		ereport(ERROR,
				(errcode_for_file_access(),
				 errmsg("could not create directory \"%s\": %m", path)));
}

/* Room for a failure, which may be that the disk is full: write_archive overwrites it. */
static void
reserve_result(const Attempt *attempt)
{
	char	   *path = psprintf("%s/result.tmp", mlops_handover_path(attempt));
	char	   *room = palloc0(RESERVED_BYTES);
	int			fd;

	errno = 0;
	fd = BasicOpenFile(path, O_WRONLY | O_CREAT | PG_BINARY);
	if (fd < 0 || write(fd, room, RESERVED_BYTES) != RESERVED_BYTES || close(fd) != 0)
	{
		if (errno == 0)
			errno = ENOSPC;
		ereport(ERROR,
				(errcode_for_file_access(),
				 errmsg("could not write file \"%s\": %m", path)));
	}
	pfree(room);
	pfree(path);
}

void
mlops_handover_create(const Attempt *attempt)
{
	make_directory("base/pgsql_tmp");
	make_directory(ROOT);
	make_directory(mlops_handover_path(attempt));
	reserve_result(attempt);
}

bool
mlops_handover_exists(const Attempt *attempt)
{
	char	   *path = mlops_handover_path(attempt);
	bool		exists = access(path, F_OK) == 0;

	pfree(path);
	return exists;
}

/* Start a file in memory: the prefix is filled in when it is written. */
static void
begin_archive(Archive *archive)
{
	memset(archive, 0, sizeof(*archive));
	archive->out = makeStringInfo();
	appendStringInfoSpaces(archive->out, PREFIX_SIZE);
}

/* Write what was archived under "name", by rename. */
static void
write_archive(const Attempt *attempt, const char *name, Archive *archive)
{
	StringInfo	out = archive->out;
	char	   *directory = mlops_handover_path(attempt);
	char	   *temporary = psprintf("%s/%s.tmp", directory, name);
	char	   *final = psprintf("%s/%s", directory, name);
	uint8		digest[DIGEST_SIZE];
	WireWriter	writer;
	int			fd;

	/* what no reader would take */
	if (out->len - PREFIX_SIZE > MAX_PAYLOAD)
		ereport(ERROR,
				(errcode(ERRCODE_PROGRAM_LIMIT_EXCEEDED),
				 errmsg("metrics and profiles of the run take %d MB, more than %d MB",
						out->len >> 20, MAX_PAYLOAD >> 20),
				 errhint("Train fewer rounds with fewer metrics, or on fewer columns and categories.")));
	mlops_registry_digest(out->data + PREFIX_SIZE, out->len - PREFIX_SIZE, digest);
	mlops_wire_write_init(&writer, out->data, PREFIX_SIZE);
	mlops_wire_write_u64(&writer, MAGIC);
	mlops_wire_write_u64(&writer, out->len - PREFIX_SIZE);
	mlops_wire_write_bytes(&writer, digest, DIGEST_SIZE);

	errno = 0;
	fd = BasicOpenFile(temporary, O_WRONLY | O_CREAT | PG_BINARY);
	if (fd < 0 || write(fd, out->data, out->len) != out->len || ftruncate(fd, out->len) != 0 ||
		close(fd) != 0 || rename(temporary, final) != 0)
	{
		if (errno == 0)
			errno = ENOSPC;
		ereport(ERROR,
				(errcode_for_file_access(),
				 errmsg("could not write file \"%s\": %m", final)));
	}
	pfree(out->data);
	pfree(out);
	pfree(temporary);
	pfree(final);
	pfree(directory);
}

void
mlops_handover_write_progress(const Attempt *attempt, Progress *progress)
{
	Archive		archive;

	begin_archive(&archive);
	walk_progress(&archive, progress);
	write_archive(attempt, "progress", &archive);
}

void
mlops_handover_write_result(const Attempt *attempt, RunResult *result)
{
	Archive		archive;

	begin_archive(&archive);
	walk_result(&archive, result);
	write_archive(attempt, "result", &archive);
}

char *
mlops_handover_read_file(const Attempt *attempt, const char *name, int64 max, int64 *size)
{
	char	   *path = psprintf("%s/%s", mlops_handover_path(attempt), name);
	int			fd = BasicOpenFile(path, O_RDONLY | O_NOFOLLOW | O_NONBLOCK | PG_BINARY);
	struct stat st;
	char	   *bytes = NULL;

	pfree(path);
	if (fd < 0)
		return NULL;
	if (fstat(fd, &st) == 0 && S_ISREG(st.st_mode) && st.st_size > 0 && st.st_size <= max &&
		(*size < 0 || *size == st.st_size))
	{
		int64		done = 0;
		ssize_t		step = 1;

		*size = st.st_size;
		bytes = MemoryContextAllocExtended(CurrentMemoryContext, *size + VARHDRSZ,
										   MCXT_ALLOC_HUGE | MCXT_ALLOC_NO_OOM);
		while (bytes && done < *size && step > 0)
		{
			step = read(fd, bytes + VARHDRSZ + done, Min(*size - done, 1 << 20));
			if (step > 0)
				done += step;
			CHECK_FOR_INTERRUPTS();
		}
		if (bytes && done < *size)
		{
			pfree(bytes);
			bytes = NULL;
		}
	}
	close(fd);
	return bytes;
}

/* Open an attempt's file as an archive; false when it is not there or not valid. */
static bool
open_archive(const Attempt *attempt, const char *name, Archive *archive)
{
	int64		size = -1;
	char	   *bytes = mlops_handover_read_file(attempt, name, PREFIX_SIZE + MAX_PAYLOAD, &size);
	uint8		digest[DIGEST_SIZE];
	const uint8 *stored;
	uint64		magic;
	uint64		length;

	if (!bytes)
		return false;
	memset(archive, 0, sizeof(*archive));
	mlops_wire_read_init(&archive->in, bytes + VARHDRSZ, size);
	magic = mlops_wire_read_u64(&archive->in);
	length = mlops_wire_read_u64(&archive->in);
	stored = mlops_wire_read_bytes(&archive->in, DIGEST_SIZE);
	if (!stored || magic != MAGIC || length != size - PREFIX_SIZE)
		return false;
	mlops_registry_digest(archive->in.next, length, digest);
	return memcmp(stored, digest, DIGEST_SIZE) == 0;
}

Progress *
mlops_handover_read_progress(const Attempt *attempt)
{
	Progress   *progress = palloc0(sizeof(Progress));
	Archive		archive;

	if (!open_archive(attempt, "progress", &archive))
		return NULL;
	walk_progress(&archive, progress);
	return archive.in.failed ? NULL : progress;
}

RunResult *
mlops_handover_read_result(const Attempt *attempt)
{
	RunResult  *result = palloc0(sizeof(RunResult));
	Archive		archive;

	if (!open_archive(attempt, "result", &archive))
		return NULL;
	walk_result(&archive, result);
	if (archive.in.failed || archive.in.next != archive.in.end)
		return NULL;
	/* only a training has a model, and then all the rest */
	if (result->succeeded && result->model_size != 0 &&
		(!result->task || !result->signature || !result->columns || !result->relations ||
		 !result->environment || !result->params))
		return NULL;
	return result;
}

void
mlops_handover_seal_model(const Attempt *attempt, RunResult *result)
{
	int64		size = result->model_size;
	char	   *bytes = size <= 0 ? NULL :
	mlops_handover_read_file(attempt, "model", (int64) mlops_max_model_size << 20, &size);

	if (!bytes)
		ereport(ERROR,
				(errcode(ERRCODE_MLOPS_TRAINING_FAILED),
				 errmsg("trainer left a model file of another size than it said")));
	mlops_registry_digest(bytes + VARHDRSZ, size, result->model_digest);
	pfree(bytes);
}

bytea *
mlops_handover_read_model(const Attempt *attempt, const RunResult *result)
{
	int64		size = result->model_size;
	char	   *bytes;
	uint8		digest[DIGEST_SIZE];

	if (size <= 0)
		return NULL;
	bytes = mlops_handover_read_file(attempt, "model", (int64) mlops_max_model_size << 20, &size);
	if (!bytes)
		return NULL;
	mlops_registry_digest(bytes + VARHDRSZ, size, digest);
	if (memcmp(digest, result->model_digest, DIGEST_SIZE) != 0)
		return NULL;
	SET_VARSIZE(bytes, size + VARHDRSZ);
	return (bytea *) bytes;
}

/* Remove a directory and the plain files in it. */
static void
remove_directory(const char *path)
{
	DIR		   *dir = AllocateDir(path);
	struct dirent *entry;

	if (!dir)
		return;
	while ((entry = ReadDirExtended(dir, path, LOG)) != NULL)
	{
		char		file[MAXPGPATH];

		if (strcmp(entry->d_name, ".") == 0 || strcmp(entry->d_name, "..") == 0)
			continue;
		snprintf(file, sizeof(file), "%s/%s", path, entry->d_name);
		(void) unlink(file);
	}
	FreeDir(dir);
	(void) rmdir(path);
}

void
mlops_handover_remove(const Attempt *attempt)
{
	char	   *path = mlops_handover_path(attempt);

	remove_directory(path);
	pfree(path);
}

void
mlops_handover_sweep(bool (*keep) (const Attempt *attempt))
{
	DIR		   *dir = AllocateDir(ROOT);
	struct dirent *entry;

	if (!dir)
		return;
	while ((entry = ReadDirExtended(dir, ROOT, LOG)) != NULL)
	{
		Attempt		attempt;
		Oid			database;
		char		path[MAXPGPATH];

		CHECK_FOR_INTERRUPTS();
		if (sscanf(entry->d_name, "%u_" INT64_FORMAT "_%d",
				   &database, &attempt.run, &attempt.attempt) != 3)
			continue;
		if (database == MyDatabaseId ? keep(&attempt) :
			SearchSysCacheExists1(DATABASEOID, ObjectIdGetDatum(database)))
			continue;
		snprintf(path, sizeof(path), ROOT "/%s", entry->d_name);
		remove_directory(path);
	}
	FreeDir(dir);
}
