local total = 0
for r = 1, 40 do
    local t = {}
    for i = 0, 49999 do
        local name = "user" .. i
        t[#t + 1] = "<" .. name .. "@example.com>, "
    end
    local s = table.concat(t)
    total = total + #s
end
print(total)
