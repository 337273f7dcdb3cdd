#!/bin/bash
# first_landing.sh [ROUNDS=9]: from the start of the process to the first landing, as its event stream tells it.
. "$(dirname "$0")/common.sh"
rounds=${1:-9}
printf 'name = "One"\n[[task]]\nid = "one"\nowns = ["one.txt"]\nrun = "echo >one.txt"\n' >"$bench/plan.toml"
for ((round = 1; round <= rounds; round++)); do
    repo=$bench/$round
    make_repository "$repo" 100
    start=$EPOCHREALTIME landed=
    # The moment in which the line arrives, not the time written in it: a reader of the stream sees no earlier.
    while IFS= read -r line; do
        case $line in *'"event":"batch_landed"'*) [ -n "$landed" ] || landed=$EPOCHREALTIME ;; esac
    done < <("$GREENLANE" -C "$repo" run "$bench/plan.toml" --json 2>"$repo.log")
    [ -n "$landed" ] || { echo "error: nothing landed" >&2; tail "$repo.log" >&2; exit 1; }
    took=$(seconds "$start" "$landed")
    echo "$took" >>"$bench/times"
    echo "round $round  $took s"
done
result 'from `run` to the first landing' "$(median <"$bench/times") s" '< 0.5 s'
