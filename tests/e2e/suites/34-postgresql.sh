#!/bin/sh
# PostgreSQL: TLS, PgBouncer, clean sessions, clients that go away.
exec "${NODE:-node}" tests/e2e/postgresql.mjs
