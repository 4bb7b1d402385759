#!/usr/bin/env bash
# Real Chromium against the real server: the first start of an empty installation, then the showpiece path on the demo park.
# Screenshots go to test-output/screenshots.
set -euo pipefail
cd "$(dirname "$0")/.."
. scripts/lib.sh
cargo build -q -p server
folder=$(mktemp -d /tmp/baigong-e2e.XXXXXX)
trap 'stop_server; rm -rf "$folder"' EXIT
mkdir -p test-output/screenshots

start_server "$folder/empty" "$folder/first.log" serve
BASE_URL=$BASE_URL SERVER_LOG="$folder/first.log" SCREENSHOT_DIR=test-output/screenshots node web/e2e/first-start.mjs
stop_server

start_server "$folder/data" "$folder/server.log" demo
if ! BASE_URL=$BASE_URL SIGN_INS="$folder/data/demo-sign-ins.json" SCREENSHOT_DIR=test-output/screenshots \
    node web/e2e/showpiece.mjs; then
    echo "--- the server's last lines" >&2
    tail -40 "$folder/server.log" >&2
    exit 1
fi
