# What milter/ builds: the session as a library (nothing of libmilter in it), and the daemon.
noinst_LIBRARIES += milter/libmlt.a
milter_libmlt_a_SOURCES = \
	milter/mlt_addr.c milter/mlt_addr.h \
	milter/mlt_apply.c milter/mlt_apply.h \
	milter/mlt_burst.c milter/mlt_burst.h \
	milter/mlt_data.h \
	milter/mlt_edit.c milter/mlt_edit.h \
	milter/mlt_env.c milter/mlt_env.h \
	milter/mlt_flows.c milter/mlt_flows.h \
	milter/mlt_helper.c \
	milter/mlt_hold.c milter/mlt_hold.h \
	milter/mlt_host.c \
	milter/mlt_inject.c milter/mlt_inject.h \
	milter/mlt_journal.c milter/mlt_journal.h \
	milter/mlt_limits.c milter/mlt_limits.h \
	milter/mlt_log.c milter/mlt_log.h \
	milter/mlt_msg.c milter/mlt_msg.h \
	milter/mlt_ops.h \
	milter/mlt_reply.c milter/mlt_reply.h \
	milter/mlt_report.c milter/mlt_report.h \
	milter/mlt_revision.c milter/mlt_revision.h \
	milter/mlt_run.c milter/mlt_run.h \
	milter/mlt_server.c milter/mlt_server.h \
	milter/mlt_sess.c milter/mlt_sess.h \
	milter/mlt_spool.c milter/mlt_spool.h \
	milter/mlt_submit.c milter/mlt_submit.h milter/mlt_submit_internal.h \
	milter/mlt_tick.c milter/mlt_tick.h \
	milter/mlt_vars.c \
	milter/mlt_verdict.c milter/mlt_verdict.h

MLT_LDADD = milter/libmlt.a quarantine/libqtn.a policyd/libpol.a hsl/libhsl.a lib/libut.a $(HSL_LIBS) $(BDB_LIBS) $(UT_LIBS)

sbin_PROGRAMS += milter/penstock-milter
milter_penstock_milter_SOURCES = milter/mlt_cb.c milter/mlt_cb.h milter/mlt_main.c
milter_penstock_milter_LDADD = $(MLT_LDADD) $(MILTER_LIBS)

check_PROGRAMS += t/unit/mlt_addr t/unit/mlt_edit t/unit/mlt_journal t/unit/mlt_reply t/unit/mlt_spool \
	t/unit/mlt_submit t/unit/mlt_verdict t/session/run
t_unit_mlt_addr_SOURCES = t/unit/mlt_addr.c
t_unit_mlt_addr_LDADD = $(MLT_LDADD)
t_unit_mlt_edit_SOURCES = t/unit/mlt_edit.c
t_unit_mlt_edit_LDADD = $(MLT_LDADD)
t_unit_mlt_journal_SOURCES = t/unit/mlt_journal.c
t_unit_mlt_journal_LDADD = $(MLT_LDADD)
t_unit_mlt_reply_SOURCES = t/unit/mlt_reply.c
t_unit_mlt_reply_LDADD = $(MLT_LDADD)
t_unit_mlt_spool_SOURCES = t/unit/mlt_spool.c
t_unit_mlt_spool_LDADD = $(MLT_LDADD)
t_unit_mlt_submit_SOURCES = t/unit/mlt_submit.c
t_unit_mlt_submit_LDADD = $(MLT_LDADD)
t_unit_mlt_verdict_SOURCES = t/unit/mlt_verdict.c
t_unit_mlt_verdict_LDADD = $(MLT_LDADD)
t_session_run_SOURCES = t/session/run.c t/session/world.c t/session/world.h
t_session_run_LDADD = $(MLT_LDADD)
