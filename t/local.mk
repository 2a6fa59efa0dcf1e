# Tests: `make check` runs everything under t/ with prove: the programs t/unit/* and the scripts
# t/*.t and t/*/*.t. `make check T='t/unit/ut_sbuf t/hsl.t'` runs only those.
EXTRA_DIST += t/unit/tap.h t/lib t/hsl t/session t/postfix t/coding.t t/hsl.t t/hsl-interactive.t t/install.t t/outrun.t t/library.t t/man.t t/man-examples.t t/syntax.t \
	t/net t/operators.t t/ports.t t/service.t t/session.t t/spec.t

T = $(filter t/unit/%,$(check_PROGRAMS)) $(T_FILES)
T_FILES = $(patsubst $(srcdir)/%,%,$(wildcard $(srcdir)/t/*.t $(srcdir)/t/*/*.t))
T_JOBS = 4

check-local:
	cd $(srcdir) && PENSTOCK_BUILDDIR=$(abs_top_builddir) PENSTOCK_SRCDIR=$(abs_top_srcdir) \
	PERL5LIB=$(abs_top_srcdir)/t/lib PERL_HASH_SEED=0 \
	$(PROVE) -j$(T_JOBS) --timer $(patsubst t/unit/%,$(abs_top_builddir)/t/unit/%,$(T))

# The functions of hsl-library(7), for t/man-examples.t and others.
check_PROGRAMS += t/hsl_manual
t_hsl_manual_SOURCES = t/hsl_manual.c
t_hsl_manual_LDADD = hsl/libhsl.a lib/libut.a $(HSL_LIBS) $(UT_LIBS)

# Many runs of a flow script at once, for t/net/*.t by way of t/lib/Flow.pm.
check_PROGRAMS += t/net/many
t_net_many_SOURCES = t/net/many.c
t_net_many_LDADD = hsl/libhsl.a lib/libut.a $(HSL_LIBS) $(UT_LIBS)

# Fuzz targets: with --enable-fuzzing fuzzers with libFuzzer's main(), else programs that run the
# inputs they are given; t/fuzz.t does that. contrib/fuzz reads their names from here.
if FUZZING
fuzz_main =
fuzz_flags = $(AM_LDFLAGS) -fsanitize=fuzzer
else
fuzz_main = t/fuzz/replay.c
fuzz_flags = $(AM_LDFLAGS)
endif
fuzz_common = t/fuzz/fuzz.c t/fuzz/fuzz.h $(fuzz_main)
fuzz_targets = t/fuzz/attr t/fuzz/conf t/fuzz/csv t/fuzz/dns t/fuzz/header t/fuzz/hsl_data t/fuzz/hsl_differential \
	t/fuzz/hsl_generated t/fuzz/hsl_source t/fuzz/json t/fuzz/log_line t/fuzz/mlt_edit t/fuzz/mlt_reply t/fuzz/pack \
	t/fuzz/qtn_file t/fuzz/spf
check_PROGRAMS += $(fuzz_targets)
t_fuzz_attr_SOURCES = t/fuzz/attr.c $(fuzz_common)
t_fuzz_attr_LDADD = lib/libut.a $(UT_LIBS)
t_fuzz_attr_LDFLAGS = $(fuzz_flags)
t_fuzz_conf_SOURCES = t/fuzz/conf.c $(fuzz_common)
t_fuzz_conf_LDADD = lib/libut.a $(UT_LIBS)
t_fuzz_conf_LDFLAGS = $(fuzz_flags)
t_fuzz_dns_SOURCES = t/fuzz/dns.c $(fuzz_common)
t_fuzz_dns_LDADD = hsl/libhsl.a lib/libut.a $(HSL_LIBS) $(UT_LIBS)
t_fuzz_dns_LDFLAGS = $(fuzz_flags)
t_fuzz_spf_SOURCES = t/fuzz/spf.c $(fuzz_common)
t_fuzz_spf_LDADD = hsl/libhsl.a lib/libut.a $(HSL_LIBS) $(UT_LIBS)
t_fuzz_spf_LDFLAGS = $(fuzz_flags) -Wl,--wrap=hsl_dns_ask
# One script for all inputs.
fuzz_script = t/fuzz/fuzz_hsl.c t/fuzz/fuzz_hsl.h t/fuzz/fuzz_mail.c t/fuzz/fuzz_mail.h $(fuzz_common)
t_fuzz_csv_SOURCES = t/fuzz/csv.c $(fuzz_script)
t_fuzz_csv_LDADD = $(MLT_LDADD)
t_fuzz_csv_LDFLAGS = $(fuzz_flags)
t_fuzz_header_SOURCES = t/fuzz/header.c $(fuzz_script)
t_fuzz_header_LDADD = $(MLT_LDADD)
t_fuzz_header_LDFLAGS = $(fuzz_flags)
t_fuzz_json_SOURCES = t/fuzz/json.c $(fuzz_script)
t_fuzz_json_LDADD = $(MLT_LDADD)
t_fuzz_json_LDFLAGS = $(fuzz_flags)
t_fuzz_pack_SOURCES = t/fuzz/pack.c $(fuzz_script)
t_fuzz_pack_LDADD = $(MLT_LDADD)
t_fuzz_pack_LDFLAGS = $(fuzz_flags)
t_fuzz_hsl_data_SOURCES = t/fuzz/hsl_data.c $(fuzz_script)
t_fuzz_hsl_data_LDADD = $(MLT_LDADD)
t_fuzz_hsl_data_LDFLAGS = $(fuzz_flags)
t_fuzz_hsl_differential_SOURCES = t/fuzz/hsl_differential.c t/fuzz/fuzz_differ.c t/fuzz/fuzz_differ.h \
	t/fuzz/fuzz_hsl.c t/fuzz/fuzz_hsl.h t/fuzz/fuzz_mail.c t/fuzz/fuzz_mail.h $(fuzz_common)
t_fuzz_hsl_differential_LDADD = $(MLT_LDADD)
t_fuzz_hsl_differential_LDFLAGS = $(fuzz_flags)
t_fuzz_hsl_generated_SOURCES = t/fuzz/hsl_generated.c t/fuzz/fuzz_differ.c t/fuzz/fuzz_differ.h \
	t/fuzz/fuzz_hsl.c t/fuzz/fuzz_hsl.h t/fuzz/fuzz_mail.c t/fuzz/fuzz_mail.h $(fuzz_common)
t_fuzz_hsl_generated_LDADD = $(MLT_LDADD)
t_fuzz_hsl_generated_LDFLAGS = $(fuzz_flags)
t_fuzz_hsl_source_SOURCES = t/fuzz/hsl_source.c t/fuzz/fuzz_hsl.c t/fuzz/fuzz_hsl.h t/fuzz/fuzz_mail.c \
	t/fuzz/fuzz_mail.h $(fuzz_common)
t_fuzz_hsl_source_LDADD = $(MLT_LDADD)
t_fuzz_hsl_source_LDFLAGS = $(fuzz_flags)
t_fuzz_log_line_SOURCES = t/fuzz/log_line.c ctl/ctl_log_line.c ctl/ctl_log_line.h $(fuzz_common)
t_fuzz_log_line_LDADD = lib/libut.a $(UT_LIBS)
t_fuzz_log_line_LDFLAGS = $(fuzz_flags)
t_fuzz_mlt_edit_SOURCES = t/fuzz/mlt_edit.c t/fuzz/fuzz_mail.c t/fuzz/fuzz_mail.h $(fuzz_common)
t_fuzz_mlt_edit_LDADD = $(MLT_LDADD)
t_fuzz_mlt_edit_LDFLAGS = $(fuzz_flags)
t_fuzz_mlt_reply_SOURCES = t/fuzz/mlt_reply.c t/fuzz/fuzz_mail.c t/fuzz/fuzz_mail.h $(fuzz_common)
t_fuzz_mlt_reply_LDADD = $(MLT_LDADD)
t_fuzz_mlt_reply_LDFLAGS = $(fuzz_flags)
t_fuzz_qtn_file_SOURCES = t/fuzz/qtn_file.c $(fuzz_common)
t_fuzz_qtn_file_LDADD = $(QTN_TEST_LDADD)
t_fuzz_qtn_file_LDFLAGS = $(fuzz_flags)
EXTRA_DIST += t/fuzz.t t/fuzz/seeds t/fuzz/regression

# For contrib/fuzz, which needs nothing else.
fuzz-targets: $(fuzz_targets)
.PHONY: fuzz-targets
