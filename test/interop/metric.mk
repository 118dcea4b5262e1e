# Our metrics against scikit-learn's.
build/metric_cli: test/interop/metric_cli.c $(wildcard src/registry/metric*.[ch])
	@mkdir -p $(@D)
	$(CC) -std=gnu11 -O1 -g $(WARNINGS) -fsanitize=address,undefined -fno-sanitize-recover=all -ffp-contract=off -Isrc -o $@ $(filter %.c,$^) -lm

metric-check: build/metric_cli
	/usr/bin/python3 test/interop/metric_sklearn.py

.PHONY: metric-check
