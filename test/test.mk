# Tests, demo and benchmarks; each works on a throwaway copy of the installation.

setup:
	test/setup.sh

demo:
	test/setup.sh demo
	test/run.sh demo

test: setup
	test/run.sh lint unit interop sql isolation tap

# One layer, on a machine that is set up.
lint-check unit-check interop-check sql-check isolation-check tap-check:
	test/run.sh $(@:-check=)

lint: setup
	test/run.sh lint

bench: setup
	test/run.sh bench

indent: all
	test/lint/indent.sh

.PHONY: setup demo test lint bench indent lint-check unit-check interop-check sql-check isolation-check tap-check

-include $(wildcard test/*/*.mk)
