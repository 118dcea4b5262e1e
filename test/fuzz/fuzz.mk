# Fuzzers of what reads untrusted bytes; libFuzzer of clang.
#   make fuzz-smoke            a fixed number of runs from a fixed seed
#   make fuzz FUZZ_SECONDS=600 as long as you like; findings stay in build/fuzz
FUZZ_SECONDS ?= 60
FUZZ_RUNS ?= 30000
FUZZERS = $(patsubst test/fuzz/%.c,%,$(wildcard test/fuzz/fuzz_*.c))
FUZZ_CC ?= clang
FUZZ_FLAGS = -std=gnu11 -O1 -g -ffp-contract=off -fno-omit-frame-pointer -Isrc -Itest/unit \
	-fsanitize=address,undefined -fno-sanitize-recover=all

build/fuzz/pure/%.o: src/%.c $(ALL_HEADERS)
	@mkdir -p $(@D)
	$(FUZZ_CC) $(FUZZ_FLAGS) -fsanitize=fuzzer-no-link -c -o $@ $<

build/fuzz/pure.a: $(PURE_SOURCES:src/%.c=build/fuzz/pure/%.o)
	rm -f $@
	$(AR) rcs $@ $^

build/fuzz/fuzz_%: test/fuzz/fuzz_%.c build/fuzz/pure.a test/fuzz/fuzz_score.h test/unit/profile_exercise.h
	$(FUZZ_CC) $(FUZZ_FLAGS) -fsanitize=fuzzer -o $@ $< build/fuzz/pure.a -lcrypto -lm

build/fuzz/make_%: test/fuzz/make_%.c build/unit/pure.a $(wildcard test/unit/*.h)
	@mkdir -p $(@D)
	$(CC) $(UNIT_FLAGS) -o $@ $< build/unit/pure.a -lcrypto -lm

build/fuzz/seeds: build/fuzz/make_seeds build/fuzz/make_profile_seeds build/fuzz/make_performance_seeds
	mkdir -p $@/model $@/image $@/profile $@/performance
	build/fuzz/make_seeds $@
	build/fuzz/make_profile_seeds $@/profile
	build/fuzz/make_performance_seeds $@/performance

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

.PHONY: fuzz fuzz-smoke
