local function counter() local n = 0 return function() n = n + 1 return n end end
local s = 0
for i = 1, 80000 do
    local c = counter()
    for j = 1, 100 do s = s + c() end
end
print(s)
