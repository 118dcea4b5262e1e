# Speed and memory, as ratios to a reference measured in the same run; see docs/performance.md.
bench-train: all
	/usr/bin/python3 test/bench/train.py $(ROWS)

bench-serve: all
	/usr/bin/python3 test/bench/serve.py $(ROWS)

bench-all: bench-serve bench-train

.PHONY: bench-train bench-serve bench-all
