expect 3 "$(count a 'b c' d)" 'count counts words'
expect 0 "$(count)" 'count of nothing is 0'
