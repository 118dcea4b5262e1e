# Speed and memory, as ratios to a reference measured in the same run; see docs/performance.md.
build/kernel: test/bench/kernel.c build/pure.a test/random.h
	$(CC) $(PURE_FLAGS) -O2 -o $@ $< build/pure.a -lxgboost -lm

bench-kernel: build/kernel
	OMP_NUM_THREADS=1 build/kernel

bench-serve: all
	/usr/bin/python3 test/bench/serve.py $(ROWS)

bench-cache: all
	/usr/bin/python3 test/bench/cache.py $(TREES)

bench-train: all
	/usr/bin/python3 test/bench/train.py $(ROWS)

build/drift_bench: test/interop/drift_cli.c build/pure.a
	$(CC) $(PURE_FLAGS) -O2 -o $@ $^ -lm

bench-drift: build/drift_bench
	/usr/bin/python3 test/bench/drift.py $(WINDOWS)

bench-log: all
	/usr/bin/python3 test/bench/prediction_log.py

bench-promote: all
	/usr/bin/python3 test/bench/promote.py

bench-profile: all
	/usr/bin/python3 test/bench/profile.py $(ROWS)

bench-monitor: all
	/usr/bin/python3 test/bench/monitor.py $(ROWS)

bench-all: bench-kernel bench-serve bench-cache bench-train bench-log bench-profile bench-drift bench-promote bench-monitor

.PHONY: bench-all bench-kernel bench-serve bench-cache bench-train bench-log bench-profile bench-drift bench-promote bench-monitor
