# Unit tests: plain programs over the pure C parts, under ASan and UBSan.
UNIT_TESTS = $(patsubst test/unit/%.c,build/unit/%,$(wildcard test/unit/*_test.c))
UNIT_FLAGS = $(PURE_FLAGS) -O1 -fno-omit-frame-pointer -Itest/unit \
	-fsanitize=address,undefined,float-cast-overflow -fno-sanitize-recover=all

build/unit/pure/%.o: src/%.c $(ALL_HEADERS)
	@mkdir -p $(@D)
	$(CC) $(UNIT_FLAGS) -c -o $@ $<

build/unit/pure.a: $(PURE_SOURCES:src/%.c=build/unit/pure/%.o)
	rm -f $@
	$(AR) rcs $@ $^

build/unit/%: test/unit/%.c build/unit/pure.a $(wildcard test/unit/*.h) test/random.h
	$(CC) $(UNIT_FLAGS) -o $@ $< build/unit/pure.a -lcrypto -lm

unit: $(UNIT_TESTS)
	@status=0; for test in $(UNIT_TESTS); do $$test || status=1; done; exit $$status

.PHONY: unit
