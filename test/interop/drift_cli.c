/*-------------------------------------------------------------------------
 *
 * drift_cli.c
 *	  Measures of drift on demand, for drift_scipy_test.py and the benchmark.
 *
 * Reads requests from standard input until its end: a line
 *	 kind cells n n_baseline m n_windows alpha threshold nulls_reference nulls_current
 * where kind is 1 for numbers and 2 for labels, and then, as raw bytes, n values of
 * the reference, n_baseline values that windows are compared with instead, unless
 * there are none, and n_windows times m values: double precision numbers, or 4-byte
 * integers whose decimal digits are the labels.  Answers per window a line of
 * "name value" pairs; with one window, then a line per cell: lower bound or label,
 * upper bound, 1 for an atom, count of the reference and of the window, and an
 * empty line.
 *
 *-------------------------------------------------------------------------
 */
#include <inttypes.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "drift/judge.h"

typedef struct Request
{
	int			kind;
	int			cells;
	size_t		n;
	size_t		n_baseline;
	size_t		m;
	size_t		n_windows;
	double		alpha;
	double		threshold;
	size_t		nulls_reference;
	size_t		nulls_current;
} Request;

static void *
read_array(size_t count, size_t size)
{
	void	   *array = malloc(count * size + 1);

	if (array == NULL || fread(array, size, count, stdin) != count)
		exit(2);
	return array;
}

static int
compare_numbers(const void *a, const void *b)
{
	double		x = *(const double *) a;
	double		y = *(const double *) b;

	return (x > y) - (x < y);
}

static int
compare_codes(const void *a, const void *b)
{
	int32_t		x = *(const int32_t *) a;
	int32_t		y = *(const int32_t *) b;

	return (x > y) - (x < y);
}

static void
count_values(const Request *request, Profile *profile, const void *values, size_t n, size_t nulls)
{
	for (size_t i = 0; i < n; i++)
	{
		char		label[16];

		if (request->kind == PROFILE_NUMERIC)
			mlops_profile_add_number(profile, ((const double *) values)[i]);
		else
			mlops_profile_add_label(profile, label, snprintf(label, sizeof(label), "%" PRId32,
															 ((const int32_t *) values)[i]));
	}
	for (size_t i = 0; i < nulls; i++)
		mlops_profile_add_null(profile);
}

static void
add_labels(ProfileBuilder *builder, int32_t *codes, size_t n)
{
	qsort(codes, n, sizeof(codes[0]), compare_codes);
	for (size_t i = 0, start = 0; i < n; i++)
	{
		char		label[16];

		if (i + 1 < n && codes[i + 1] == codes[i])
			continue;
		mlops_profile_builder_add_label(builder, label,
										snprintf(label, sizeof(label), "%" PRId32, codes[i]),
										(int64_t) (i + 1 - start));
		start = i + 1;
	}
}

static Profile *
build_reference(const Request *request, const void *values)
{
	size_t		size = request->kind == PROFILE_NUMERIC ? sizeof(double) : sizeof(int32_t);
	void	   *sorted = malloc(request->n * size + 1);
	ProfileBuilder *builder;
	Profile    *profile;
	size_t		n_finite = 0;

	memcpy(sorted, values, request->n * size);
	if (request->kind == PROFILE_NUMERIC)
	{
		double	   *numbers = sorted;

		for (size_t i = 0; i < request->n; i++)
			if (isfinite(numbers[i]))
				numbers[n_finite++] = numbers[i];
		qsort(numbers, n_finite, sizeof(double), compare_numbers);
	}
	builder = malloc(mlops_profile_builder_size((ProfileKind) request->kind, request->cells));
	mlops_profile_builder_init(builder, (ProfileKind) request->kind, request->cells, 0,
							   (int64_t) n_finite);
	if (request->kind == PROFILE_NUMERIC)
		for (size_t i = 0; i < n_finite; i++)
			mlops_profile_builder_add_number(builder, ((double *) sorted)[i]);
	else
		add_labels(builder, sorted, request->n);
	profile = mlops_profile_build(builder, malloc(mlops_profile_build_size(builder)));
	if (request->kind == PROFILE_NUMERIC)
		count_values(request, profile, values, request->n, request->nulls_reference);
	else
		count_values(request, profile, NULL, 0, request->nulls_reference);
	free(builder);
	free(sorted);
	return profile;
}

static void
print_measures(const Request *request, const DriftMeasures *m)
{
	DriftStatus status = mlops_drift_judge(m->psi, m->psi_critical, m->p_value, m->n_current,
										   request->threshold, request->alpha);

	printf("n_reference %" PRId64 " n_current %" PRId64 " psi %.17g psi_noise %.17g "
		   "psi_critical %.17g kl %.17g js %.17g hellinger %.17g tv %.17g l_infinity %.17g ",
		   m->n_reference, m->n_current, m->psi, m->psi_noise, m->psi_critical, m->kl, m->js,
		   m->hellinger, m->tv, m->l_infinity);
	printf("chi2 %.17g g %.17g df %d p_value %.17g log10_p %.17g ks_low %.17g ks_high %.17g "
		   "wasserstein_low %.17g wasserstein_high %.17g ", m->chi2, m->g, m->df, m->p_value,
		   m->log10_p, m->ks_low, m->ks_high, m->wasserstein_low, m->wasserstein_high);
	printf("mean_shift %.17g null_rate_change %.17g unseen_rate %.17g out_of_range_rate %.17g "
		   "status %d\n", m->mean_shift, m->null_rate_change, m->unseen_rate,
		   m->out_of_range_rate, status);
}

static void
print_cells(const Profile *reference, const Profile *current)
{
	int			n_values = mlops_profile_value_cells(reference);

	for (int i = 0; i < mlops_profile_cells(reference); i++)
	{
		size_t		length;
		const char *label = i < n_values ? mlops_profile_label(reference, i, &length) : NULL;

		if (i >= n_values)
			printf("special%d nan 0", i - n_values);
		else if (label != NULL)
			printf("%.*s nan 0", (int) length, label);
		else
			printf("%.17g %.17g %d", mlops_profile_lower(reference, i),
				   mlops_profile_upper(reference, i), mlops_profile_is_atom(reference, i));
		printf(" %" PRId64 " %" PRId64 "\n", mlops_profile_count(reference, i),
			   mlops_profile_count(current, i));
	}
	printf("\n");
}

static void
answer_request(const Request *request)
{
	size_t		size = request->kind == PROFILE_NUMERIC ? sizeof(double) : sizeof(int32_t);
	char	   *values = read_array(request->n, size);
	Profile    *reference = build_reference(request, values);
	Profile    *current = malloc(mlops_profile_size(reference));

	if (request->n_baseline > 0)
	{
		char	   *baseline = read_array(request->n_baseline, size);

		mlops_profile_clear(reference);
		count_values(request, reference, baseline, request->n_baseline, 0);
		free(baseline);
	}
	for (size_t i = 0; i < request->n_windows; i++)
	{
		char	   *window = read_array(request->m, size);
		DriftMeasures measures;

		memcpy(current, reference, mlops_profile_size(reference));
		mlops_profile_clear(current);
		count_values(request, current, window, request->m, request->nulls_current);
		if (!mlops_measure_drift(reference, current, request->alpha, &measures))
			exit(3);
		print_measures(request, &measures);
		free(window);
	}
	if (request->n_windows == 1)
		print_cells(reference, current);
	free(values);
	free(reference);
	free(current);
}

int
main(void)
{
	Request		r;

	while (scanf("%d %d %zu %zu %zu %zu %lf %lf %zu %zu", &r.kind, &r.cells, &r.n, &r.n_baseline,
				 &r.m, &r.n_windows, &r.alpha, &r.threshold, &r.nulls_reference, &r.nulls_current) == 10)
	{
		if (getchar() != '\n')
			return 2;
		answer_request(&r);
		fflush(stdout);
	}
	return 0;
}
