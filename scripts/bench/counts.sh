#!/bin/bash
# counts.sh [FEW=10] [MANY=60] [JOBS=8]: programs started and fsyncs per task, counted by strace.
# A run of FEW tasks and one of MANY; the difference over the tasks between them is what a task costs, without what a run costs once.
. "$(dirname "$0")/common.sh"
few=${1:-10} many=${2:-60} jobs=${3:-8}
command -v strace >/dev/null || { echo 'skipped: strace is not installed (apt-get install strace)' >&2; exit 0; }
strace -o /dev/null true 2>/dev/null || { echo 'skipped: this system does not let strace look' >&2; exit 0; }
for n in $few $many; do
    make_repository "$bench/$n" 100
    {
        echo 'name = "Counted"'
        for ((i = 1; i <= n; i++)); do printf '[[task]]\nid = "t%d"\nowns = ["t%d.txt"]\nrun = "echo >t%d.txt"\n' "$i" "$i" "$i"; done
    } >"$bench/$n.toml"
    strace -f -qq -o "$bench/$n.trace" -e trace=execve,fsync,fdatasync,sync_file_range -e signal=none \
        "$GREENLANE" -C "$bench/$n" run "$bench/$n.toml" -j "$jobs" >"$bench/$n.log" 2>&1 || { tail "$bench/$n.log" >&2; exit 1; }
    # A call that another interrupts stands on two lines; the one that began it counts. execve that finds nothing is no program.
    awk '/execve\(/ && !/= -1/ { exec++ } /(fsync|fdatasync)\(/ { sync++ } END { print exec + 0, sync + 0 }' "$bench/$n.trace" >"$bench/$n.counts"
    echo "$n tasks: $(awk '{ print $1 " programs, " $2 " fsyncs" }' "$bench/$n.counts")"
    # By whom, for the text: the programs' names without their folders.
    [ "$n" != "$many" ] || grep 'execve(' "$bench/$n.trace" | grep -v '= -1' |
        sed -n 's/.*execve("[^"]*", \["\([^"]*\)"\(, "\([^"]*\)"\)\{0,1\}.*/\1 \3/p' | sed 's|^[^ ]*/||' |
        awk '{ c[$1 == "git" ? $0 : $1]++ } END { for (p in c) print c[p], p }' | sort -rn | head -8 | sed 's/^/    /'
done
read -r e1 s1 <"$bench/$few.counts"
read -r e2 s2 <"$bench/$many.counts"
per() { awk -v a="$1" -v b="$2" -v n="$((many - few))" 'BEGIN { printf "%.1f", (b - a) / n }'; }
result 'programs started per task (the command included)' "$(per "$e1" "$e2")" ''
result 'fsyncs per task' "$(per "$s1" "$s2")" ''
