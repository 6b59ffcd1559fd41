// Random Lua programs that end and print their results. The output depends neither on addresses nor
// on the order of tables.
//
// Literals are positive, and unary minus applies to variables only. Lua 5.1 folds constants and
// then keeps 0 and -0 as one, whichever came first in a function; this implementation does not
// imitate that. No field is set to nil: Lua reuses the place of such a field depending on the
// hashes of strings, which decides what `#` finds in a table with holes.

export class ProgramGenerator {
  #state: number
  #variables: string[] = []
  #depth = 0
  #names = 0

  constructor(seed: number) {
    this.#state = seed >>> 0
  }

  /** One program. */
  program(): string {
    this.#variables = ['a', 'b', 'c', 't', 's']
    this.#depth = 0
    const lines = [
      `local a, b, c = ${this.#literal()}, ${this.#literal()}, ${this.#literal()}`,
      `local t = {${this.#literal()} or 1, ${this.#literal()} or 2, x = ${this.#literal()} or 3, y = {${this.#literal()}}}`,
      `local s = ${this.#pick(['"lua"', '"10"', '""', '"a b c"'])}`,
      `local function show(ok, ...) ${PRINT} end`,
    ]
    for (let i = 0; i < 12; i++) lines.push(this.#statement())
    lines.push('print(a, b, c, #t, s)')
    return lines
      .join('\n')
      .replaceAll('type(...) == "table" and #... or ...', '...')
      .replaceAll('print(ok, ...)', PRINT)
  }

  #random(n: number): number {
    this.#state = (this.#state + 0x6d2b79f5) >>> 0
    let x = this.#state
    x = Math.imul(x ^ (x >>> 15), x | 1)
    x ^= x + Math.imul(x ^ (x >>> 7), x | 61)
    return ((x ^ (x >>> 14)) >>> 0) % n
  }

  #pick<T>(choices: readonly T[]): T {
    return choices[this.#random(choices.length)]!
  }

  #literal(): string {
    return this.#pick(['1', '2', '3', '7', '10', '0.5', '1.25', '100', '1e3', '"x"', '"5"', '"hello"', 'true', 'nil'])
  }

  #variable(): string {
    return this.#pick(this.#variables)
  }

  #expression(): string {
    if (this.#depth > 3) return this.#random(2) === 0 ? this.#literal() : this.#variable()
    this.#depth++
    const result = this.#compound()
    this.#depth--
    return result
  }

  #compound(): string {
    const e = (): string => this.#expression()
    switch (this.#random(18)) {
      case 0:
      case 1:
      case 2:
        return `(${this.#variable()} ${this.#pick(['+', '-', '*', '/', '%', '^'])} ${e()})`
      case 3:
        return `(${e()} .. ${e()})`
      case 4:
        return `(${e()} ${this.#pick(['==', '~='])} ${e()})`
      case 5:
        return `(${e()} ${this.#pick(['<', '<=', '>', '>='])} ${e()})`
      case 6:
      case 7:
        return `(${e()} ${this.#pick(['and', 'or'])} ${e()})`
      case 8:
        return `(not ${e()})`
      case 9:
        return `(-${this.#variable()})`
      case 10:
        return `#${this.#variable()}`
      case 11:
        return `t[${e()}]`
      case 12:
        return `t.${this.#pick(['x', 'y', 'z'])}`
      case 13:
        return `(function(p, ...) return ${this.#pick(['p', '...', 'select("#", ...)', `p, ${e()}`])} end)(${e()}, ${e()})`
      case 14:
        return this.#pick([
          `tostring(${this.#variable()})`,
          `tonumber(${e()})`,
          `type(${e()})`,
          `s:len()`,
          `s:upper()`,
          `s:sub(${1 + this.#random(3)})`,
          `s:rep(${this.#random(3)})`,
          `math.floor(${e()})`,
          `math.max(${e()}, ${e()})`,
          `select(${1 + this.#random(2)}, ${e()}, ${e()})`,
          `#{${e()}, ${e()}}`,
          `({${e()}, ${e()}})[${1 + this.#random(2)}]`,
          `table.concat({${1 + this.#random(9)}, ${e()}}, ",")`,
        ])
      case 15:
        return `{${e()}, k = ${e()}}`
      default:
        return this.#random(2) === 0 ? this.#literal() : this.#variable()
    }
  }

  #block(): string {
    const outer = this.#variables.slice()
    const lines: string[] = []
    for (let i = 1 + this.#random(3); i > 0; i--) lines.push(this.#statement())
    this.#variables = outer
    return lines.join('\n')
  }

  #statement(): string {
    const e = (): string => this.#expression()
    if (this.#depth > 2) return `a = ${this.#safe()}`
    this.#depth++
    const text = this.#anyStatement(e)
    this.#depth--
    return text
  }

  /** An expression that cannot fail. */
  #safe(): string {
    return `(select(2, pcall(function() return ${this.#expression()} end)))`
  }

  #anyStatement(e: () => string): string {
    switch (this.#random(14)) {
      case 0:
      case 1:
      case 2:
        return `show(pcall(function() return ${e()} end))`
      case 3:
        return `${this.#pick(['a', 'b', 'c'])} = ${this.#safe()}`
      case 4: {
        const name = `v${this.#names++}`
        const statement = `local ${name} = ${this.#safe()}`
        this.#variables.push(name)
        return statement
      }
      case 5:
        return `if ${isFull(this.#variable())} then\n${this.#block()}\nelseif ${this.#variable()} == ${this.#literal()} then\n${this.#block()}\nelse\n${this.#block()}\nend`
      case 6: {
        const name = `i${this.#names++}`
        const outer = this.#variables.slice()
        this.#variables.push(name)
        const body = this.#block()
        this.#variables = outer
        return `for ${name} = 1, ${1 + this.#random(4)}${this.#pick(['', ', 2', ', 0.5'])} do\n${body}\nend`
      }
      case 7: {
        const name = `w${this.#names++}`
        return `local ${name} = 0\nwhile ${name} < ${this.#random(4)} do\n${name} = ${name} + 1\n${this.#block()}\nend`
      }
      case 8:
        return `show(pcall(function() t[${e()}] = ${e()} or 1 end))`
      case 9:
        return `t[#t + 1] = ${this.#literal()} or 4\nshow(#t)`
      case 10: {
        const name = `f${this.#names++}`
        return `local function ${name}(p, q, ...)\nlocal n = select("#", ...)\nif p == nil then return q, n end\nreturn p, n, ...\nend\nshow(pcall(${name}, ${this.#literal()}, ${this.#variable()}, ${this.#literal()}))\nshow(${name}(${this.#variable()}))`
      }
      case 11:
        return `a, b = b, a\nt.x, c = c or 5, t.x`
      case 12: {
        const name = `g${this.#names++}`
        return `local ${name} = {}\nfor i = 1, 3 do local j = i * 2 ${name}[i] = function(d) j = j + d return j + i end end\nshow(${name}[1](1), ${name}[2](2), ${name}[1](3), ${name}[3](1))`
      }
      default:
        return `for i, v in ipairs(t) do show(i, v) end\nlocal n = 0 for k in pairs(t) do n = n + 1 end show(n)`
    }
  }
}

/** Prints results with tables as their type. */
const PRINT =
  'local line = {...} for i = 1, select("#", ...) do local v = line[i] line[i] = (type(v) == "table" or type(v) == "function") and type(v) or tostring(v) end print(ok == nil and "nil" or type(ok) == "table" and "table" or tostring(ok), table.concat(line, " "))'

function isFull(variable: string): string {
  return `${variable} and ${variable} ~= ""`
}
