#!/bin/sh
# Installs the real agents that the tests run, pinned by package-lock.json, into tests/agents/node_modules (1.2 GB).
# Needs node 20 or newer with npm, and the registry. Greenlane itself needs none of this.
set -eu
cd "$(dirname "$0")"

# Install scripts are named below instead of run wholesale: one of them would compile a terminal library that headless
# runs do not need, and newer versions of npm do not run them unasked.
npm ci --ignore-scripts --no-audit --no-fund --loglevel=error
node node_modules/@anthropic-ai/claude-code/install.cjs   # puts the native program in the place of a stub
(cd node_modules/opencode-ai && node postinstall.mjs)     # the same

for agent in claude codex gemini opencode; do
    printf '%s %s\n' "$agent" "$("node_modules/.bin/$agent" --version </dev/null | head -n 1)"
done
