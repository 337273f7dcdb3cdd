#!/bin/sh
# Installs what drives a browser through the dashboard, pinned by package-lock.json, into tests/browser/node_modules (15 MB).
# Needs npm 9 or newer with Node 18 or newer, and the registry. The browser is the system's own chromium; none is downloaded.
# Greenlane itself needs none of this.
set -eu
cd "$(dirname "$0")"

# The same list is not installed twice.
list=$(cat package-lock.json install.sh | cksum)
[ "$(cat node_modules/.greenlane-installed 2>/dev/null)" != "$list" ] || exit 0
npm ci --ignore-scripts --no-audit --no-fund --loglevel=error
printf '%s\n' "$list" >node_modules/.greenlane-installed
