/* csv.c - fuzz target: csv_decode() with several delimiters, with and without names, with a schema.
 * What was understood is understood again when it is written with all fields quoted. */
#include "config.h"

#include "t/fuzz/fuzz.h"
#include "t/fuzz/fuzz_hsl.h"

static const char script[] =
    "// flow: mail\n"
    "$d = $senderhelo;\n"
    "function write($rows, $delimiter, $end) {\n"
    "    $lines = [];\n"
    "    foreach ($rows as $row) {\n"
    "        $fields = [];\n"
    "        foreach ($row as $field) $fields[] = \"\\\"\" . str_replace(\"\\\"\", "
    "            \"\\\"\\\"\", $field) . \"\\\"\";\n"
    "        $lines[] = array_join($fields, $delimiter);\n"
    "    }\n"
    "    return array_join($lines, $end);\n"
    "}\n"
    "foreach ([\",\", \";\", \"\\t\", \"||\", \"ab\"] as $delimiter) {\n"
    "    $o = [\"delimiter\" => $delimiter, \"header\" => false];\n"
    "    $rows = csv_decode($d, $o);\n"
    "    $named = csv_decode($d, [\"delimiter\" => $delimiter]);\n"
    "    if (($rows === none) != ($named === none)) throw \"header: $d\";\n"
    "    if ($rows === none) continue;\n"
    "    foreach ($rows as $row)\n"
    "        if (length($row) != length($rows[0])) throw \"fields: $row\";\n"
    "    foreach ([\"\\n\", \"\\r\\n\", \"\\n\\r\\n\\n\"] as $end) {\n"
    "        if (csv_decode(write($rows, $delimiter, $end) . $end, $o) !== $rows) throw "
    "            \"again: $rows\";\n"
    "        if (csv_decode(\"\\xef\\xbb\\xbf\" . write($rows, $delimiter, $end), $o) !== $rows)\n"
    "            throw \"mark: $rows\";\n"
    "    }\n"
    "    $want = [];\n"
    "    foreach ($rows[1:] as $row) {\n"
    "        $record = [];\n"
    "        foreach ($rows[0] as $i => $name) $record[$name] = $row[$i];\n"
    "        $want[] = $record;\n"
    "    }\n"
    "    if ($named !== $want) throw \"records: $named\";\n"
    "}\n"
    "$schema = [];\n"
    "$types = [\"number\", \"boolean\", \"string\", \"other\"];\n"
    "foreach (str_split(str_split($d, \"\\n\")[0], \",\") as $i => $name) {\n"
    "    $schema[$name] = [\"type\" => $types[$i % 4], \"nullable\" => $i % 3 == 0];\n"
    "    $schema[$i] = [\"type\" => $types[1 - $i % 2], \"nullable\" => [\"\", \"-\"],\n"
    "        \"true\" => [\"yes\"], \"false\" => [\"no\", \"\"]];\n"
    "}\n"
    "foreach (csv_decode($d, [\"schema\" => $schema]) ?? [] as $row)\n"
    "    if (length($row) > length(str_split($d, \",\"))) throw \"schema: $row\";\n"
    "csv_decode($d, [\"schema\" => $schema, \"header\" => false]);\n"
    "Deliver();\n";

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    fuzz_hsl_feed(script, data, size);
    return 0;
}
