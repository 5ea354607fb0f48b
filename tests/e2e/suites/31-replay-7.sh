#!/bin/sh
# The recorded steps as the real client 7.10.0 compiles them: the same answers, and the same tables as through our compiler.
exec "${NODE:-node}" tests/e2e/replay7.mjs
