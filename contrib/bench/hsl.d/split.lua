local line = "alpha,beta,gamma,delta,epsilon,zeta,eta,theta,iota,kappa"
local n = 0
for i = 1, 800000 do
    local parts = {}
    for p in line:gmatch("[^,]+") do parts[#parts + 1] = p end
    n = n + #table.concat(parts, ";") + #parts
end
print(n)
