# Fuzzers of what reads untrusted bytes; libFuzzer of clang.
#   make fuzz-smoke            a fixed number of runs from a fixed seed
#   make fuzz FUZZ_SECONDS=600 as long as you like; findings stay in build/fuzz
FUZZ_SECONDS ?= 60
FUZZ_RUNS ?= 300000
FUZZERS = $(patsubst test/fuzz/%.c,%,$(wildcard test/fuzz/fuzz_*.c))
FUZZ_CC ?= clang
FUZZ_FLAGS = -std=gnu11 -O1 -g -ffp-contract=off -fno-omit-frame-pointer -Isrc -Itest/unit \
	-fsanitize=address,undefined -fno-sanitize-recover=all

build/fuzz/%: test/fuzz/%.c test/fuzz/fuzz_score.h $(wildcard src/forest/*.[ch])
	@mkdir -p $(@D)
	$(FUZZ_CC) $(FUZZ_FLAGS) -fsanitize=fuzzer -o $@ $< $(wildcard src/forest/*.c) -lm

build/fuzz/fuzz_profile: test/fuzz/fuzz_profile.c test/unit/profile_exercise.h $(PROFILE_SOURCES) $(wildcard src/drift/profile*.h)
	@mkdir -p $(@D)
	$(FUZZ_CC) $(FUZZ_FLAGS) -fsanitize=fuzzer -o $@ $< $(PROFILE_SOURCES) -lm

build/fuzz/make_profile_seeds: test/fuzz/make_profile_seeds.c test/unit/profile_exercise.h $(PROFILE_SOURCES) $(wildcard src/drift/profile*.h)
	@mkdir -p $(@D)
	$(CC) $(FUZZ_FLAGS) -o $@ $< $(PROFILE_SOURCES) -lm

build/fuzz/make_seeds: test/fuzz/make_seeds.c test/unit/forest_documents.h $(wildcard src/forest/*.[ch])
	@mkdir -p $(@D)
	$(CC) $(FUZZ_FLAGS) -o $@ $< $(wildcard src/forest/*.c) -lm

build/fuzz/seeds: build/fuzz/make_seeds build/fuzz/make_profile_seeds
	mkdir -p $@/model $@/image $@/profile
	build/fuzz/make_seeds $@
	build/fuzz/make_profile_seeds $@/profile

# A run writes new inputs to the first folder only.
fuzz-smoke: $(addprefix build/fuzz/,$(FUZZERS)) build/fuzz/seeds
	@passed=0; failed=0; for fuzzer in $(FUZZERS); do \
		corpus=build/fuzz/corpus_$$fuzzer; rm -rf $$corpus; mkdir -p $$corpus; \
		if build/fuzz/$$fuzzer -seed=1 -runs=$(FUZZ_RUNS) -timeout=2 -rss_limit_mb=512 \
			-artifact_prefix=build/fuzz/ $$corpus $$(ls -d build/fuzz/seeds/$${fuzzer#fuzz_} 2> /dev/null) > build/fuzz/$$fuzzer.log 2>&1; \
		then passed=$$((passed + 1)); else failed=$$((failed + 1)); tail -n 40 build/fuzz/$$fuzzer.log; fi; \
		tail -n 1 build/fuzz/$$fuzzer.log; \
	done; echo "fuzz: $$passed passed, $$failed failed"; test $$failed -eq 0

fuzz: $(addprefix build/fuzz/,$(FUZZERS)) build/fuzz/seeds
	for fuzzer in $(FUZZERS); do \
		mkdir -p build/fuzz/corpus_$$fuzzer; \
		build/fuzz/$$fuzzer -max_total_time=$(FUZZ_SECONDS) -timeout=2 -rss_limit_mb=512 \
			-artifact_prefix=build/fuzz/ build/fuzz/corpus_$$fuzzer build/fuzz/seeds/$${fuzzer#fuzz_} || exit 1; \
	done

# Performance states.
PERFORMANCE_FUZZED = $(PERFORMANCE_SOURCES) $(wildcard src/registry/metric*.c)
build/fuzz/fuzz_performance: test/fuzz/fuzz_performance.c $(PERFORMANCE_FUZZED) $(ALL_HEADERS)
	@mkdir -p $(@D)
	$(FUZZ_CC) $(FUZZ_FLAGS) -fsanitize=fuzzer -o $@ $< $(PERFORMANCE_FUZZED) -lm

build/fuzz/make_performance_seeds: test/fuzz/make_performance_seeds.c $(PERFORMANCE_FUZZED) $(ALL_HEADERS)
	@mkdir -p $(@D)
	$(CC) $(FUZZ_FLAGS) -o $@ $< $(PERFORMANCE_FUZZED) -lm

build/fuzz/seeds/performance: build/fuzz/make_performance_seeds
	mkdir -p $@
	$< $@

fuzz fuzz-smoke: build/fuzz/seeds/performance

.PHONY: fuzz fuzz-smoke
