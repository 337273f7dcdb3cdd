#!/bin/bash
# memory.sh [TASKS=200] [JOBS=8]: the coordinator's peak of resident memory over a run of TASKS tasks (VmHWM), and the private memory
# of a keeper while its command runs (smaps_rollup). Linux only.
. "$(dirname "$0")/common.sh"
tasks=${1:-200} jobs=${2:-8}
[ -r /proc/self/smaps_rollup ] || { echo 'skipped: this system has no /proc/self/smaps_rollup' >&2; exit 0; }
make_repository "$bench/repo" 100
{
    echo 'name = "Memory"'
    for ((i = 1; i <= tasks; i++)); do
        # The first ones stay long enough to be looked at.
        printf '[[task]]\nid = "t%d"\npriority = %d\nowns = ["t%d.txt"]\nrun = "%secho >t%d.txt"\n' "$i" "$((i > jobs))" "$i" "$([ "$i" -gt "$jobs" ] || echo 'sleep 4; ')" "$i"
    done
} >"$bench/plan.toml"
"$GREENLANE" -C "$bench/repo" run "$bench/plan.toml" -j "$jobs" >"$bench/log" 2>&1 &
coordinator=$!
peak=0
: >"$bench/keepers"
while state=$(cat "/proc/$coordinator/status" 2>/dev/null) && ! grep -q '^State:.*Z' <<<"$state"; do
    now=$(awk '/^VmHWM/ { print $2 }' <<<"$state")
    [ "${now:-0}" -le "$peak" ] || peak=$now
    # The largest of what is seen of every keeper. Its children are not it.
    for child in $(cat "/proc/$coordinator"/task/*/children 2>/dev/null || true); do
        { tr '\0' ' ' <"/proc/$child/cmdline" | grep -q __keeper; } 2>/dev/null || continue
        awk -v pid="$child" '/^Private_/ { kb += $2 } END { if (kb) print pid, kb }' "/proc/$child/smaps_rollup" 2>/dev/null >>"$bench/keepers" || true
    done
    sleep 0.2
done
wait "$coordinator" || { tail "$bench/log" >&2; exit 1; }
[ -s "$bench/keepers" ] || { echo 'error: no keeper was seen' >&2; exit 1; }
keeper=$(awk '$2 > most[$1] { most[$1] = $2 } END { for (pid in most) print most[pid] }' "$bench/keepers" | median)
mb() { awk -v kb="$1" 'BEGIN { printf "%.1f MB", kb / 1024 }'; }
result "coordinator, peak resident, $tasks tasks" "$(mb "$peak")" '< 30 MB'
result 'keeper, private' "$(mb "$keeper")" '< 4 MB'
