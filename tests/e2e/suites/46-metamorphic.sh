#!/bin/sh
# Random schemas, rows and operations, judged by relations between answers and by an oracle over plain rows. The seeds are fixed here;
# SEED and ROUNDS choose others (docs/testing.md).
exec "${NODE:-node}" tests/e2e/metamorphic/main.mjs
