/*-------------------------------------------------------------------------
 *
 * performance.c
 *	  Labels beside predictions -> counts and sums; see performance.h.
 *
 * A row becomes a few terms, each for one count or sum.  Only when there is
 * room for all of them is the first one added.  What a row contributes depends
 * on the row alone and is added without rounding, so that neither the order of
 * rows nor that of merges shows.
 *
 *-------------------------------------------------------------------------
 */
#include <float.h>
#include <math.h>

#include "drift/performance_image.h"

/* What one row may add to one limb, at most. */
#define ROW_PIECES 4

/* What one row may add in all. */
#define MAX_COUNTS 6
#define MAX_TERMS 32

/* What a row adds. */
typedef struct RowTerms
{
	int			n_counts;
	size_t		count[MAX_COUNTS];
	ExactPieces weight;			/* of every count */
	int			n_sums;
	size_t		sum[MAX_TERMS];
	ExactPieces pieces[MAX_TERMS];
} RowTerms;

PerformanceLayout
mlops_performance_layout(unsigned parts, size_t n_classes)
{
	PerformanceLayout layout = {0};

	layout.cells = layout.hits + (parts & PERFORMANCE_HITS ? 2 : 0);
	layout.values = layout.cells + (parts & PERFORMANCE_CELLS ? 4 : 0);
	layout.losses = layout.values + (parts & PERFORMANCE_VALUES ? 1 : 0);
	layout.bins = layout.losses + (parts & PERFORMANCE_LOSSES ? 1 : 0);
	layout.classes = layout.bins + (parts & PERFORMANCE_BINS ? 2 * PERFORMANCE_N_BINS : 0);
	layout.n_counts = layout.classes + n_classes * n_classes;

	layout.loss_sums = layout.value_sums + (parts & PERFORMANCE_VALUES ? N_VALUE_SUMS : 0);
	layout.square_sums = layout.loss_sums + (parts & PERFORMANCE_LOSSES ? N_LOSS_SUMS : 0);
	layout.n_sums = layout.square_sums + (parts & PERFORMANCE_SQUARES ? N_SQUARE_SUMS : 0);
	return layout;
}

size_t
mlops_performance_image_size(unsigned parts, size_t n_classes, size_t label_bytes,
							 ExactWindow count_window, ExactWindow sum_window)
{
	PerformanceLayout layout = mlops_performance_layout(parts, n_classes);

	return sizeof(Performance) +
		(layout.n_counts * count_window.n + layout.n_sums * sum_window.n) * sizeof(int64_t) +
		n_classes * sizeof(uint32_t) + label_bytes;
}

size_t
mlops_performance_size(unsigned parts)
{
	return mlops_performance_image_size(parts, 0, 0, performance_narrow, performance_narrow);
}

void
mlops_performance_init(Performance *p, unsigned parts)
{
	size_t		size = mlops_performance_size(parts);

	memset(p, 0, size);
	p->size = (uint32_t) size;
	p->magic = PERFORMANCE_MAGIC;
	p->format = PERFORMANCE_FORMAT;
	p->parts = (uint16_t) parts;
	p->count_window = p->sum_window = performance_narrow;
}

const char *
mlops_performance_message(PerformanceStatus status)
{
	switch (status)
	{
		case PERFORMANCE_NOT_FINITE:
			return "label, prediction or score is NaN or infinite";
		case PERFORMANCE_NOT_PROBABILITY:
			return "score is not a probability";
		case PERFORMANCE_BAD_WEIGHT:
			return "weight is negative, NaN or infinite";
		case PERFORMANCE_TOO_MANY_CLASSES:
			return "too many classes";
		case PERFORMANCE_MISMATCH:
			return "performance states are of different kinds";
		case PERFORMANCE_OVERFLOW:
			return "performance state is out of range";
		default:
			return "";
	}
}

int
mlops_performance_bin(double p)
{
	bool		upper = p > 0.5;
	double		distance = upper ? 1 - p : p;	/* exact */
	uint64_t	bits;
	int			bin = 0;

	/* exponent and the first four bits of the mantissa, counted from 2^-17 */
	memcpy(&bits, &distance, sizeof(bits));
	if (distance >= 1.0 / (1 << 17))
		bin = (int) (bits >> 48) - ((1023 - 17) << 4) + 1;
	return upper ? PERFORMANCE_N_BINS - 1 - bin : bin;
}

/*
 * Adding
 */

static void
push_count(RowTerms *terms, size_t i)
{
	terms->count[terms->n_counts++] = i;
}

/* Too large for a double counts as the largest. */
static double
clamp(double value)
{
	if (value > DBL_MAX)
		return DBL_MAX;
	return value < -DBL_MAX ? -DBL_MAX : value;
}

static void
push_sum(RowTerms *terms, size_t i, double value)
{
	if (value == 0)
		return;
	terms->sum[terms->n_sums] = i;
	terms->pieces[terms->n_sums++] = mlops_exact_cut(clamp(value));
}

/* Add a * b without rounding. */
static void
push_product(RowTerms *terms, size_t i, double a, double b)
{
	double		product = a * b;

	push_sum(terms, i, product);
	if (a != 1 && isfinite(product))
		push_sum(terms, i, fma(a, b, -product));
}

static bool
collect_values(RowTerms *terms, const Performance *p, const PerformanceLayout *layout, const PerformanceRow *row)
{
	size_t		sums = layout->value_sums;
	double		weight = row->weight;
	double		error = clamp(row->label - row->prediction);
	double		squared = clamp(error * error);
	double		percentage = clamp(mlops_metric_percentage(row->label, row->prediction));
	double		product = weight * row->label;

	if (!isfinite(row->label) || !isfinite(row->prediction))
		return false;
	push_count(terms, layout->values);
	push_product(terms, sums + SUM_LABEL, weight, row->label);

	/*
	 * the spread of the labels is a small difference of large sums: keep all
	 * bits
	 */
	push_product(terms, sums + SUM_LABEL_SQUARE, product, row->label);
	if (weight != 1 && isfinite(product))
		push_product(terms, sums + SUM_LABEL_SQUARE, fma(weight, row->label, -product), row->label);
	push_product(terms, sums + SUM_ABSOLUTE, weight, fabs(error));
	push_product(terms, sums + SUM_SQUARED, weight, squared);
	push_product(terms, sums + SUM_PERCENTAGE, weight, percentage);
	if (p->parts & PERFORMANCE_SQUARES && weight == 1)
	{
		push_product(terms, layout->square_sums + SQUARE_FIRST, squared, squared);
		push_product(terms, layout->square_sums + SQUARE_SECOND, percentage, percentage);
	}
	return true;
}

static void
collect_score(RowTerms *terms, const Performance *p, const PerformanceLayout *layout, const PerformanceRow *row)
{
	double		distance = row->score - row->actual;
	double		squared = distance * distance;
	double		loss;
	size_t		sums = layout->loss_sums;

	if (p->parts & PERFORMANCE_BINS)
		push_count(terms, layout->bins + 2 * mlops_performance_bin(row->score) + row->actual);
	if (!(p->parts & PERFORMANCE_LOSSES))
		return;
	loss = mlops_metric_log_loss(row->actual, row->score);
	push_count(terms, layout->losses);
	push_product(terms, sums + SUM_LOG_LOSS, row->weight, loss);
	push_product(terms, sums + SUM_BRIER, row->weight, squared);
	push_product(terms, sums + SUM_CALIBRATION + mlops_metric_calibration_bin(row->score), row->weight, distance);
	if (p->parts & PERFORMANCE_SQUARES && row->weight == 1)
	{
		push_product(terms, layout->square_sums + SQUARE_FIRST, loss, loss);
		push_product(terms, layout->square_sums + SQUARE_SECOND, squared, squared);
	}
}

/* Ask for a class more. */
static PerformanceStatus
need_class(const Performance *p, const char *label, size_t length, PerformanceNeed *need)
{
	if (p->n_classes >= PERFORMANCE_MAX_CLASSES || length > PERFORMANCE_MAX_LABEL_BYTES - p->label_bytes)
		return PERFORMANCE_TOO_MANY_CLASSES;
	need->count_window = p->count_window;
	need->sum_window = p->sum_window;
	need->label = label;
	need->label_length = length;
	need->size = mlops_performance_image_size(p->parts, p->n_classes + 1, p->label_bytes + length,
											  p->count_window, p->sum_window);
	return PERFORMANCE_NO_ROOM;
}

static PerformanceStatus
need_windows(const Performance *p, ExactWindow count_window, ExactWindow sum_window, PerformanceNeed *need)
{
	if (count_window.low + count_window.n > EXACT_HIGHEST + 1 || sum_window.low + sum_window.n > EXACT_HIGHEST + 1)
		return PERFORMANCE_OVERFLOW;
	need->count_window = count_window;
	need->sum_window = sum_window;
	need->label = NULL;
	need->size = mlops_performance_image_size(p->parts, p->n_classes, p->label_bytes, count_window, sum_window);
	return PERFORMANCE_NO_ROOM;
}

/* Carry all; asks for a limb more on top of what is nearly full. */
static PerformanceStatus
carry_all(Performance *p, PerformanceNeed *need)
{
	ExactWindow counts = p->count_window;
	ExactWindow sums = p->sum_window;
	int			full = mlops_performance_carry(p);

	if (full != 0)
	{
		counts.n += full & 1;
		sums.n += full >> 1;
		return need_windows(p, counts, sums, need);
	}
	p->pending = 0;
	return PERFORMANCE_OK;
}

static void
add_pieces(int64_t *limb, ExactWindow window, const ExactPieces *pieces, int sign)
{
	for (int i = 0; i < pieces->n; i++)
		limb[pieces->low - window.low + i] += sign * pieces->piece[i];
}

/* Add the terms of a row, or ask for room. */
static PerformanceStatus
add_terms(Performance *p, const PerformanceLayout *layout, const RowTerms *terms, int sign, PerformanceNeed *need)
{
	ExactWindow counts = p->count_window;
	ExactWindow sums = p->sum_window;
	bool		fits = mlops_exact_fits(counts, &terms->weight);

	if (!fits)
		counts = mlops_exact_join(counts, terms->weight.low, terms->weight.n);
	for (int i = 0; i < terms->n_sums; i++)
		if (!mlops_exact_fits(sums, &terms->pieces[i]))
		{
			sums = mlops_exact_join(sums, terms->pieces[i].low, terms->pieces[i].n);
			fits = false;
		}
	if (!fits)
		return need_windows(p, counts, sums, need);

	for (int i = 0; i < terms->n_counts; i++)
		add_pieces(mlops_performance_count(p, terms->count[i]), counts, &terms->weight, sign);
	for (int i = 0; i < terms->n_sums; i++)
		add_pieces(mlops_performance_sum(p, layout, terms->sum[i]), sums, &terms->pieces[i], sign);
	p->pending += ROW_PIECES;
	return PERFORMANCE_OK;
}

/* Number of a label, or -1. */
static int
find_class(const Performance *p, const char *label, size_t length)
{
	bool		found;
	int			i = mlops_performance_find(p, label, length, &found);

	return found ? i : -1;
}

static PerformanceStatus
collect_classes(RowTerms *terms, const Performance *p, const PerformanceLayout *layout,
				const PerformanceRow *row, PerformanceNeed *need)
{
	int			label = find_class(p, row->label_text, row->label_length);
	int			prediction = find_class(p, row->prediction_text, row->prediction_length);

	if (label < 0)
		return need_class(p, row->label_text, row->label_length, need);
	if (prediction < 0)
		return need_class(p, row->prediction_text, row->prediction_length, need);
	push_count(terms, layout->classes + (size_t) label * p->n_classes + prediction);
	return PERFORMANCE_OK;
}

static bool
is_weight(double weight)
{
	return weight >= 0 && isfinite(weight);
}

PerformanceStatus
mlops_performance_add(Performance *p, const PerformanceRow *row, PerformanceNeed *need)
{
	PerformanceLayout layout = mlops_performance_layout(p->parts, p->n_classes);
	RowTerms	terms;
	PerformanceStatus status = PERFORMANCE_OK;
	bool		scored = p->parts & (PERFORMANCE_LOSSES | PERFORMANCE_BINS) && !isnan(row->score);

	terms.n_counts = terms.n_sums = 0;
	if (!is_weight(row->weight))
		return PERFORMANCE_BAD_WEIGHT;
	if (p->pending >= EXACT_PENDING && (status = carry_all(p, need)) != PERFORMANCE_OK)
		return status;
	terms.weight = mlops_exact_cut(row->weight);
	if (p->parts & PERFORMANCE_HITS)
		push_count(&terms, layout.hits + row->called);
	if (p->parts & PERFORMANCE_CELLS)
		push_count(&terms, layout.cells + 2 * row->actual + row->called);
	if (p->parts & PERFORMANCE_VALUES && !collect_values(&terms, p, &layout, row))
		return PERFORMANCE_NOT_FINITE;
	if (scored)
	{
		if (!(row->score >= 0 && row->score <= 1))
			return PERFORMANCE_NOT_PROBABILITY;
		collect_score(&terms, p, &layout, row);
	}
	if (p->parts & PERFORMANCE_CLASSES)
		status = collect_classes(&terms, p, &layout, row, need);
	if (status == PERFORMANCE_OK)
		status = add_terms(p, &layout, &terms, row->sign, need);
	if (status == PERFORMANCE_OK)
	{
		p->n_rows += row->sign;
		p->n_scored += scored ? row->sign : 0;
		p->is_weighted |= row->weight != 1;
	}
	return status;
}

PerformanceStatus
mlops_performance_add_loss(Performance *p, double loss, double weight, PerformanceNeed *need)
{
	PerformanceLayout layout = mlops_performance_layout(p->parts, 0);
	RowTerms	terms;
	PerformanceStatus status = PERFORMANCE_OK;

	terms.n_counts = terms.n_sums = 0;
	if (!is_weight(weight))
		return PERFORMANCE_BAD_WEIGHT;
	if (p->pending >= EXACT_PENDING && (status = carry_all(p, need)) != PERFORMANCE_OK)
		return status;
	terms.weight = mlops_exact_cut(weight);
	push_count(&terms, layout.losses);
	push_product(&terms, layout.loss_sums + SUM_LOG_LOSS, weight, loss);
	status = add_terms(p, &layout, &terms, 1, need);
	if (status == PERFORMANCE_OK)
	{
		p->n_rows++;
		p->n_scored++;
		p->is_weighted |= weight != 1;
	}
	return status;
}

/*
 * Merging and room
 */

void
mlops_performance_grow(const Performance *p, const PerformanceNeed *need, Performance *into)
{
	PerformanceLayout old = mlops_performance_layout(p->parts, p->n_classes);
	PerformanceLayout new;
	size_t		length;
	int			position = p->n_classes;
	bool		found;
	uint32_t   *end;
	char	   *bytes;

	memset(into, 0, need->size);
	*into = *p;
	into->size = (uint32_t) need->size;
	into->count_window = need->count_window;
	into->sum_window = need->sum_window;
	if (need->label != NULL)
	{
		position = mlops_performance_find(p, need->label, need->label_length, &found);
		into->n_classes++;
		into->label_bytes += need->label_length;
	}
	new = mlops_performance_layout(into->parts, into->n_classes);

	for (size_t i = 0; i < old.classes; i++)
		mlops_exact_move(mlops_performance_count(p, i), p->count_window,
						 mlops_performance_count(into, i), into->count_window);
	for (int i = 0; i < p->n_classes; i++)
		for (int j = 0; j < p->n_classes; j++)
			mlops_exact_move(mlops_performance_count(p, old.classes + (size_t) i * p->n_classes + j),
							 p->count_window,
							 mlops_performance_count(into, new.classes +
													 (size_t) (i + (i >= position)) * into->n_classes +
													 j + (j >= position)), into->count_window);
	for (size_t i = 0; i < old.n_sums; i++)
		mlops_exact_move(mlops_performance_sum(p, &old, i), p->sum_window,
						 mlops_performance_sum(into, &new, i), into->sum_window);

	end = mlops_performance_label_ends(into, &new);
	bytes = (char *) (end + into->n_classes);
	length = 0;
	for (int i = 0; i < into->n_classes; i++)
	{
		size_t		label_length = need->label_length;
		const char *label = need->label;

		if (need->label == NULL || i != position)
			label = mlops_performance_label(p, i - (i > position), &label_length);
		memcpy(bytes + length, label, label_length);
		length += label_length;
		end[i] = (uint32_t) length;
	}
}

/* Of numbers of rows, which are at most PERFORMANCE_MAX_ROWS. */
static bool
is_out_of_range(int64_t n)
{
	return n > PERFORMANCE_MAX_ROWS || n < -PERFORMANCE_MAX_ROWS;
}

/* The class of "into" for each class of "from"; or asks for the first that is missing. */
static PerformanceStatus
match_classes(const Performance *into, const Performance *from, int *class, PerformanceNeed *need)
{
	for (int i = 0; i < from->n_classes; i++)
	{
		size_t		length;
		const char *label = mlops_performance_label(from, i, &length);

		class[i] = find_class(into, label, length);
		if (class[i] < 0)
			return need_class(into, label, length, need);
	}
	return PERFORMANCE_OK;
}

/* Another state's highest limbs may be too full to be added to ours. */
static bool
is_full(const Performance *p, size_t first, size_t n, size_t stride)
{
	const int64_t *highest = p->limb + first + stride - 1;

	for (size_t i = 0; i < n; i++)
		if (highest[i * stride] >= INT64_C(1) << 59 || highest[i * stride] <= -(INT64_C(1) << 59))
			return true;
	return false;
}

static void
add_limbs(int64_t *into, ExactWindow window, const int64_t *from, ExactWindow from_window)
{
	into += from_window.low - window.low;
	for (int i = 0; i < from_window.n; i++)
		into[i] += from[i];
}

PerformanceStatus
mlops_performance_merge(Performance *into, const Performance *from, PerformanceNeed *need)
{
	PerformanceLayout layout;
	PerformanceLayout source;
	ExactWindow counts;
	ExactWindow sums;
	int			class[PERFORMANCE_MAX_CLASSES];
	PerformanceStatus status;

	if (into->parts != from->parts || into->average != from->average)
		return PERFORMANCE_MISMATCH;
	if ((status = carry_all(into, need)) != PERFORMANCE_OK ||
		(status = match_classes(into, from, class, need)) != PERFORMANCE_OK)
		return status;
	layout = mlops_performance_layout(into->parts, into->n_classes);
	source = mlops_performance_layout(from->parts, from->n_classes);
	counts = mlops_exact_join(into->count_window, from->count_window.low, from->count_window.n +
							  is_full(from, 0, source.n_counts, from->count_window.n));
	sums = mlops_exact_join(into->sum_window, from->sum_window.low, from->sum_window.n +
							is_full(from, source.n_counts * from->count_window.n, source.n_sums, from->sum_window.n));
	if (counts.n != into->count_window.n || sums.n != into->sum_window.n)
		return need_windows(into, counts, sums, need);
	if (is_out_of_range(into->n_rows + from->n_rows) || is_out_of_range(into->n_scored + from->n_scored))
		return PERFORMANCE_OVERFLOW;
	into->n_rows += from->n_rows;
	into->n_scored += from->n_scored;

	for (size_t i = 0; i < source.classes; i++)
		add_limbs(mlops_performance_count(into, i), counts,
				  mlops_performance_count(from, i), from->count_window);
	for (int i = 0; i < from->n_classes; i++)
		for (int j = 0; j < from->n_classes; j++)
			add_limbs(mlops_performance_count(into, layout.classes + (size_t) class[i] * into->n_classes + class[j]),
					  counts, mlops_performance_count(from, source.classes + (size_t) i * from->n_classes + j),
					  from->count_window);
	for (size_t i = 0; i < source.n_sums; i++)
		add_limbs(mlops_performance_sum(into, &layout, i), sums,
				  mlops_performance_sum(from, &source, i), from->sum_window);
	into->is_weighted |= from->is_weighted;

	/* whether the highest limbs are full by now is for the next row or merge */
	mlops_performance_carry(into);
	into->pending = EXACT_PENDING;
	return PERFORMANCE_OK;
}
