/*-------------------------------------------------------------------------
 *
 * domain.h
 *	  Drift of all columns at once: can a model tell reference and current rows
 *	  apart?
 *
 *-------------------------------------------------------------------------
 */
#ifndef MLOPS_DOMAIN_H
#define MLOPS_DOMAIN_H

/*
 * One query over the rows of both, with a boolean column is_current: the columns
 * of the reference, found in the current rows by name.  In the current context.
 */
extern char *mlops_domain_query(const char *reference, const char *current);

#endif							/* MLOPS_DOMAIN_H */
