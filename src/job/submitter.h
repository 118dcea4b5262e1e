/*-------------------------------------------------------------------------
 *
 * submitter.h
 *	  Who may have runs.
 *
 *-------------------------------------------------------------------------
 */
#ifndef MLOPS_SUBMITTER_H
#define MLOPS_SUBMITTER_H

/* Error unless the role can have a session in the database: LOGIN and CONNECT. */
extern void mlops_submitter_check_session(Oid role, Oid database);

/*
 * Error unless runs of the role can start in this database: LOGIN, CONNECT, and
 * no superuser unless mlops.allow_superuser_runs.  The same on all versions, at
 * submit and at the start of the run.
 */
extern void mlops_submitter_check(Oid role);

#endif							/* MLOPS_SUBMITTER_H */
