# What hsl/ builds: the language as a library, and the command hsl.
noinst_LIBRARIES += hsl/libhsl.a
hsl_libhsl_a_SOURCES = hsl/hsl.h hsl/hsl_host.h hsl/hsl_flow.def hsl/hsl_value.h hsl/hsl_heap.h \
	hsl/hsl_run.h hsl/hsl_lib.h hsl/hsl_ast.h hsl/hsl_env.h
hsl_libhsl_a_SOURCES += hsl/hsl_heap.c hsl/hsl_str.c hsl/hsl_arr.c hsl/hsl_arr.h hsl/hsl_value.c hsl/hsl_conv.c \
	hsl/hsl_op.c hsl/hsl_op.h hsl/hsl_op_arr.c hsl/hsl_compare.c hsl/hsl_slice.c hsl/hsl_format.c \
	hsl/hsl_regex.c hsl/hsl_regex.h hsl/hsl_regex_cache.c hsl/hsl_regex_internal.h hsl/hsl_regex_match.c
# Built-in functions, one file per subject.
hsl_libhsl_a_SOURCES += hsl/hsl_lib.c hsl/hsl_lib_type.c hsl/hsl_lib_str.c hsl/hsl_lib_arr.c \
	hsl/hsl_lib_arr.h hsl/hsl_lib_sort.c hsl/hsl_lib_math.c hsl/hsl_lib_pcre.c hsl/hsl_random.c \
	hsl/hsl_random.h hsl/hsl_net.c hsl/hsl_net.h hsl/hsl_lib_enc.h hsl/hsl_lib_http.c hsl/hsl_http.c hsl/hsl_http.h hsl/hsl_http_internal.h \
	hsl/hsl_http_queue.c hsl/hsl_lib_ldap.c hsl/hsl_ldap.c hsl/hsl_ldap.h hsl/hsl_lib_dns.c hsl/hsl_lib_dns.h hsl/hsl_lib_dnsbl.c hsl/hsl_lib_spf.c \
	hsl/hsl_lib_dovecot.c hsl/hsl_dovecot.c hsl/hsl_dovecot.h \
	hsl/hsl_spf.c hsl/hsl_spf.h hsl/hsl_spf_internal.h hsl/hsl_spf_macro.c hsl/hsl_spf_record.c hsl/hsl_spf_record.h \
	hsl/hsl_dns.c hsl/hsl_dns.h hsl/hsl_dns_answer.c hsl/hsl_dns_loop.c hsl/hsl_dns_loop.h hsl/hsl_lib_core.c hsl/hsl_lib_flow.c hsl/hsl_lib_flow.h hsl/hsl_lib_set.c \
	hsl/hsl_lib_header.c hsl/hsl_lib_stub.c hsl/hsl_act.c hsl/hsl_act.h hsl/hsl_addr.c \
	hsl/hsl_addr.h hsl/hsl_lib_addr.c hsl/hsl_word.c hsl/hsl_word.h hsl/hsl_base64.c hsl/hsl_base64.h \
	hsl/hsl_lib_enc.c hsl/hsl_lib_url.c hsl/hsl_lib_zlib.c hsl/hsl_lib_aes.c hsl/hsl_lib_field.c hsl/hsl_lib_field.h \
	hsl/hsl_lib_addr.h hsl/hsl_lib_json.c hsl/hsl_lib_data.c hsl/hsl_lib_pack.c hsl/hsl_lib_crypt.c \
	hsl/hsl_lib_time.c hsl/hsl_lib_net.c hsl/hsl_lib_share.c hsl/hsl_rate.c hsl/hsl_rate.h hsl/hsl_lib_file.c hsl/hsl_lib_reader.c \
	hsl/hsl_file.c hsl/hsl_file.h hsl/hsl_file_index.c hsl/hsl_file_index.h
# Mail servers.
hsl_libhsl_a_SOURCES += hsl/hsl_lib_smtp.c hsl/hsl_lib_smtp.h hsl/hsl_lib_smtp_server.c hsl/hsl_lib_mail.c \
	hsl/hsl_smtp.c hsl/hsl_smtp.h hsl/hsl_smtp_talk.c hsl/hsl_smtp_talk.h
# The front: bytes to a checked tree.
hsl_libhsl_a_SOURCES += hsl/hsl_token.def hsl/hsl_lex.c hsl/hsl_lex.h hsl/hsl_lex_internal.h \
	hsl/hsl_lex_literal.c hsl/hsl_nametab.c hsl/hsl_nametab.h hsl/hsl_unit.c hsl/hsl_unit_file.c hsl/hsl_unit.h \
	hsl/hsl_parse.c hsl/hsl_parse.h hsl/hsl_parse_decl.c hsl/hsl_parse_expr.c \
	hsl/hsl_parse_hint.c hsl/hsl_parse_include.c hsl/hsl_parse_primary.c hsl/hsl_parse_stmt.c hsl/hsl_path.c \
	hsl/hsl_check.c hsl/hsl_check.h hsl/hsl_check_call.c hsl/hsl_check_expr.c \
	hsl/hsl_check_class.c hsl/hsl_check_import.c hsl/hsl_check_scope.c hsl/hsl_check_stmt.c hsl/hsl_fold.c \
	hsl/hsl_module.c hsl/hsl_module.h hsl/hsl_import_data.c hsl/hsl_data.h hsl/hsl_csv.c hsl/hsl_yaml.c
# The compiler, the program, the machine.
hsl_libhsl_a_SOURCES += hsl/hsl_opcode.def hsl/hsl_code.c hsl/hsl_code.h hsl/hsl_code_assign.c hsl/hsl_code_call.c \
	hsl/hsl_code_class.c hsl/hsl_code_cond.c hsl/hsl_code_const.c hsl/hsl_code_global.c hsl/hsl_code_emit.c hsl/hsl_code_expr.c \
	hsl/hsl_code_loop.c hsl/hsl_code_path.c hsl/hsl_code_stmt.c hsl/hsl_code_text.c hsl/hsl_prog.c \
	hsl/hsl_prog.h hsl/hsl_dis.c hsl/hsl_vm.c hsl/hsl_vm.h hsl/hsl_vm_inl.h hsl/hsl_vm_macro.h hsl/hsl_vm_op.c hsl/hsl_vm_call.c hsl/hsl_vm_data.c \
	hsl/hsl_vm_path.c hsl/hsl_vm_throw.c hsl/hsl_run.c hsl/hsl_env.c hsl/hsl_limits.c hsl/hsl_build.c \
	hsl/hsl_context.c hsl/hsl_context.h hsl/hsl_plain.c hsl/hsl_plain.h hsl/hsl_exception.c hsl/hsl_exception.h hsl/hsl_obj.c hsl/hsl_obj.h hsl/hsl_gen.c hsl/hsl_gen.h hsl/hsl.c
# What outlives a run: cache, barrier.
hsl_libhsl_a_SOURCES += hsl/hsl_cache.c hsl/hsl_cache.h hsl/hsl_cache_store.c hsl/hsl_cache_store.h \
	hsl/hsl_check_cache.c hsl/hsl_barrier.c hsl/hsl_barrier.h hsl/hsl_code_share.c hsl/hsl_share.c \
	hsl/hsl_share.h hsl/hsl_lock.c hsl/hsl_lock.h hsl/hsl_memory.c hsl/hsl_memory.h hsl/hsl_hash.h
# A script that grows, for interactive use.
hsl_libhsl_a_SOURCES += hsl/hsl_session.c hsl/hsl_session.h
# Tests of the library.
check_PROGRAMS += t/unit/hsl_lib t/unit/hsl_lib_call t/unit/hsl_flow t/unit/hsl_word \
	t/unit/hsl_rate t/unit/hsl_file
t_unit_hsl_lib_SOURCES = t/unit/hsl_lib.c
t_unit_hsl_lib_LDADD = hsl/libhsl.a lib/libut.a $(HSL_LIBS) $(UT_LIBS)
t_unit_hsl_lib_call_SOURCES = t/unit/hsl_lib_call.c t/unit/hsl_fake_call.h t/unit/hsl_fake_run.h
t_unit_hsl_lib_call_LDADD = hsl/libhsl.a lib/libut.a $(HSL_LIBS) $(UT_LIBS)
t_unit_hsl_flow_SOURCES = t/unit/hsl_flow.c t/unit/hsl_fake_call.h t/unit/hsl_fake_run.h
t_unit_hsl_flow_LDADD = hsl/libhsl.a lib/libut.a $(HSL_LIBS) $(UT_LIBS)
t_unit_hsl_word_SOURCES = t/unit/hsl_word.c
t_unit_hsl_word_LDADD = hsl/libhsl.a lib/libut.a $(HSL_LIBS) $(UT_LIBS)
t_unit_hsl_rate_SOURCES = t/unit/hsl_rate.c
t_unit_hsl_rate_LDADD = hsl/libhsl.a lib/libut.a $(HSL_LIBS) $(UT_LIBS)
t_unit_hsl_file_SOURCES = t/unit/hsl_file.c t/unit/hsl_fake_run.h
t_unit_hsl_file_LDADD = hsl/libhsl.a lib/libut.a $(HSL_LIBS) $(UT_LIBS)
# Tests of the front.
check_PROGRAMS += t/unit/hsl_lex t/unit/hsl_parse t/unit/hsl_check t/unit/hsl_path
t_unit_hsl_lex_SOURCES = t/unit/hsl_lex.c
t_unit_hsl_lex_LDADD = hsl/libhsl.a lib/libut.a $(HSL_LIBS) $(UT_LIBS)
t_unit_hsl_parse_SOURCES = t/unit/hsl_parse.c t/unit/hsl_tree.h
t_unit_hsl_parse_LDADD = hsl/libhsl.a lib/libut.a $(HSL_LIBS) $(UT_LIBS)
t_unit_hsl_check_SOURCES = t/unit/hsl_check.c t/unit/hsl_tree.h
t_unit_hsl_check_LDADD = hsl/libhsl.a lib/libut.a $(HSL_LIBS) $(UT_LIBS)
t_unit_hsl_path_SOURCES = t/unit/hsl_path.c
t_unit_hsl_path_LDADD = hsl/libhsl.a lib/libut.a $(HSL_LIBS) $(UT_LIBS)
# Tests of values.
check_PROGRAMS += t/unit/hsl_heap t/unit/hsl_str t/unit/hsl_arr t/unit/hsl_conv t/unit/hsl_op t/unit/hsl_regex
t_unit_hsl_heap_SOURCES = t/unit/hsl_heap.c
t_unit_hsl_heap_LDADD = hsl/libhsl.a lib/libut.a $(HSL_LIBS) $(UT_LIBS)
t_unit_hsl_str_SOURCES = t/unit/hsl_str.c t/unit/hsl_fake_run.h
t_unit_hsl_str_LDADD = hsl/libhsl.a lib/libut.a $(HSL_LIBS) $(UT_LIBS)
t_unit_hsl_arr_SOURCES = t/unit/hsl_arr.c t/unit/hsl_fake_run.h
t_unit_hsl_arr_LDADD = hsl/libhsl.a lib/libut.a $(HSL_LIBS) $(UT_LIBS)
t_unit_hsl_conv_SOURCES = t/unit/hsl_conv.c t/unit/hsl_fake_run.h
t_unit_hsl_conv_LDADD = hsl/libhsl.a lib/libut.a $(HSL_LIBS) $(UT_LIBS)
t_unit_hsl_op_SOURCES = t/unit/hsl_op.c t/unit/hsl_fake_run.h
t_unit_hsl_op_LDADD = hsl/libhsl.a lib/libut.a $(HSL_LIBS) $(UT_LIBS)
t_unit_hsl_regex_SOURCES = t/unit/hsl_regex.c t/unit/hsl_fake_run.h
t_unit_hsl_regex_LDADD = hsl/libhsl.a lib/libut.a $(HSL_LIBS) $(UT_LIBS)
# Tests of what outlives a run.
check_PROGRAMS += t/unit/hsl_share
t_unit_hsl_share_SOURCES = t/unit/hsl_share.c
t_unit_hsl_share_LDADD = hsl/libhsl.a lib/libut.a $(HSL_LIBS) $(UT_LIBS)
# Tests of the compiler and the machine.
check_PROGRAMS += t/unit/hsl_run t/unit/hsl_vm t/unit/hsl_limits t/unit/hsl_session
t_unit_hsl_session_SOURCES = t/unit/hsl_session.c
t_unit_hsl_session_LDADD = hsl/libhsl.a lib/libut.a $(HSL_LIBS) $(UT_LIBS)
t_unit_hsl_limits_SOURCES = t/unit/hsl_limits.c
t_unit_hsl_limits_LDADD = hsl/libhsl.a lib/libut.a $(HSL_LIBS) $(UT_LIBS)
t_unit_hsl_run_SOURCES = t/unit/hsl_run.c
t_unit_hsl_run_LDADD = hsl/libhsl.a lib/libut.a $(HSL_LIBS) $(UT_LIBS)
t_unit_hsl_vm_SOURCES = t/unit/hsl_vm.c
t_unit_hsl_vm_LDADD = hsl/libhsl.a lib/libut.a $(HSL_LIBS) $(UT_LIBS)
check_PROGRAMS += t/unit/hsl_threads
t_unit_hsl_threads_SOURCES = t/unit/hsl_threads.c
t_unit_hsl_threads_LDADD = hsl/libhsl.a lib/libut.a $(HSL_LIBS) $(UT_LIBS)
# The same without memory: the linker puts the test's own functions before those of the system.
check_PROGRAMS += t/unit/hsl_scarce
t_unit_hsl_scarce_SOURCES = t/unit/hsl_scarce.c
t_unit_hsl_scarce_LDADD = hsl/libhsl.a lib/libut.a $(HSL_LIBS) $(UT_LIBS)
t_unit_hsl_scarce_LDFLAGS = $(AM_LDFLAGS) -Wl,--wrap=malloc,--wrap=calloc,--wrap=realloc,--wrap=reallocarray \
	-Wl,--wrap=free,--wrap=strdup,--wrap=strndup,--wrap=realpath,--wrap=pcre2_compile_8 \
	-Wl,--wrap=pcre2_compile_context_create_8,--wrap=pcre2_match_context_create_8,--wrap=pcre2_match_data_create_8
