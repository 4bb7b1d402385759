#!/usr/bin/env bash
# Everything that `make test` runs, in order of cost. Each part says what it is.
set -euo pipefail
cd "$(dirname "$0")/.."
part() { printf '\n=== %s\n' "$*"; }

part "console: types and unit tests"
scripts/npm.sh run --silent typecheck
scripts/npm.sh run --silent test

part "Rust: all crates, on SQLite and PostgreSQL"
scripts/with-postgres.sh cargo test --workspace --no-fail-fast

part "browser: the showpiece path in Chromium against the real server"
scripts/e2e.sh

part "contract: the OpenAPI document under random requests"
scripts/schemathesis.sh

part "recorded series through the real sockets"
scripts/replay-test.sh

part "crashes: kill -9 while every protocol ingests"
scripts/kill-test.sh "${KILL_ROUNDS:-10}"
