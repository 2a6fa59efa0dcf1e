# What is shipped beside the programs: the two entry commands and their common part.
EXTRA_DIST += contrib/check contrib/demo contrib/fuzz contrib/common.sh contrib/demo.d contrib/vim contrib/vscode
EXTRA_DIST += contrib/bench/milter contrib/bench/milter.pl contrib/bench/soak.pl \
	contrib/bench/hsl contrib/bench/hsl.pl contrib/bench/hsl.d contrib/bench/library contrib/bench/library.pl

EXTRA_PROGRAMS += contrib/bench/noop contrib/bench/hslstart contrib/bench/library_calls
contrib_bench_library_calls_SOURCES = contrib/bench/library.c
contrib_bench_library_calls_LDADD = $(MLT_LDADD)
contrib_bench_hslstart_SOURCES = contrib/bench/hslstart.c
contrib_bench_hslstart_LDADD = hsl/libhsl.a lib/libut.a $(HSL_LIBS) $(UT_LIBS)
contrib_bench_noop_SOURCES = contrib/bench/noop.c
contrib_bench_noop_LDADD = $(MILTER_LIBS) -lpthread

# A beginning for /etc/penstock.
examplesdir = $(docdir)/examples
dist_examples_DATA = contrib/examples/penstock.conf
examplesflowsdir = $(examplesdir)/flows
dist_examplesflows_DATA = contrib/examples/flows/access.hsl contrib/examples/flows/recipient.hsl \
	contrib/examples/flows/mail.hsl
examplesdatadir = $(examplesdir)/data
dist_examplesdata_DATA = contrib/examples/data/blocked-networks.txt \
	contrib/examples/data/blocked-senders.txt contrib/examples/data/trusted-senders.txt

# Units for systemd; nothing is installed without --with-systemdsystemunitdir.
systemd_units = contrib/systemd/penstock-milter.service contrib/systemd/penstock-policyd.service \
	contrib/systemd/penstock-quarantined.service
nodist_systemdsystemunit_DATA = $(systemd_units)
EXTRA_DIST += $(systemd_units:=.in)
CLEANFILES += $(systemd_units)

$(systemd_units): %: %.in Makefile
	$(AM_V_GEN)$(MKDIR_P) contrib/systemd && sed -e 's|@sbindir[@]|$(sbindir)|g' $< >$@.tmp && mv $@.tmp $@
