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

# The pure C parts that the trainer shares with the library.
PROFILE_SOURCES = $(wildcard $(patsubst %,src/drift/profile%.c,_build _count _block _text _parse _set _set_text)) src/drift/profile.c
MEASURE_SOURCES = $(patsubst %,src/drift/%.c,special contingency measure judge)
TRAINER_SOURCES = $(wildcard src/trainer/*.c src/forest/*.c src/registry/metric*.c) $(PROFILE_SOURCES) \
	src/drift/reference_set.c
TRAINER_OBJS = $(patsubst src/%.c,build/trainer/%.o,$(sort $(TRAINER_SOURCES)))

# The pure C parts of realized performance.
PERFORMANCE_SOURCES = $(patsubst %,src/drift/%.c,exact_sum performance performance_image performance_pack performance_metric)

PG_CONFIG = pg_config
PGXS := $(shell $(PG_CONFIG) --pgxs 2>/dev/null)

# Without PostgreSQL's build files only "make setup" and what calls it can run.
ifneq ($(wildcard $(PGXS)),)
include $(PGXS)

all: mlops_trainer

$(OBJS): $(ALL_HEADERS) Makefile

build/trainer/%.o: src/%.c $(ALL_HEADERS) Makefile
	@mkdir -p $(@D)
	$(CC) -std=gnu11 -O2 -g $(WARNINGS) -ffp-contract=off -fstack-protector-strong -fPIE -Isrc -c -o $@ $<

mlops_trainer: $(TRAINER_OBJS)
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
