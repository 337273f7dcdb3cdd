#!/bin/bash
# makespan.sh [JOBS=8] [SHORTEST=3]: how far a run is from the best possible time.
# Three uneven graphs of `sleep` tasks of SHORTEST to 3 × SHORTEST seconds, held against max(critical path, work ÷ slots). Elapsed is
# the run's own (`status --json`); the bound is made of what the plan asks for, so all the machinery counts against us.
. "$(dirname "$0")/common.sh"
jobs=${1:-8} shortest=${2:-3}

# graph NAME: lines "id seconds depends…" (ids are numbers, dependencies come before their dependents).
graph() {
    awk -v kind="$1" -v low="$shortest" -v jobs="$jobs" '
    function length_of(i) { return low + ((i * 7919 + 13) % 101) / 50 * low }
    BEGIN {
        if (kind == "wide")           # nothing depends on anything
            for (i = 1; i <= 6 * jobs; i++) printf "%d %.2f\n", i, length_of(i)
        if (kind == "spine")          # one long chain beside much loose work
            for (i = 1; i <= 4 * jobs; i++) printf "%d %.2f%s\n", i, length_of(i), (i > 1 && i <= 8 ? " " i - 1 : "")
        if (kind == "fans")           # one after another: apart, together, apart
            for (i = 1; i <= 5 * jobs; i++) {
                printf "%d %.2f", i, length_of(i)
                if (i > jobs) printf " %d %d", i - jobs, (i - jobs) % 3 ? i - jobs : i - jobs + (i % jobs ? 1 : 0)
                print ""
            }
    }'
}

for kind in wide spine fans; do
    graph $kind >"$bench/$kind.graph"
    awk -v kind=$kind 'BEGIN { printf "name = \"%s\"\n", kind } {
        printf "[[task]]\nid = \"t%d\"\nrun = \"sleep %s; echo >t%d.txt\"\nowns = [\"t%d.txt\"]\nestimate = \"%dms\"\ndepends = [", $1, $2, $1, $1, $2 * 1000
        for (i = 3; i <= NF; i++) printf "%s\"t%d\"", (i > 3 ? ", " : ""), $i
        print "]"
    }' "$bench/$kind.graph" | sed 's/\(depends = \["\(t[0-9]*\)"\), "\2"\]/\1]/' >"$bench/$kind.toml"
    bound=$(awk -v jobs="$jobs" '{
        start = 0; for (i = 3; i <= NF; i++) if (end[$i] > start) start = end[$i]
        end[$1] = start + $2; work += $2; if (end[$1] > path) path = end[$1]
    } END { shared = work / jobs; printf "%.3f", (path > shared ? path : shared) }' "$bench/$kind.graph")
    repo=$bench/$kind
    make_repository "$repo" 100
    "$GREENLANE" -C "$repo" run "$bench/$kind.toml" -j "$jobs" >"$repo.log" 2>&1 || { tail "$repo.log" >&2; exit 1; }
    took=$("$GREENLANE" -C "$repo" status --json | field elapsed_seconds)
    over=$(awk -v a="$took" -v b="$bound" 'BEGIN { printf "%.1f", (a / b - 1) * 100 }')
    echo "$kind: $(wc -l <"$bench/$kind.graph") tasks, bound $bound s, took $took s"
    result "makespan of \`$kind\` above max(critical path, work ÷ $jobs slots) of $bound s" "$over %" '≤ 5 %'
done
