# What lib/ builds: what more than one program needs.
noinst_LIBRARIES += lib/libut.a
lib_libut_a_SOURCES = lib/params.def lib/ut_bug.h
