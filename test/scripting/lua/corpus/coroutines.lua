local co = coroutine.create(function(a, b)
  print('start', a, b)
  local c = coroutine.yield(a + b)
  print('got', c)
  local d, e = coroutine.yield(c * 2)
  print('got', d, e)
  return 'done', d + e
end)
print(coroutine.status(co), coroutine.resume(co, 1, 2))
print(coroutine.status(co), coroutine.resume(co, 10))
print(coroutine.resume(co, 3, 4))
print(coroutine.status(co), coroutine.resume(co))
local function gen(n) return coroutine.wrap(function() for i = 1, n do coroutine.yield(i, i * i) end end) end
for i, s in gen(4) do print(i, s) end
local function tree(t) if t then tree(t[1]) coroutine.yield(t.v) tree(t[2]) end end
local out = {}
for v in coroutine.wrap(function() tree({{nil, v = 1}, {v = 3}, v = 2}) end) do out[#out + 1] = v end
print(table.concat(out, ','))
print(coroutine.resume(coroutine.create(function() error('inside') end)))
print(coroutine.resume(coroutine.create(function() error({}) end)) == false)
print(coroutine.resume(coroutine.create(function() local x = nil; x.y = 1 end)))
print(pcall(coroutine.wrap(function() error('wrapped') end)))
print(pcall(coroutine.yield, 1))
print(coroutine.running())
local inner
co = coroutine.create(function()
  inner = coroutine.create(function() print(coroutine.status(co)) coroutine.yield('in') end)
  print(coroutine.resume(inner))
  print(coroutine.status(inner))
  coroutine.yield('out')
end)
print(coroutine.resume(co))
print(coroutine.resume(coroutine.create(function() return coroutine.resume(coroutine.running()) end)))
print(coroutine.resume(coroutine.create(function() return pcall(function() coroutine.yield(1) end) end)))
print(coroutine.resume(coroutine.create(function() table.sort({3, 2, 1}, function(a, b) coroutine.yield() return a < b end) end)))
print(coroutine.resume(coroutine.create(function() return setmetatable({}, {__add = function() coroutine.yield() end}) + 1 end)))
print(coroutine.resume(coroutine.create(print), 1, 2))
print(pcall(coroutine.resume, 5))
print(pcall(coroutine.create, 5))
local deep = coroutine.wrap(function()
  local function down(n) if n == 0 then coroutine.yield('bottom') return 'back' end local r = down(n - 1) return r end
  return down(100)
end)
print(deep(), deep())
local function producer() return coroutine.create(function() for _, v in ipairs({'a', 'b'}) do coroutine.yield(v) end end) end
local function filter(p) return coroutine.create(function() while true do local _, v = coroutine.resume(p) if not v then return end coroutine.yield(v .. '!') end end) end
local f = filter(producer())
print(coroutine.resume(f)) print(coroutine.resume(f)) print(coroutine.resume(f)) print(coroutine.resume(f))
local w = coroutine.wrap(function(...) local n = select('#', ...) while true do n = n + select('#', coroutine.yield(n)) end end)
print(w(1, nil), w(nil, nil, nil), w())
local method = {v = 1}
function method:run() self.v = self.v + coroutine.yield(self.v) return self.v end
local mc = coroutine.wrap(function() return method:run() end)
print(mc(), mc(10))
local captured = {}
local cw = coroutine.wrap(function() for i = 1, 3 do captured[i] = function() i = i + 1 return i end coroutine.yield(i) end end)
cw() cw() cw()
print(captured[1](), captured[1](), captured[2](), captured[3]())
local iterco = coroutine.wrap(function() for k, v in (function() return coroutine.wrap(function() coroutine.yield(1, 2) end) end)() do coroutine.yield(k, v) end return 'end' end)
print(iterco()) print(iterco())
local tail = coroutine.wrap(function() local function t(n) if n == 0 then return coroutine.yield('tail') end return t(n - 1) end return t(20000) end)
print(tail(), tail('r'))
local cond = coroutine.wrap(function() if coroutine.yield('c') and coroutine.yield('d') then return 'both' end return coroutine.yield('x') or 'none' end)
print(cond(), cond(true), cond(false), cond(nil))
local tab = coroutine.wrap(function() return {coroutine.yield(1), x = coroutine.yield(2), coroutine.yield(3)} end)
tab() tab('a') tab('b') local r = tab('c') print(r[1], r.x, r[2])
print(coroutine.wrap(function() return coroutine.wrap(function() return 1, 2 end)() end)())
-- What a chunk loads can be suspended as well, though it names nothing that suspends.
do
  local load_and_run = loadstring("local visit, n = ... for i = 1, n do visit(i) end return 'done'")
  local co = coroutine.create(function() return load_and_run(coroutine.yield, 3) end)
  for _ = 1, 5 do print(coroutine.resume(co)) end
  local nested = loadstring("local f = ... return function(...) local a, b = f(...) return b, a end")(coroutine.yield)
  local wrapped = coroutine.wrap(function(...) return nested(...) end)
  print(wrapped(1, 2))
  print(wrapped(3, 4))
  local mapped = loadstring("local each = ... local t = {} for v in each do t[#t + 1] = v end return table.concat(t, ',')")
  print(mapped(coroutine.wrap(function() for i = 1, 4 do coroutine.yield(i) end end)))
end
-- A coroutine's body is a Lua function.
for _, f in ipairs({math.floor, print, string.rep, coroutine.yield, pcall, next}) do
  print(pcall(coroutine.create, f))
  print(pcall(function() coroutine.wrap(f) end))
end
