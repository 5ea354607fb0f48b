#!/bin/sh
# Writes through our compiler and through the reference's give the same.
exec "${NODE:-node}" tests/e2e/compilers.mjs
