expect 'a-b-c' "$(join - a b c)" 'join puts the separator between words'
expect '' "$(join -)" 'join of nothing is nothing'
