# What quarantine/ builds: the store that penstock-milter links, and penstock-quarantined.
noinst_LIBRARIES += quarantine/libqtn.a
quarantine_libqtn_a_SOURCES = \
	quarantine/qtn_digest.c quarantine/qtn_digest.h \
	quarantine/qtn_file.c quarantine/qtn_file.h \
	quarantine/qtn_id.c quarantine/qtn_id.h \
	quarantine/qtn_put.c \
	quarantine/qtn_store.c quarantine/qtn_store.h
