# What hsl/ builds: the language as a library, and the command hsl.
noinst_LIBRARIES += hsl/libhsl.a
hsl_libhsl_a_SOURCES = hsl/hsl.h hsl/hsl_host.h hsl/hsl_flow.def hsl/hsl_value.h hsl/hsl_heap.h \
	hsl/hsl_run.h hsl/hsl_lib.h hsl/hsl_ast.h hsl/hsl_env.h
hsl_libhsl_a_SOURCES += hsl/hsl_heap.c hsl/hsl_str.c hsl/hsl_arr.c hsl/hsl_arr.h hsl/hsl_value.c hsl/hsl_conv.c \
	hsl/hsl_op.c hsl/hsl_op.h hsl/hsl_op_arr.c hsl/hsl_compare.c hsl/hsl_slice.c hsl/hsl_format.c \
	hsl/hsl_regex.c hsl/hsl_regex.h hsl/hsl_regex_cache.c
# Built-in functions, one file per subject.
hsl_libhsl_a_SOURCES += hsl/hsl_lib.c hsl/hsl_lib_type.c hsl/hsl_lib_str.c hsl/hsl_lib_arr.c \
	hsl/hsl_lib_arr.h hsl/hsl_lib_sort.c hsl/hsl_lib_math.c hsl/hsl_lib_pcre.c hsl/hsl_random.c \
	hsl/hsl_random.h
