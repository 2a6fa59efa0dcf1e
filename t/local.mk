# Tests: `make check` runs everything under t/ with prove: the programs t/unit/* and the scripts
# t/*.t and t/*/*.t. `make check T='t/unit/ut_sbuf t/hsl.t'` runs only those.
EXTRA_DIST += t/unit/tap.h t/lib t/hsl t/session t/postfix t/coding.t t/hsl.t t/man.t t/session.t

T = $(filter t/unit/%,$(check_PROGRAMS)) $(T_FILES)
T_FILES = $(patsubst $(srcdir)/%,%,$(wildcard $(srcdir)/t/*.t $(srcdir)/t/*/*.t))
T_JOBS = 2

check-local:
	cd $(srcdir) && PENSTOCK_BUILDDIR=$(abs_top_builddir) PENSTOCK_SRCDIR=$(abs_top_srcdir) \
	PERL5LIB=$(abs_top_srcdir)/t/lib PERL_HASH_SEED=0 \
	$(PROVE) -j$(T_JOBS) --timer $(patsubst t/unit/%,$(abs_top_builddir)/t/unit/%,$(T))
