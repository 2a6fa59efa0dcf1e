# What quarantine/ builds: the library (the store, which penstock-milter links too, and all that
# the daemon is made of) and penstock-quarantined.
noinst_LIBRARIES += quarantine/libqtn.a
quarantine_libqtn_a_SOURCES = \
	quarantine/qtn_audit.c quarantine/qtn_audit.h \
	quarantine/qtn_box.c quarantine/qtn_box.h \
	quarantine/qtn_check.c quarantine/qtn_check.h \
	quarantine/qtn_digest.c quarantine/qtn_digest.h \
	quarantine/qtn_expire.c quarantine/qtn_expire.h \
	quarantine/qtn_file.c quarantine/qtn_file.h \
	quarantine/qtn_filter.c quarantine/qtn_filter.h \
	quarantine/qtn_id.c quarantine/qtn_id.h \
	quarantine/qtn_index.c quarantine/qtn_index.h quarantine/qtn_index_internal.h \
	quarantine/qtn_index_db.c quarantine/qtn_index_ram.c \
	quarantine/qtn_keeper.c quarantine/qtn_keeper.h \
	quarantine/qtn_put.c \
	quarantine/qtn_record.c quarantine/qtn_record.h \
	quarantine/qtn_reindex.c quarantine/qtn_reindex.h \
	quarantine/qtn_release.c quarantine/qtn_release.h \
	quarantine/qtn_server.c quarantine/qtn_server.h \
	quarantine/qtn_store.c quarantine/qtn_store.h \
	quarantine/qtn_take.c quarantine/qtn_take.h \
	quarantine/qtn_walk.c quarantine/qtn_walk.h \
	quarantine/qtn_watch.c quarantine/qtn_watch.h

QTN_LIBS = $(BDB_LIBS) $(CRYPTO_LIBS)

sbin_PROGRAMS += quarantine/penstock-quarantined
quarantine_penstock_quarantined_SOURCES = quarantine/qtn_main.c
quarantine_penstock_quarantined_LDADD = quarantine/libqtn.a lib/libut.a $(QTN_LIBS) $(UT_LIBS)

QTN_TEST_LDADD = quarantine/libqtn.a lib/libut.a $(QTN_LIBS) $(UT_LIBS)

check_PROGRAMS += t/unit/qtn_store t/unit/qtn_index t/unit/qtn_audit t/unit/qtn_keeper
t_unit_qtn_store_SOURCES = t/unit/qtn_store.c t/unit/scarce.h t/unit/tap.h
t_unit_qtn_store_LDADD = $(QTN_TEST_LDADD)
t_unit_qtn_store_LDFLAGS = $(AM_LDFLAGS) \
	-Wl,--wrap=malloc,--wrap=calloc,--wrap=realloc,--wrap=fsync,--wrap=rename
t_unit_qtn_index_SOURCES = t/unit/qtn_index.c t/unit/tap.h
t_unit_qtn_index_LDADD = $(QTN_TEST_LDADD)
t_unit_qtn_audit_SOURCES = t/unit/qtn_audit.c t/unit/tap.h
t_unit_qtn_audit_LDADD = $(QTN_TEST_LDADD)
t_unit_qtn_audit_LDFLAGS = $(AM_LDFLAGS) -Wl,--wrap=fdatasync
t_unit_qtn_keeper_SOURCES = t/unit/qtn_keeper.c t/unit/scarce.h t/unit/tap.h
t_unit_qtn_keeper_LDADD = $(QTN_TEST_LDADD)
t_unit_qtn_keeper_LDFLAGS = $(AM_LDFLAGS) \
	-Wl,--wrap=malloc,--wrap=calloc,--wrap=realloc,--wrap=fsync,--wrap=fdatasync

# Stores messages for t/quarantine/*.t.
check_PROGRAMS += t/quarantine/put
t_quarantine_put_SOURCES = t/quarantine/put.c
t_quarantine_put_LDADD = $(QTN_TEST_LDADD)
EXTRA_DIST += t/quarantine/Held.pm t/quarantine/commands.t t/quarantine/release.t \
	t/quarantine/faults.t t/quarantine/kill.t

# Measured by contrib/bench/quarantine.
EXTRA_PROGRAMS += contrib/bench/store
contrib_bench_store_SOURCES = contrib/bench/store.c
contrib_bench_store_LDADD = $(QTN_TEST_LDADD)
EXTRA_DIST += contrib/bench/quarantine
