#!/bin/bash
# plan_10k.sh [TASKS=10000] [ROUNDS=5]: reading, checking and planning a plan of TASKS tasks, whole process.
# Every task owns files of its own, one in ten shares some with its neighbours, and depends on up to three earlier ones.
. "$(dirname "$0")/common.sh"
tasks=${1:-10000} rounds=${2:-5}
make_repository "$bench/repo" 10
awk -v n="$tasks" 'BEGIN {
    print "name = \"Large\""
    for (i = 1; i <= n; i++) {
        printf "[[task]]\nid = \"t%d\"\nrun = \"true\"\npriority = %d\nowns = [\"src/m%d/**\"%s]\n", i, i % 5, i, i % 10 ? "" : ", \"shared/" int(i / 100) "/*.rs\""
        if (i > 50) printf "depends = [\"t%d\", \"t%d\", \"t%d\"]\n", i - 50, i - 1 - i % 37, int(i / 2)
    }
}' | sed 's/depends = \["\(t[0-9]*\)", "\1"/depends = ["\1"/' >"$bench/plan.toml"
for ((round = 1; round <= rounds; round++)); do
    start=$EPOCHREALTIME
    "$GREENLANE" -C "$bench/repo" plan "$bench/plan.toml" >"$bench/out"
    took=$(seconds "$start" "$EPOCHREALTIME")
    echo "$took" >>"$bench/times"
    echo "round $round  $took s  ($(wc -l <"$bench/out") lines)"
done
result "\`greenlane plan\` of $tasks tasks" "$(median <"$bench/times") s" '< 1 s'
