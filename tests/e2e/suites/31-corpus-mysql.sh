#!/bin/sh
# What the reference answers to 7,697 recorded steps on MariaDB, over HTTP, through `nicol query`, and as plans of a client of version 7.
exec "${NODE:-node}" tests/e2e/corpus-my.mjs
