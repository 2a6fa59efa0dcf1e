/* pack.c - fuzz target: pack() and unpack(). The first line is the format, the rest the bytes; what
 * is unpacked can be packed and gives the same again. */
#include "config.h"

#include "t/fuzz/fuzz.h"
#include "t/fuzz/fuzz_hsl.h"

static const char script[] =
    "// flow: mail\n"
    "$d = $senderhelo;\n"
    "function same($a, $b) {\n"
    "    if (length($a) != length($b)) return false;\n"
    "    foreach ($a as $i => $x)\n"
    "        if ($x !== $b[$i] and ($x === $x or $b[$i] === $b[$i])) return false;\n"
    "    return true;\n"
    "}\n"
    "$parts = str_split($d, \"\\n\", 2);\n"
    "$format = $parts[0];\n"
    "$bytes = $parts[1] ?? \"\";\n"
    "$values = unpack($format, $bytes);\n"
    "foreach ([$values, [7, -1, \"ab\", 2.5, \"x\"], str_split($bytes, \",\")] as $list) {\n"
    "    if ($list === none) continue;\n"
    "    $packed = pack($format, ...$list);\n"
    "    if ($packed === none) continue;\n"
    "    $again = unpack($format, $packed);\n"
    "    if ($again === none and not ($format =~ \"[*].*[A-Za-z]\")) throw \"pack: $format\";\n"
    "    if ($list === $values and not ($format =~ \"Z\") and not same($again ?? [], $values))\n"
    "        throw \"unpack: $format\";\n"
    "}\n"
    "foreach ([-1, 1, 3, length($bytes), length($bytes) + 1] as $offset) {\n"
    "    $got = unpack($format, $bytes, $offset);\n"
    "    $want = none;\n"
    "    if ($offset >= 0 and $offset <= length($bytes))\n"
    "        $want = unpack($format, $bytes[$offset:]);\n"
    "    if ($got === none or $want === none) {\n"
    "        if ($got !== $want) throw \"offset $offset\";\n"
    "    } else if (not same($got, $want)) throw \"offset $offset\";\n"
    "}\n"
    "Deliver();\n";

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    fuzz_hsl_feed(script, data, size);
    return 0;
}
