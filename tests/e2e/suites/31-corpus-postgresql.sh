#!/bin/sh
# What the reference answers to 9,635 recorded steps on PostgreSQL, over HTTP and through `nicol query`.
exec "${NODE:-node}" tests/e2e/corpus-pg.mjs
