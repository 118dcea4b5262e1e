# Our measures of drift against SciPy's.
build/drift_cli: test/interop/drift_cli.c $(wildcard src/drift/*.h) $(PROFILE_SOURCES) $(MEASURE_SOURCES)
	@mkdir -p $(@D)
	$(CC) -std=gnu11 -O1 -g $(WARNINGS) -fsanitize=address,undefined -fno-sanitize-recover=all -ffp-contract=off -Isrc -o $@ $(filter %.c,$^) -lm

drift-check: build/drift_cli
	/usr/bin/python3 test/interop/drift_scipy_test.py

.PHONY: drift-check
