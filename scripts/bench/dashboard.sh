#!/bin/bash
# dashboard.sh [PAGES=50] [TASKS=1000] [JOBS=8]: what `greenlane serve` costs while a run of TASKS tasks goes on and PAGES pages show it:
# its CPU as a share of one core, its peak of resident memory, what it sends to each page; and its CPU at rest, when the run is over and
# the pages are still open. The pages are streams of the overview, as an open page has one. Linux only; needs curl.
. "$(dirname "$0")/common.sh"
pages=${1:-50} tasks=${2:-1000} jobs=${3:-8} rest=${REST_SECONDS:-20}
[ -r /proc/self/stat ] || { echo 'skipped: this system has no /proc' >&2; exit 0; }
command -v curl >/dev/null || { echo 'skipped: curl is not there' >&2; exit 0; }
make_repository "$bench/repo" 100
{
    echo 'name = "Dashboard"'
    for ((i = 1; i <= tasks; i++)); do
        printf '[[task]]\nid = "t%d"\ntitle = "Task number %d, with a title of some length"\nowns = ["t%d.txt"]\nrun = "echo >t%d.txt"\n' "$i" "$i" "$i" "$i"
    done
} >"$bench/plan.toml"
cd "$bench/repo"
"$GREENLANE" serve --json >"$bench/address" 2>"$bench/serve.log" &
server=$!
streams=()
trap 'kill "$server" "${streams[@]}" 2>/dev/null || true; rm -rf "$bench"' EXIT
until [ -s "$bench/address" ]; do sleep 0.05; done
url=$(sed 's/.*"url":"//; s/".*//' "$bench/address")
base=${url%/open*} token=${url#*token=}
curl=(curl --silent --noproxy '*' --header "Authorization: Bearer $token")
for ((i = 1; i <= pages; i++)); do
    "${curl[@]}" --no-buffer --output "$bench/page$i" "$base/r/repo/?live=none" &
    streams+=($!)
done

ticks() { awk '{ sub(/.*\) /, ""); print $12 + $13 }' "/proc/$server/stat"; }
hertz=$(getconf CLK_TCK)
# share FROM TO SECONDS: of one core, in percent.
share() { awk -v a="$1" -v b="$2" -v s="$3" -v hz="$hertz" 'BEGIN { printf "%.1f %%", 100 * (b - a) / hz / s }'; }

began=$EPOCHREALTIME before=$(ticks)
"$GREENLANE" run "$bench/plan.toml" -j "$jobs" >"$bench/log" 2>&1 || { tail "$bench/log" >&2; exit 1; }
# The last change gets through.
sleep 1
took=$(seconds "$began" "$EPOCHREALTIME") after=$(ticks)
peak=$(awk '/^VmHWM/ { printf "%.1f MB", $2 / 1024 }' "/proc/$server/status")
sent=$(cat "$bench"/page* | wc -c)
page=$("${curl[@]}" "$base/r/repo/" | wc -c)
for ((i = 1; i <= pages; i++)); do
    grep -q '^event: patch' "$bench/page$i" || { echo "error: page $i was told nothing" >&2; exit 1; }
done
idle_from=$(ticks)
sleep "$rest"
result "dashboard, $pages pages, $tasks tasks in ${took%.*} s: CPU" "$(share "$before" "$after" "$took")" '< 100 %'
result "dashboard, $pages pages, $tasks tasks: peak resident" "$peak" '< 100 MB'
result "dashboard, sent to each page a second" "$(awk -v b="$sent" -v n="$pages" -v s="$took" 'BEGIN { printf "%.1f KB", b / n / s / 1000 }')" '< 50 KB'
result "dashboard, the page itself, $tasks tasks" "$((page / 1000)) KB" '< 1 MB'
result "dashboard, $pages pages at rest: CPU" "$(share "$idle_from" "$(ticks)" "$rest")" '< 1 %'
