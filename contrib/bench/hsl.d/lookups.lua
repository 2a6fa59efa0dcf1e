local white = {}
for i = 0, 1999 do white["user" .. i .. "@example.org"] = "list" .. (i % 10) end
local hits = 0
for i = 0, 2999999 do
    local a = "user" .. (i % 4000) .. "@example.org"
    if white[a] and white[a] == "list3" then hits = hits + 1 end
end
print(hits)
