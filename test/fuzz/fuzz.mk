# Fuzzers of what reads untrusted bytes; libFuzzer of clang.
#   make fuzz-smoke            a fixed number of runs from a fixed seed
#   make fuzz FUZZ_SECONDS=600 as long as you like; findings stay in build/fuzz
#   make fuzz-keep             add what "make fuzz" found to the corpus, if it reaches further
FUZZ_SECONDS ?= 60
FUZZ_RUNS ?= 30000
FUZZERS = $(patsubst test/fuzz/%.c,%,$(wildcard test/fuzz/fuzz_*.c))
FUZZ_CC ?= clang
FUZZ_FLAGS = -std=gnu11 -O1 -g -ffp-contract=off -fno-omit-frame-pointer -Isrc -Itest/unit \
	-fsanitize=address,undefined -fno-sanitize-recover=all
FUZZ_LIMITS = -timeout=25 -rss_limit_mb=1024 -artifact_prefix=build/fuzz/

# Those of sources that want a server get the little of it that they reach; the rest is
# left out by the linker, which must not ask for it.
SERVER_FUZZERS = $(patsubst test/fuzz/%.c,%,$(shell grep -l '"server.h"' $(wildcard test/fuzz/fuzz_*.c)))
FUZZ_SERVER_FLAGS = -D_GNU_SOURCE -Wno-ignored-attributes -I$(shell $(PG_CONFIG) --includedir-server)
FUZZ_SERVER_LIBS = -no-pie -Wl,--unresolved-symbols=ignore-all \
	$(foreach name,common port,$(shell $(PG_CONFIG) --pkglibdir)/libpg$(name).a)
$(SERVER_FUZZERS:%=build/fuzz/%): private FUZZ_FLAGS += $(FUZZ_SERVER_FLAGS)
$(SERVER_FUZZERS:%=build/fuzz/%): private FUZZ_LIBS = test/fuzz/server.c $(FUZZ_SERVER_LIBS)

build/fuzz/pure/%.o: src/%.c $(ALL_HEADERS)
	@mkdir -p $(@D)
	$(FUZZ_CC) $(FUZZ_FLAGS) -fsanitize=fuzzer-no-link -c -o $@ $<

build/fuzz/pure.a: $(PURE_SOURCES:src/%.c=build/fuzz/pure/%.o)
	rm -f $@
	$(AR) rcs $@ $^

build/fuzz/fuzz_%: test/fuzz/fuzz_%.c build/fuzz/pure.a test/fuzz/server.c $(wildcard test/fuzz/*.h test/unit/*.h src/*/*.c)
	$(FUZZ_CC) $(FUZZ_FLAGS) -fsanitize=fuzzer -o $@ $< build/fuzz/pure.a $(FUZZ_LIBS) -lcrypto -lm

build/fuzz/make_%: test/fuzz/make_%.c build/unit/pure.a $(wildcard test/unit/*.h)
	@mkdir -p $(@D)
	$(CC) $(UNIT_FLAGS) -o $@ $< build/unit/pure.a -lcrypto -lm

# Seeds are made by programs, or kept in the corpus because they were found.
build/fuzz/seeds: build/fuzz/make_seeds build/fuzz/make_profile_seeds build/fuzz/make_performance_seeds \
	$(wildcard test/fuzz/corpus/*) test/fuzz/corpus.sh
	rm -rf $@
	mkdir -p $(FUZZERS:fuzz_%=$@/%)
	build/fuzz/make_seeds $@
	build/fuzz/make_profile_seeds $@/profile
	build/fuzz/make_performance_seeds $@/performance
	test/fuzz/corpus.sh unpack $@

# A run writes new inputs to the first folder only.
$(FUZZERS:%=smoke-%): smoke-%: build/fuzz/% build/fuzz/seeds
	@corpus=build/fuzz/smoke_$*; rm -rf $$corpus; mkdir -p $$corpus; \
	if build/fuzz/$* -seed=1 -runs=$(FUZZ_RUNS) $(FUZZ_LIMITS) $$corpus build/fuzz/seeds/$(*:fuzz_%=%) > build/fuzz/$*.log 2>&1; \
	then echo "$*: 1 passed, 0 failed"; \
	else tail -n 40 build/fuzz/$*.log; echo "$*: 0 passed, 1 failed"; exit 1; fi

fuzz-smoke: $(FUZZERS:%=smoke-%)

fuzz: $(addprefix build/fuzz/,$(FUZZERS)) build/fuzz/seeds
	for fuzzer in $(FUZZERS); do \
		mkdir -p build/fuzz/corpus_$$fuzzer; \
		build/fuzz/$$fuzzer -max_total_time=$(FUZZ_SECONDS) $(FUZZ_LIMITS) \
			build/fuzz/corpus_$$fuzzer build/fuzz/seeds/$${fuzzer#fuzz_} || exit 1; \
	done

fuzz-keep: $(addprefix build/fuzz/,$(FUZZERS)) build/fuzz/seeds
	for fuzzer in $(FUZZERS); do \
		mkdir -p build/fuzz/corpus_$$fuzzer; \
		build/fuzz/$$fuzzer -merge=1 -use_counters=0 build/fuzz/seeds/$${fuzzer#fuzz_} build/fuzz/corpus_$$fuzzer; \
	done
	test/fuzz/corpus.sh pack build/fuzz/seeds

.PHONY: fuzz fuzz-smoke fuzz-keep $(FUZZERS:%=smoke-%)
