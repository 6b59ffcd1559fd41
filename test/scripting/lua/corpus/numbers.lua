print(1, 1.0, 1.5, -1, 0, 1e3, 1e15, 1e14, 123456789012345, 99999999999999, 1e100, 1e-5, 0.0001, 0.00001, 1e-10)
print(0.1, 0.1 + 0.2, 1/3, 2/3, 100/3, 1e14 + 0.5, 12345.678901234567, 5e-324, 1.7976931348623157e308)
print(2^31, 2^32, 2^53, 2^63, 2^64, -2^63, 2^0.5, 2^-1, 10^2)
print(1/0, -1/0, 0/0, -(0/0) ~= -(0/0))
print(5 % 3, -5 % 3, 5 % -3, -5 % -3, 5.5 % 2, -5.5 % 2, 5 % 0.3, 1e15 % 7, 0 % 5, -0 % 5, 3 % 1/0)
print(7 / 2, -7 / 2, 1e308 * 10)
print(0x10, 0xff, 0xFFFFFFFF, 1e2, .5, 5., 3e-2, 0xA)
print(10 == "10", "10" + 5, "3" * "4", 10 .. 20, -"2", "0x10" + 0, " 10 " + 1, "1e1" + 0)
print(tonumber("10"), tonumber("  10  "), tonumber("10x"), tonumber(""), tonumber(" "), tonumber("0x"), tonumber("0x1F"), tonumber("1e"), tonumber("1e5"), tonumber(".5"), tonumber("5."), tonumber("."), tonumber("- 1"), tonumber("-1"), tonumber("+1"))
print(tonumber("10", 2), tonumber("ff", 16), tonumber("zz", 36), tonumber("8", 8), tonumber("7", 8), tonumber("0xff", 16), tonumber("-ff", 16) ~= nil, tonumber(" 11 ", 2), tonumber("", 10), tonumber("1.5", 10), tonumber(nil))
print(tonumber("inf"), tonumber("nan") ~= nil, tonumber("infinity"), tonumber("0x1p4"), tonumber({}), tonumber(true), tonumber(5, 10))
print(math.floor(1.5), math.floor(-1.5), math.ceil(1.5), math.ceil(-1.5), math.abs(-3), math.max(1, 5, 3), math.min(4, 2), math.sqrt(16), math.pi)
print(math.fmod(5, 3), math.fmod(-5, 3), math.modf(3.7), math.modf(-3.7), math.modf(5), math.frexp(10), math.ldexp(0.5, 5), math.huge, -math.huge)
print(math.pow(2, 10), math.exp(0), math.log(1), math.log10(1000), math.sin(0), math.cos(0), math.tan(0), math.deg(math.pi), math.rad(180))
print(string.format("%d %5.2f %g %e %x", 3, 3.14159, 1e20, 12345.678, 255))
print(1 < 2, 1 <= 1, "a" < "b", "a" < "B", "" < "a", "abc" < "abd", "Z" < "a", "10" < "9")
print(1 == 1.0, -0 == 0, 0/0 == 0/0, nil == false, "1" == 1)
print(not nil, not 0, not "", nil and 1, false or 2, nil or false, 1 and 2, 1 or 2, false and nil, nil == nil)
print(1 and nil or 3, 1 and false, (1 and 2) or 3, nil and 1 or 2, not (1 == 2) and 'y' or 'n')
print(2 ^ 3 ^ 2, -2 ^ 2, not 1 == 2, 1 .. 2 .. 3, 2 * 3 + 4 * 5, (2 + 3) * 4, 10 - 5 - 2, 100 / 10 / 2, -3 ^ 2, 2 ^ -1)
print("a" .. "b" == "ab", 1 + 1 == 2 and "t" or "f", #"abc" + 1, -#"ab", not not nil)
local i = 0 while true do i = i + 1 if i > 5 then break end end print(i)
local n = 0 repeat n = n + 1 until n >= 3 print(n)
for a = 1, 3 do for b = 1, 3 do if b == 2 then break end io = a * b end end
print(1e15, 1e16, 123456.789e3, 2^24, 1e5 / 3, 314.16e-2, 0.31416E1)
print(255 % 16, 2^10 % 1000, -7 % 2.5, 1e20 % 3)
print(tostring(1e300 * 1e10), tostring(-1e300 * 1e10), 1e-320, 123e-7)
print(8 % 3.5, 2^1023 * 2, 9007199254740993, 0.1 + 0.7, 4.35, 1.005)
print(math.random and true, pcall(math.random, 1, 2, 3))
print('esc: \65\066\0670 \x \' \" \\ \
newline', "tab\tend", [[long
string]], [==[with ]] inside]==], "\104\105")
print(#[[

two]], #"\r\n")

-- 0 and -0 are one constant of a function: the first of them
print((function() return -0 end)(), (function() return 0, -0 end)())
print((function() return -0, 0 end)())
print((function() local z = 0 return (function() return -0 end)(), 1 / -z end)())
print((function() for i = -0, 0 do return i end end)(), (function() for i = 1, 0 do end return -0 end)())
for i = 0.1, 1, 0.3 do print(string.format('%.17g', i)) end
for i = 1, 0.1, -0.3 do print(string.format('%.17g', i)) end
do local a, b = 0.7, 0.2 for i = a, 2, b do print(string.format('%.17g', i)) end end
for i = 2^53, 2^53 + 3 do print(string.format('%.17g', i)) if i > 2^53 + 1 then break end if i == 2^53 then break end end
