#!/bin/sh
# Thousands of generated and changed schemas, judged as npm's schema tools of version 7.10 judge them.
exec "${NODE:-node}" tests/e2e/schema-oracle.mjs
