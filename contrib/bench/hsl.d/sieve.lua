local count = 0
for round = 1, 15 do
    local n = 500000
    local p = {}
    for i = 0, n do p[i] = true end
    local i = 2
    while i * i <= n do
        if p[i] then for j = i * i, n, i do p[j] = false end end
        i = i + 1
    end
    count = 0
    for k = 2, n do if p[k] then count = count + 1 end end
end
print(count)
