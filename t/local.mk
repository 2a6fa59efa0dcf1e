# Tests: `make check` runs everything under t/ with prove; one TAP file or program each.
EXTRA_DIST += t/unit/tap.h
