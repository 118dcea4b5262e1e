# Our scores against libxgboost's, bit for bit; "build/identity 10 10000 7" for more.
build/identity: test/interop/identity.c build/pure.a test/interop/identity_config.h test/interop/random_models.h test/random.h
	$(CC) $(PURE_FLAGS) -O2 -o $@ $< build/pure.a -lxgboost -lm

identity: build/identity
	OMP_NUM_THREADS=1 OMP_WAIT_POLICY=passive build/identity

.PHONY: identity
