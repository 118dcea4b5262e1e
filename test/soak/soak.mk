# Everything at once for a chosen time, in the private installation that run.sh makes.
#   make soak SOAK_MINUTES=60 SOAK_SEED=7 SOAK_LOG=/tmp/server.log
SOAK_MINUTES ?= 60
export SOAK_MINUTES SOAK_SEED SOAK_LOG

soak: setup
	test/run.sh soak

soak-run:
	/usr/bin/python3 test/soak/soak.py $(SOAK_MINUTES) $(SOAK_SEED)

.PHONY: soak soak-run
