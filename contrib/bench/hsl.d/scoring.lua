local rules = {{"Subject", "free", 2}, {"Subject", "winner", 3}, {"From", "noreply", 1}, {"X-Mailer", "bulk", 2}, {"List-Id", "", -1}}
local function score(h, rules)
    local s = 0
    for _, r in ipairs(rules) do
        local name, word, points = r[1], r[2], r[3]
        local v = h[name]
        if v ~= nil and (word == "" or v:lower():find(word, 1, true)) then s = s + points end
    end
    return s
end
local t = 0
for i = 0, 599999 do
    local h = {Subject = "Get it FREE today " .. i, From = "noreply@example.org", To = "ann@example.com", Date = "now"}
    t = t + score(h, rules)
end
print(t)
