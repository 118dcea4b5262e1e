/*-------------------------------------------------------------------------
 *
 * version.h
 *	  Which versions of the SQL objects this library serves.
 *
 *-------------------------------------------------------------------------
 */
#ifndef MLOPS_VERSION_H
#define MLOPS_VERSION_H

/* An error when the library does not serve objects of this version. */
extern void mlops_version_check(const char *objects);

#endif							/* MLOPS_VERSION_H */
