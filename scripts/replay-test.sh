#!/usr/bin/env bash
# Plays real recorded series through the platform's own sockets and compares the acknowledgement ledger with what is stored.
#   BAIGONG_DATA_SET=DIR scripts/replay-test.sh      DIR holds public sets, a folder per topic; none is part of this project
set -euo pipefail
cd "$(dirname "$0")/.."
. scripts/lib.sh
sets=${BAIGONG_DATA_SET:-}
if [ ! -d "$sets" ]; then
    echo "no data sets (BAIGONG_DATA_SET names no folder): recorded series are not played in this run"
    exit 0
fi
cargo build -q -p server
folder=$(mktemp -d /tmp/baigong-replay.XXXXXX)
trap 'stop_server; rm -rf "$folder"' EXIT
start_server "$folder/data" "$folder/server.log" demo --no-simulation --history-days 0
BAIGONG_TOKEN=$(api_token "$folder/data/demo-sign-ins.json")
export BAIGONG_TOKEN
played=0
for topic in anomaly/skab anomaly/nab fault/tep fault/hydraulic process rul/cmapss; do
    [ -d "$sets/$topic" ] || { echo "absent: $topic"; continue; }
    # One set after the other, in turn over MQTT and line protocol.
    line=()
    [ $((played % 2)) = 1 ] && line=(--line)
    "$BAIGONG" simulate --replay "$sets/$topic" --recordings 6 --speed 1e9 --seconds 240 ${line[@]+"${line[@]}"} --json \
        --http "127.0.0.1:$HTTP_PORT" --mqtt "127.0.0.1:$MQTT_PORT" --ledger "$folder/ledger" --data "$folder/data" >"$folder/report.json"
    python3 - "$topic" "$folder/report.json" <<'PY'
import json, sys
report = json.load(open(sys.argv[2]))
print(f"{sys.argv[1]}: {report['series']} series, {report['rows']} rows, {report['points']} points acknowledged, {report['refused']} refused")
assert report["series"] > 0 and report["points"] >= report["rows"] > 0 and report["refused"] == 0, report
PY
    played=$((played + 1))
done
[ "$played" -gt 0 ]
stop_server
"$BAIGONG" admin ledger-check --ledger "$folder/ledger" --data "$folder/data"
