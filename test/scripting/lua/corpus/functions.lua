-- closures, varargs, results, tail calls
local function counter() local n = 0 return function() n = n + 1 return n end end
local c1, c2 = counter(), counter()
print(c1(), c1(), c2(), c1())
local function many(...) return ... end
print(many(1, nil, 3))
print((many(1, 2, 3)))
print(many(many(1, 2), many(3, 4)))
print(select('#', many()), select('#', (many())), select('#', nil, nil))
print(select(2, 'a', 'b', 'c'), select(-1, 'a', 'b', 'c'))
local function none() end
print(none())
print((none()))
print(type(none()) == nil, pcall(type, none()))
local t = {many(1, 2), many(3, 4), (many(5, 6))}
print(#t, t[1], t[2], t[3], t[4])
t = {n = 1, many(1, 2, 3)}
print(#t, t.n)
t = {[1] = 'x', 'y'}
print(t[1])
t = {none()}
print(#t)
local function va(...) local a, b = ... return select('#', ...), a, b, {...} end
print(va(1), va(nil, nil))
local function sum(n, acc) if n == 0 then return acc end return sum(n - 1, acc + n) end
print(sum(100000, 0))
local even, odd
function even(n) if n == 0 then return true end return odd(n - 1) end
function odd(n) if n == 0 then return false end return even(n - 1) end
print(even(50001))
local fs = {}
for i = 1, 3 do local j = i * 10 fs[#fs + 1] = function(d) j = j + d i = i + 1 return j, i end end
print(fs[1](1)) print(fs[1](1)) print(fs[2](5)) print(fs[3](0))
local k = 0
local gs = {}
while k < 3 do k = k + 1 local x = k gs[k] = function() x = x + 1 return x end end
print(gs[1](), gs[1](), gs[2](), gs[3]())
repeat local z = k k = k - 1 gs[k] = function() return z end until z == 1
print(gs[0](), gs[2]())
local o = {v = 5}
function o:get(a) return self.v, a end
function o.static(a) return a end
o.sub = {}
function o.sub.deep(x) return x * 2 end
function o.sub:meth(x) return self == o.sub, x end
print(o:get(1), o.static(2), o.sub.deep(4), o.sub:meth(3))
print(("x"):rep(3), ("%d"):format(5), #"abc", ("abc"):upper():lower())
local function argn(...) return arg and arg.n, arg and arg[1] end
print(argn(7, 8, nil))
local function noarg(...) local a = ... return arg end
print(noarg(1))
do local a, b, c = 1 print(a, b, c) end
do local a, b = 1, 2, 3 print(a, b) end
local i, arr = 1, {}
i, arr[i] = i + 1, 20
print(i, arr[1], arr[2])
local x, y = 1, 2
x, y = y, x
print(x, y)
local p = {1, 2, 3}
local q = 1
q, p[q], p[q + 1] = 2, 'a', 'b'
print(q, p[1], p[2], p[3])
local function f() return 1, 2, 3 end
local a, b, c, d = f()
print(a, b, c, d)
a, b, c, d = 0, f()
print(a, b, c, d)
a, b = f(), 10
print(a, b)
print(#{f(), f()}, #{f(), (f())})
local s = 0
for n = 10, 1, -3 do s = s + n end
print(s)
for n = 1, 0 do print('never') end
for n = 0.1, 0.5, 0.1 do print(n) end
for n = 3, 1, -1 do local m = n n = n * 2 print(m, n) end
for n = '1', '3' do print(n) end
print(pcall(function() for n = 1, 'x' do end end))
print(pcall(function() for n = nil, 1 do end end))
print(pcall(function() for n = 1, 2, {} do end end))
print(string.format("%s %s", 1, 2), tostring(12):len())
local mt = setmetatable({}, {__call = function(self, ...) return select('#', ...), ... end})
print(mt(1, 2, nil))
print(pcall(mt, 'a'))
print((function(...) return select('#', ...) end)(mt(1)))
for w in ("one two three"):gmatch("%a+") do print(w) end
local function iter(s, c) if c < s then return c + 1, c * c, 'extra' end end
for a1, b1, c1x, d1 in iter, 3, 0 do print(a1, b1, c1x, d1) end
for kk in pairs({}) do print('none') end
for idx, v in ipairs({1, 2, nil, 4}) do print(idx, v) end
