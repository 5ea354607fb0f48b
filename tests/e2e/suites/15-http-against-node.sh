#!/bin/sh
# The HTTP parser against Node's on the same bytes.
exec "${NODE:-node}" tests/e2e/http_against_node.js "$BUILD/release" 20000
