# Our scores against libxgboost's, bit for bit; "build/identity 10 10000 7" for more.
build/identity: test/interop/identity.c test/interop/identity_config.h test/interop/random_models.h test/random.h $(wildcard src/forest/*.[ch])
	@mkdir -p $(@D)
	$(CC) -std=gnu11 -O2 -g $(WARNINGS) -ffp-contract=off -Isrc -o $@ $< $(wildcard src/forest/*.c) -lxgboost -lm

identity: build/identity
	OMP_NUM_THREADS=1 OMP_WAIT_POLICY=passive build/identity

.PHONY: identity
