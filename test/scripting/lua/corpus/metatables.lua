local V = {}
V.__index = V
local function new(x) return setmetatable({x = x}, V) end
V.__add = function(a, b) return new((type(a) == 'table' and a.x or a) + (type(b) == 'table' and b.x or b)) end
V.__sub = function(a, b) return 'sub' end
V.__mul = function(a, b) return 'mul' end
V.__div = function(a, b) return 'div' end
V.__mod = function(a, b) return 'mod' end
V.__pow = function(a, b) return 'pow' end
V.__unm = function(a) return 'unm' end
V.__len = function(a) return 99 end
V.__concat = function(a, b) return 'concat' end
V.__eq = function(a, b) return a.x == b.x end
V.__lt = function(a, b) return a.x < b.x end
V.__le = function(a, b) return a.x <= b.x end
V.__call = function(self, ...) return 'called', ... end
V.__tostring = function(self) return 'V(' .. self.x .. ')' end
function V:double() return new(self.x * 2) end
local a, b = new(1), new(2)
print((a + b).x, (a + 5).x, (5 + a).x, a - b, a * 2, 2 / a, a % 1, a ^ 2, -a)
print(#a, a .. b, a .. 'x', 'x' .. a, 1 .. a)
print(a == b, a == new(1), a ~= new(1), a < b, a <= b, a > b, a >= b)
print(a(1, 2, 3))
print(tostring(a), a:double():double().x)
print(rawequal(a, new(1)), rawget(a, 'double'), rawget(a, 'x'))
local le = setmetatable({}, {__lt = function() return false end})
local le2 = setmetatable({}, getmetatable(le))
print(le <= le2, le >= le2)
local log = {}
local proxy = setmetatable({}, {
  __index = function(t, k) log[#log + 1] = 'get ' .. tostring(k) return k end,
  __newindex = function(t, k, v) log[#log + 1] = 'set ' .. tostring(k) rawset(t, k, v) end,
})
local x = proxy.foo
proxy.foo = 1
proxy.foo = 2
proxy[1] = 'one'
x = proxy[1] .. proxy[2]
print(x, table.concat(log, ','))
local chain = setmetatable({}, {__index = setmetatable({a = 1}, {__index = {b = 2}})})
print(chain.a, chain.b, chain.c)
local store = {}
local w = setmetatable({}, {__newindex = store})
w.k = 5
w[1] = 6
print(rawget(w, 'k'), store.k, store[1])
print(getmetatable('').__index == string)
local prot = setmetatable({}, {__metatable = 'locked'})
print(getmetatable(prot), pcall(setmetatable, prot, {}))
print(pcall(function() return a < 1 end))
print(pcall(function() return a < setmetatable({x = 1}, {}) end))
print(a == 1, a ~= nil, new(3) == setmetatable({x = 3}, {}))
local loop = {}
setmetatable(loop, {__index = loop})
print(pcall(function() return loop.x end))
local t = setmetatable({}, {__index = function(t, k) return k * 2 end})
print(t[21], t[0.5])
for i = 1, 3 do io = t[i] end
local default = setmetatable({}, {__index = table})
default:insert('a') default:insert('b')
print(default:concat('-'), #default)
local cc = setmetatable({}, {__concat = function(l, r) return type(l) .. type(r) end})
print('a' .. 'b' .. cc, cc .. 'a' .. 'b', 1 .. 2 .. cc)
local count = 0
local ro = setmetatable({}, {__index = {v = 1}, __newindex = function() count = count + 1 end})
ro.v = 2 ro.v = 3
print(ro.v, count)
local un = setmetatable({}, {__unm = function(x, y) return rawequal(x, y) end})
print(-un)
print(pcall(setmetatable, {}, 1))
local env = setmetatable({}, {__index = _G})
print(env.print == print, env.missing)
local nilidx = setmetatable({}, {__index = function() return nil end})
print(nilidx.a, nilidx[1])
local multi = setmetatable({}, {__index = function() return 1, 2, 3 end})
print(multi.x)
local falsy = setmetatable({a = false}, {__index = function() return 'fallback' end})
print(falsy.a, falsy.b)
