#!/bin/sh
# PostgreSQL and MariaDB killed, cut off, silent: nothing acknowledged is lost, nothing is applied twice.
exec "${NODE:-node}" tests/e2e/faults.mjs
