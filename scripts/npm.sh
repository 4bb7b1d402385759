#!/usr/bin/env bash
# npm 11 or newer, whatever Node brought along: npm 10 cannot install Vite 8's platform packages from a lock file.
set -euo pipefail
if [ "$(npm --version | cut -d. -f1)" -ge 11 ]; then
    exec npm "$@"
fi
exec npx --yes npm@11 "$@"
