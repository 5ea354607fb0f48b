#!/bin/sh
# @prisma/client 5.22.0 over TLS with a real key; the same program through 5.22.0, 6.19.3 and 7.10.0; what they log.
exec "${NODE:-node}" tests/e2e/tls-5.22.mjs
