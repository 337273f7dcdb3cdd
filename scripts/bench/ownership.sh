#!/bin/bash
# ownership.sh [TASKS=5000] [FILES=20000] [ROUNDS=5]: who owns which of FILES files in a plan of TASKS tasks, overlaps and the largest set
# at once included, and the same with each task classified and assigned (`--agent auto`); whole process, against `git ls-files`.
# Every task owns a folder's pattern or single files, one in ten shares some with its neighbours, one in three says them in its text only.
. "$(dirname "$0")/common.sh"
tasks=${1:-5000} files=${2:-20000} rounds=${3:-5}
make_repository "$bench/repo" "$files"
awk -v n="$tasks" -v files="$files" 'BEGIN {
    print "name = \"Owners\"\nverify = []"
    folders = int((files + 99) / 100)
    for (i = 1; i <= n; i++) {
        f = (i * 4) % files; d = int(f / 100)
        printf "[[task]]\nid = \"t%d\"\ntitle = \"%s of part %d\"\n", i, i % 2 ? "Unit tests" : "Refactor the handler", i
        if (i % 3 == 0) printf "prompt = \"Change d%d/f%d.txt and d%d/f%d.txt.\"\n", d, f, d, f + (f % 100 < 99)
        else if (i % 10 == 0) printf "owns = [\"d%d/f%d*.txt\", \"d%d/**\"]\n", d, f, (d + 1) % folders
        else printf "owns = [\"d%d/f%d.txt\", \"d%d/f%d.txt\"]\n", d, f, d, f + (f % 100 < 99)
        if (i > 50) printf "depends = [\"t%d\"]\n", i - 50
    }
}' >"$bench/plan.toml"
printf '[agents.robot]\ncommand = "true"\nargs = ["{prompt_file}"]\n' >"$bench/repo/greenlane.toml"
timed() {
    local what=$1; shift
    local start=$EPOCHREALTIME
    "$@" >"$bench/out"
    seconds "$start" "$EPOCHREALTIME" | tee -a "$bench/$what"
}
for ((round = 1; round <= rounds; round++)); do
    echo "round $round  files $(timed ls git -C "$bench/repo" ls-files)  owners $(timed owners "$GREENLANE" -C "$bench/repo" plan "$bench/plan.toml" --agent robot)  assigned $(timed assigned "$GREENLANE" -C "$bench/repo" plan "$bench/plan.toml" --agent auto --why)"
done
result "\`plan\` of $tasks tasks that own parts of $files files" "$(median <"$bench/owners") s (\`git ls-files\`: $(median <"$bench/ls") s)" '< 1 s'
result 'the same, each task classified and assigned' "$(median <"$bench/assigned") s" ''
