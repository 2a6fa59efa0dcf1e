# What policyd/ builds: the library (the client of shared state, which penstock-milter links, and all
# that the daemon is made of) and penstock-policyd.
noinst_LIBRARIES += policyd/libpol.a
policyd_libpol_a_SOURCES = policyd/pol_client.c policyd/pol_client.h policyd/pol_ctl.c policyd/pol_ctl.h \
	policyd/pol_keep.c policyd/pol_keep.h policyd/pol_state.c policyd/pol_state.h \
	policyd/pol_wire.c policyd/pol_wire.h

POL_LDADD = policyd/libpol.a hsl/libhsl.a lib/libut.a $(BDB_LIBS) $(HSL_LIBS) $(UT_LIBS)

sbin_PROGRAMS += policyd/penstock-policyd
policyd_penstock_policyd_SOURCES = policyd/pol_main.c
policyd_penstock_policyd_LDADD = $(POL_LDADD)

check_PROGRAMS += t/unit/pol_client
t_unit_pol_client_SOURCES = t/unit/pol_client.c t/unit/tap.h
t_unit_pol_client_LDADD = $(POL_LDADD)
EXTRA_DIST += t/policyd
