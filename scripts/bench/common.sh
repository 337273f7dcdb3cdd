# shellcheck shell=bash
# What the benchmarks share: where the program is, a directory of their own, medians, the line of a result. Sourced.
#
# Everything is made under one new directory and deleted at the end, not between rounds: on ext4 deleting many small files
# makes the next commit to the journal slow, and whoever is measured next pays for it.
set -euo pipefail

bench_root=$(cd "$(dirname "${BASH_SOURCE[0]}")/../.." && pwd)
GREENLANE=$(realpath "${GREENLANE:-$bench_root/target/release/greenlane}")
[ -x "$GREENLANE" ] || { echo "error: $GREENLANE is not there: cargo build --release, or set GREENLANE" >&2; exit 2; }
bench=$(mktemp -d "${BENCH_DIR:-${TMPDIR:-/tmp}}/greenlane-bench.XXXXXX")
trap 'rm -rf "$bench"' EXIT

# Nothing of the user's configuration, of git's or of ours, changes what is measured.
export XDG_STATE_HOME=$bench/state XDG_CONFIG_HOME=$bench/config XDG_RUNTIME_DIR=$bench/runtime
mkdir -p "$XDG_STATE_HOME" "$XDG_CONFIG_HOME" "$XDG_RUNTIME_DIR"
chmod 700 "$XDG_RUNTIME_DIR"
export GIT_CONFIG_GLOBAL=/dev/null GIT_CONFIG_NOSYSTEM=1
export GIT_AUTHOR_NAME=bench GIT_AUTHOR_EMAIL=bench@localhost GIT_COMMITTER_NAME=bench GIT_COMMITTER_EMAIL=bench@localhost

# make_repository DIR FILES: one commit of so many small files, a hundred in each folder. Has no test suite.
make_repository() {
    local dir=$1 files=$2
    git init --quiet --initial-branch main "$dir"
    # One write per folder, not per file: fast-import makes the objects without a work tree.
    awk -v n="$files" 'BEGIN {
        print "commit refs/heads/main\ncommitter bench <bench@localhost> 0 +0000\ndata 5\nstart"
        for (i = 0; i < n; i++) { t = "file " i "\n"; printf "M 644 inline d%d/f%d.txt\ndata %d\n%s\n", i / 100, i, length(t), t }
    }' | git -C "$dir" fast-import --quiet
    git -C "$dir" reset --quiet --hard main
}

# median: of the numbers on standard input, one a line.
median() { sort -g | awk '{ a[NR] = $1 } END { if (NR) print NR % 2 ? a[(NR + 1) / 2] : (a[NR / 2] + a[NR / 2 + 1]) / 2; else print "nan" }'; }

# seconds FROM TO: between two values of EPOCHREALTIME.
seconds() { awk -v a="$1" -v b="$2" 'BEGIN { printf "%.3f\n", b - a }'; }

# field NAME: a number of `status --json`'s summary, from standard input.
field() { tr ',{}' '\n' | sed -n "s/^[[:space:]]*\"$1\":[[:space:]]*//p" | tail -1; }

# result WHAT MEASURED AIM: a row for all.sh.
result() { printf 'result\t%s\t%s\t%s\n' "$1" "$2" "$3"; }
