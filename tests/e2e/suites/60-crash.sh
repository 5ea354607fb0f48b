#!/bin/sh
# kill -9 in the middle of writes: what was acknowledged is there, nothing is half done.
exec "${NODE:-node}" tests/e2e/crash.mjs
