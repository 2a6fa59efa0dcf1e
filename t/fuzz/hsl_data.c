/* hsl_data.c - fuzz target: the bytes are what mail and its clients bring along, given to every
 * function that takes such bytes apart, by a script that also checks that what is encoded can be
 * decoded. */
#include "config.h"

#include "t/fuzz/fuzz.h"
#include "t/fuzz/fuzz_hsl.h"

/* Functions that may refuse their argument are called in a try of their own. */
static const char script[] =
    "// flow: mail\n"
    "$d = $senderhelo;\n"
    "function must($name, $got, $want) { if ($got !== $want) throw \"$name: $got\"; }\n"
    "must(\"base64\", base64_decode(base64_encode($d)), $d);\n"
    "must(\"base64url\", base64url_decode(base64url_encode($d)), $d);\n"
    "must(\"base32\", base32_decode(base32_encode($d)), $d);\n"
    "must(\"url\", url_decode(url_encode($d)), $d);\n"
    "must(\"xtext\", xtext_decode(xtext_encode($d)), $d);\n"
    "must(\"hex\", pack(\"H*\", unpack(\"H*\", $d)[0]), $d);\n"
    "must(\"split\", array_join(str_split($d, \",\"), \",\"), $d);\n"
    "must(\"chunk\", array_join(str_chunk($d, 7)), $d);\n"
    "must(\"slice\", $d[0:3] . $d[3:], $d);\n"
    "must(\"quote\", $d =~ \"/\\\\A\" . pcre_quote($d) . \"\\\\z/X\", true);\n"
    "must(\"format\", \"%s\" % [$d], $d);\n"
    "must(\"replace\", str_replace(\"a\", \"a\", $d), $d);\n"
    "must(\"hash\", hash($d), hash($d));\n"
    "$j = json_encode($d);\n"
    "if ($j !== none) must(\"json\", json_decode($j), $d);\n"
    "$v = json_decode($d);\n"
    "$j = json_encode($v, [\"pretty_print\" => true, \"ensure_ascii\" => false]);\n"
    "if ($j !== none) must(\"json text\", json_encode(json_decode($j)), json_encode($v));\n"
    "json_decode($d, [\"allow_comments\" => true]);\n"
    "foreach ([base64_decode, base64url_decode, base32_decode, url_decode, xtext_decode,\n"
    "        mimeword_decode, mimeword_encode, header_addresslist_extract, GetAddressList,\n"
    "        envelope_address_parse, envelope_localpart_escape, inet_pton, inet_ntop, inet_reverse,\n"
    "        strpduration, md5, number, str_lower, trim, ord] as $f)\n"
    "    try { echo $f($d); } catch ($e) { echo $e; }\n"
    "echo mimeword_decode(mimeword_encode($d)) === $d;\n"
    "$half = length($d) / 2; $a = $d[:$half]; $b = $d[$half:];\n"
    "foreach ([in_network, inet_includes, is_subdomain, strptime, unpack, explode, str_find, uuidv5,\n"
    "        pcre_match, pcre_match_all, str_rstrip, hmac_sha1, implode] as $f)\n"
    "    try { echo $f($a, $b); } catch ($e) { echo $e; }\n"
    "try { echo strftime($d, 86400); } catch ($e) { echo $e; }\n"
    "try { echo pcre_replace(\"[a-c]+(.)?\", $a, $b); } catch ($e) { echo $e; }\n"
    "try { echo in_file($d, \"accounts.txt\", \":\"); } catch ($e) { echo $e; }\n"
    "try { echo in_file($a, \"file:1\", [\"type\" => \"text/csv\", \"delimiter\" => \":\"]); }\n"
    "catch ($e) { echo $e; }\n"
    "echo GetHeader(\"X-Data\"); echo GetHeaders(\"X-Data\", false);\n"
    "foreach ([AddHeader, SetHeader, PrependHeader, AppendHeader] as $f) {\n"
    "    try { $f(\"X-Data\", $d); } catch ($e) { echo $e; }\n"
    "    try { $f(\"Subject\", $d, false); } catch ($e) { echo $e; }\n"
    "    try { $f($a, $b); } catch ($e) { echo $e; }\n"
    "}\n"
    "foreach ([DelHeader, SetSender, SetRecipient, GetHeader, CopyMail] as $f)\n"
    "    try { $f($d); } catch ($e) { echo $e; }\n"
    "try { SetMetaData([$a => $b]); } catch ($e) { echo $e; }\n"
    "try { syslog(\"info\", $d); } catch ($e) { echo $e; }\n"
    "$context = [$a => $d]; must(\"context\", $context, [$a => $d]);\n"
    "echo $d; Reject($d);\n";

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    fuzz_hsl_feed(script, data, size);
    return 0;
}
