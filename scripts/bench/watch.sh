#!/bin/bash
# watch.sh [TASKS=1000] [JOBS=4] [SECONDS=60]: what the dashboard in a terminal uses of a core while TASKS tasks are there, JOBS of them at
# work without a word, and nothing else happens but clocks: of its process, by /proc/PID/stat. Needs tmux. Linux only.
. "$(dirname "$0")/common.sh"
tasks=${1:-1000} jobs=${2:-4} seconds=${3:-60}
command -v tmux >/dev/null || { echo 'skipped: there is no tmux' >&2; exit 0; }
make_repository "$bench/repo" 100
{
    printf 'name = "At rest"\nverify = []\n'
    for ((i = 1; i <= tasks; i++)); do
        printf '[[task]]\nid = "t%d"\nowns = ["t%d.txt"]\nrun = "sleep %d"\n' "$i" "$i" "$((seconds * 3))"
    done
} >"$bench/plan.toml"
"$GREENLANE" -C "$bench/repo" run "$bench/plan.toml" -j "$jobs" >"$bench/log" 2>&1 &
coordinator=$!
tmux() { command tmux -S "$bench/t" -f /dev/null "$@"; }
trap 'tmux kill-server 2>/dev/null || true; "$GREENLANE" -C "$bench/repo" stop --all --now >/dev/null 2>&1 || true; wait "$coordinator" || true; rm -rf "$bench"' EXIT
until status=$("$GREENLANE" -C "$bench/repo" status --json 2>/dev/null || true) && [[ $status == *'"state": "running"'* ]]; do sleep 0.2; done
sleep 5
for size in 80x24 200x50; do
    tmux new-session -d -s "s$size" -x "${size%x*}" -y "${size#*x}" "exec $GREENLANE -C $bench/repo watch"
    pid=$(tmux list-panes -t "s$size" -F '#{pane_pid}')
    # What it reads when it begins is no rest.
    sleep 5
    ticks() { awk '{ sub(/.*\) /, ""); print $12 + $13 }' "/proc/$pid/stat"; }
    before=$(ticks)
    sleep "$seconds"
    after=$(ticks)
    used=$(awk -v a="$before" -v b="$after" -v s="$seconds" -v hz="$(getconf CLK_TCK)" 'BEGIN { printf "%.2f %%", 100 * (b - a) / hz / s }')
    memory=$(awk '/^VmRSS/ { printf "%.0f MB", $2 / 1024 }' "/proc/$pid/status")
    result "dashboard at rest, $tasks tasks, $size, of a core (resident $memory)" "$used" '< 2 %'
    tmux kill-session -t "s$size"
done
kill -0 "$coordinator"
