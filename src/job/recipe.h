/*-------------------------------------------------------------------------
 *
 * recipe.h
 *	  How a model is made: the arguments of train and the session context.
 *
 * A recipe is one jsonb object, stored with the run and with the version:
 * one key per argument of train that was given, "as_of" always, "context" with
 * the settings under which the query was written, for retrain "keep_frequent",
 * and for an event "unless_digest": rows of that digest are nothing new.  The role that wrote it is the submitter of the run.
 *
 *-------------------------------------------------------------------------
 */
#ifndef MLOPS_RECIPE_H
#define MLOPS_RECIPE_H

#include "fmgr.h"
#include "utils/jsonb.h"

#include "feature/dataset.h"

typedef enum RecipePromote
{
	PROMOTE_NEVER,
	PROMOTE_IF_NOT_WORSE,
	PROMOTE_GATE
} RecipePromote;

typedef struct Recipe
{
	char	   *model;
	char	   *query;
	char	   *target;
	Jsonb	   *params;
	char	   *task;			/* NULL: from the target */
	char	   *positive;
	int			num_boost_round;
	int			early_stopping_rounds;	/* 0: none */
	char	   *split;
	char	   *split_by;
	double		test_size;
	double		validation_size;	/* of the training side; 0: no validation
									 * part */
	Interval   *gap;
	bool		refit;
	List	   *key;			/* of char *, likewise below */
	char	   *qid;
	char	   *weight;
	char	   *class_weight;
	char	   *target_upper;
	List	   *include;
	List	   *exclude;
	TimestampTz as_of;
	Interval   *label_delay;
	char	   *threshold;
	RecipePromote promote;
	char	   *description;
	Jsonb	   *tags;
	bool		keep_frequent;
	char	   *unless_digest;	/* in hex; NULL: train on whatever there is */
	Jsonb	   *context;
} Recipe;

/* Arguments of train, in its order; retrain has the same but for the model. */
#define RECIPE_N_ARGUMENTS 27

/*
 * Make a recipe from arguments "first" to the last one of the call; an argument
 * that is NULL is taken from "base" if there is one.  With "capture" the session
 * context is the current one, else the base's.
 */
extern Jsonb *mlops_recipe_build(FunctionCallInfo fcinfo, int first_argument,
								 const char *model, Jsonb *base, bool capture);

/* Parse and check a recipe; errors name the argument.  Current context. */
extern Recipe *mlops_recipe_parse(Jsonb *json);

/* What the arguments demand of the task, as far as that is known. */
extern void mlops_recipe_check_task(const Recipe *recipe, DatasetTask task);

/* What to read.  Points into the recipe; limits are the current settings. */
extern void mlops_recipe_fill_spec(const Recipe *recipe, DatasetSpec *spec);

/* Apply the captured session context to this session. */
extern void mlops_recipe_apply_context(const Recipe *recipe);

#endif							/* MLOPS_RECIPE_H */
