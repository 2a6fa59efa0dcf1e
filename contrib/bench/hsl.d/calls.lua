local function add(a, b) return a + b end
local s = 0.0
for i = 0, 19999999 do s = add(s, i) end
print(string.format("%.0f", s))
