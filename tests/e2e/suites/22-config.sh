#!/bin/sh
# Configuration files: what they set, what flags override, and how mistakes are told.
exec "${NODE:-node}" tests/e2e/config.mjs
