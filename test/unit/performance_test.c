/*-------------------------------------------------------------------------
 *
 * performance_test.c
 *	  Exact sums and performance states: any order, merges, removal, bytes.
 *
 * Values are compared with scikit-learn's in test/interop; here with what was
 * counted one by one, and with __float128 where that holds the exact sum.
 *
 *-------------------------------------------------------------------------
 */
#include <float.h>
#include <math.h>
#include <stdlib.h>

#include "drift/performance.h"
#include "../random.h"
#include "unit.h"

#define SEED 2027

static PerformanceNeed need;

static Performance *
make_state(unsigned parts)
{
	Performance *p = malloc(mlops_performance_size(parts));

	mlops_performance_init(p, parts);
	return p;
}

static Performance *
enlarge(Performance *p)
{
	Performance *larger = malloc(need.size);

	mlops_performance_grow(p, &need, larger);
	free(p);
	return larger;
}

static PerformanceStatus
put(Performance **p, const PerformanceRow *row)
{
	PerformanceStatus status;

	while ((status = mlops_performance_add(*p, row, &need)) == PERFORMANCE_NO_ROOM)
		*p = enlarge(*p);
	return status;
}

static PerformanceStatus
join(Performance **p, const Performance *from)
{
	PerformanceStatus status;

	while ((status = mlops_performance_merge(*p, from, &need)) == PERFORMANCE_NO_ROOM)
		*p = enlarge(*p);
	return status;
}

static void
settle(Performance **p)
{
	const char *why;

	while (mlops_performance_settle(*p, &need) == PERFORMANCE_NO_ROOM)
		*p = enlarge(*p);
	(*p)->length = 0;
	if (!CHECK(mlops_performance_check(*p, (*p)->size, &why), "a settled state is sound"))
		printf("%s\n", why);
}

static bool
is_same(const Performance *a, const Performance *b)
{
	return a->size == b->size && memcmp(a, b, a->size) == 0;
}

/* Any finite double, now and then one that is special. */
static double
draw_double(void)
{
	static const double special[] = {0, 1, -1, DBL_MAX, -DBL_MAX, DBL_MIN, 5e-324, -5e-324, 4294967296.0, 1e300};
	uint64_t	bits = draw();
	double		value;

	if (draw() % 8 == 0)
		return special[draw() % 10];
	memcpy(&value, &bits, sizeof(value));
	return isfinite(value) ? value : 0.1;
}

static void
test_pieces(void)
{
	for (int i = 0; i < 100000; i++)
	{
		double		value = draw_double();
		ExactPieces pieces = mlops_exact_cut(value);
		ExactWindow window = {(int16_t) pieces.low, (int16_t) (pieces.n > 0 ? pieces.n : 1)};
		int64_t		limb[3] = {0};

		mlops_exact_add(limb, window, &pieces);
		CHECK(mlops_exact_value(limb, window) == value, "a value comes back");
		CHECK(pieces.n == 0 || (pieces.low >= EXACT_LOWEST && pieces.low + pieces.n <= EXACT_HIGHEST),
			  "limbs of a double");
	}
}

/* Sums of values of like size, which __float128 holds exactly; ties round to even. */
static void
test_rounding(void)
{
	ExactWindow all = {EXACT_LOWEST, EXACT_HIGHEST - EXACT_LOWEST + 1};
	int64_t		limb[EXACT_HIGHEST - EXACT_LOWEST + 1];

	for (int i = 0; i < 20000; i++)
	{
		__float128	wanted = 0;
		int			n = 1 + (int) (draw() % 20);

		memset(limb, 0, sizeof(limb));
		for (int j = 0; j < n; j++)
		{
			double		value = ldexp((double) (int64_t) draw(), (int) (draw() % 40) - 20);
			ExactPieces pieces;

			if (draw() % 4 == 0)
				value = draw() % 2 ? 9007199254740992.0 : 1;	/* ties */
			pieces = mlops_exact_cut(value);
			mlops_exact_add(limb, all, &pieces);
			wanted += value;
		}
		CHECK(mlops_exact_value(limb, all) == (double) wanted, "nearest double");
	}
}

/* Bins are in order, and symmetric. */
static void
test_bins(void)
{
	CHECK(mlops_performance_bin(0) == 0, "lowest bin");
	CHECK(mlops_performance_bin(1) == PERFORMANCE_N_BINS - 1, "highest bin");
	CHECK(mlops_performance_bin(0.5) == PERFORMANCE_N_BINS / 2, "middle");
	CHECK(mlops_performance_bin(nextafter(0.5, 0)) == PERFORMANCE_N_BINS / 2 - 1, "below the middle");
	CHECK(mlops_performance_bin(nextafter(0.5, 1)) == PERFORMANCE_N_BINS / 2 + 1, "above the middle");
	for (int i = 0; i < 200000; i++)
	{
		double		a = draw_uniform();
		double		b = pow(a, 1 + (double) (draw() % 30));

		CHECK(mlops_performance_bin(b) <= mlops_performance_bin(a), "bins are in order");
		CHECK(mlops_performance_bin(1 - a) == PERFORMANCE_N_BINS - 1 - mlops_performance_bin(a) || 1 - (1 - a) != a,
			  "bins are symmetric");
		CHECK(mlops_performance_bin(b) >= 0 && mlops_performance_bin(b) < PERFORMANCE_N_BINS, "bins are bins");
	}
}

static PerformanceRow
draw_row(bool weighted)
{
	static const char *const labels[] = {"a", "b", "", "aa", "a long label, longer than eight bytes", "\xc3\xa9"};
	PerformanceRow row = {.weight = 1,.sign = 1};
	const char *label = labels[draw() % 6];
	const char *prediction = labels[draw() % 6];

	if (weighted)
		row.weight = draw() % 4 == 0 ? 0 : draw_uniform() * 100;
	row.label = draw() % 4 == 0 ? draw_double() : draw_uniform();
	row.prediction = draw() % 4 == 0 ? draw_double() : draw_uniform();
	row.actual = draw() % 2;
	row.called = draw() % 2;
	row.score = draw() % 8 == 0 ? NAN : draw() % 8 == 0 ? (double) (draw() % 3) / 2 : draw_uniform();
	row.label_text = label;
	row.label_length = strlen(label);
	row.prediction_text = prediction;
	row.prediction_length = strlen(prediction);
	return row;
}

static void
check_bytes(const Performance *p)
{
	uint8_t    *bytes = malloc(mlops_performance_packed_max(p));
	size_t		size = mlops_performance_pack(p, bytes);
	uint8_t    *exact = malloc(size);
	const char *why = "";
	size_t		image = mlops_performance_unpacked_size(bytes, size, &why);
	Performance *copy = malloc(image);

	memcpy(exact, bytes, size);
	CHECK(image == p->size, "size from bytes");
	CHECK(mlops_performance_unpack(exact, size, copy, &why) && is_same(copy, p), "state from bytes");
	for (size_t i = 0; i < size; i += 1 + size / 50)
	{
		uint8_t    *cut = malloc(i + 1);

		memcpy(cut, bytes, i);
		if (mlops_performance_unpacked_size(cut, i, &why) == image)
			CHECK(!mlops_performance_unpack(cut, i, copy, &why), "bytes that end early");
		free(cut);
	}
	free(copy);
	free(exact);
	free(bytes);
}

/*
 * The same rows in order, backwards in three states merged, and with others
 * that are taken out again.
 */
static void
test_orders(unsigned parts, bool weighted)
{
	enum
	{
		N = 200
	};
	PerformanceRow row[N];
	Performance *forward = make_state(parts);
	Performance *part[3] = {make_state(parts), make_state(parts), make_state(parts)};
	Performance *corrected = make_state(parts);

	for (int i = 0; i < N; i++)
	{
		row[i] = draw_row(weighted);
		CHECK(put(&forward, &row[i]) == PERFORMANCE_OK, "a row is counted");
	}
	for (int i = N - 1; i >= 0; i--)
		put(&part[i % 3], &row[i]);
	for (int i = 0; i < N; i++)
	{
		PerformanceRow wrong = draw_row(weighted);

		put(&corrected, &wrong);
		put(&corrected, &row[i]);
		wrong.sign = -1;
		put(&corrected, &wrong);
	}
	settle(&forward);
	settle(&part[1]);
	CHECK(join(&part[0], part[1]) == PERFORMANCE_OK, "merge");
	CHECK(join(&part[2], part[0]) == PERFORMANCE_OK, "merge what was merged");
	settle(&part[2]);
	CHECK(is_same(forward, part[2]), "any order, equal bytes");
	settle(&corrected);
	if (!(parts & PERFORMANCE_CLASSES))
		CHECK(is_same(forward, corrected), "rows taken out leave nothing");
	for (int i = 0; i < PERFORMANCE_R2 + 1; i++)
	{
		MetricValue a[METRIC_MAX];
		MetricValue b[METRIC_MAX];
		int			n = mlops_performance_metrics(forward, a);

		CHECK(n == mlops_performance_metrics(corrected, b), "number of metrics");
		for (int j = 0; j < n; j++)
			CHECK(a[j].value == b[j].value || (isnan(a[j].value) && isnan(b[j].value)), a[j].name);
	}
	check_bytes(forward);

	free(forward);
	free(corrected);
	for (int i = 0; i < 3; i++)
		free(part[i]);
}

/* Many rows of weight 1 in one limb, and sums beyond a limb. */
static void
test_large_counts(void)
{
	Performance *p = make_state(PERFORMANCE_HITS);
	Performance *other = make_state(PERFORMANCE_HITS);
	PerformanceRow row = {.weight = 1,.sign = 1,.called = true};
	MetricValue value;
	double		wanted = 1;

	put(&p, &row);
	put(&other, &row);
	for (int i = 0; i < 61; i++)
	{
		CHECK(join(&p, other) == PERFORMANCE_OK, "doubling");
		wanted += ldexp(1, i);
		settle(&p);
		free(other);
		other = malloc(p->size);
		memcpy(other, p, p->size);
		if (i < 50)
			CHECK(p->n_rows == (int64_t) wanted, "rows of a doubled state");
		wanted = (double) p->n_rows;
		if (i == 59)
			break;
	}
	value = mlops_performance_metric(p, PERFORMANCE_ACCURACY, AVERAGE_NONE);
	CHECK(value.value == 1, "accuracy of many rows");
	CHECK(join(&p, other) == PERFORMANCE_OK && join(&p, other) == PERFORMANCE_OVERFLOW, "too many rows");
	free(p);
	free(other);

	/* carries: the pieces that a limb has room for are over */
	p = make_state(PERFORMANCE_VALUES);
	row.label = row.prediction = 4294966784.0;
	put(&p, &row);
	for (int i = 0; i < 100; i++)
	{
		p->pending = EXACT_PENDING;
		CHECK(put(&p, &row) == PERFORMANCE_OK && p->pending < EXACT_PENDING, "a carry");
	}
	settle(&p);
	value = mlops_performance_metric(p, PERFORMANCE_MSE, AVERAGE_NONE);
	CHECK(value.value == 0, "no error");
	free(p);
}

static void
test_refusals(void)
{
	Performance *p = make_state(PERFORMANCE_BINARY);
	Performance *classes = make_state(PERFORMANCE_MULTICLASS);
	Performance *values = make_state(PERFORMANCE_REGRESSION);
	PerformanceRow row = {.weight = 1,.sign = 1};
	char		label[8];

	row.score = 1.5;
	CHECK(put(&p, &row) == PERFORMANCE_NOT_PROBABILITY, "score above 1");
	row.score = -INFINITY;
	CHECK(put(&p, &row) == PERFORMANCE_NOT_PROBABILITY, "score below 0");
	row.score = 0.5;
	row.weight = -1;
	CHECK(put(&p, &row) == PERFORMANCE_BAD_WEIGHT, "negative weight");
	row.weight = NAN;
	CHECK(put(&p, &row) == PERFORMANCE_BAD_WEIGHT, "NaN weight");
	row.weight = 1;
	CHECK(p->n_rows == 0, "refused rows are not counted");
	row.label = NAN;
	CHECK(put(&values, &row) == PERFORMANCE_NOT_FINITE, "NaN label");
	CHECK(join(&p, values) == PERFORMANCE_MISMATCH, "another kind");
	row.label_text = row.prediction_text = label;
	for (int i = 0; i < PERFORMANCE_MAX_CLASSES; i++)
	{
		row.label_length = row.prediction_length = snprintf(label, sizeof(label), "%d", i);
		CHECK(put(&classes, &row) == PERFORMANCE_OK, "classes up to the limit");
	}
	row.label_length = 3;
	memcpy(label, "new", 3);
	CHECK(put(&classes, &row) == PERFORMANCE_TOO_MANY_CLASSES, "one more");
	settle(&classes);
	check_bytes(classes);
	CHECK(mlops_performance_metric(classes, PERFORMANCE_F1, AVERAGE_MACRO).value == 1, "all of them right");
	free(p);
	free(classes);
	free(values);
}

/* r2 of labels far from 0, whose spread is a small difference; against exact integers. */
static void
test_cancellation(void)
{
	Performance *p = make_state(PERFORMANCE_VALUES);
	PerformanceRow row = {.weight = 1,.sign = 1};

	for (int i = 0; i < 1000; i++)
	{
		row.label = 1e15 + i % 2;
		row.prediction = 1e15 + (i % 10 == 0 ? 1 : 0) + i % 2;
		put(&p, &row);
	}
	CHECK(fabs(mlops_performance_metric(p, PERFORMANCE_R2, AVERAGE_NONE).value - (1 - 0.1 / 0.25)) < 1e-15, "r2");
	free(p);
}

int
main(void)
{
	state = SEED;
	printf("performance_test: seed %d\n", SEED);
	test_pieces();
	test_rounding();
	test_bins();
	for (int i = 0; i < 20; i++)
		for (int weighted = 0; weighted < 2; weighted++)
		{
			test_orders(PERFORMANCE_REGRESSION, weighted);
			test_orders(PERFORMANCE_BINARY, weighted);
			test_orders(PERFORMANCE_MULTICLASS, weighted);
			test_orders(PERFORMANCE_HITS, weighted);
			test_orders(PERFORMANCE_BINARY | PERFORMANCE_CLASSES, weighted);
		}
	test_large_counts();
	test_refusals();
	test_cancellation();
	return unit_finish("performance_test");
}
