#!/bin/sh
# Makes the example shop's database when it is missing, serves it, and says what to open and type. $1: the program.
# PORT picks the port (default 4466), SHOP_DIR where the database lies (default build/shop).
set -eu
cd "$(dirname "$0")/.."
nicol=${1:-build/nicol}
dir=${SHOP_DIR:-build/shop}
port=${PORT:-4466}
db=$dir/shop.db
mkdir -p "$dir"
if [ ! -f "$db" ]; then
    rm -f "$dir/new.db" "$dir/new.db-wal" "$dir/new.db-shm"
    "$nicol" db execute --create --url "file:$dir/new.db" --file examples/shop/schema.sql
    "$nicol" db execute --url "file:$dir/new.db" --file examples/shop/seed.sql
    mv "$dir/new.db" "$db"
fi
fifo=$dir/ready.$$
mkfifo "$fifo"
trap 'rm -f "$fifo"' EXIT
"$nicol" serve --schema examples/shop/schema.prisma --url "file:$db" --listen "127.0.0.1:$port" --state "$dir/state" \
    --log-format text --log-level "${LOG_LEVEL:-warn}" > "$fifo" &
pid=$!
trap 'kill -TERM $pid 2>/dev/null || :' INT TERM
# Where the Node in PATH is too old for the clients, the commands go through the one that was fetched.
node=node
[ "$(tools/node.sh)" = "$(command -v node)" ] || node="tools/node.sh node"
if read -r line < "$fifo"; then
    url=${line##* }
    cat <<EOF

$line

  open        $url/
  ask         curl -s $url/json -H 'authorization: Bearer any' -d '{"modelName":"Order","action":"findMany","query":{"arguments":{"where":{"status":"PENDING"},"take":2,"orderBy":{"id":"desc"}},"selection":{"\$scalars":true,"user":{"selection":{"email":true}}}}}'
  version 7   $node examples/js/setup.mjs v7 && $node examples/js/shop.mjs v7 $url
  version 6   $node examples/js/setup.mjs v6 && $node examples/js/shop.mjs v6 $url
  C           make example-c && build/examples/shop $db
  stop        Ctrl-C

EOF
fi
status=0
wait $pid || status=$?
# A signal interrupts the first wait: the server is draining then.
if [ $status -gt 128 ]; then status=0; wait $pid || status=$?; fi
exit $status
