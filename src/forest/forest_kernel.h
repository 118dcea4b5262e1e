/*-------------------------------------------------------------------------
 *
 * forest_kernel.h
 *	  The kernels that compute margins; tests and benchmarks choose one.
 *
 * All give the same bits.  A kernel scores what its form of the trees covers,
 * and leaves the other trees to the walk over nodes, each in its turn.
 *
 *-------------------------------------------------------------------------
 */
#ifndef MLOPS_FOREST_KERNEL_H
#define MLOPS_FOREST_KERNEL_H

#include "forest/image.h"

typedef enum ForestKernel
{
	KERNEL_BEST,				/* of those that the processor has */
	KERNEL_NODES,				/* walks over nodes, one at a time */
	KERNEL_STEPS,				/* walks over steps, several side by side */
	KERNEL_SLICED,				/* splits for many rows at once; rows by steps */
	KERNEL_AVX2,				/* the same with longer vectors */
	KERNEL_AVX512,
	N_KERNELS
} ForestKernel;

#if defined(__x86_64__) && defined(__GNUC__)
#define FOREST_X86
#endif

extern const char *mlops_kernel_name(ForestKernel kernel);
extern bool mlops_kernel_available(ForestKernel kernel);

/* As mlops_forest_margin and mlops_forest_margin_block, with a kernel. */
extern void mlops_kernel_margin(ForestKernel kernel, const Forest *forest,
								const float *row, float *margin);
extern void mlops_kernel_margin_block(ForestKernel kernel, const Forest *forest,
									  const float *rows, size_t stride, size_t n, float *margin);

/* Walk on from a node of a tree of any kind to a leaf. */
extern uint32_t mlops_walk_tree(const Forest *forest, const ForestTree *tree, uint32_t at,
								const float *row);

/* Add a leaf to the margins of a row, which lie "apart" floats from each other. */
extern void mlops_walk_add_leaf(const Forest *forest, const ForestTree *tree, uint32_t at,
								float *margin, size_t apart);

/* The kernels; false, with nothing written, when memory or a form is lacking. */
extern bool mlops_steps_margin(const Forest *forest, const float *row, float *margin);
extern bool mlops_steps_block(const Forest *forest, const float *rows, size_t stride,
							  size_t n, float *margin);
extern bool mlops_sliced_block(const Forest *forest, const float *rows, size_t stride,
							   size_t n, float *margin);
#ifdef FOREST_X86
extern bool mlops_avx2_block(const Forest *forest, const float *rows, size_t stride,
							 size_t n, float *margin);
extern bool mlops_avx512_margin(const Forest *forest, const float *row, float *margin);
extern bool mlops_avx512_block(const Forest *forest, const float *rows, size_t stride,
							   size_t n, float *margin);
#endif

#endif							/* MLOPS_FOREST_KERNEL_H */
