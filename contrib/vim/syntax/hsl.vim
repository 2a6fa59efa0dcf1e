" Vim syntax file for HSL, the scripts of the mail gateway Penstock, see hsl(7).
" Install: copy syntax/ and ftdetect/ to ~/.vim. t/syntax.t compares the words here with the language.

if exists("b:current_syntax")
  finish
endif

syntax case match
syntax sync fromstart

" --- Words ---------------------------------------------------------------------------------------
syntax keyword hslStatement return break continue throw yield echo global unset barrier
syntax keyword hslConditional if else switch match
syntax keyword hslLabel case default
syntax keyword hslRepeat while for foreach forever as
syntax keyword hslException try catch
syntax keyword hslInclude include include_once import from with
syntax keyword hslDeclaration function closure class constructor object
syntax keyword hslModifier private readonly static
syntax keyword hslOperatorWord and or not isset array cache builtin
syntax keyword hslBoolean true false
syntax keyword hslConstant none
syntax keyword hslError assert clone const destroy export extends final finally goto in interface
syntax keyword hslError lambda namespace new pass print protected public self struct trait use
syntax keyword hslTodo contained TODO FIXME XXX

" --- Built-in functions; those of flows have a capital -----------------------------------------
syntax keyword hslFunction abs aes_decrypt aes_encrypt array_combine array_every array_filter array_find
syntax keyword hslFunction array_includes array_join array_keys array_map array_random array_range
syntax keyword hslFunction array_reduce array_reverse array_shuffle array_sort array_unique base32_decode
syntax keyword hslFunction base32_encode base64_decode base64_encode base64url_decode base64url_encode
syntax keyword hslFunction boolean ceil chr count crypt csv_decode csv_encode csv_explode dns dns4 dns6
syntax keyword hslFunction dns_query dnsbl dnscname dnsmx dnsns dnsptr dnstxt domain_includes
syntax keyword hslFunction domain_publicsuffix dovecot_lookup_auth envelope_address_parse
syntax keyword hslFunction envelope_localpart_escape executiontime explode file file_get_contents floor
syntax keyword hslFunction gethostname globalview hash header_addresslist_compile
syntax keyword hslFunction header_addresslist_extract header_dkim_decode hmac_md5 hmac_sha1 hmac_sha2 http
syntax keyword hslFunction idna_decode idna_encode implode in_array in_file in_ldap in_network
syntax keyword hslFunction inet_includes inet_ntop inet_pton inet_reverse is_array is_boolean is_function
syntax keyword hslFunction is_number is_object is_string is_subdomain json_decode json_encode ldap_bind
syntax keyword hslFunction ldap_search length log mail md5 memory_add memory_dec memory_delete
syntax keyword hslFunction memory_exists memory_fetch memory_inc memory_store memory_update mimeword_decode
syntax keyword hslFunction mimeword_encode number ord pack pcre_compile pcre_match pcre_match_all
syntax keyword hslFunction pcre_quote pcre_replace pow queue_policy queue_policy_delete queue_quota
syntax keyword hslFunction queue_suspend rand random_bytes random_number range rate round sha1 sha2 sleep
syntax keyword hslFunction smtp_lookup_auth smtp_lookup_rcpt spf spf_query sqrt str_chunk str_find
syntax keyword hslFunction str_lower str_lstrip str_repeat str_replace str_rfind str_rstrip str_slice
syntax keyword hslFunction str_split str_strip str_upper strftime string strlen strpduration strpos
syntax keyword hslFunction strptime strrpos strtolower strtoupper substr syslog tacplus_authen
syntax keyword hslFunction tacplus_author time timelocal trim unpack uptime url_decode url_encode url_parse
syntax keyword hslFunction uuid uuidv5 xtext_decode xtext_encode yaml_decode zlib_compress zlib_uncompress
syntax keyword hslAction Accept AddHeader Allow AppendHeader Block CopyMail CopyTo DKIMADSP Defer DelHeader
syntax keyword hslAction Delete Deliver DeliverAsSpam DirectDeliver DiscardMailDataChanges Done Exception
syntax keyword hslAction File GetAddressList GetExtensions GetHeader GetHeaders GetID GetMailQueueMetric
syntax keyword hslAction GetMetaData GetTLS History PrependHeader Quarantine Reject ScanRPD ScanRPDAV
syntax keyword hslAction SetDelayedDeliver SetHELO SetHeader SetMailTransport SetMetaData SetRecipient
syntax keyword hslAction SetSender

" --- Names ---------------------------------------------------------------------------------------
syntax match hslVariable "\$[A-Za-z_][A-Za-z0-9_]*"
syntax match hslThis "\$this\>"
syntax match hslMember "\%(->\|::\)\@2<=[A-Za-z_][A-Za-z0-9_]*"
syntax match hslClass "\<[A-Za-z_][A-Za-z0-9_]*\ze::"

" --- Literals ------------------------------------------------------------------------------------
syntax match hslNumber "\<\d\+\%(_\d\+\)*\%(\.\d\+\%(_\d\+\)*\)\=\>"
syntax match hslNumber "\<0x\x\+\%(_\x\+\)*\>"
syntax match hslNumber "\<0o\o\+\%(_\o\+\)*\>"
syntax match hslNumber "\<0b[01]\+\%(_[01]\+\)*\>"
syntax match hslEscape contained "\\\%([\\\"$nrt]\|x\x\x\)"
syntax match hslInterpolation contained "\$[A-Za-z_][A-Za-z0-9_]*"
syntax match hslInterpolation contained "\${[A-Za-z_][A-Za-z0-9_]*}"
syntax region hslString start=+"+ skip=+\\.+ end=+"+ contains=hslEscape,hslInterpolation
syntax region hslRaw start=+'\z([!-&(-~]*\)'+ end=+'\z1'+
syntax match hslRegex "#/\%(\\.\|[^/\\]\)*/[imsxuUX]*"

" --- Operators, comments -------------------------------------------------------------------------
syntax match hslOperator "[-+*/%.&|^~!<>=?]"
syntax match hslOperator "\.\.\."
syntax match hslOperator "::\|->\|=>"
syntax match hslMistake "&&\|||\|<>"
syntax match hslComment "//.*$" contains=hslTodo,@Spell
syntax region hslComment start="/\*" end="\*/" contains=hslTodo,@Spell

highlight default link hslStatement Statement
highlight default link hslConditional Conditional
highlight default link hslLabel Label
highlight default link hslRepeat Repeat
highlight default link hslException Exception
highlight default link hslInclude Include
highlight default link hslDeclaration Keyword
highlight default link hslModifier StorageClass
highlight default link hslOperatorWord Operator
highlight default link hslBoolean Boolean
highlight default link hslConstant Constant
highlight default link hslFunction Function
highlight default link hslAction Special
highlight default link hslVariable Identifier
highlight default link hslThis Special
highlight default link hslClass Type
highlight default link hslNumber Number
highlight default link hslString String
highlight default link hslRaw String
highlight default link hslRegex Special
highlight default link hslEscape SpecialChar
highlight default link hslInterpolation Identifier
highlight default link hslOperator Operator
highlight default link hslMistake Error
highlight default link hslError Error
highlight default link hslTodo Todo
highlight default link hslComment Comment

let b:current_syntax = "hsl"
