#!/usr/bin/env bash
# Random requests made from the OpenAPI document, with and without credentials: no 5xx, no undocumented crash.
set -euo pipefail
cd "$(dirname "$0")/.."
. scripts/lib.sh
cargo build -q -p server
tools=target/schemathesis-venv
if [ ! -x "$tools/bin/schemathesis" ]; then
    python3 -m venv "$tools"
    "$tools/bin/pip" install -q "schemathesis==4.*"
fi
folder=$(mktemp -d /tmp/baigong-fuzz.XXXXXX)
trap 'stop_server; rm -rf "$folder"' EXIT
start_server "$folder/data" "$folder/server.log" demo --no-simulation
token=$(api_token "$folder/data/demo-sign-ins.json")
"$tools/bin/schemathesis" run "$BASE_URL/api/openapi.json" \
    --checks not_a_server_error --phases examples,coverage,fuzzing --max-examples "${FUZZ_EXAMPLES:-15}" \
    --exclude-path /api/v1/live --request-timeout 20 --workers 2 --seed 1 \
    --header "Authorization: Bearer $token" --suppress-health-check all
kill -0 "$SERVER_PID" # it must still be there
