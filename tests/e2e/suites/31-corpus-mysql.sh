#!/bin/sh
# What the reference answers to 7,697 recorded steps on MariaDB, over HTTP and through `nicol query`.
exec "${NODE:-node}" tests/e2e/corpus-my.mjs
