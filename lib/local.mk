# What lib/ builds: what more than one program needs.
noinst_LIBRARIES += lib/libut.a
lib_libut_a_SOURCES = lib/params.def lib/ut_bug.h \
	lib/ut_arena.c lib/ut_arena.h \
	lib/ut_attr.c lib/ut_attr.h \
	lib/ut_bdb.c lib/ut_bdb.h \
	lib/ut_conf.c lib/ut_conf.h lib/ut_conf_internal.h \
	lib/ut_conf_find.c lib/ut_conf_param.c lib/ut_conf_scan.c \
	lib/ut_ctl.c lib/ut_ctl.h \
	lib/ut_daemon.c lib/ut_daemon.h \
	lib/ut_diag.c lib/ut_diag.h \
	lib/ut_file.c lib/ut_file.h \
	lib/ut_log.c lib/ut_log.h \
	lib/ut_near.c lib/ut_near.h \
	lib/ut_num.c lib/ut_num.h \
	lib/ut_sbuf.c lib/ut_sbuf.h \
	lib/ut_serve.c lib/ut_serve.h \
	lib/ut_service.c lib/ut_service.h \
	lib/ut_smtp.c lib/ut_smtp.h \
	lib/ut_sock.c lib/ut_sock.h \
	lib/ut_time.c lib/ut_time.h \
	lib/ut_utf8.c lib/ut_utf8.h

UT_TEST_LDADD = lib/libut.a $(UT_LIBS)

check_PROGRAMS += t/unit/ut_arena t/unit/ut_attr t/unit/ut_bdb t/unit/ut_conf t/unit/ut_ctl t/unit/ut_daemon \
	t/unit/ut_diag t/unit/ut_file t/unit/ut_log t/unit/ut_num t/unit/ut_sbuf t/unit/ut_smtp \
	t/unit/ut_sock t/unit/ut_time t/unit/ut_utf8
t_unit_ut_arena_SOURCES = t/unit/ut_arena.c t/unit/tap.h
t_unit_ut_arena_LDADD = $(UT_TEST_LDADD)
t_unit_ut_attr_SOURCES = t/unit/ut_attr.c t/unit/tap.h
t_unit_ut_attr_LDADD = $(UT_TEST_LDADD)
t_unit_ut_bdb_SOURCES = t/unit/ut_bdb.c t/unit/tap.h
t_unit_ut_bdb_LDADD = lib/libut.a $(BDB_LIBS) $(UT_LIBS)
t_unit_ut_conf_SOURCES = t/unit/ut_conf.c t/unit/tap.h
t_unit_ut_conf_LDADD = $(UT_TEST_LDADD)
t_unit_ut_ctl_SOURCES = t/unit/ut_ctl.c t/unit/tap.h
t_unit_ut_ctl_LDADD = $(UT_TEST_LDADD)
t_unit_ut_daemon_SOURCES = t/unit/ut_daemon.c t/unit/tap.h
t_unit_ut_daemon_LDADD = $(UT_TEST_LDADD)
t_unit_ut_diag_SOURCES = t/unit/ut_diag.c t/unit/tap.h
t_unit_ut_diag_LDADD = $(UT_TEST_LDADD)
t_unit_ut_file_SOURCES = t/unit/ut_file.c t/unit/tap.h
t_unit_ut_file_LDADD = $(UT_TEST_LDADD)
t_unit_ut_log_SOURCES = t/unit/ut_log.c t/unit/tap.h
t_unit_ut_log_LDADD = $(UT_TEST_LDADD)
t_unit_ut_num_SOURCES = t/unit/ut_num.c t/unit/tap.h
t_unit_ut_num_LDADD = $(UT_TEST_LDADD)
t_unit_ut_sbuf_SOURCES = t/unit/ut_sbuf.c t/unit/tap.h
t_unit_ut_sbuf_LDADD = $(UT_TEST_LDADD)
t_unit_ut_smtp_SOURCES = t/unit/ut_smtp.c t/unit/tap.h
t_unit_ut_smtp_LDADD = $(UT_TEST_LDADD)
t_unit_ut_sock_SOURCES = t/unit/ut_sock.c t/unit/tap.h
t_unit_ut_sock_LDADD = $(UT_TEST_LDADD)
t_unit_ut_sock_LDFLAGS = $(AM_LDFLAGS) -Wl,--wrap=getaddrinfo
t_unit_ut_time_SOURCES = t/unit/ut_time.c t/unit/tap.h
t_unit_ut_time_LDADD = $(UT_TEST_LDADD)
t_unit_ut_utf8_SOURCES = t/unit/ut_utf8.c t/unit/tap.h
t_unit_ut_utf8_LDADD = $(UT_TEST_LDADD)
