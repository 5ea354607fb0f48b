#!/bin/sh
# Every recorded plan of a real 7.10.0 client, against what the real runtime gave in process with better-sqlite3.
exec "${NODE:-node}" tests/e2e/census.mjs
