/*-------------------------------------------------------------------------
 *
 * contingency.h
 *	  Whether two samples that were counted into the same cells may come from
 *	  the same distribution; pure C.
 *
 *-------------------------------------------------------------------------
 */
#ifndef MLOPS_CONTINGENCY_H
#define MLOPS_CONTINGENCY_H

/* What merges with what when a cell is too small for the test. */
typedef enum CellKind
{
	CELL_ORDERED,				/* with its neighbours */
	CELL_LABEL,					/* with other labels */
	CELL_STRANGE				/* with other strange ones: missing, infinite,
								 * unseen */
} CellKind;

typedef struct TestCell
{
	double		reference;
	double		current;
	CellKind	kind;
} TestCell;

typedef struct TestResult
{
	double		chi2;			/* Pearson's statistic of the merged cells */
	double		g;				/* likelihood ratio statistic of the same */
	int			df;				/* merged cells less one; 0: nothing to test */
	double		log_p;			/* natural logarithm */
} TestResult;

/*
 * Two-sample test: neither sample counts as the truth.  Cells in which the
 * reference makes expect fewer than five rows of the smaller sample are merged.  Those that still do, and have
 * no small neighbour, are rare: they are tested by Fisher's exact test instead,
 * and the smaller p counts twice.  get(source, i) gives cell i of n.
 */
extern void mlops_contingency_test(TestCell (*get) (const void *source, int i), const void *source,
								   int n, TestResult *result);

#endif							/* MLOPS_CONTINGENCY_H */
