#!/bin/sh
# Hostile input and a hostile world: each case ends in a clear error, and the server goes on serving.
exec "${NODE:-node}" tests/e2e/hostile.mjs
