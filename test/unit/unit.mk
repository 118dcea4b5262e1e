# Unit tests: plain programs over the pure C parts, under ASan and UBSan.
# A test that needs more sources names them in UNIT_SOURCES_<name>.
UNIT_TESTS = $(patsubst test/unit/%.c,build/unit/%,$(wildcard test/unit/*_test.c))
UNIT_PURE = $(sort $(wildcard src/forest/*.c)) $(sort $(wildcard src/registry/metric*.c))
UNIT_SOURCES_latency_test = src/serve/latency.c
UNIT_SOURCES_profile_test = $(PROFILE_SOURCES)
UNIT_SOURCES_reference_test = $(PROFILE_SOURCES) src/drift/reference_set.c
UNIT_SOURCES_special_test = src/drift/special.c
UNIT_SOURCES_measure_test = $(PROFILE_SOURCES) $(MEASURE_SOURCES)
UNIT_SOURCES_performance_test = $(PERFORMANCE_SOURCES)
UNIT_FLAGS = -std=gnu11 -O1 -g $(WARNINGS) -ffp-contract=off -fno-omit-frame-pointer \
	-fsanitize=address,undefined,float-cast-overflow -fno-sanitize-recover=all -Isrc -Itest/unit

.SECONDEXPANSION:
build/unit/%: test/unit/%.c $(wildcard test/unit/*.h) test/random.h $(ALL_HEADERS) $(UNIT_PURE) $$(UNIT_SOURCES_$$*)
	@mkdir -p $(@D)
	$(CC) $(UNIT_FLAGS) -o $@ $< $(UNIT_PURE) $(UNIT_SOURCES_$*) -lcrypto -lm

unit: $(UNIT_TESTS)
	@status=0; for test in $^; do $$test || status=1; done; exit $$status

.PHONY: unit
