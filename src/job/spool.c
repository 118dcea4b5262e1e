/*-------------------------------------------------------------------------
 *
 * spool.c
 *	  Write the rows of a data set into the files that the trainer maps.
 *
 * Buffered write() into plain files.  An error on the way leaves descriptors
 * open; the executor exits then.
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include <fcntl.h>
#include <unistd.h>

#include "miscadmin.h"
#include "storage/fd.h"

#include "job/spool.h"

#define BUFFER_SIZE (256 * 1024)

typedef struct SpoolWriter
{
	int			fd;
	uint64		n_rows;
	size_t		used;
	char	   *buffer;
} SpoolWriter;

static void
write_fully(int fd, const char *bytes, size_t size)
{
	while (size > 0)
	{
		ssize_t		done;

		errno = 0;
		done = write(fd, bytes, size);
		if (done < 0 && errno == EINTR)
		{
			CHECK_FOR_INTERRUPTS();
			continue;
		}
		if (done <= 0)
		{
			if (errno == 0)
				errno = ENOSPC;
			ereport(ERROR,
					(errcode_for_file_access(),
					 errmsg("could not write encoded rows: %m")));
		}
		bytes += done;
		size -= done;
	}
}

static void
flush_writer(SpoolWriter *writer)
{
	write_fully(writer->fd, writer->buffer, writer->used);
	writer->used = 0;
}

static int
open_spool_file(const char *path, int flags)
{
	int			fd = BasicOpenFile(path, flags | PG_BINARY);

	if (fd < 0)
		ereport(ERROR,
				(errcode_for_file_access(),
				 errmsg("could not open file \"%s\": %m", path)));
	return fd;
}

static void
write_row(SpoolWriter *writer, const DatasetRow *row, uint32 n_features, uint32 row_size)
{
	uint32		label = mlops_spool_label_offset(n_features);
	float		tail[3] = {row->label, row->upper, row->weight};
	char	   *to;

	if (writer->used + row_size > BUFFER_SIZE && writer->used > 0)
		flush_writer(writer);
	to = writer->buffer + writer->used;
	memset(to + label, 0, row_size - label);
	memcpy(to, row->features, label);
	memcpy(to + label, tail, sizeof(tail));
	memcpy(to + mlops_spool_group_offset(n_features), &row->group, sizeof(row->group));
	writer->used += row_size;
	writer->n_rows++;
}

void
mlops_spool_write(Dataset *dataset, const char *directory, Spool *spool)
{
	uint32		n_features = dataset->signature->n_features;
	uint32		row_size = mlops_spool_row_size(n_features);
	SpoolHeader header = {.magic = SPOOL_MAGIC,.n_features = n_features,.row_size = row_size};
	SpoolWriter writers[SPOOL_N_PARTS] = {0};
	DatasetRow	row;

	for (int i = 0; i < SPOOL_N_PARTS; i++)
	{
		char	   *path = psprintf("%s/spool.%d", directory, i);

		writers[i].fd = open_spool_file(path, O_WRONLY | O_CREAT | O_EXCL);
		spool->fd[i] = open_spool_file(path, O_RDONLY);
		if (unlink(path) != 0)
			ereport(ERROR,
					(errcode_for_file_access(),
					 errmsg("could not remove file \"%s\": %m", path)));
		writers[i].buffer = palloc(Max(BUFFER_SIZE, row_size));
		memcpy(writers[i].buffer, &header, sizeof(header));
		writers[i].used = sizeof(header);
	}

	while (mlops_dataset_next(dataset, &row))
	{
		CHECK_FOR_INTERRUPTS();
		if (row.part != PART_DROPPED)
			write_row(&writers[row.part], &row, n_features, row_size);
	}

	for (int i = 0; i < SPOOL_N_PARTS; i++)
	{
		flush_writer(&writers[i]);
		header.n_rows = spool->n_rows[i] = writers[i].n_rows;
		if (lseek(writers[i].fd, 0, SEEK_SET) != 0)
			ereport(ERROR,
					(errcode_for_file_access(),
					 errmsg("could not seek in encoded rows: %m")));
		write_fully(writers[i].fd, (char *) &header, sizeof(header));
		close(writers[i].fd);
		pfree(writers[i].buffer);
	}
}
