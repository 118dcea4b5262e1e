/*-------------------------------------------------------------------------
 *
 * performance_image.c
 *	  The image of a performance state: labels, settled form, checks.
 *
 *-------------------------------------------------------------------------
 */
#include "drift/performance_image.h"

const char *
mlops_performance_label(const Performance *p, int i, size_t *length)
{
	PerformanceLayout layout = mlops_performance_layout(p->parts, p->n_classes);
	const uint32_t *end = mlops_performance_label_ends(p, &layout);
	uint32_t	start = i > 0 ? end[i - 1] : 0;

	*length = end[i] - start;
	return (const char *) (end + p->n_classes) + start;
}

int
mlops_performance_compare(const char *a, size_t a_length, const char *b, size_t b_length)
{
	size_t		common = a_length < b_length ? a_length : b_length;
	int			order = common > 0 ? memcmp(a, b, common) : 0;

	return order != 0 ? order : (a_length > b_length) - (a_length < b_length);
}

int
mlops_performance_find(const Performance *p, const char *label, size_t length, bool *found)
{
	PerformanceLayout layout = mlops_performance_layout(p->parts, p->n_classes);
	const uint32_t *end = mlops_performance_label_ends(p, &layout);
	const char *bytes = (const char *) (end + p->n_classes);
	int			low = 0;
	int			high = p->n_classes;

	*found = false;
	while (low < high)
	{
		int			middle = (low + high) / 2;
		uint32_t	start = middle > 0 ? end[middle - 1] : 0;
		int			order = mlops_performance_compare(bytes + start, end[middle] - start, label, length);

		if (order == 0)
		{
			*found = true;
			return middle;
		}
		if (order < 0)
			low = middle + 1;
		else
			high = middle;
	}
	return low;
}

int
mlops_performance_carry(Performance *p)
{
	PerformanceLayout layout = mlops_performance_layout(p->parts, p->n_classes);
	int			full = 0;

	for (size_t i = 0; i < layout.n_counts; i++)
		if (!mlops_exact_carry(mlops_performance_count(p, i), p->count_window.n))
			full |= 1;
	for (size_t i = 0; i < layout.n_sums; i++)
		if (!mlops_exact_carry(mlops_performance_sum(p, &layout, i), p->sum_window.n))
			full |= 2;
	return full;
}

/* Move sums to a window that is part of theirs, from the first on; returns the end. */
static int64_t *
narrow(const int64_t *from, ExactWindow window, size_t n_sums, int64_t *to, ExactWindow wanted)
{
	int64_t		sum[EXACT_HIGHEST - EXACT_LOWEST + 1];

	for (size_t i = 0; i < n_sums; i++)
	{
		memcpy(sum, from + i * window.n, window.n * sizeof(int64_t));
		mlops_exact_move(sum, window, to, wanted);
		to += wanted.n;
	}
	return to;
}

PerformanceStatus
mlops_performance_settle(Performance *p, PerformanceNeed *need)
{
	PerformanceLayout layout = mlops_performance_layout(p->parts, p->n_classes);
	const int64_t *counts = mlops_performance_count(p, 0);
	const int64_t *sums = mlops_performance_sum(p, &layout, 0);
	const uint32_t *labels = mlops_performance_label_ends(p, &layout);
	ExactWindow count_window = p->count_window;
	ExactWindow sum_window = p->sum_window;
	int64_t    *end;

	mlops_performance_carry(p);
	*need = (PerformanceNeed)
	{
		.count_window = count_window,.sum_window = sum_window
	};
	need->count_window.n += !mlops_exact_is_settled(counts, count_window, layout.n_counts);
	need->sum_window.n += !mlops_exact_is_settled(sums, sum_window, layout.n_sums);
	if (need->count_window.n != count_window.n || need->sum_window.n != sum_window.n)
	{
		need->size = mlops_performance_image_size(p->parts, p->n_classes, p->label_bytes,
												  need->count_window, need->sum_window);
		return need->count_window.low + need->count_window.n > EXACT_HIGHEST + 1 ||
			need->sum_window.low + need->sum_window.n > EXACT_HIGHEST + 1
			? PERFORMANCE_OVERFLOW : PERFORMANCE_NO_ROOM;
	}

	p->pending = 0;
	p->count_window = mlops_exact_shrink(counts, count_window, layout.n_counts);
	p->sum_window = mlops_exact_shrink(sums, sum_window, layout.n_sums);
	end = narrow(counts, count_window, layout.n_counts, p->limb, p->count_window);
	end = narrow(sums, sum_window, layout.n_sums, end, p->sum_window);
	memmove(end, labels, p->n_classes * sizeof(uint32_t) + p->label_bytes);
	p->size = (uint32_t) mlops_performance_image_size(p->parts, p->n_classes, p->label_bytes,
													  p->count_window, p->sum_window);
	return PERFORMANCE_OK;
}

static bool
is_window(ExactWindow window)
{
	return window.low >= EXACT_LOWEST && window.low <= EXACT_HIGHEST &&
		window.n >= 1 && window.low + window.n <= EXACT_HIGHEST + 1;
}

static bool
is_number_of_rows(int64_t n)
{
	return n >= -PERFORMANCE_MAX_ROWS && n <= PERFORMANCE_MAX_ROWS;
}

bool
mlops_performance_check_header(const Performance *p, const char **why)
{
	if (p->magic != PERFORMANCE_MAGIC)
		*why = "magic number";
	else if (p->format != PERFORMANCE_FORMAT)
		*why = "format version";
	else if (p->parts == 0 || p->parts > PERFORMANCE_ALL_PARTS ||
			 (p->parts & PERFORMANCE_VALUES && p->parts & PERFORMANCE_LOSSES))
		*why = "parts";
	else if (p->n_classes > (p->parts & PERFORMANCE_CLASSES ? PERFORMANCE_MAX_CLASSES : 0) ||
			 p->label_bytes > (p->n_classes > 0 ? PERFORMANCE_MAX_LABEL_BYTES : 0))
		*why = "number of classes";
	else if (p->average > AVERAGE_WEIGHTED || p->is_weighted > 1 || p->pending != 0 || p->unused != 0)
		*why = "flags";
	else if (!is_window(p->count_window) || !is_window(p->sum_window))
		*why = "window of sums";
	else if (!is_number_of_rows(p->n_rows) || !is_number_of_rows(p->n_scored))
		*why = "number of rows";
	else
		return true;
	return false;
}

static bool
check_labels(const Performance *p)
{
	PerformanceLayout layout = mlops_performance_layout(p->parts, p->n_classes);
	const uint32_t *end = mlops_performance_label_ends(p, &layout);
	const char *bytes = (const char *) (end + p->n_classes);
	uint32_t	start = 0;
	uint32_t	before = 0;		/* where the label before started */

	for (int i = 0; i < p->n_classes; i++)
	{
		if (end[i] < start || end[i] > p->label_bytes)
			return false;
		if (i > 0 && mlops_performance_compare(bytes + before, start - before,
											   bytes + start, end[i] - start) >= 0)
			return false;
		before = start;
		start = end[i];
	}
	return start == p->label_bytes;
}

static bool
check_sums(const int64_t *limb, ExactWindow window, size_t n_sums)
{
	ExactWindow least;

	if (!mlops_exact_is_settled(limb, window, n_sums))
		return false;
	least = mlops_exact_shrink(limb, window, n_sums);
	return least.low == window.low && least.n == window.n;
}

bool
mlops_performance_check_body(const Performance *p, const char **why)
{
	PerformanceLayout layout = mlops_performance_layout(p->parts, p->n_classes);

	if (!check_labels(p))
		*why = "labels";
	else if (!check_sums(mlops_performance_count(p, 0), p->count_window, layout.n_counts))
		*why = "counts";
	else if (!check_sums(mlops_performance_sum(p, &layout, 0), p->sum_window, layout.n_sums))
		*why = "sums";
	else
		return true;
	return false;
}

bool
mlops_performance_check(const Performance *p, size_t size, const char **why)
{
	*why = "size";
	if (size < sizeof(Performance) || p->size != size || !mlops_performance_check_header(p, why))
		return false;
	*why = "size";
	return size == mlops_performance_image_size(p->parts, p->n_classes, p->label_bytes,
												p->count_window, p->sum_window) &&
		mlops_performance_check_body(p, why);
}
