#!/usr/bin/env bash
# Kills the server with SIGKILL at random moments while MQTT (QoS 1), HTTP and Modbus machines send, restarts it, and in the end
# compares the acknowledgement ledger, kept by the machines outside the server, with what is stored.
#   scripts/kill-test.sh [ROUNDS]      (200 for a release; fewer in `make test`)
set -euo pipefail
cd "$(dirname "$0")/.."
. scripts/lib.sh
rounds=${1:-10}
cargo build -q -p server
folder=$(mktemp -d /tmp/baigong-kill.XXXXXX)
simulator=
finish() {
    [ -n "$simulator" ] && kill "$simulator" 2>/dev/null
    [ -n "${SERVER_PID:-}" ] && kill -9 "$SERVER_PID" 2>/dev/null
    rm -rf "$folder"
}
trap finish EXIT
modbus=$((40000 + RANDOM % 5000))

# The park: registered once, without history; then an ordinary server on the same data.
start_server "$folder/data" "$folder/server.log" demo --history-days 0 --no-simulation --modbus-port "$modbus"
stop_server
start_server "$folder/data" "$folder/server.log" serve
from=$(date -u -d '-6 hours' +%Y-%m-%dT%H:%M:%SZ)
"$BAIGONG" simulate --data "$folder/data" --http "127.0.0.1:$HTTP_PORT" --mqtt "127.0.0.1:$MQTT_PORT" --modbus-port "$modbus" \
    --from "$from" --speed 100 --ledger "$folder/ledger" >"$folder/simulator.log" 2>&1 &
simulator=$!

slowest=0
for round in $(seq 1 "$rounds"); do
    sleep "$(awk -v r="$RANDOM" 'BEGIN { printf "%.2f", 0.2 + r / 32768 * 2.8 }')"
    kill -9 "$SERVER_PID"
    wait "$SERVER_PID" 2>/dev/null || true
    began=$(date +%s%N)
    start_server "$folder/data" "$folder/server.log" serve
    took=$((($(date +%s%N) - began) / 1000000))
    [ "$took" -gt "$slowest" ] && slowest=$took
done
sleep 2
kill -INT "$simulator"
wait "$simulator" 2>/dev/null || true
simulator=
stop_server
"$BAIGONG" admin ledger-check --ledger "$folder/ledger" --data "$folder/data"
"$BAIGONG" verify --data "$folder/data" >"$folder/verify.log" || { tail -20 "$folder/verify.log"; exit 1; }
echo "$rounds kills, slowest start ${slowest} ms"
[ "$slowest" -le 30000 ]
