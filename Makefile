# mlops: two builds in one Makefile.
#   mlops.so       the extension; never links libxgboost
#   mlops_trainer  the helper executable; links libxgboost, includes nothing of the server
# Folders of src/ stand in the order of the data flow; see src/README.md.

EXTENSION = mlops
EXTVERSION = $(shell sed -n "s/^default_version = '\(.*\)'/\1/p" mlops.control)
MODULE_big = mlops

LAYERS = compat base feature forest registry serve drift job trigger report
SOURCES = src/mlops.c $(foreach layer,$(LAYERS),$(sort $(wildcard src/$(layer)/*.c)))
OBJS = $(SOURCES:.c=.o)
HEADERS_ALL = $(wildcard src/*/*.h)

DATA_built = sql/mlops--$(EXTVERSION).sql
DATA = $(sort $(wildcard sql/frozen/*.sql sql/upgrade/*.sql))
EXTRA_CLEAN = mlops_trainer $(TRAINER_OBJS) sql/mlops--*.sql

WARNINGS = -Wall -Wextra -Werror -Wno-unused-parameter -Wno-sign-compare \
	-Wshadow -Wvla -Wimplicit-fallthrough -Wmissing-prototypes
PG_CPPFLAGS = -I$(srcdir)/src
PG_CFLAGS = -std=gnu11 $(WARNINGS) -ffp-contract=off
SHLIB_LINK = -lcrypto -lm -Wl,--version-script=$(srcdir)/src/mlops.map

PG_CONFIG ?= pg_config
PGXS := $(shell $(PG_CONFIG) --pgxs)
include $(PGXS)

# The pure C parts that the trainer shares with the library.
TRAINER_SHARED = $(sort $(wildcard src/forest/*.c)) src/registry/metric.c
TRAINER_SHARED += $(sort $(wildcard src/registry/metric_*.c))
TRAINER_SOURCES = $(sort $(wildcard src/trainer/*.c)) $(TRAINER_SHARED)
TRAINER_OBJS = $(patsubst src/%.c,build/trainer/%.o,$(TRAINER_SOURCES))

all: mlops_trainer

$(OBJS): $(HEADERS_ALL)

build/trainer/%.o: src/%.c $(HEADERS_ALL)
	@mkdir -p $(@D)
	$(CC) -std=gnu11 -O2 -g $(WARNINGS) -ffp-contract=off -fstack-protector-strong -fPIE -Isrc -c -o $@ $<

mlops_trainer: $(TRAINER_OBJS)
	$(CC) -pie -o $@ $^ -lxgboost -lcrypto -lm

sql/mlops--$(EXTVERSION).sql: $(sort $(wildcard sql/parts/*.sql))
	cat $^ > $@

install: install-trainer
install-trainer: mlops_trainer
	$(MKDIR_P) '$(DESTDIR)$(pkglibdir)'
	$(INSTALL_PROGRAM) mlops_trainer '$(DESTDIR)$(pkglibdir)/mlops_trainer'

uninstall: uninstall-trainer
uninstall-trainer:
	rm -f '$(DESTDIR)$(pkglibdir)/mlops_trainer'

include test/test.mk

.PHONY: all install-trainer uninstall-trainer
