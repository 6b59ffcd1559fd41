print(#{1, 2, nil, 4}, #{1, nil, 3}, #{nil, nil, 3}, #{nil}, #{1, nil}, #{n = 1})
local t = {} t[1] = 1 t[2] = 2 t[4] = 4
print(#t)
t = {1, 2, 3, 4, 5} t[3] = nil
print(#t)
t[5] = nil
print(#t)
t = {} for i = 1, 10 do t[i] = i end
t[10] = nil t[9] = nil
print(#t)
t[5] = nil
print(#t)
for i = 10, 1, -1 do t[i] = i end
print(#t)
t = {} for i = 8, 1, -1 do t[i] = i end
print(#t)
t = {} t[1.0] = 'a' t[2^53] = 'big' t[-1] = 'neg' t[0] = 'zero' t[1.5] = 'frac'
print(t[1], t[2^53], t[-1], t[0], t[1.5], #t, t[-0])
t = {} t["1"] = 's' t[1] = 'n'
print(t["1"], t[1])
t = {__proto__ = 1, constructor = 2, toString = 3, hasOwnProperty = 4, prototype = 5, __index = 6, length = 7}
print(t.__proto__, t.constructor, t.toString, t.hasOwnProperty, t.prototype, t.__index, t.length, t.valueOf)
t = {} print(t.__proto__, t.constructor, t["constructor"], t.toString)
local keys = {}
for k in pairs({10, 20, 30}) do keys[#keys + 1] = k end
print(table.concat(keys, ','))
t = {} for i = 1, 100 do t['k' .. i] = i end
local sum, n = 0, 0
for k, v in pairs(t) do sum = sum + v n = n + 1 t[k] = nil end
print(sum, n, next(t))
t = {a = 1, b = 2, c = 3, 1, 2, 3}
n = 0
for k, v in next, t do n = n + 1 end
print(n)
n = 0
local k = next(t)
while k do n = n + 1 k = next(t, k) end
print(n)
print(next({}), next({5}))
t = {5, 2, 8, 1, 9, 3}
table.sort(t) print(table.concat(t, ' '))
table.sort(t, function(a, b) return a > b end) print(table.concat(t, ' '))
t = {'b', 'a', 'C', '', 'B'} table.sort(t) print(table.concat(t, ' '))
local recs = {} for i = 1, 20 do recs[i] = {k = i % 3, v = i} end
table.sort(recs, function(a, b) return a.k < b.k end)
local out = {} for i, r in ipairs(recs) do out[i] = r.k .. ':' .. r.v end
print(table.concat(out, ' '))
t = {1, 2, 3}
table.insert(t, 4) table.insert(t, 1, 0) table.insert(t, 3, 'x')
print(table.concat(t, ','))
print(table.remove(t), table.remove(t, 1), table.remove(t, 2), table.concat(t, ','))
print(table.remove({}), select('#', table.remove({})), table.remove({}, 1), #t, table.remove(t, 10), table.remove(t, 0))
table.insert(t, 10, 'far') print(#t, t[10])
t = {1, nil, 3} print(table.remove(t, 1), t[1], t[2], t[3])
print(table.concat({}), table.concat({1}), table.concat({1, 2, 3}, ', '), table.concat({1, 2, 3}, ', ', 2), table.concat({1, 2, 3}, ', ', 2, 2), table.concat({1.5, 'x'}, ''))
print(unpack({1, 2, 3})) print(unpack({1, 2, 3}, 2)) print(unpack({1, 2, 3}, 2, 5)) print(unpack({}, 1, 2))
print(select('#', unpack({}, 1, 3)), select('#', unpack({})))
print(table.maxn({1, 2, [10] = 3, x = 1}), table.maxn({}), table.getn({1, 2}))
table.foreach({7, 8}, function(k, v) print(k, v) end)
print(table.foreachi({7, 8}, function(i, v) if i == 2 then return v end end))
local q = {} local head, tail = 1, 0
for i = 1, 50 do tail = tail + 1 q[tail] = i if i % 3 == 0 then q[head] = nil head = head + 1 end end
print(tail - head + 1, q[head], q[tail])
local m = {} for i = 1, 5 do m[i] = {} for j = 1, 5 do m[i][j] = i * j end end
print(m[3][4], m[5][5], #m, #m[1])
t = {[1] = 1, [2] = 2, [3] = 3} print(#t)
t = {1, 2, 3, [5] = 5} print(#t)
t = {} t[3] = 3 t[2] = 2 t[1] = 1 print(#t)
t = {f = function() return 1 end, [true] = 'yes', [false] = 'no'} print(t.f(), t[true], t[false])
local key = {} t[key] = 'tablekey' t[print] = 'fnkey' print(t[key], t[print], t[{}])
t = {x = 1, x = 2, ['x'] = 3} print(t.x)
t = {1, 2, x = 3, 4, [2] = 'over', 5} print(t[1], t[2], t[3], t[4], t.x)
print(#"", #"\0\0", ("\0"):len(), "a\0b" == "a\0b", "a\0b" < "a\0c")
t = {} t.a = nil t[1] = nil print(next(t))
t = {1} t[1] = nil t[2] = 2 print(t[2], t[1])
t = {nil, nil, 3} print(#t) t[4] = 4 print(#t)
t = {1, 2, 3, 4} t[2] = nil t[3] = nil t[5] = 5 print(#t)
local d = {} for i = 1, 20 do d[i] = i end for i = 1, 20, 2 do d[i] = nil end
local c = 0 for _ in pairs(d) do c = c + 1 end print(c, d[2], d[20])
local big = {} for i = 1, 1000 do big[#big + 1] = i end for i = 1000, 501, -1 do big[#big] = nil end print(#big, big[500], big[501])
print(rawget({5}, 1), rawset({}, 1, 2)[1], rawequal('a', 'a'))
local e = {} e[1], e[2], e[3] = 1, 2, 3 print(#e)
t = {} for i = 1, 9 do t[i] = i end for i = 1, 9 do t['k' .. i] = i end t[4] = nil t[10] = 10 print(t[10], t[4], t.k9)

-- An array part that is full while the hash part has room: what is inserted in the middle ends up in both.
for fields = 0, 5 do
  for length = 0, 9 do
    local t = {}
    for i = 1, fields do t["f" .. i] = i end
    for i = 1, length do t[i] = i end
    table.insert(t, 1, "first")
    table.insert(t, 2, "second")
    table.insert(t, #t, "last but one")
    local removed = table.remove(t, 2)
    print(fields, length, #t, removed, table.concat(t, " "))
  end
end
for fields = 1, 3 do
  local t = {x = 1, y = 2, z = 3, 1, 2, 3, 4}
  if fields < 3 then t.z = nil end
  if fields < 2 then t.y = nil end
  table.insert(t, 1, 9)
  print(#t, table.concat(t, " "), t.x, t.y, t.z)
end
local holes = {10, 7, -2.5, 2, 1, 3}
table.insert(holes, 9, 1)
table.insert(holes, -1)
table.insert(holes, 2, -1)
holes[#holes] = nil
table.insert(holes, "1", 7)
print(#holes, table.concat(holes, " "))
