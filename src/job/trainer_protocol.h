/*-------------------------------------------------------------------------
 *
 * trainer_protocol.h
 *	  What executor and trainer say to each other.
 *
 * Pure C.  The executor starts "mlops_trainer TRAINER_PROTOCOL" with the
 * descriptors below and nothing else.  The trainer answers on its pipe with
 * fixed-size messages and writes the model bytes to its model descriptor.  Each
 * side treats the other's bytes as hostile.
 *
 * The configuration is a file of (u32 length, bytes) strings, key and value in
 * turn (base/wire.h), ended by the end of the file.  Keys:
 *
 *	 task             regression | binary | multiclass | ranking | survival
 *	 n_features, n_classes, num_boost_round, threads      decimal
 *	 early_stopping_rounds   decimal; absent: none
 *	 has_weight, has_upper, has_group, refit              0 | 1
 *	 class_weight     balanced | none
 *	 threshold        a number, or f1: chosen on the validation part
 *	 param            "name=value", in order, repeated; XGBoost's own
 *	 feature_name     repeated n_features times, in order
 *	 feature_kind     q (number), i (boolean), c (category); repeated likewise
 *	 feature_cardinality   categories of the feature; repeated likewise, 0 for numbers
 *	 baseline         1: TRAINER_FD_BASELINE holds a model to judge on the same test rows
 *	 baseline_source  repeated once per feature of the baseline: index of our
 *					  feature that feeds it, or -1 for missing
 *	 baseline_recode  repeated likewise: empty, or the comma-separated category
 *					  indices of the baseline for our categories 0, 1, ..., and
 *					  for labels that our dictionary leaves out
 *					  (an index >= its cardinality: a category it never saw)
 *	 baseline_threshold  decimal
 *
 * The profiles of features, label and predictions, in this order, are u32 size
 * and bytes each: of numbers a profile (drift/profile.h), of categories and
 * classes int64 counts by code, of labels outside of the dictionary, and of
 * missing ones.  There are none of predictions without test rows, and where a
 * row has several.
 *
 *-------------------------------------------------------------------------
 */
#ifndef MLOPS_TRAINER_PROTOCOL_H
#define MLOPS_TRAINER_PROTOCOL_H

#include <stdint.h>

#define TRAINER_PROTOCOL "3"

enum
{
	TRAINER_FD_PIPE = 3,		/* trainer -> executor, TrainerMessage */
	TRAINER_FD_CONFIG = 4,		/* read only */
	TRAINER_FD_TRAIN = 5,		/* spool files, read only; see spool_format.h */
	TRAINER_FD_VALIDATION = 6,
	TRAINER_FD_TEST = 7,
	TRAINER_FD_MODEL = 8,		/* write only: the model bytes */
	TRAINER_FD_BASELINE = 9,	/* read only: model bytes; only with
								 * baseline=1 */
	TRAINER_FD_REFERENCE = 10,	/* write only: the profiles */
	TRAINER_N_FDS = 11			/* everything from here on is closed */
};

typedef enum TrainerMessageType
{
	TRAINER_HELLO = 1,			/* text: library version "1.7.4"; first and
								 * only then */
	TRAINER_PHASE,				/* text: loading | training | evaluating */
	TRAINER_ROUND,				/* index: round; text: metric name; part;
								 * value; n: rows judged, a sample of large
								 * parts */
	TRAINER_STOPPED,			/* index: best iteration after early stopping */
	TRAINER_METRIC,				/* final: text: name; part; weighted; value;
								 * error; n */
	TRAINER_BASELINE_METRIC,	/* the same, of the baseline on the test part */
	TRAINER_BASELINE_LOSS,		/* paired: value = mean(loss new - loss
								 * baseline), error = its standard error, n */
	TRAINER_THRESHOLD,			/* value: threshold chosen */
	TRAINER_KNOT,				/* of the calibration, by ascending score:
								 * value: score; other: probability; part; n:
								 * rows of the part */
	TRAINER_CUT,				/* of the curve, by descending threshold:
								 * value: threshold; error, other: weights of
								 * the positive and negative rows at or above
								 * it; weighted; part; n */
	TRAINER_NOTE,				/* text: something the user should know */
	TRAINER_ERROR,				/* text: why it failed; the last message then */
	TRAINER_DONE				/* n: model bytes written; index: peak memory
								 * in kB; nothing is read after it */
} TrainerMessageType;

/* One message; smaller than PIPE_BUF, so that a write is all or nothing. */
typedef struct TrainerMessage
{
	uint32_t	type;			/* TrainerMessageType */
	uint32_t	part;			/* SpoolPart */
	uint32_t	weighted;		/* 0 | 1 */
	int32_t		index;
	int64_t		n;
	double		value;
	double		error;			/* standard error; NaN: none */
	double		other;
	char text[	976];			/* zero-terminated */
} TrainerMessage;

#endif							/* MLOPS_TRAINER_PROTOCOL_H */
