/*-------------------------------------------------------------------------
 *
 * metric_calibrate.c
 *	  Scores of a binary task -> isotonic calibration, and counts along the
 *	  thresholds.
 *
 * Isotonic regression by pooling adjacent violators (Ayer and others, Annals of
 * Mathematical Statistics 26, 1955), with the knots and the interpolation of
 * scikit-learn's IsotonicRegression(out_of_bounds='clip').
 *
 *-------------------------------------------------------------------------
 */
#include "registry/metric_common.h"

/* Scores nearer than this count as one, as in scikit-learn (numpy's resolution). */
#define SCORE_RESOLUTION 1e-15

/* Cuts of a curve before the one of the best F1 joins them. */
#define N_QUANTILES 200

/* Scores that share one calibrated probability. */
typedef struct ScoreBlock
{
	double		first;			/* lowest and highest score */
	double		last;
	double		weight;
	double		positive;		/* weight of the positive rows */
} ScoreBlock;

/* A probability of the positive class for each row, as predict_proba has it;
 * NULL when a score is none, or without memory. */
static float *
take_scores(MetricWork *work)
{
	const MetricInput *input = work->input;
	float	   *score;

	if (input->task != METRIC_BINARY || input->n_scores != 1 || input->n == 0)
		return NULL;
	score = mlops_metric_alloc(work, input->n, sizeof(float));
	for (size_t row = 0; score != NULL && row < input->n; row++)
	{
		score[row] = mlops_metric_positive_score(input, row);
		if (!(score[row] >= 0 && score[row] <= 1))
		{
			free(score);
			return NULL;
		}
	}
	return score;
}

/* Rows -> blocks of one score each; returns their number. */
static size_t
collect_blocks(MetricWork *work, const float *score, const uint64_t *order, ScoreBlock *blocks)
{
	const MetricInput *input = work->input;
	size_t		n = 0;

	for (size_t i = 0; i < input->n && !mlops_metric_stopped(work, i); i++)
	{
		size_t		row = (uint32_t) order[i];
		double		weight = mlops_metric_weight(input, row);

		if (weight == 0)
			continue;
		if (n == 0 || (double) score[row] - blocks[n - 1].first >= SCORE_RESOLUTION)
			blocks[n++] = (ScoreBlock)
		{
			score[row], score[row], 0, 0
		};
		blocks[n - 1].weight += weight;
		blocks[n - 1].positive += input->label[row] == 1 ? weight : 0;
	}
	return n;
}

static double
get_mean(const ScoreBlock *block)
{
	return block->positive / block->weight;
}

/* Pool neighbours until means ascend; returns the number of blocks left. */
static size_t
pool_blocks(MetricWork *work, ScoreBlock *blocks, size_t n)
{
	size_t		kept = 0;

	for (size_t i = 0; i < n && !mlops_metric_stopped(work, i); i++)
	{
		ScoreBlock	block = blocks[i];

		while (kept > 0 && get_mean(&blocks[kept - 1]) >= get_mean(&block))
		{
			kept--;
			block.first = blocks[kept].first;
			block.weight += blocks[kept].weight;
			block.positive += blocks[kept].positive;
		}
		blocks[kept++] = block;
	}
	return kept;
}

/* The i-th of the two ends of all blocks. */
static MetricKnot
get_end(const ScoreBlock *blocks, size_t i)
{
	const ScoreBlock *block = &blocks[i / 2];

	return (MetricKnot)
	{
		i % 2 == 0 ? block->first : block->last, get_mean(block)
	};
}

/* Ends of blocks -> at most METRIC_MAX_KNOTS knots; returns their number. */
static int
place_knots(const ScoreBlock *blocks, size_t n, MetricKnot *knots)
{
	size_t		n_ends = 2 * n;
	size_t		n_wanted = n_ends < METRIC_MAX_KNOTS ? n_ends : METRIC_MAX_KNOTS;
	int			n_knots = 0;

	for (size_t i = 0; i < n_wanted; i++)
	{
		/* of too many ends, evenly many, the outermost included */
		size_t		end = n_wanted == n_ends ? i : (size_t) ((double) i * (double) (n_ends - 1) / (double) (n_wanted - 1));
		MetricKnot	knot = get_end(blocks, end);

		if (n_knots == 0 || knot.score > knots[n_knots - 1].score)
			knots[n_knots++] = knot;
	}
	return n_knots;
}

int
mlops_metric_calibrate(const MetricInput *input, MetricKnot *knots, bool (*interrupted) (void))
{
	MetricWork	work = {.input = input,.interrupted = interrupted};
	float	   *score = take_scores(&work);
	uint64_t   *order = NULL;
	ScoreBlock *blocks = NULL;
	int			n_knots = 0;

	if (score != NULL)
		order = mlops_metric_order(&work, score, 1, input->n, false);
	if (order != NULL)
		blocks = mlops_metric_alloc(&work, input->n, sizeof(ScoreBlock));
	if (blocks != NULL)
	{
		size_t		n = collect_blocks(&work, score, order, blocks);

		n = pool_blocks(&work, blocks, n);
		n_knots = place_knots(blocks, n, knots);
	}
	free(blocks);
	free(order);
	free(score);
	return work.status != 0 ? work.status : n_knots;
}

double
mlops_metric_interpolate(const MetricKnot *knots, int n, double score)
{
	int			low = 0;
	int			high = n - 1;

	if (isnan(score) || n == 0)
		return NAN;
	if (score <= knots[low].score)
		return knots[low].probability;
	if (score >= knots[high].score)
		return knots[high].probability;
	while (high - low > 1)
	{
		int			middle = (low + high) / 2;

		if (knots[middle].score < score)
			low = middle;
		else
			high = middle;
	}
	/* the knot's own value, which rounding could miss and so split a level */
	if (score == knots[high].score)
		return knots[high].probability;
	return (knots[high].probability - knots[low].probability) / (knots[high].score - knots[low].score) *
		(score - knots[low].score) + knots[low].probability;
}

/* F1 when all rows from the cut on are called positive. */
static double
get_f1(const MetricCut *cut, double all_positive)
{
	double		sum = cut->positive + cut->negative + all_positive;

	return sum > 0 ? 2 * cut->positive / sum : 0;
}

/*
 * All distinct scores in descending order; of more than N_QUANTILES those at
 * their quantiles, the lowest, and the one of the best F1.
 */
static int
place_cuts(MetricWork *work, const float *score, const uint64_t *order, MetricCut *cuts)
{
	const MetricInput *input = work->input;
	MetricCut	cut = {0};
	MetricCut	best = {0};
	double		all_positive = 0;
	double		best_f1 = -1;
	size_t		n_distinct = 0;
	size_t		n_passed = 0;	/* quantiles */
	int			n_cuts = 0;

	for (size_t i = 0; i < input->n; i++)
	{
		all_positive += input->label[i] == 1 ? mlops_metric_weight(input, i) : 0;
		n_distinct += i == 0 || order[i] >> 32 != order[i - 1] >> 32;
	}
	for (size_t i = 0; i < input->n && !mlops_metric_stopped(work, i); i++)
	{
		size_t		row = (uint32_t) order[i];
		double		weight = mlops_metric_weight(input, row);
		size_t		quantile = (size_t) ((double) (i + 1) / (double) input->n * N_QUANTILES);

		if (input->label[row] == 1)
			cut.positive += weight;
		else
			cut.negative += weight;
		if (i + 1 < input->n && order[i] >> 32 == order[i + 1] >> 32)
			continue;
		cut.threshold = score[row];
		if (get_f1(&cut, all_positive) > best_f1)
		{
			best_f1 = get_f1(&cut, all_positive);
			best = cut;
		}
		if (n_distinct <= N_QUANTILES || i + 1 == input->n || quantile > n_passed)
		{
			cuts[n_cuts++] = cut;
			n_passed = quantile;
		}
	}
	for (int i = 0; i < n_cuts; i++)
	{
		if (cuts[i].threshold > best.threshold)
			continue;
		if (cuts[i].threshold < best.threshold)
		{
			memmove(&cuts[i + 1], &cuts[i], (size_t) (n_cuts - i) * sizeof(MetricCut));
			cuts[i] = best;
			n_cuts++;
		}
		break;
	}
	return n_cuts;
}

int
mlops_metric_curve(const MetricInput *input, MetricCut *cuts, bool (*interrupted) (void))
{
	MetricWork	work = {.input = input,.interrupted = interrupted};
	float	   *score = take_scores(&work);
	uint64_t   *order = NULL;
	int			n_cuts = 0;

	if (score != NULL)
		order = mlops_metric_order(&work, score, 1, input->n, true);
	if (order != NULL)
		n_cuts = place_cuts(&work, score, order, cuts);
	free(order);
	free(score);
	return work.status != 0 ? work.status : n_cuts;
}
