local s = 0
for r = 1, 40 do
    local a = {}
    local x = 12345
    for i = 1, 10000 do x = (x * 1103 + 12345) % 1000003 a[i] = x end
    table.sort(a, function(p, q) return p < q end)
    s = s + a[1]
end
print(s)
