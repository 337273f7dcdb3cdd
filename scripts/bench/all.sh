#!/bin/bash
# all.sh: every benchmark in turn; what they say goes to standard error, a table in Markdown to standard output.
# About a quarter of an hour on a quiet machine. GREENLANE names the program (default target/release/greenlane).
set -euo pipefail
here=$(cd "$(dirname "$0")" && pwd)
rows=$(mktemp)
trap 'rm -f "$rows"' EXIT
for name in machinery first_landing pool plan_10k ownership memory counts dashboard makespan watch; do
    echo "== $name" >&2
    "$here/$name.sh" | tee -a "$rows" >&2
done
echo "Measured on $(date -u +%F), $(nproc) processors, Linux $(uname -r), $(git --version), $(df --output=fstype "${BENCH_DIR:-${TMPDIR:-/tmp}}" | tail -1) file system."
echo
echo '| what | measured | aim |'
echo '|---|---|---|'
awk -F '\t' '$1 == "result" { printf "| %s | %s | %s |\n", $2, $3, $4 }' "$rows"
