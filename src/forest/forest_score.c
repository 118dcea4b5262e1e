/*-------------------------------------------------------------------------
 *
 * forest_score.c
 *	  Rows -> margins -> values, from a checked image.
 *
 * Each margin is one float sum that starts at the base and adds the trees in
 * their order, as libxgboost does, so that results agree to the last bit.  How a
 * row finds its leaves is left to the kernels: the best one that the processor
 * has and the forest suits.
 *
 *-------------------------------------------------------------------------
 */
#include <math.h>
#include <string.h>

#include "forest/forest_kernel.h"

#define MIN_BLOCK_ROWS	16		/* fewer are not worth a tile of columns */

size_t
mlops_forest_size(const Forest *forest)
{
	return forest->size;
}

uint32_t
mlops_forest_n_features(const Forest *forest)
{
	return forest->n_features;
}

uint32_t
mlops_forest_n_outputs(const Forest *forest)
{
	return forest->n_outputs;
}

uint32_t
mlops_forest_n_trees(const Forest *forest)
{
	return forest->count[SECTION_TREE];
}

uint32_t
mlops_forest_n_values(const Forest *forest)
{
	return forest->n_values;
}

/* gblinear: bias plus base, then the features that are present, in order. */
static void
score_linear(const Forest *forest, const float *row, float *margin)
{
	const float *base = mlops_image_section(forest, SECTION_BASE);
	const float *weights = mlops_image_section(forest, SECTION_LINEAR);
	size_t		n_outputs = forest->n_outputs;

	for (size_t output = 0; output < n_outputs; output++)
	{
		/* Every output gets the first base, as in libxgboost. */
		float		sum = weights[forest->n_features * n_outputs + output] + base[0];

		for (size_t i = 0; i < forest->n_features; i++)
			if (!isnan(row[i]))
				sum += row[i] * weights[i * n_outputs + output];
		margin[output] = sum;
	}
}

const char *
mlops_kernel_name(ForestKernel kernel)
{
	static const char *const names[N_KERNELS] = {
		[KERNEL_BEST] = "best",
		[KERNEL_NODES] = "nodes",
		[KERNEL_STEPS] = "steps",
		[KERNEL_SLICED] = "sliced",
		[KERNEL_AVX2] = "avx2",
		[KERNEL_AVX512] = "avx512",
	};

	return names[kernel];
}

bool
mlops_kernel_available(ForestKernel kernel)
{
#ifdef FOREST_X86
	if (kernel == KERNEL_AVX2)
		return __builtin_cpu_supports("avx2") && __builtin_cpu_supports("bmi2");
	if (kernel == KERNEL_AVX512)
		return __builtin_cpu_supports("avx512f") && __builtin_cpu_supports("avx512bw") &&
			__builtin_cpu_supports("avx512vl") && __builtin_cpu_supports("avx512dq") &&
			__builtin_cpu_supports("avx512vbmi") && __builtin_cpu_supports("bmi2");
#endif
	return kernel < KERNEL_AVX2;
}

/* The kernel to begin with; what it does not cover is left to the next ones. */
static inline ForestKernel
choose_kernel(ForestKernel kernel)
{
	static ForestKernel best = KERNEL_BEST; /* the same whoever finds it out */

	if (kernel != KERNEL_BEST)
		return kernel;
	if (best == KERNEL_BEST)
		best = mlops_kernel_available(KERNEL_AVX512) ? KERNEL_AVX512 :
			mlops_kernel_available(KERNEL_AVX2) ? KERNEL_AVX2 : KERNEL_SLICED;
	return best;
}

/* Margins by walks over nodes. */
static void
score_nodes(const Forest *forest, const float *row, float *margin)
{
	const ForestTree *trees = mlops_image_section(forest, SECTION_TREE);

	memcpy(margin, mlops_image_section(forest, SECTION_BASE),
		   forest->n_outputs * sizeof(float));
	for (size_t i = 0; i < forest->count[SECTION_TREE]; i++)
		mlops_walk_add_leaf(forest, trees + i, mlops_walk_tree(forest, trees + i, 0, row),
							margin, 1);
}

void
mlops_kernel_margin(ForestKernel kernel, const Forest *forest, const float *row, float *margin)
{
	kernel = choose_kernel(kernel);
	if (forest->count[SECTION_LINEAR] > 0)
	{
		score_linear(forest, row, margin);
		return;
	}
#ifdef FOREST_X86
	if (kernel == KERNEL_AVX512 && mlops_avx512_margin(forest, row, margin))
		return;
#endif
	if (kernel == KERNEL_NODES || !mlops_steps_margin(forest, row, margin))
		score_nodes(forest, row, margin);
}

void
mlops_kernel_margin_block(ForestKernel kernel, const Forest *forest, const float *rows,
						  size_t stride, size_t n, float *margin)
{
	/* Fewer rows are not worth it; who asks for a kernel gets it. */
	bool		worth = kernel != KERNEL_BEST || n >= MIN_BLOCK_ROWS;

	kernel = choose_kernel(kernel);
	worth &= forest->count[SECTION_LINEAR] == 0;
#ifdef FOREST_X86
	if (worth && kernel == KERNEL_AVX512 && mlops_avx512_block(forest, rows, stride, n, margin))
		return;
	if (worth && kernel == KERNEL_AVX2 && mlops_avx2_block(forest, rows, stride, n, margin))
		return;
#endif
	if (worth && kernel == KERNEL_SLICED && mlops_sliced_block(forest, rows, stride, n, margin))
		return;
	if (worth && kernel != KERNEL_NODES && mlops_steps_block(forest, rows, stride, n, margin))
		return;
	for (size_t i = 0; i < n; i++)
		mlops_kernel_margin(kernel, forest, rows + i * stride, margin + i * forest->n_outputs);
}

void
mlops_forest_margin(const Forest *forest, const float *row, float *margin)
{
	mlops_kernel_margin(KERNEL_BEST, forest, row, margin);
}

void
mlops_forest_margin_block(const Forest *forest, const float *rows, size_t stride,
						  size_t n, float *margin)
{
	mlops_kernel_margin_block(KERNEL_BEST, forest, rows, stride, n, margin);
}

void
mlops_forest_transform(const Forest *forest, const float *margin, float *values)
{
	mlops_transform_apply(forest->transform, forest->n_outputs, margin, values);
}

void
mlops_forest_probability(const Forest *forest, const float *margin, float *probability)
{
	mlops_transform_apply(forest->transform == TRANSFORM_SOFTMAX ?
						  TRANSFORM_SOFTPROB : forest->transform,
						  forest->n_outputs, margin, probability);
}

void
mlops_forest_leaf(const Forest *forest, const float *row, int32_t *leaf)
{
	const ForestTree *trees = mlops_image_section(forest, SECTION_TREE);
	const int32_t *ids = mlops_image_section(forest, SECTION_NODE_ID);

	for (size_t i = 0; i < forest->count[SECTION_TREE]; i++)
		leaf[i] = ids[trees[i].first_node + mlops_walk_tree(forest, trees + i, 0, row)];
}
