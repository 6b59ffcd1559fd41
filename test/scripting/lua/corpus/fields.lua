-- Fields by name at one place in the program, met by tables of many kinds.

local function get(t) return t.x end
local function set(t, v) t.x = v end
local function call(t, ...) return t:m(...) end

local a = {x = 1, y = 2}
local b = {y = 3, x = 4}
local c = {}
print(get(a), get(b), get(c), get(a))
set(c, 5) set(a, 6) set(b, 7)
print(get(a), get(b), get(c))

-- a field that is cleared and set again, during a traversal too
a.x = nil
print(get(a), rawget(a, 'x'))
set(a, 8)
print(get(a))
local t = {one = 1, two = 2, three = 3, four = 4}
local n = 0
for k, v in pairs(t) do t[k] = nil n = n + v end
print(n, next(t))
t.five = 5
print(t.one, t.five, next(t))

-- the same keys arrive in the same order, in many tables; in some there are numbers as well
for i = 1, 40 do
  local r = {id = i}
  if i % 3 == 0 then r[1] = 'first' end
  if i % 5 == 0 then r[i] = i end
  set(r, i * 2)
  r.z = get(r) + 1
  print(r.id, r.x, r.z, #r, r[1], r[i])
end

-- many keys
local many = {}
for i = 1, 100 do many['k' .. i] = i set(many, i) end
print(get(many), many.k1, many.k16, many.k17, many.k100, many.k101)
local count = 0
for k, v in pairs(many) do count = count + 1 end
print(count)

-- inherited: found in a metatable's table, then in the object, then nowhere
local class = {m = function(self, v) return 'class', v, self.x end}
class.__index = class
local object = setmetatable({x = 9}, class)
local other = setmetatable({x = 10}, class)
print(call(object, 1), call(other, 2))
print(call(object, 1))
object.m = function() return 'own' end
print(call(object), call(other))
object.m = nil
print(call(object))
class.m = function() return 'changed' end
print(call(object), call(other))
class.m = nil
print(pcall(call, object))
setmetatable(object, {__index = {m = function() return 'elsewhere' end}})
print(call(object))
setmetatable(object, {__index = function(_, k) return function() return 'made', k end end})
print(call(object))
setmetatable(object, nil)
print(pcall(call, object))
local derived = setmetatable({}, {__index = setmetatable({}, {__index = {m = function() return 'far' end, x = 'far'}})})
print(call(derived), get(derived), call(derived), get(derived))
derived.x = 'near'
print(get(derived))

-- writing through metatables
local log = {}
local watched = setmetatable({}, {__newindex = function(t, k, v) log[#log + 1] = k rawset(t, k, v) end})
set(watched, 1) set(watched, 2) set({}, 3)
print(table.concat(log, ','), watched.x)
local store = {}
local proxy = setmetatable({}, {__newindex = store, __index = store})
set(proxy, 4)
print(rawget(proxy, 'x'), store.x, get(proxy))
local plain = {}
set(plain, 1)
setmetatable(plain, {__newindex = function() print('not for what is there') end})
set(plain, 2)
print(plain.x)

-- other values at the same place
print(pcall(get, nil), pcall(get, 5), pcall(get, true), pcall(get, print))
print(pcall(set, nil, 1), pcall(set, 5, 1))
print(get('text'), pcall(call, 'text'))
local function length(s) return s:len() end
print(length('abc'), length({len = function() return 'mine' end}), length('de'), pcall(length, 5))

-- what is no function says so after its arguments have been evaluated
local function note(v) print('evaluated', v) return v end
print(pcall(function() local f f(note(1)) end))
print(pcall(function() nothing(note(2)) end))
print(pcall(function() math.nothing(note(3)) end))
print(pcall(function() a:nothing(note(4)) end))
print(pcall(function() return a.nothing(note(5)) end))
print(pcall(function() local f = setmetatable({}, {__call = function(self, v) return 'called', v end}) return f(note(6)) end))

-- global functions that change
local function shout() return tostring(1) end
local kept = tostring
print(shout())
tostring = function() return 'other' end
print(shout())
tostring = kept
print(shout(), math.floor(1.5))
local floor = math.floor
math.floor = function() return 'mine' end
print(math.floor(1.5))
math.floor = floor
print(math.floor(1.5))

-- orders that the compiler knows, and others that look like them
local function sorted(list, order) table.sort(list, order) return table.concat(list, ' ') end
local up, down = function(p, q) return p < q end, function(p, q) return p > q end
print(sorted({3, 1, 2.5, -4, 1e10, 0}, up), sorted({3, 1, 2.5, -4, 1e10, 0}, down))
print(sorted({3, 1, 2, 1, 3}, function(p, q) return q < p end), sorted({3, 1, 2}, function(p, q) return q > p end))
print(sorted({'b', 'a', 'B', '', 'ab'}, up), sorted({'b', 'a', 'B', '', 'ab'}, down))
print(sorted({2147483648, -2147483648, 5, 4294967295}, up), sorted({1, 2, 3}, down), sorted({}, down), sorted({1}, up))
print(pcall(table.sort, {1, 'x', 3}, up))
print(pcall(table.sort, {1, {}, 3}, down))
local edge = 2
print(sorted({3, 1, 2}, function(p, q) return p < q end), sorted({3, 1, 2}, function(p, q) return q < p end))
print(sorted({1, 2, 3, 4}, function(p, q) return p * edge % 3 < q * edge % 3 end))

-- chains of concatenations
local joined = setmetatable({}, {__concat = function(p, q) return type(p) .. '+' .. type(q) end})
print('a' .. 1 .. 'b' .. 2.5, 1 .. 2, 'a' .. 'b' .. 'c', 'a' .. 'b' .. 'c' .. 'd' .. 'e')
print('a' .. joined, joined .. 'b' .. 'c', 'a' .. 'b' .. joined, 'a' .. joined .. 'c' .. 'd' .. 1)
local missing
print(pcall(function() return 'a' .. missing .. 'c' end))
print(pcall(function() return 'a' .. 'b' .. a.missing end))
print(pcall(function() return 'a' .. 'b' .. 'c' .. {} .. 'd' end))
print(pcall(function() return missing .. 'b' .. 'c' .. 'd' end))
