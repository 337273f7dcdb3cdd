#!/bin/sh
# A stand-in for `bd` that keeps its rules: a claim is one step and fails for what is anybody's, nothing blocked or closed is closed, and
# outside of the main checkout there is no store. A field of an issue is a file: .beads/store/ID/FIELD.
[ -d .beads ] && [ -d .git ] || { echo "no active beads workspace found in $(pwd)" >&2; exit 1; }
store=.beads/store
exec 9>.beads/fake.lock
flock 9
echo "$*" >>.beads/calls
case $(cat .beads/mode 2>/dev/null) in
hang) exec 9>&-; sleep 60 & wait ;;
garbage) echo 'Welcome to bd!'; exit 0 ;;
broken) echo 'Error: database is locked' >&2; exit 1 ;;
no-close) [ "$1" = close ] && { echo 'Error: database is locked' >&2; exit 1; } ;;
esac

verb=$1; shift
id= claim= actor=somebody status= assignee= set_assignee= reason=Closed
while [ $# -gt 0 ]; do
    case $1 in
    --json) ;;
    --claim) claim=1 ;;
    --actor) actor=$2; shift ;;
    --status) status=$2; shift ;;
    --assignee) assignee=$2 set_assignee=1; shift ;;
    --reason) reason=$2; shift ;;
    -*) echo "Error: unknown flag: $1" >&2; exit 1 ;;
    *) id=$1 ;;
    esac
    shift
done

field() { cat "$store/$1/$2" 2>/dev/null; }
put() { printf '%s' "$3" >"$store/$1/$2"; }
issue() {
    printf '{"id":"%s","title":"%s","status":"%s","priority":2,"issue_type":"task"' "$1" "$(field "$1" title)" "$(field "$1" status)"
    for key in assignee close_reason; do
        value=$(field "$1" $key)
        [ -n "$value" ] && printf ',"%s":"%s"' $key "$value"
    done
    printf ',"metadata":{"run":"%s"},"dependencies":[' "$(field "$1" run)"
    comma=
    for other in $(field "$1" depends); do
        printf '%s{"issue_id":"%s","depends_on_id":"%s","type":"blocks"}' "$comma" "$1" "$other"
        comma=,
    done
    printf ']}'
}
one() { printf '[\n  %s\n]\n' "$(issue "$1")"; }

if [ "$verb" = export ]; then
    for dir in "$store"/*; do issue "${dir##*/}"; echo; done
    exit 0
fi
if [ ! -d "$store/$id" ]; then
    echo "Issue $id not found" >&2
    [ "$verb" = show ] && printf '{\n  "error": "no issues found matching the provided IDs",\n  "schema_version": 1\n}\n'
    exit 1
fi
now=$(field "$id" status) holder=$(field "$id" assignee)
case $verb in
show) one "$id" ;;
update)
    if [ -n "$claim" ]; then
        if [ "$now" = open ] && { [ -z "$holder" ] || [ "$holder" = "$actor" ]; }; then
            put "$id" status in_progress
            put "$id" assignee "$actor"
        elif [ "$now" != in_progress ] || [ "$holder" != "$actor" ]; then
            if [ -n "$holder" ] && [ "$holder" != "$actor" ]; then why="already claimed by $holder"; else why="not claimable: status $now"; fi
            echo "Error claiming $id: issue $why" >&2
            exit 1
        fi
    fi
    [ -n "$status" ] && put "$id" status "$status"
    [ -n "$set_assignee" ] && put "$id" assignee "$assignee"
    one "$id" ;;
close)
    [ "$now" = closed ] && { echo "cannot close $id: already closed" >&2; exit 1; }
    for other in $(field "$id" depends); do
        [ "$(field "$other" status)" = closed ] || { echo "cannot close $id: blocked by open issues [$other] (use --force to override)" >&2; exit 1; }
    done
    put "$id" status closed
    put "$id" close_reason "$reason"
    one "$id" ;;
reopen)
    put "$id" status open
    put "$id" close_reason ''
    one "$id" ;;
*) echo "Error: unknown command \"$verb\" for \"bd\"" >&2; exit 1 ;;
esac
