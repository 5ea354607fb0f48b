#!/bin/sh
# The status page in a real browser.
exec "${NODE:-node}" tests/e2e/page.mjs
