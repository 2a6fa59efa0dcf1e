# What doc/ builds: manual pages. penstock.conf.5 names the folders that configure was given; its
# section PARAMETERS is the output of `penstock config --manual` (t/man.t compares them).
dist_man_MANS += doc/penstock.1 doc/hsl.1 doc/hsl.7 doc/hsl-library.7
nodist_man5_MANS = doc/penstock.conf.5
EXTRA_DIST += doc/penstock.conf.5.in
CLEANFILES += doc/penstock.conf.5

doc/penstock.conf.5: doc/penstock.conf.5.in Makefile
	$(AM_V_GEN)$(MKDIR_P) doc && sed -e 's|@sysconfdir[@]|$(sysconfdir)|g' \
	    -e 's|@localstatedir[@]|$(localstatedir)|g' -e 's|@runstatedir[@]|$(runstatedir)|g' \
	    $(srcdir)/doc/penstock.conf.5.in >$@.tmp && mv $@.tmp $@

dist_man_MANS += doc/penstock-milter.8 doc/penstock-policyd.8

dist_man_MANS += doc/penstock-quarantined.8 doc/penstock-quarantine.7
