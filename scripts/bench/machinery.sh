#!/bin/bash
# machinery.sh [TASKS=200] [JOBS=8] [ROUNDS=5] [FILES=100]: what the machinery costs when the tasks cost nothing.
# TASKS commands that write one file each, JOBS at a time, every one in a worktree of its own, committed and landed: by
# Greenlane (whole process, from its start to its end), and by plain git under xargs doing the same. Both take turns.
. "$(dirname "$0")/common.sh"
tasks=${1:-200} jobs=${2:-8} rounds=${3:-5} files=${4:-100}

{
    echo 'name = "No-ops"'
    for ((i = 1; i <= tasks; i++)); do
        printf '[[task]]\nid = "t%d"\nowns = ["t%d.txt"]\nrun = "echo %d >t%d.txt"\n' "$i" "$i" "$i" "$i"
    done
} >"$bench/plan.toml"

# One task of the plain way. Adds are one at a time, as git asks for; files are written outside the lock.
plain_task() {
    exec 9>"$trees.lock"
    flock 9
    git -C "$repo" worktree add --quiet --no-checkout -b "task/$1" "$trees/$1" main 2>/dev/null
    exec 9>&-
    cd "$trees/$1"
    git reset --quiet --hard
    sh -c "echo $1 >t$1.txt"
    git add --all
    git commit --quiet --message "task $1"
}
export -f plain_task

plain() {
    export repo=$1 trees=$1.trees
    mkdir "$trees"
    seq "$tasks" | xargs -P "$jobs" -I{} bash -euc 'plain_task {}'
    local tip tree
    tip=$(git -C "$repo" rev-parse main)
    for ((i = 1; i <= tasks; i++)); do
        tree=$(git -C "$repo" merge-tree --write-tree "$tip" "task/$i")
        tip=$(git -C "$repo" commit-tree -p "$tip" -p "task/$i" -m "merge $i" "$tree")
        git -C "$repo" update-ref refs/heads/landed "$tip"
    done
}

# landed REPO BRANCH: how many of the tasks' files are there; anything but all of them is no measurement.
landed() {
    local there
    there=$(git -C "$1" ls-tree --name-only "$2" | grep -c '^t[0-9]*\.txt$')
    [ "$there" = "$tasks" ] || { echo "error: $there of $tasks tasks landed in $1" >&2; exit 1; }
}

for ((round = 1; round <= rounds; round++)); do
    for who in greenlane git; do
        repo=$bench/$who-$round
        make_repository "$repo" "$files"
        sync
        start=$EPOCHREALTIME
        if [ $who = greenlane ]; then
            "$GREENLANE" -C "$repo" run "$bench/plan.toml" -j "$jobs" >"$repo.log" 2>&1 || { tail "$repo.log" >&2; exit 1; }
        else
            plain "$repo"
        fi
        took=$(seconds "$start" "$EPOCHREALTIME")
        echo "$took" >>"$bench/$who.times"
        echo "round $round  $who  $took s"
        if [ $who = greenlane ]; then
            landed "$repo" "$(git -C "$repo" for-each-ref --format='%(refname)' 'refs/heads/greenlane/*/plan/*')"
        else
            landed "$repo" refs/heads/landed
        fi
    done
done
ours=$(median <"$bench/greenlane.times") theirs=$(median <"$bench/git.times")
ratio=$(awk -v a="$ours" -v b="$theirs" 'BEGIN { printf "%.2f", a / b }')
result "$tasks no-op tasks at -j $jobs, Greenlane" "$ours s" ''
result "the same by plain git under xargs" "$theirs s" ''
result 'Greenlane over plain git (medians)' "$ratio" '≤ 1.00'
