/*-------------------------------------------------------------------------
 *
 * trainer_main.c
 *	  mlops_trainer: trains one model and ends.
 *
 * Started by the executor with the descriptors of trainer_protocol.h; see
 * there.  Rows come from mapped files, the model goes to a descriptor,
 * everything else is said over the pipe.  To cancel it, kill it.
 *
 *-------------------------------------------------------------------------
 */
#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include <xgboost/c_api.h>

#include "trainer/trainer_evaluate.h"
#include "trainer/trainer_report.h"
#include "trainer/trainer_sandbox.h"

static void
say_hello(void)
{
	int			major;
	int			minor;
	int			patch;
	char		version[64];

	XGBoostVersion(&major, &minor, &patch);
	snprintf(version, sizeof(version), "%d.%d.%d", major, minor, patch);
	mlops_trainer_send(TRAINER_HELLO, version);
}

static void
write_model(const TrainerModel *model)
{
	const char *next = model->bytes;
	size_t		left = model->size;

	while (left > 0)
	{
		ssize_t		n = write(TRAINER_FD_MODEL, next, left);

		if (n < 0 && errno == EINTR)
			continue;
		if (n <= 0)
			mlops_trainer_fail("could not write the model: %s", strerror(errno));
		next += n;
		left -= (size_t) n;
	}
}

static void
check_parts(const TrainerConfig *config, TrainerPart *parts)
{
	for (int i = 0; i < SPOOL_N_PARTS; i++)
		mlops_trainer_check_part(config, &parts[i]);
	if (parts[SPOOL_TRAIN].n_rows == 0)
		mlops_trainer_fail("there are no rows to train on");
	if (parts[SPOOL_VALIDATION].n_rows == 0 &&
		(config->early_stopping_rounds > 0 || config->choose_threshold))
		mlops_trainer_fail("there are no validation rows, which early stopping and the threshold need");
	mlops_trainer_set_weights(config, parts);
}

int
main(int argc, char **argv)
{
	TrainerConfig *config;
	TrainerPart parts[SPOOL_N_PARTS];
	TrainerModel model;
	TrainerReference reference;
	int			error;

	if (argc != 2 || strcmp(argv[1], TRAINER_PROTOCOL) != 0)
		mlops_trainer_fail("mlops_trainer speaks protocol %s only", TRAINER_PROTOCOL);
	mlops_trainer_start_report();
	error = mlops_trainer_enter_sandbox();
	if (error != 0)
		mlops_trainer_fail("could not enter the sandbox: %s", strerror(error));
	mlops_trainer_start_log();
	say_hello();

	mlops_trainer_send(TRAINER_PHASE, "loading");
	config = mlops_trainer_read_config(TRAINER_FD_CONFIG);
	for (int i = 0; i < SPOOL_N_PARTS; i++)
		mlops_trainer_map_part(config, TRAINER_FD_TRAIN + i, &parts[i]);
	check_parts(config, parts);
	mlops_trainer_profile_rows(config, parts, &reference);

	model = mlops_trainer_train(config, parts);
	mlops_trainer_send(TRAINER_PHASE, "evaluating");
	mlops_trainer_verify(config, parts, &model);
	mlops_trainer_evaluate(config, parts, &model, &reference);
	if (config->refit)
	{
		mlops_trainer_send(TRAINER_PHASE, "training");
		model = mlops_trainer_refit(config, parts, model.n_rounds);
		mlops_trainer_verify(config, parts, &model);
	}
	write_model(&model);
	mlops_trainer_write_reference(config, &reference);
	mlops_trainer_send_done(model.size);

	/* not exit(): threads of libxgboost may outlive its static objects */
	_exit(0);
}
