#!/usr/bin/env bash
# Runs a command with a throw-away PostgreSQL 15+ beside it: scripts/with-postgres.sh cargo test …
# Sets BAIGONG_TEST_PG. The server listens on loopback only, on a free port, and is gone afterwards.
set -euo pipefail

bin=$(ls -d /usr/lib/postgresql/*/bin 2>/dev/null | sort -V | tail -1 || true)
if [ -z "$bin" ]; then
    bin=$(dirname "$(command -v initdb || true)")
fi
if [ ! -x "$bin/initdb" ]; then
    echo "no PostgreSQL server found: run scripts/install-tools.sh" >&2
    exit 1
fi

folder=$(mktemp -d /tmp/baigong-pg.XXXXXX)
as() { "$@"; }
if [ "$(id -u)" = 0 ]; then # PostgreSQL refuses to run as root
    chown postgres "$folder"
    as() { runuser -u postgres -- "$@"; }
fi
port=$((20000 + RANDOM % 20000))
while (exec 3<>"/dev/tcp/127.0.0.1/$port") 2>/dev/null; do port=$((20000 + RANDOM % 20000)); done
cd "$folder" # a folder that the postgres user may stand in
as "$bin/initdb" -D "$folder/data" -U baigong --auth=trust --encoding=UTF8 --locale=C.UTF-8 --data-checksums >"$folder/initdb.log"
as "$bin/pg_ctl" -D "$folder/data" -l "$folder/server.log" -w -o "-p $port -c listen_addresses=127.0.0.1 -c unix_socket_directories=$folder -c max_connections=400" start >/dev/null
trap 'as "$bin/pg_ctl" -D "$folder/data" -m immediate stop >/dev/null 2>&1 || true; rm -rf "$folder"' EXIT
cd "$OLDPWD"
export BAIGONG_TEST_PG="postgres://baigong@127.0.0.1:$port/postgres"
"$@"
