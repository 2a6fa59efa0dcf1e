/* json.c - fuzz target: json_decode() and json_encode(). A text means the same alone, in a list and
 * among comments; what was understood can be written in each way and understood again. */
#include "config.h"

#include "t/fuzz/fuzz.h"
#include "t/fuzz/fuzz_hsl.h"

static const char script[] =
    "// flow: mail\n"
    "$d = $senderhelo;\n"
    "$nameable = str_find($d, \"\\x00\") < 0;\n"
    "function must($name, $got, $want) { if ($got !== $want) throw \"$name: $got\"; }\n"
    "$v = json_decode($d);\n"
    "must(\"blanks around\", json_decode(\" \\t\\r\\n\" . $d . \"\\n\"), $v);\n"
    "if ($v !== none) {\n"
    "    must(\"comments\", json_decode(\"/* \\\"[{ */\" . $d . \"// \\\"[{\", "
    "        [\"allow_comments\" => true]), $v);\n"
    "    if (length($d) < 500)\n"
    "        must(\"list\", json_decode(\"[\" . $d . \",\" . $d . \"]\"), [$v, $v]);\n"
    "}\n"
    "$text = json_encode($v);\n"
    "if ($text !== none) {\n"
    "    must(\"ASCII\", $text =~ \"/[^\\x20-\\x7f]/\", false);\n"
    "    must(\"short\", json_decode($text), $v);\n"
    "    must(\"UTF-8\", json_decode(json_encode($v, [\"ensure_ascii\" => false])), $v);\n"
    "    must(\"pretty\", json_decode(json_encode($v, [\"pretty_print\" => true])), $v);\n"
    "}\n"
    "$text = json_encode($d);\n"
    "if ($text !== none) {\n"
    "    must(\"string\", json_decode($text), $d);\n"
    "    if ($nameable)\n"
    "        must(\"key\", json_decode(\"{\" . $text . \":\" . $text . \"}\"), [$d => $d]);\n"
    "    must(\"UTF-8 string\", json_decode(json_encode($d, [\"ensure_ascii\" => false])), $d);\n"
    "}\n"
    "$parts = str_split($d, \"\\n\");\n"
    "$text = json_encode([\"list\" => $parts, $d => $parts]);\n"
    "if ($text !== none and $nameable)\n"
    "    must(\"lines\", json_decode($text), [\"list\" => $parts, $d => $parts]);\n"
    "Deliver();\n";

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    fuzz_hsl_feed(script, data, size);
    return 0;
}
