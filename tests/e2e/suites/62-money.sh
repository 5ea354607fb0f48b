#!/bin/sh
# Money and seats: concurrent transactions on PostgreSQL and MariaDB.
exec "${NODE:-node}" tests/e2e/money.mjs
