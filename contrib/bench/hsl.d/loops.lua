local s = 0.0
for i = 1, 12000 do
    for j = 1, 2000 do
        if j % 7 == 3 then s = s + i * j
        else s = s - j end
    end
end
print(string.format("%.0f", s))
