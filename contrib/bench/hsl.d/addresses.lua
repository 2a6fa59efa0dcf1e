local list = {"Ann Other <ann@example.org>", "bob@example.com", "\"Carol, C.\" <carol@sub.example.net>", "<dave@example.org>"}
local n = 0
local function split(s, sep)
    local t, from = {}, 1
    while true do
        local at = s:find(sep, from, true)
        if not at then t[#t + 1] = s:sub(from) return t end
        t[#t + 1] = s:sub(from, at - 1)
        from = at + #sep
    end
end
for i = 0, 1199999 do
    local a = list[i % 4 + 1]
    local lt = a:find("<", 1, true)
    if lt then a = a:sub(lt + 1, -2) end
    local p = split(a, "@")
    local labels = split(p[2], ".")
    n = n + #p[1] + #labels
    if labels[#labels] == "org" then n = n + 1 end
end
print(n)
