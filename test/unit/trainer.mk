# The trainer, driven through its descriptors, and its sandbox.
build/trainer_sandbox: test/unit/trainer_sandbox.c test/unit/sandbox_probes.h src/trainer/trainer_sandbox.c src/trainer/trainer_sandbox.h
	@mkdir -p $(@D)
	$(CC) -std=gnu11 -O1 -g $(WARNINGS) -Isrc -Itest/unit -o $@ $(filter %.c,$^) -lpthread

# The trainer, misbehaving on demand: some of its functions are wrapped.
HOSTILE_WRAPS = start_report read_config evaluate write_reference send_done

build/hostile_trainer: test/unit/hostile_trainer.c test/unit/hostile_actions.h test/unit/sandbox_probes.h mlops_trainer
	@mkdir -p $(@D)
	$(CC) $(PURE_FLAGS) -Itest/unit -O1 -o $@ $< \
		$(patsubst src/%.c,build/pure/%.o,$(sort $(wildcard src/trainer/*.c))) build/pure.a \
		$(HOSTILE_WRAPS:%=-Wl,--wrap=mlops_trainer_%) -lxgboost -lcrypto -lm -lpthread

trainer-check: mlops_trainer build/trainer_sandbox
	build/trainer_sandbox
	/usr/bin/python3 test/unit/trainer_test.py

.PHONY: trainer-check
