#!/bin/sh
# The text of /metrics.
exec "${NODE:-node}" tests/e2e/metrics.mjs
