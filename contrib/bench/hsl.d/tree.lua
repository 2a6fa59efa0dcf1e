local function node(depth)
    if depth == 0 then return {name = "leaf", value = 1} end
    return {name = "node" .. depth, left = node(depth - 1), right = node(depth - 1)}
end
local function total(t) if t.value then return t.value end return total(t.left) + total(t.right) end
local s = 0
for i = 1, 100 do s = s + total(node(13)) end
print(s)
