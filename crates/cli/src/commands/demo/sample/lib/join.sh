# join SEPARATOR WORD...: the words with the separator between them.
join() {
    join_separator=$1
    shift
    join_result=
    for join_word in "$@"; do
        join_result=$join_result${join_result:+$join_separator}$join_word
    done
    printf '%s\n' "$join_result"
}
