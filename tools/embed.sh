#!/bin/sh
# Writes a file's bytes as a C array: embed.sh INPUT OUTPUT NAME. Only od and sed, which every system has.
set -eu
{
    printf '/* Made from %s: do not edit. */\n#include <stddef.h>\n' "$(basename "$1")"
    printf 'extern const unsigned char %s[];\nextern const size_t %s_len;\nconst unsigned char %s[] = {\n' "$3" "$3" "$3"
    od -An -v -tu1 "$1" | sed 's/\([0-9][0-9]*\)/\1,/g'
    printf '};\nconst size_t %s_len = sizeof %s;\n' "$3" "$3"
} > "$2"
