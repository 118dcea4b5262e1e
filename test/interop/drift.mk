# Our measures of drift against SciPy's.
build/drift_cli: test/interop/drift_cli.c build/unit/pure.a
	$(CC) $(UNIT_FLAGS) -o $@ $^ -lm

drift-check: build/drift_cli
	/usr/bin/python3 test/interop/drift_scipy_test.py

.PHONY: drift-check
