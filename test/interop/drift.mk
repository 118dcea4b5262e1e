# Our measures of drift against SciPy's.
DRIFT_PURE = src/drift/special.c src/drift/contingency.c src/drift/measure.c src/drift/judge.c \
	$(filter-out src/drift/profile_value.c src/drift/profile_row.c,$(wildcard src/drift/profile*.c))
