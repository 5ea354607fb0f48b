#!/bin/sh
# The recorded schemas: accepted or refused as recorded, with exactly the recorded messages and places.
program=$BUILD/release/tests/unit/run_schema
[ -x "$program" ] || program=$BUILD/asan/tests/unit/run_schema
exec "${NODE:-node}" tests/corpus/run_schema.mjs "$program" --groups
