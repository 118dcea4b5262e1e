# Our contributions, interactions and importances against libxgboost's;
# "build/explain 10 1000 7" for more.
build/explain: test/interop/explain.c build/pure.a test/interop/identity_config.h test/interop/random_models.h test/random.h
	$(CC) $(PURE_FLAGS) -O2 -o $@ $< build/pure.a -lxgboost -lm

explain: build/explain
	OMP_NUM_THREADS=1 OMP_WAIT_POLICY=passive build/explain

bench-explain: build/explain
	OMP_NUM_THREADS=1 OMP_WAIT_POLICY=passive build/explain time

interop: explain
bench-all: bench-explain

.PHONY: explain bench-explain
