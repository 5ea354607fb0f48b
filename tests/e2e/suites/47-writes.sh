#!/bin/sh
# Optimistic updates that race lose nothing; a write of any size is done as a whole or refused before anything is written.
exec "${NODE:-node}" tests/e2e/writes.mjs
