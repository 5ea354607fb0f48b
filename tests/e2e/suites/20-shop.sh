#!/bin/sh
# The shop with real clients, unmodified, over plain HTTP and TLS; and from C.
exec "${NODE:-node}" tests/e2e/shop.mjs
