#!/bin/sh
# What the reference answers to 6,016 recorded steps, over HTTP and through `nicol query`.
exec "${NODE:-node}" tests/e2e/corpus.mjs
