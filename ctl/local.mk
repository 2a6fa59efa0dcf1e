# What ctl/ builds: the administrator's command.
bin_PROGRAMS += ctl/penstock
ctl_penstock_SOURCES = ctl/ctl.h ctl/ctl_main.c ctl/ctl_output.c \
	ctl/ctl_check.c ctl/ctl_check.h ctl/ctl_config.c ctl/ctl_config.h \
	ctl/ctl_daemon.c ctl/ctl_daemon.h ctl/ctl_log.c ctl/ctl_log.h \
	ctl/ctl_log_query.c ctl/ctl_log_query.h ctl/ctl_log_line.c ctl/ctl_log_line.h \
	ctl/ctl_log_scan.c ctl/ctl_log_scan.h \
	ctl/ctl_quarantine.c ctl/ctl_quarantine.h ctl/ctl_rate.c ctl/ctl_rate.h hsl/hsl_show.c hsl/hsl_show.h \
	milter/mlt_env.c milter/mlt_env.h milter/mlt_limits.c milter/mlt_limits.h
ctl_penstock_LDADD = policyd/libpol.a hsl/libhsl.a lib/libut.a $(HSL_LIBS) $(UT_LIBS)

# The language on its own.
bin_PROGRAMS += hsl/hsl
hsl_hsl_SOURCES = hsl/hsl_main.c hsl/hsl_repl.c hsl/hsl_repl.h hsl/hsl_show.c hsl/hsl_show.h
hsl_hsl_CFLAGS = $(AM_CFLAGS) $(EDIT_CFLAGS)
hsl_hsl_LDADD = hsl/libhsl.a lib/libut.a $(HSL_LIBS) $(EDIT_LIBS) $(UT_LIBS)

EXTRA_DIST += t/ctl t/hsl.t t/man.t
