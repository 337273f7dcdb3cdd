#!/bin/sh
# Stands in for a model: does the task that its prompt names, by the task's id. `greenlane.toml` beside it makes it an agent.
set -eu
test_of() {
    printf 'use heck::ToKebabCase;\n\n#[test]\nfn %s() {\n    assert_eq!("%s".to_kebab_case(), "%s");\n}\n' "$1" "$2" "$3"
}
case ${GREENLANE_TASK##*/} in
T001) echo '*.crate' >>.gitignore ;;
T002) mkdir -p tests && test_of empty_stays_empty '' '' >tests/empty.rs ;;
T003) mkdir -p tests && test_of digits_stay_with_their_word 'Sha256Sum' 'sha256-sum' >tests/digits.rs ;;
T005) printf '# Changelog\n\n- Empty input and digits are tested.\n' >CHANGELOG.md ;;
*) echo "what is ${GREENLANE_TASK}?" >&2; exit 1 ;;
esac
echo "did ${GREENLANE_TASK##*/}"
