# The trainer, driven through its descriptors, and its sandbox.
build/trainer_sandbox: test/unit/trainer_sandbox.c test/unit/sandbox_probes.h src/trainer/trainer_sandbox.c src/trainer/trainer_sandbox.h
	@mkdir -p $(@D)
	$(CC) -std=gnu11 -O1 -g $(WARNINGS) -Isrc -Itest/unit -o $@ $(filter %.c,$^) -lpthread

trainer-check: mlops_trainer build/trainer_sandbox
	build/trainer_sandbox
	/usr/bin/python3 test/unit/trainer_test.py

.PHONY: trainer-check
