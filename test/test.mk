# Tests, demo and benchmarks; each works on a throwaway copy of the installation.

setup:
	test/setup.sh

demo:
	test/setup.sh demo
	test/run.sh demo

test: setup
	test/run.sh lint unit fuzz interop sql isolation tap

# One layer, on a machine that is set up.
lint-check unit-check fuzz-check interop-check sql-check isolation-check tap-check:
	test/run.sh $(@:-check=)

lint: setup
	test/run.sh lint

# The kernels are compared with each library version, the others in their folders.
bench: setup
	test/run.sh bench
	@for suite in $(PLATFORMS); do \
		if [ "$$(id -u)" -eq 0 ]; then echo "== bench-kernel on $$suite"; BENCH=bench-kernel test/platform.sh $$suite bench; \
		else echo "== bench-kernel on $$suite: left out, a folder of another release needs root"; fi; \
	done

# Other releases of Debian, with their PostgreSQL and XGBoost, and models that all of
# them predict with; needs root.  One of them alone: "make platform-trixie".
PLATFORMS = trixie sid
PLATFORM_LAYERS = identity sql isolation tap
platforms: setup
	test/platforms.sh "$(PLATFORMS)" $(PLATFORM_LAYERS)
platform-%:
	test/platform.sh $* lint unit fuzz interop sql isolation tap

# The server from its source, with assertions or with sanitizers.
cassert: setup
	test/server.sh cassert sql discard isolation tap
sanitize: setup
	test/server.sh sanitize sql isolation tap

# pg_upgrade through the same releases; needs root and their folders.
upgrade-check:
	test/upgrade.sh $(PLATFORMS)

indent: all
	test/lint/indent.sh

.PHONY: setup demo test lint bench platforms upgrade-check cassert sanitize indent lint-check unit-check fuzz-check interop-check sql-check isolation-check tap-check

-include $(wildcard test/*/*.mk)
