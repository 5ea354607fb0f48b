#!/bin/bash
# A MariaDB server for tests: its own data in DIR, its own port on 127.0.0.1, a Unix socket in DIR.
#
#   tests/servers/mariadb.sh start DIR   makes and starts it; prints its URL (user nicol, over TCP without TLS)
#   tests/servers/mariadb.sh stop DIR    stops it; DIR is the caller's to remove
#   tests/servers/mariadb.sh kill DIR    as a crash would
#   tests/servers/mariadb.sh again DIR   starts it once more, on the same port
#
# Passwords over TCP; TLS is possible with the self-signed certificate in DIR/server.crt. Nothing is flushed to the disk. The
# server's own time zone is not UTC, so that what relies on it shows.
set -eu
what=${1:?start, stop, kill or again} dir=${2:?folder}

bin=$(command -v mariadbd || command -v mysqld || true)
for b in /usr/sbin/mariadbd /usr/sbin/mysqld; do [ -n "$bin" ] || { [ -x "$b" ] && bin=$b; }; done
[ -n "$bin" ] || { echo "no MariaDB server: install the package mariadb-server" >&2; exit 1; }

user=$(id -un)
if [ "$(id -u)" = 0 ]; then
    user=mysql
    id -u "$user" >/dev/null 2>&1 || user=nobody
fi
client=$(command -v mariadb || command -v mysql)
ask() { "$client" --no-defaults --default-character-set=utf8mb4 --socket="$dir/s" -u root "$@"; }

run_on() { # PORT
    "$bin" --no-defaults --user="$user" --datadir="$dir/data" --socket="$dir/s" --pid-file="$dir/pid" --port="$1" \
        --bind-address=127.0.0.1 --skip-name-resolve --skip-log-bin --log-error="$dir/log" --max-connections=300 \
        --character-set-server=utf8mb4 --collation-server=utf8mb4_unicode_ci --default-time-zone=-05:00 \
        --innodb-flush-log-at-trx-commit=2 --innodb-buffer-pool-size=64M --innodb-log-file-size=48M --innodb-doublewrite=0 \
        --lower-case-table-names=0 --ssl-cert="$dir/server.crt" --ssl-key="$dir/server.key" >/dev/null 2>&1 </dev/null &
    local pid=$!
    for _ in $(seq 300); do
        ask -e 'SELECT 1' >/dev/null 2>&1 && return 0
        kill -0 "$pid" 2>/dev/null || return 1
        sleep 0.1
    done
    return 1
}

case $what in
start)
    mkdir -p "$dir"
    dir=$(cd "$dir" && pwd)
    openssl req -x509 -newkey rsa:2048 -nodes -days 30 -subj /CN=localhost -addext subjectAltName=DNS:localhost,IP:127.0.0.1 \
        -keyout "$dir/server.key" -out "$dir/server.crt" 2>/dev/null
    chmod 600 "$dir/server.key"
    mkdir -p "$dir/data"
    if [ "$(id -u)" = 0 ]; then chown "$user" "$dir" "$dir/data" "$dir/server.key" "$dir/server.crt"; fi
    mariadb-install-db --no-defaults --user="$user" --datadir="$dir/data" --auth-root-authentication-method=normal \
        --skip-test-db --innodb-log-file-size=48M >"$dir/install.log" 2>&1 || { cat "$dir/install.log" >&2; exit 1; }
    for _ in 1 2 3 4 5 6 7 8 9 10; do
        port=$((20000 + RANDOM % 12000))
        if run_on "$port"; then
            echo "$port" >"$dir/port"
            ask -e "CREATE USER nicol@'%' IDENTIFIED BY 'se cr@t/1'; GRANT ALL ON *.* TO nicol@'%' WITH GRANT OPTION; CREATE DATABASE test"
            echo "mysql://nicol:se%20cr%40t%2F1@127.0.0.1:$port/test"
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
    [ -s "$dir/pid" ] || exit 0
    pid=$(cat "$dir/pid")
    kill -TERM "$pid" 2>/dev/null || exit 0
    for _ in $(seq 100); do kill -0 "$pid" 2>/dev/null || exit 0; sleep 0.1; done
    kill -KILL "$pid"
    ;;
kill)
    kill -KILL "$(cat "$dir/pid")"
    ;;
*)
    echo "unknown: $what" >&2
    exit 2
    ;;
esac
