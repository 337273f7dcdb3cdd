#!/bin/sh
# Installs the real agents that the tests run, pinned by package-lock.json, into tests/agents/node_modules (1.3 GB).
# Needs npm 9 or newer with any Node that it runs on, and the registry. Greenlane itself needs none of this.
set -eu
cd "$(dirname "$0")"

# The same list is not installed twice.
list=$(cat package-lock.json acp/package-lock.json install.sh | cksum)
[ "$(cat node_modules/.greenlane-installed 2>/dev/null)" != "$list" ] || exit 0

# Install scripts are named below instead of run wholesale: one of them would compile a terminal library that headless
# runs do not need, and newer versions of npm do not run them unasked.
npm ci --ignore-scripts --no-audit --no-fund --loglevel=error
# gemini and opencode need a newer Node than Debian 12 has: on Linux it comes with them, and stands first on the agents' PATH.
PATH=$PWD/node_modules/.bin:$PATH
node node_modules/@anthropic-ai/claude-code/install.cjs   # puts the native program in the place of a stub
(cd node_modules/opencode-ai && node postinstall.mjs)     # the same

# What speaks the Agent Client Protocol for claude, without a claude of its own (80 MB instead of 300).
(cd acp && npm ci --ignore-scripts --omit=optional --no-audit --no-fund --loglevel=error)

for agent in claude codex gemini opencode; do
    version=$("node_modules/.bin/$agent" --version </dev/null | head -n 1)
    [ -n "$version" ] || { echo "error: $agent was installed and does not start" >&2; exit 1; }
    printf '%s %s\n' "$agent" "$version"
done
printf '%s\n' "$list" >node_modules/.greenlane-installed
