local words = {}
for i = 0, 999 do words[#words + 1] = "word" .. (i * 7919 % 1000) end
local c = {}
for r = 1, 9000 do
    for _, w in ipairs(words) do c[w] = (c[w] or 0) + 1 end
end
local s, n = 0, 0
for k, v in pairs(c) do s = s + v n = n + 1 end
print(n .. " " .. s)
