# The performance aggregates against avg().
bench-performance: all
	/usr/bin/python3 test/bench/performance.py $(ROWS)

bench-all: bench-performance

.PHONY: bench-performance
