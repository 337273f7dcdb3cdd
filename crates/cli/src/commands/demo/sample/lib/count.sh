# count WORD...: how many words.
count() {
    printf '%s\n' "$#"
}
