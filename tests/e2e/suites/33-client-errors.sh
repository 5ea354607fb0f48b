#!/bin/sh
# Errors as users of real clients 7.10.0 and 6.19.3 see them, against the same clients in process.
exec "${NODE:-node}" tests/e2e/client-errors.mjs
