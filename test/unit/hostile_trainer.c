/*-------------------------------------------------------------------------
 *
 * hostile_trainer.c
 *	  mlops_trainer that misbehaves on demand, for test/t/066_hostile_trainer.pl.
 *
 * All of the real trainer, with some of its functions wrapped by the linker.  A
 * feature named "hostile: ACTION at MOMENT" chooses what happens and when; without
 * one the training is an honest one.  Moments, in their order:
 *
 *	 start     before the sandbox and the first message
 *	 hello     after them
 *	 loading   the configuration is read, the rows are not
 *	 middle    then, after half a message
 *	 model     the model is there, and not written yet
 *	 profiles  in place of the profiles
 *	 end       before the last message
 *	 result    after it
 *
 *-------------------------------------------------------------------------
 */
#define _GNU_SOURCE
#include "hostile_actions.h"
#include "trainer/trainer_evaluate.h"

extern void __real_mlops_trainer_start_report(void);
extern TrainerConfig *__real_mlops_trainer_read_config(int fd);
extern void __real_mlops_trainer_evaluate(const TrainerConfig *config, const TrainerPart *parts,
										  const TrainerModel *model, TrainerReference *reference);
extern void __real_mlops_trainer_write_reference(const TrainerConfig *config,
												 const TrainerReference *reference);
extern void __real_mlops_trainer_send_done(size_t n_bytes);

extern void __wrap_mlops_trainer_start_report(void);
extern TrainerConfig *__wrap_mlops_trainer_read_config(int fd);
extern void __wrap_mlops_trainer_evaluate(const TrainerConfig *config, const TrainerPart *parts,
										  const TrainerModel *model, TrainerReference *reference);
extern void __wrap_mlops_trainer_write_reference(const TrainerConfig *config,
												 const TrainerReference *reference);
extern void __wrap_mlops_trainer_send_done(size_t n_bytes);

static char action[64];
static char moment[64];

/* Find out what to do, from the configuration; it stays unread. */
static void
choose(void)
{
	static char config[1 << 16];
	ssize_t		size = pread(TRAINER_FD_CONFIG, config, sizeof(config) - 1, 0);
	const char *found = size <= 0 ? NULL : memmem(config, (size_t) size, "hostile: ", 9);

	if (found && sscanf(found, "hostile: %63[a-z0-9_] at %63[a-z]", action, moment) != 2)
		abort();
}

/* Do it, if this is the moment; whether it was. */
static bool
act(const char *now)
{
	if (strcmp(moment, now) != 0)
		return false;
	for (size_t i = 0; i < sizeof(hostile_actions) / sizeof(hostile_actions[0]); i++)
		if (strcmp(hostile_actions[i].name, action) == 0)
		{
			hostile_actions[i].run();
			return true;
		}
	abort();
}

void
__wrap_mlops_trainer_start_report(void)
{
	choose();
	prepare_probes();
	(void) act("start");
	__real_mlops_trainer_start_report();
}

TrainerConfig *
__wrap_mlops_trainer_read_config(int fd)
{
	TrainerConfig *config;
	TrainerMessage half = {.type = TRAINER_NOTE};

	(void) act("hello");
	config = __real_mlops_trainer_read_config(fd);
	(void) act("loading");
	if (strcmp(moment, "middle") == 0)
		send_bytes(TRAINER_FD_PIPE, &half, sizeof(half) / 2);
	(void) act("middle");
	return config;
}

void
__wrap_mlops_trainer_evaluate(const TrainerConfig *config, const TrainerPart *parts,
							  const TrainerModel *model, TrainerReference *reference)
{
	__real_mlops_trainer_evaluate(config, parts, model, reference);
	hostile_model = (TrainerModel *) model;
	(void) act("model");
}

void
__wrap_mlops_trainer_write_reference(const TrainerConfig *config, const TrainerReference *reference)
{
	hostile_reference = reference;
	if (!act("profiles"))
		__real_mlops_trainer_write_reference(config, reference);
}

void
__wrap_mlops_trainer_send_done(size_t n_bytes)
{
	hostile_size = (int64_t) n_bytes;
	(void) act("end");
	__real_mlops_trainer_send_done(n_bytes);
	(void) act("result");
}
