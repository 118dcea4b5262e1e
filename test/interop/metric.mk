# Our metrics against scikit-learn's.
build/metric_cli: test/interop/metric_cli.c build/unit/pure.a
	$(CC) $(UNIT_FLAGS) -o $@ $^ -lm

metric-check: build/metric_cli
	/usr/bin/python3 test/interop/metric_sklearn.py

.PHONY: metric-check
