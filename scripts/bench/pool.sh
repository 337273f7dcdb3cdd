#!/bin/bash
# pool.sh [FILES=20000] [TASKS=8]: a worktree made anew against one that is used again, on a repository of FILES files.
# A chain of tasks at -j 1: the first gets a new worktree, every other the one before it had. The time is that from
# `attempt_started` to `attempt_spawned` in the journal, so the start of the keeper is in it. Plain: `git worktree add`.
. "$(dirname "$0")/common.sh"
files=${1:-20000} tasks=${2:-8}
repo=$bench/repo
make_repository "$repo" "$files"
{
    echo 'name = "Chain"'
    for ((i = 1; i <= tasks; i++)); do
        printf '[[task]]\nid = "t%d"\nrun = "echo %d >d%d/f%d.txt"\n' "$i" "$i" "$((i % 2))" "$((i % 2 * 100))"
        [ "$i" -eq 1 ] || printf 'depends = ["t%d"]\n' "$((i - 1))"
    done
} >"$bench/plan.toml"

for round in 1 2 3 4 5; do
    start=$EPOCHREALTIME
    git -C "$repo" worktree add --quiet -b "plain/$round" "$bench/plain-$round" main 2>/dev/null
    seconds "$start" "$EPOCHREALTIME" | tee -a "$bench/plain.times" | sed 's/^/git worktree add  /; s/$/ s/'
done
sync
"$GREENLANE" -C "$repo" run "$bench/plan.toml" -j 1 >"$repo.log" 2>&1 || { tail "$repo.log" >&2; exit 1; }
"$GREENLANE" -C "$repo" events | awk '
    function at(line) { match(line, /"at":"[^"]*"/); split(substr(line, RSTART + 6, RLENGTH - 7), d, /[T:Z]/); return d[2] * 3600 + d[3] * 60 + d[4] }
    function task(line) { match(line, /"task":"[^"]*"/); return substr(line, RSTART, RLENGTH) }
    /"event":"attempt_started"/ { started[task($0)] = at($0) }
    /"event":"attempt_spawned"/ { s = at($0) - started[task($0)]; if (s < 0) s += 86400; printf "%.3f\n", s }
' >"$bench/prepared"
sed 's/^/attempt  /; s/$/ s/' "$bench/prepared"
plain=$(median <"$bench/plain.times") new=$(head -1 "$bench/prepared") again=$(tail -n +2 "$bench/prepared" | median)
result "\`git worktree add\`, $files files" "$plain s" ''
result 'Greenlane, a new worktree' "$new s" ''
result 'Greenlane, a worktree used again' "$again s" ''
result 'used again over `git worktree add`' "$(awk -v a="$again" -v b="$plain" 'BEGIN { printf "%.2f", a / b }')" '≤ 0.20'
