#!/bin/sh
# The test suite: every tests/*_test.sh, or only those named; then the rules for the library as a whole.
cd "$(dirname "$0")/.." || exit 2
for file in lib/*.sh; do . "./$file"; done
failures=0

# expect WANTED GOT WHAT
expect() {
    if [ "$1" = "$2" ]; then
        printf 'ok   %s\n' "$3"
    else
        printf 'FAIL %s: wanted "%s", got "%s"\n' "$3" "$1" "$2"
        failures=$((failures + 1))
    fi
}

if [ $# -gt 0 ]; then
    for name in "$@"; do . "./tests/${name}_test.sh"; done
else
    for file in tests/*_test.sh; do . "./$file"; done
    expect '' "$(sed -n 's/^\([a-z]*\)() {.*/\1/p' lib/*.sh | sort | uniq -d)" 'no function is defined twice'
fi
[ "$failures" -eq 0 ]
