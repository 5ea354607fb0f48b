#!/bin/bash
# A PostgreSQL server for tests: its own data in DIR, its own port on 127.0.0.1, a Unix socket in DIR.
#
#   tests/servers/pg.sh start DIR   makes and starts it; prints its URL (user nicol, over TCP without TLS)
#   tests/servers/pg.sh stop DIR    stops it at once; DIR is the caller's to remove
#   tests/servers/pg.sh kill DIR    as a crash would
#   tests/servers/pg.sh again DIR   starts it once more, on the same port
#
# Passwords over TCP, none over the socket; TLS is possible with the self-signed certificate in DIR/server.crt. Nothing is
# flushed to the disk. PostgreSQL refuses to run as root, so root runs it as the package's user.
set -eu
what=${1:?start, stop, kill or again} dir=${2:?folder}

bin=$(command -v postgres 2>/dev/null || true)
for b in /usr/lib/postgresql/*/bin; do [ -x "$b/initdb" ] && bin=$b/postgres; done
[ -n "$bin" ] || { echo "no PostgreSQL server: install the package postgresql" >&2; exit 1; }
bin=$(dirname "$(readlink -f "$bin")")

as_server() {
    if [ "$(id -u)" != 0 ]; then "$@"; return; fi
    local user=postgres
    id -u "$user" >/dev/null 2>&1 || user=nobody
    (cd / && exec setpriv --reuid="$user" --regid="$(id -g "$user")" --clear-groups env HOME="$dir" PATH="$PATH" "$@")
}

run_on() { # PORT
    as_server "$bin/pg_ctl" -D "$dir/data" -l "$dir/log" -w -t 60 -s \
        -o "-c port=$1 -c unix_socket_directories='$dir' -c listen_addresses=127.0.0.1" start >/dev/null 2>&1
}

case $what in
start)
    mkdir -p "$dir"
    dir=$(cd "$dir" && pwd)
    openssl req -x509 -newkey rsa:2048 -nodes -days 30 -subj /CN=localhost -addext subjectAltName=DNS:localhost,IP:127.0.0.1 \
        -keyout "$dir/server.key" -out "$dir/server.crt" 2>/dev/null
    printf 'se cr@t/1' >"$dir/password"
    chmod 600 "$dir/server.key" "$dir/password"
    if [ "$(id -u)" = 0 ]; then
        user=postgres
        id -u "$user" >/dev/null 2>&1 || user=nobody
        chown "$user" "$dir" "$dir/server.key" "$dir/server.crt" "$dir/password"
    fi
    as_server "$bin/initdb" -D "$dir/data" -U nicol --pwfile="$dir/password" --auth-local=trust --auth-host=scram-sha-256 \
        -E UTF8 --locale=C.UTF-8 --no-sync >"$dir/initdb.log" 2>&1 || { cat "$dir/initdb.log" >&2; exit 1; }
    cat >>"$dir/data/postgresql.conf" <<CONF
fsync = off
synchronous_commit = off
full_page_writes = off
max_connections = 200
shared_buffers = 64MB
wal_level = logical
max_wal_senders = 8
max_replication_slots = 8
max_prepared_transactions = 8
autovacuum_naptime = 30s
ssl = on
ssl_cert_file = '$dir/server.crt'
ssl_key_file = '$dir/server.key'
timezone = 'America/New_York'
log_min_messages = warning
log_min_error_statement = panic
CONF
    for _ in 1 2 3 4 5 6 7 8 9 10; do
        port=$((20000 + RANDOM % 12000))
        if run_on "$port"; then
            echo "$port" >"$dir/port"
            echo "postgresql://nicol:se%20cr%40t%2F1@127.0.0.1:$port/postgres?sslmode=disable"
            exit 0
        fi
    done
    tail -n 5 "$dir/log" >&2
    exit 1
    ;;
again)
    dir=$(cd "$dir" && pwd)
    run_on "$(cat "$dir/port")" || { tail -n 5 "$dir/log" >&2; exit 1; }
    ;;
stop)
    dir=$(cd "$dir" && pwd)
    as_server "$bin/pg_ctl" -D "$dir/data" -m immediate -w -s stop >/dev/null 2>&1 || true
    ;;
kill)
    pid=$(head -n 1 "$dir/data/postmaster.pid")
    kill -KILL "$pid"
    # Its own processes notice soon. One that nobody has waited for yet would look alive to the next start.
    for _ in $(seq 100); do
        state=$(cut -d' ' -f3 "/proc/$pid/stat" 2>/dev/null || echo gone)
        if [ "$state" = Z ] || [ "$state" = gone ]; then break; fi
        sleep 0.05
    done
    rm -f "$dir/data/postmaster.pid" "$dir"/.s.PGSQL.*.lock
    ;;
*)
    echo "unknown: $what" >&2
    exit 2
    ;;
esac
