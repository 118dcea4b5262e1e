/*-------------------------------------------------------------------------
 *
 * spi.h
 *	  The one way into our own tables: SPI as the extension's owner.
 *
 * Between begin and end the effective user is the owner of the extension
 * (SECURITY_LOCAL_USERID_CHANGE) and search_path is pg_catalog, pg_temp.  On an
 * error the (sub)transaction's abort restores both.  Values travel as
 * parameters only.
 *
 *-------------------------------------------------------------------------
 */
#ifndef MLOPS_SPI_H
#define MLOPS_SPI_H

#include "executor/spi.h"

typedef struct SpiScope
{
	Oid			user;			/* to restore */
	int			sec_context;
	int			guc_level;
	bool		read_only;
} SpiScope;

extern void mlops_spi_begin(SpiScope *scope, bool read_only);
extern void mlops_spi_end(SpiScope *scope);

/*
 * Run one statement with parameters $1..$nargs; nulls as SPI has them, or
 * NULL.  Returns the number of rows; they are in SPI_tuptable until the next
 * statement.  The plan is made anew each time.
 */
extern uint64 mlops_spi_execute(const SpiScope *scope, const char *sql, int nargs,
								Oid *types, Datum *values, const char *nulls);

/* Fields of row "row" of SPI_tuptable, by column number from 1. */
extern Datum mlops_spi_value(uint64 row, int column, bool *isnull);
extern char *mlops_spi_text(uint64 row, int column);	/* palloc'ed in the SPI
														 * context, or NULL */

/* Owner of the extension, and OID of schema mlops. */
extern Oid	mlops_extension_owner(void);
extern Oid	mlops_schema(void);

/* OID of a table or index of ours; an error when the extension is not there.  The
 * name is a constant: its address is remembered. */
extern Oid	mlops_relation(const char *name);

/*
 * Whether our relations are as they were, in the same files.  The epoch is taken
 * under a lock on the relation, 0 when it must be asked for again; the answer
 * needs no lock: it is no older than any snapshot of this session.
 */
extern uint64 mlops_relation_epoch(Oid relation);
extern bool mlops_relations_unchanged(uint64 epoch);

#endif							/* MLOPS_SPI_H */
