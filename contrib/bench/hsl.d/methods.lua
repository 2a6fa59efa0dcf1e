local Account = {}
Account.__index = Account
function Account.new() return setmetatable({sum = 0}, Account) end
function Account:add(x) self.sum = self.sum + x return self end
function Account:get() return self.sum end
local a = Account.new()
for i = 0, 9999999 do a:add(i) end
print(a:get())
