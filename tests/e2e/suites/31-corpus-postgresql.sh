#!/bin/sh
# What the reference answers to 9,635 recorded steps on PostgreSQL, over HTTP, through `nicol query`, and as plans of a client of version 7.
exec "${NODE:-node}" tests/e2e/corpus-pg.mjs
