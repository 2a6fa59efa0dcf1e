# What lib/ builds: what more than one program needs.
noinst_LIBRARIES += lib/libut.a
lib_libut_a_SOURCES = lib/params.def lib/ut_bug.h \
	lib/ut_arena.c lib/ut_arena.h \
	lib/ut_attr.c lib/ut_attr.h \
	lib/ut_conf.c lib/ut_conf.h lib/ut_conf_internal.h \
	lib/ut_conf_find.c lib/ut_conf_param.c lib/ut_conf_scan.c \
	lib/ut_ctl.c lib/ut_ctl.h \
	lib/ut_daemon.c lib/ut_daemon.h \
	lib/ut_diag.c lib/ut_diag.h \
	lib/ut_file.c lib/ut_file.h \
	lib/ut_log.c lib/ut_log.h \
	lib/ut_num.c lib/ut_num.h \
	lib/ut_sbuf.c lib/ut_sbuf.h \
	lib/ut_smtp.c lib/ut_smtp.h \
	lib/ut_sock.c lib/ut_sock.h \
	lib/ut_time.c lib/ut_time.h \
	lib/ut_utf8.c lib/ut_utf8.h

UT_TEST_LDADD = lib/libut.a $(UT_LIBS)

check_PROGRAMS += t/unit/ut_conf t/unit/ut_smtp
t_unit_ut_conf_SOURCES = t/unit/ut_conf.c t/unit/tap.h
t_unit_ut_conf_LDADD = $(UT_TEST_LDADD)
t_unit_ut_smtp_SOURCES = t/unit/ut_smtp.c t/unit/tap.h
t_unit_ut_smtp_LDADD = $(UT_TEST_LDADD)
