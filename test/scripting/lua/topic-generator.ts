// Random Lua programs about the corners of the language: every metamethod, coroutines, several
// values, closures, loops, coercions, keys, tables, literals, formats, patterns, errors. Each
// program prints the results of a few topics.
//
// Results that Lua itself leaves open are left out: addresses, the order of pairs, the sign of NaN,
// and zeros as constants beside their negatives (see `program-generator.ts`).

type Topic = (g: TopicGenerator) => string

const NUMBERS = ['1', '2', '3', '7', '10', '0.5', '1.25', '-1', '-2.5', '100', '1e3', '2^31', '2^53', '1/0', '-1/0']
const TEXTS = ['""', '"x"', '"10"', '"0x10"', '" 5 "', '"1e1"', '"abc"', '"a,b;c"', '"THE (quick) fox"', '"a\\0b"']
const VALUES = [...NUMBERS, ...TEXTS, 'nil', 'true', 'false', '{}', 'print']
const OPERATORS = ['+', '-', '*', '/', '%', '^', '..', '==', '~=', '<', '<=', '>', '>=']
const EVENTS = ['add', 'sub', 'mul', 'div', 'mod', 'pow', 'unm', 'concat', 'eq', 'lt', 'le', 'len', 'call', 'index']

export class TopicGenerator {
  #state: number

  constructor(seed: number) {
    this.#state = seed >>> 0
  }

  /** One program. It calls `print`. */
  program(): string {
    const topics = Array.from({ length: 8 }, () => `do\n${this.pick(TOPICS)(this)}\nend`)
    return `${PRELUDE}\n${topics.join('\n')}`
  }

  random(n: number): number {
    this.#state = (this.#state + 0x6d2b79f5) >>> 0
    let x = this.#state
    x = Math.imul(x ^ (x >>> 15), x | 1)
    x ^= x + Math.imul(x ^ (x >>> 7), x | 61)
    return ((x ^ (x >>> 14)) >>> 0) % n
  }

  pick<T>(choices: readonly T[]): T {
    return choices[this.random(choices.length)]!
  }

  list(choices: readonly string[], most: number, least = 0): string {
    const count = least + this.random(most - least + 1)
    return Array.from({ length: count }, () => this.pick(choices)).join(', ')
  }
}

const PRELUDE = `local function word(v)
  local kind = type(v)
  if kind == 'table' or kind == 'function' or kind == 'thread' then return kind end
  return v ~= v and 'nan' or tostring(v)
end
local function show(...)
  local words = {}
  for i = 1, select('#', ...) do words[i] = word((select(i, ...))) end
  print(table.concat(words, ' '))
end
local function try(f, ...) show(pcall(f, ...)) end
local function keys(t)
  local list = {}
  for k, v in pairs(t) do list[#list + 1] = type(k) .. word(k) .. '=' .. word(v) end
  table.sort(list)
  show(#list, table.concat(list, ' '))
end`

const TOPICS: readonly Topic[] = [
  // Metamethods: the operand that is asked, its arguments, and the use of several results.
  (g) => {
    const events = Array.from({ length: 4 }, () => g.pick(EVENTS))
    const maker = (name: string): string =>
      `local ${name} = setmetatable({v = ${g.pick(NUMBERS)}}, {${events
        .map(
          (event) =>
            `__${event} = function(a, b, ...) show("${name}.${event}", a, b, ...) return ${g.list(['1', '"r"', 'nil', 'false'], 2)} end`,
        )
        .join(', ')}})`
    const operand = (): string => g.pick(['x', 'y', 'z', ...VALUES])
    const operations = Array.from(
      { length: 5 },
      () =>
        `try(function() return ${g.pick([`${operand()} ${g.pick(OPERATORS)} ${operand()}`, '-x', '#y', `x(${g.list(VALUES, 3)})`, 'y.field', 'x[1]', 'x .. y .. z', '1 .. 2 .. x', 'not x', 'x == z', 'z == y'])} end)`,
    )
    const shared = g.random(2) === 0 ? 'setmetatable(z, getmetatable(x))' : ''
    return `${maker('x')}\n${maker('y')}\n${maker('z')}\n${shared}\n${operations.join('\n')}`
  },
  // Chains of __index and __newindex.
  (g) => {
    const n = 1 + g.random(4)
    const event = g.pick(['__index', '__newindex'])
    const last = g.pick([
      '{}',
      '{k = 5}',
      'function(t, k, v) show("asked", t, k, v) return 6 end',
      '5',
      '"text"',
      'nil',
    ])
    return (
      `local t = ${last}\nfor i = 1, ${n} do t = setmetatable({['own' .. i] = i}, {${event} = t}) end\n` +
      `try(function() return t.k, t.own1, t.own${n}, t[1] end)\ntry(function() t.k = ${g.pick(VALUES)} return rawget(t, "k"), t.k end)\n` +
      `rawset(t, "z", ${g.pick(VALUES)})\ntry(function() return rawget(t, "z"), t.z, rawequal(t, t) end)`
    )
  },
  (g) =>
    `local mt = {__tostring = function(s) return ${g.pick(['"text"', '5', '"a" .. s.n', 'nil'])} end, __metatable = ${g.pick(['nil', 'false', '"locked"'])}, __len = function() return 42 end, __call = function(self, ...) return select("#", ...), ... end}\n` +
    `local t = setmetatable({n = 1}, mt)\ntry(function() return (tostring(t)) end)\ntry(getmetatable, t)\ntry(function() return setmetatable(t, nil) == t end)\nshow(#t)\ntry(t, ${g.list(VALUES, 4, 1)})\ntry(function() return t(${g.list(VALUES, 3)}) end)`,
  // Coroutines.
  (g) => {
    const steps = Array.from({ length: 1 + g.random(4) }, () =>
      g.pick([
        `show("got", coroutine.yield(${g.list(VALUES, 3)}))`,
        `show("loop") for i = 1, 2 do coroutine.yield(i) end`,
        `show(pcall(coroutine.yield, ${g.pick(VALUES)}))`,
        `show(coroutine.status(co), coroutine.running() == co)`,
        `local inner = coroutine.wrap(function(...) show(...) coroutine.yield(7) end) show(inner(1)) show(inner(2))`,
        `error(${g.pick(['"boom"', '"boom", 0', '"boom", 2', '{}', 'nil', '5'])})`,
        `table.sort({3, 2, 1}, function(a, b) coroutine.yield(a) return a < b end)`,
        `string.gsub("ab", ".", function(c) coroutine.yield(c) end)`,
        `local m = setmetatable({}, {__index = function(t, k) coroutine.yield(k) return 1 end}) show(m.x)`,
        `for v in coroutine.wrap(function() for i = 1, 3 do coroutine.yield(i) end end) do show(v) end`,
        `return ${g.list(VALUES, 3)}`,
      ]),
    ).map((step) => `do ${step} end`)
    const resumes = Array.from(
      { length: 5 },
      () => `show(coroutine.resume(co, ${g.list(VALUES, 2, 1)}))\nshow(coroutine.status(co))`,
    )
    return `local co\nco = coroutine.create(function(...) show("start", ...) ${steps.join(' ')} end)\n${resumes.join('\n')}\ntry(coroutine.wrap(function(...) ${steps.join(' ')} end), 1)\ntry(coroutine.resume, ${g.pick(VALUES)})`
  },
  // Several values.
  (g) =>
    `local function f(...) return ... end\nshow(f(${g.list(VALUES, 5)}))\nshow((f(${g.list(VALUES, 3)})))\nshow(f(${g.list(VALUES, 2)}), f(${g.list(VALUES, 3)}))\nlocal t = {f(${g.list(NUMBERS, 3, 1)}), f(${g.list(NUMBERS, 3, 1)})}\nshow(#t, unpack(t))\n` +
    `show(unpack({${g.list(NUMBERS, 4)}}, ${1 + g.random(3)}, ${g.random(6)}))\ntry(select, ${g.pick(['1', '2', '-1', '-2', '0', '5', '"#"', '"x"', '1.9'])}, ${g.list(VALUES, 3, 1)})\n` +
    `local function v(a, ...) local b, c = ... return select("#", ...), a, b, c, ... end\nshow(v(${g.list(VALUES, 4)}))`,
  // The order in which assignments evaluate and assign.
  (g) =>
    `local log = {}\nlocal function l(n) log[#log + 1] = n return n end\nlocal i, t = 1, {10, 20, 30}\ni, t[i] = i + 1, ${g.pick(NUMBERS)}\nshow(i, t[1], t[2], t[3])\n` +
    `local a, b, c = ${g.list(['1', '2', 'l(3)', 'nil', '(function() return 4, 5 end)()'], 4, 1)}\nshow(a, b, c)\na, b = b, a\nt[l(1)], t[l(2)] = l(${g.pick(['4', '5'])}), l(6)\nshow(a, b, t[1], t[2], unpack(log))\n` +
    `local x = 1\nlocal function change() x = x + 10 return x end\nshow(x + change(), x, change() + x, x .. change(), {x, change(), x}[1] == nil)`.replace(
      '{x, change(), x}[1] == nil',
      '({x, change(), x})[1]',
    ),
  // Closures and the variables of loops.
  (g) =>
    `local fs = {}\nfor i = ${g.pick(['1, 3', '3, 1, -1', '1, 2, 0.5', '1, 0', '1.5, 3'])} do local j = i * 2 fs[#fs + 1] = function(d) i = i + d j = j - d return i, j end end\nfor n = 1, #fs do show(fs[n](n), fs[n](${g.pick(NUMBERS)})) end\n` +
    `local k = 0\nrepeat local done = k >= ${g.random(4)} k = k + 1 fs[k] = function() return done, k end until done\nfor n = 1, k do show(fs[n]()) end\n` +
    `while true do local w = k k = k + 1 fs[1] = function() w = w + 1 return w end if w > ${3 + g.random(3)} then break end end\nshow(fs[1](), fs[1]())`,
  // Numeric and generic loops.
  (g) => {
    const bound = (): string => g.pick(['1', '3', '-3', '0.1', '0.5', '"2"', '"x"', 'nil', '10', '2^53', '0', '{}'])
    return `try(function() local n = 0 for i = ${bound()}, ${bound()}, ${g.pick(['1', '-1', '0.5', '0.1', '"1"', '3', 'nil', '-0.25'])} do n = n + 1 if n > 8 then break end show(i) end return n end)`
  },
  (g) =>
    `local function iterate(s, c) if c < ${1 + g.random(4)} then return c + 1, s, ${g.pick(VALUES)} end end\nfor a, b, c in iterate, ${g.pick(VALUES)}, ${g.pick(['0', '1', '2'])} do show(a, b, c) end\n` +
    `try(function() for k in ${g.pick(['5', 'nil', '{}', '"x"', 'next, {}', 'ipairs({1, 2, nil, 4})', 'string.gmatch("a b", "%a")', 'setmetatable({}, {__call = function(s, t, c) if not c then return 1 end end})'])} do show(k) end end)`,
  // Coercions and comparisons.
  (g) => {
    const lines = Array.from({ length: 6 }, () => {
      const [a, b] = [g.pick(VALUES), g.pick(VALUES)]
      return `try(function() local a, b = ${a}, ${b} return a ${g.pick(OPERATORS)} b end)`
    })
    return `${lines.join('\n')}\nshow(tonumber(${g.pick(VALUES)}), tonumber(${g.pick(['"ff"', '"zz"', '"10"', '"7"', '" 11 "', '"1.5"', '"-ff"', '""', '"0x1f"'])}, ${g.pick(['2', '8', '10', '16', '36'])}))\nshow(tostring(${g.pick(NUMBERS)}), tostring(${g.pick(['1e15', '123456789012345', '1e14', '0.1', '1/3', '1e100', '-0.1', '2^63', '12345.678e-20'])}))`
  },
  // Keys.
  (g) => {
    const key = (): string =>
      g.pick([
        '1',
        '"1"',
        '1.0',
        '1.5',
        '2',
        '2^53',
        'true',
        '"k"',
        '-1',
        '(1/0)',
        '0.1 + 0.2',
        '0.3',
        '1e15',
        'print',
        'nil',
        '(0/0)',
      ])
    const lines = Array.from({ length: 5 }, () =>
      g.pick([
        `try(function() t[${key()}] = ${g.pick(NUMBERS)} end)`,
        `show(t[${key()}])`,
        `try(rawset, t, ${key()}, 1)`,
        `try(next, t, ${g.pick(['"no"', '77'])})`,
      ]),
    )
    return `local t = {[1] = "one", ["1"] = "text", ${g.pick(['5', 'k = 1', '[2] = 2', '[1] = 3'])}}\n${lines.join('\n')}\nt[print] = nil\nkeys(t)\nshow(#t)`
  },
  // The table library. Nothing is moved below 1, and there are no other fields: Lua reuses the
  // place of a field set to nil depending on the hashes of keys.
  (g) => {
    const lines = Array.from({ length: 8 }, () =>
      g.pick([
        `try(table.insert, t, ${g.pick(NUMBERS.slice(0, 8))})`,
        `try(table.insert, t, ${g.pick(['1', '2', '9', '2.7', '"1"'])}, ${g.pick(NUMBERS)})`,
        `try(table.remove, t${g.pick(['', ', 1', ', 2', ', 0', ', 9', ', -1', ', "1"', ', 1.9'])})`,
        `try(table.concat, t, ${g.pick(['""', '", "', '1', 'nil'])}, ${g.pick(['1', '2', 'nil', '0', '-1'])}, ${g.pick(['nil', '2', '3', '0', '9'])})`,
        `try(table.insert, t)`,
        `try(table.insert, t, 1, 2, 3)`,
        `show(table.maxn(t), table.getn(t), #t)`,
        `t[#t] = nil`,
        `t[#t + 1] = ${g.pick(NUMBERS)}`,
        `show(#t, next({}, nil), (select("#", unpack(t))))`,
        `try(unpack, t)`,
      ]),
    )
    return `local t = {${g.list(NUMBERS, 8, 1)}}\n${lines.join('\n')}\nkeys(t)`
  },
  // Sorting, also with inconsistent orders.
  (g) => {
    const order = g.pick([
      'nil',
      'function(a, b) return a > b end',
      'function(a, b) return a < b end',
      'function(a, b) return true end',
      'function(a, b) return false end',
      'function(a, b) return a <= b end',
      'function(a, b) return tostring(a) < tostring(b) end',
      'function(a, b) return a % 3 < b % 3 end',
      'function(a, b) error("no order", 0) end',
      'function(a, b) n = n + 1 return n % 3 == 0 end',
      '5',
    ])
    const items =
      g.random(4) === 0
        ? g.list(['1', '"a"', '3', '"b"', '{}'], 6, 2)
        : g.list(['1', '5', '3', '9', '7', '2', '4', '8', '0.5', '11'], 14, 1)
    return `local n = 0\nlocal t = {${items}}\ntry(table.sort, t, ${order})\nshow(n, unpack(t))`
  },
  // Literals.
  (g) =>
    `show(${g.list(
      [
        '0x10',
        '0xA',
        '3.',
        '.5',
        '3e2',
        '3E-2',
        '0x',
        '1e+5',
        '1..2',
        "'\\065\\10\\0'",
        '"\\a\\b\\f\\n\\r\\t\\v\\\\\\"\\\'"',
        '[[x]]',
        '[==[\n]] ]=]]==]',
        '"\\z x"',
        '"\\x41"',
        '"a\\\nb"',
        '#"\\0\\000"',
      ].filter((one) => !['0x', '1..2'].includes(one)),
      5,
      1,
    )})\n--[[ long\ncomment ]] --[==[ ]] ]==] show("after")\n` +
    `show(loadstring(${g.pick(['"return 0x"', '"return 1..2"', '"return 08"', '"return 1e"', '"x = 3x"', '"return \'\\\\300\'"', '"return [=[x]]"', '"--[[x"', '"return \\"a\\nb\\""', '"return 5 -- x"', '"local a <const> = 1"', '"goto x"', '"return 1 // 2"', '"return 1 & 2"', '"return ~1"', '"::x::"'])}, "=chunk"))`,
  // string.format.
  (g) => {
    const flags = g.pick(['', '-', '+', ' ', '#', '0', '-5', '05', '+.3', '10.4', '.0', '-10.2', '#10'])
    const letter = g.pick([...'diouxXeEfgG'])
    const value = g.pick(NUMBERS.filter((one) => !one.includes('/')))
    return (
      `show(string.format("<%${flags}${letter}>", ${/[diouxX]/.test(letter) ? g.pick(['1', '255', '-1', '2^31', '100', '3.7']) : value}))\n` +
      `try(string.format, ${g.pick(['"%s %s"', '"%5s|%-5s|%.2s"', '"%q"', '"%c%c"', '"%d"', '"%%"', '"%y"', '"%"', '"%10q"', '"%i%s"', '"%.20s"', '"%.123d"'])}, ${g.list(
        VALUES.filter((one) => one !== '{}' && one !== 'print' && !one.includes('/')),
        3,
        1,
      )})`
    )
  },
  // Patterns.
  (g) => {
    const pattern = g.pick([
      '"%a+"',
      '"^%s*(.-)%s*$"',
      '"(%w)(%w*)"',
      '"%f[%w]%w+"',
      '"%b()"',
      '"()"',
      '"[^,;]+"',
      '"."',
      '""',
      '"a*"',
      '"a-$"',
      '"[%a_][%w_]*"',
      '"%"',
      '"[a"',
      '"(a"',
      '"%1"',
      '"(.)%1"',
      '"x?y?"',
      '"%d+$"',
      '"[]]"',
      '"%z"',
    ])
    const replacement = g.pick([
      '"<%0>"',
      '"%1%1"',
      '"%2"',
      '"%%"',
      '"%"',
      '{a = 1, x = true, abc = false}',
      'function(...) show("cb", ...) end',
      'function(a) return a:upper() end',
      'function() return {} end',
      '5',
      'nil',
      '""',
    ])
    const text = g.pick(TEXTS)
    return `try(string.gsub, ${text}, ${pattern}, ${replacement}${g.pick(['', ', 1', ', 0', ', -1', ', 2'])})\ntry(string.find, ${text}, ${pattern}${g.pick(['', ', 2', ', -2', ', 1, true', ', 100'])})\ntry(string.match, ${text}, ${pattern})\ntry(function() for a, b in (${text}):gmatch(${pattern}) do show(a, b) end end)`
  },
  // Methods of strings.
  (g) =>
    `local s = ${g.pick(TEXTS)}\n${Array.from({ length: 4 }, () => `try(function() return ${g.pick(['s', '("x")', '("a,b")', '(5)', '("5" + 0)'])}:${g.pick(['rep(3)', 'rep(-1)', 'sub(2)', 'sub(-2, -1)', 'byte(1, -1)', 'upper()', 'len()', 'reverse()', 'nope()', 'find("a", 1, true)', 'format(1)', 'gsub("x", "y")', 'sub()', 'rep("2")', 'char(65)'])} end)`).join('\n')}\nshow(("x").len, ("x").y, #s)`,
  // Error values and levels.
  (g) => {
    const value = g.pick(['"m"', '5', '{}', 'nil', 'true', '"m\\n"', 'print'])
    return (
      `local function f() error(${value}, ${g.pick(['0', '1', '2', '3', 'nil', '9'])}) end\nlocal function g2() f() return 1 end\ntry(f)\ntry(g2)\ntry(function() local a = g2() return a end)\n` +
      `show(xpcall(f, function(e) return type(e) end))\nshow(xpcall(f, ${g.pick(['error', 'function(e) error(e) end', 'function() end', 'nil', 'tostring'])}) == false)\ntry(assert, ${g.list(['nil', 'false', '1', '"msg"', '5', '{}'], 3, 1)})\ntry(function() local t = ${g.pick(['nil', '5', '{}', '"s"'])} ${g.pick(['return t.x.y', 't.x = 1', 't()', 'return t + 1', 'return #t', 'return t < 1', 'return t .. "x"', 't:m()', 'return -t', 'for i = 1, t do end', 'return t.x.y.z', 't.x.y = 1', 'return undefined_name(t)', 'return t[nil]', 't[nil] = 1'])} end)`
    )
  },
  // Holes.
  (g) =>
    `local t = {${g.list(['1', 'nil', '2', 'nil', '3'], 8)}}\nshow(#t, table.maxn(t))\nt[#t + 1] = 9\nshow(#t, select("#", unpack(t)))\nlocal u = {n = 1, ${g.list(['1', 'nil', '2'], 6)}}\nshow(#u)`,
]
