#!/usr/bin/env bash
# Builds what `make bench` needs, installs the peers where the distribution has them, and measures.
set -euo pipefail
cd "$(dirname "$0")/.."
sudo=""
[ "$(id -u)" = 0 ] || sudo="sudo"
for peer in mosquitto victoria-metrics; do
    command -v "$peer" >/dev/null || [ -x "/usr/sbin/$peer" ] ||
        $sudo env DEBIAN_FRONTEND=noninteractive apt-get install -y -qq --no-install-recommends "$peer" >/dev/null ||
        echo "$peer cannot be installed: measured without it"
done
python3 scripts/bench.py "$@"
