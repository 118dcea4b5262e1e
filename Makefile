# mlops: two builds in one Makefile.
#   mlops.so       the extension; never links libxgboost
#   mlops_trainer  the helper executable; links libxgboost, includes nothing of the server
# The folders of src/ stand in the order of the data flow; see src/README.md.
# "make demo" and "make test" set up what they need; see test/test.mk.

EXTENSION = mlops
EXTVERSION = $(shell sed -n "s/^default_version = '\(.*\)'/\1/p" mlops.control)
MODULE_big = mlops

LAYERS = compat base feature forest registry serve drift job trigger report
SOURCES = src/mlops.c $(foreach layer,$(LAYERS),$(sort $(wildcard src/$(layer)/*.c)))
OBJS = $(SOURCES:.c=.o)
ALL_HEADERS = $(wildcard src/*/*.h)

SCRIPT = sql/mlops--$(EXTVERSION).sql
DATA_built = $(SCRIPT)
DATA = $(sort $(wildcard sql/frozen/*.sql sql/upgrade/*.sql))
EXTRA_CLEAN = build mlops_trainer sql/mlops--*.sql

# -ffp-contract=off: scores are bit-identical to XGBoost's
WARNINGS = -Wall -Wextra -Werror -Wno-unused-parameter -Wno-sign-compare \
	-Wshadow -Wvla -Wimplicit-fallthrough -Wmissing-prototypes
PG_CPPFLAGS = -Isrc
PG_CFLAGS = -std=gnu11 $(WARNINGS) -ffp-contract=off
SHLIB_LINK = -lcrypto -lm -Wl,--version-script=src/mlops.map

# Pure C: sources that include nothing of the server.  The trainer and the tests link
# what they need of them.
PURE_SOURCES = $(sort $(shell grep -L '"postgres.h"' $(filter-out src/trainer/%,$(wildcard src/*/*.c))))
PURE_FLAGS = -std=gnu11 -g $(WARNINGS) -ffp-contract=off -Isrc

PG_CONFIG = pg_config
PGXS := $(shell $(PG_CONFIG) --pgxs 2>/dev/null)

# Without PostgreSQL's build files only "make setup" and what calls it can run.
ifneq ($(wildcard $(PGXS)),)
include $(PGXS)

all: mlops_trainer

$(OBJS): $(ALL_HEADERS) Makefile

# The library knows its version; see src/base/version.c.
src/base/version.o src/base/version.bc: mlops.control
src/base/version.o src/base/version.bc: override CPPFLAGS += -DMLOPS_VERSION='"$(EXTVERSION)"'

build/pure/%.o: src/%.c $(ALL_HEADERS) Makefile
	@mkdir -p $(@D)
	$(CC) $(PURE_FLAGS) -O2 -fstack-protector-strong -fPIE -c -o $@ $<

build/pure.a: $(PURE_SOURCES:src/%.c=build/pure/%.o)
	rm -f $@
	$(AR) rcs $@ $^

mlops_trainer: $(patsubst src/%.c,build/pure/%.o,$(sort $(wildcard src/trainer/*.c))) build/pure.a
	$(CC) -pie -o $@ $^ -lxgboost -lcrypto -lm -lpthread

$(SCRIPT): $(sort $(wildcard sql/parts/*.sql))
	cat $^ > $@

install: install-trainer
install-trainer: mlops_trainer installdirs
	$(INSTALL_PROGRAM) mlops_trainer '$(DESTDIR)$(pkglibdir)/mlops_trainer'

uninstall: uninstall-trainer
uninstall-trainer:
	rm -f '$(DESTDIR)$(pkglibdir)/mlops_trainer'

.PHONY: install-trainer uninstall-trainer
endif

include test/test.mk
