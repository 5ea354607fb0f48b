#!/bin/sh
# The recorded schemas laid out and described as recorded, and the two commands that do it.
exec "${NODE:-node}" tests/e2e/format.mjs
