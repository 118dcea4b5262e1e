/*-------------------------------------------------------------------------
 *
 * handover.h
 *	  What an executor leaves for the dispatcher: progress, result, model.
 *
 * One directory per attempt under base/pgsql_tmp, named by database, run and
 * attempt; the server empties it at start and base backups skip it.  Files
 * appear there by rename.  Whoever reads them takes them for hostile.
 *
 *-------------------------------------------------------------------------
 */
#ifndef MLOPS_HANDOVER_H
#define MLOPS_HANDOVER_H

#include "nodes/pg_list.h"

#include "drift/profile.h"
#include "registry/calibration.h"

/* An attempt of a run in this database. */
typedef struct Attempt
{
	int64		run;
	int32		attempt;
} Attempt;

typedef struct Progress
{
	char	   *phase;
	int64		n_rows;			/* -1: none yet; likewise below */
	int32		round;
	int32		num_round;
	char	   *metric_name;	/* or NULL */
	double		metric_value;
} Progress;

typedef struct ResultMetric
{
	int32		part;			/* SpoolPart */
	bool		weighted;
	bool		baseline;		/* of the champion, on the same rows */
	char	   *name;
	int32		round;			/* -1: of the stored model */
	double		value;			/* NaN: not defined */
	double		std_error;		/* NaN: none */
	int64		n;				/* -1: none */
} ResultMetric;

/* How an attempt ended.  Jsonb travels as text. */
typedef struct RunResult
{
	bool		succeeded;
	bool		canceled;		/* failed because somebody canceled the
								 * statement, or there was nothing to do */
	char		sqlstate[6];	/* of a failure */
	char	   *error;
	/* the data set; schema_digest is empty when it was not read completely */
	char	   *task;
	List	   *classes;		/* of char * */
	char	   *signature;
	char	   *columns;
	char	   *relations;
	bool		reproducible;
	char	   *snapshot;
	int64		lsn;			/* 0: none */
	int64		system_identifier;
	int64		n_rows;
	int64		n_dropped;
	uint8		digest[32];
	uint8		schema_digest[32];
	/* the model, in the file "model" */
	int64		model_size;
	uint8		model_digest[32];
	double		threshold;		/* NaN: none */
	int32		baseline_version;	/* 0: nothing to compare with */
	char	   *params;			/* as given to XGBoost */
	List	   *metrics;		/* of ResultMetric * */
	Calibration calibration;	/* on the test part */
	int32		curve_part;		/* SpoolPart */
	ThresholdCurve curve;
	int			n_references;	/* features, label, prediction; or 0 */
	Profile   **references;		/* NULL: none; each is valid in itself */
	List	   *notes;			/* of char * */
	char	   *environment;
	char	   *payload;		/* of another kind of run than training; or
								 * NULL */
} RunResult;

/* Path of the attempt's directory; palloc'ed. */
extern char *mlops_handover_path(const Attempt *attempt);

/* Made before the executor starts; gone after a restart of the server. */
extern void mlops_handover_create(const Attempt *attempt);
extern bool mlops_handover_exists(const Attempt *attempt);

/* Executor's side. */
extern void mlops_handover_write_progress(const Attempt *attempt, Progress *progress);
extern void mlops_handover_write_result(const Attempt *attempt, RunResult *result);

/*
 * Read "size" bytes of an attempt's file, or all when it is negative, behind room for a
 * header of varlena; NULL when the file is not there or not as it should be.
 */
extern char *mlops_handover_read_file(const Attempt *attempt, const char *name, int64 max,
									  int64 *size);

/* Check that the file "model" has model_size bytes, and fill in its digest. */
extern void mlops_handover_seal_model(const Attempt *attempt, RunResult *result);

/*
 * Dispatcher's side.  The readers return NULL when there is no file or it is
 * not valid; the model comes checked against size and digest.
 */
extern Progress *mlops_handover_read_progress(const Attempt *attempt);
extern RunResult *mlops_handover_read_result(const Attempt *attempt);
extern bytea *mlops_handover_read_model(const Attempt *attempt, const RunResult *result);
extern void mlops_handover_remove(const Attempt *attempt);

/* Remove directories of this database's attempts that "keep" does not want,
 * and those of databases that are gone. */
extern void mlops_handover_sweep(bool (*keep) (const Attempt *attempt));

#endif							/* MLOPS_HANDOVER_H */
