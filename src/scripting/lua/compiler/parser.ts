// Parses Lua 5.1 source into a syntax tree, and resolves names, in one pass like Lua's own
// compiler. It makes the same decisions in the same order, so it finds the same error first and
// uses the same words.
//
// Why not a parser from npm: luaparse, the only maintained one, drops parentheses from its tree, so
// that `f()` and `(f())` (all results, one result) look alike. And Lua's error texts cannot be
// derived from its own.

import { meter } from '../script-meter.ts'
import { END_OF_SOURCE, Lexer, NAME, NUMBER, STRING } from './lexer.ts'
import type { BinaryOperator, Clause, Expression, FunctionBody, IndexNode, Local, Statement, Target } from './syntax.ts'

const LOCALS_MAX = 200
const UPVALUES_MAX = 60
/** Variables of a for that have no name. */
const HIDDEN_LOCALS = 3
/** How deep blocks and expressions may nest. */
const LEVELS_MAX = 200
/**
 * Registers of a Lua function; the last is never used. They hold variables and waiting values such
 * as arguments.
 */
const REGISTERS_MAX = 250
/** Items of a table that Lua keeps in registers before it stores them together. */
const ITEMS_AT_ONCE = 50

/** Steps counted for parsing and generating an expression: a microsecond or two. */
const EXPRESSION_STEPS = 30

/** Left and right binding power; right below left makes an operator associate to the right. */
const PRIORITIES: Readonly<Record<string, readonly [number, number]>> = {
  or: [1, 1],
  and: [2, 2],
  '<': [3, 3],
  '>': [3, 3],
  '<=': [3, 3],
  '>=': [3, 3],
  '~=': [3, 3],
  '==': [3, 3],
  '..': [5, 4],
  '+': [6, 6],
  '-': [6, 6],
  '*': [7, 7],
  '/': [7, 7],
  '%': [7, 7],
  '^': [10, 9],
}
const BINARY = new Map(Object.entries(PRIORITIES))
const UNARY_PRIORITY = 8

const BLOCK_ENDS = new Set(['else', 'elseif', 'end', 'until', END_OF_SOURCE])

/**
 * Parses a chunk; throws a LuaError when it is malformed. `name` is the chunk's name in messages.
 * `levels` is the number of active calls that count as syntax levels, too.
 */
export function parse(source: string, name: string, levels = 0): FunctionBody {
  return new Parser(source, name, levels).chunk()
}

class Parser {
  readonly #lexer: Lexer
  #function: FunctionBody
  #localCounter = 0
  #levels: number
  #loops = 0
  /** Visible variables by name, innermost last. */
  readonly #visible = new Map<string, Local[]>([['', []]])
  /** Variables of the open blocks, in order. */
  readonly #active: Local[] = []
  /** Where in `#active` the current function's variables begin. */
  #floor = 0
  /**
   * Values of the current function that wait in Lua's registers: arguments, operands, items of a
   * table.
   */
  #waiting = 0

  constructor(source: string, name: string, levels: number) {
    this.#lexer = new Lexer(source, name)
    this.#levels = levels
    this.#function = newFunction(undefined, 0)
    this.#function.vararg = true
  }

  chunk(): FunctionBody {
    const lexer: Lexer = this.#lexer
    const main = this.#function
    lexer.next()
    main.body = this.#block()
    this.#check(END_OF_SOURCE)
    main.endLine = lexer.line
    return main
  }

  // Tokens

  #check(token: string): void {
    if (this.#lexer.token !== token) this.#lexer.fail(`'${token}' expected`)
  }

  #expect(token: string): void {
    this.#check(token)
    this.#lexer.next()
  }

  #accept(token: string): boolean {
    if (this.#lexer.token !== token) return false
    this.#lexer.next()
    return true
  }

  #name(): string {
    this.#check(NAME)
    const name = this.#lexer.text
    this.#lexer.next()
    return name
  }

  /** Expects the token that closes `opener`, which stood on `line`. */
  #close(token: string, opener: string, line: number): void {
    const lexer: Lexer = this.#lexer
    if (lexer.token === token) lexer.next()
    else if (line === lexer.line) lexer.fail(`'${token}' expected`)
    else lexer.fail(`'${token}' expected (to close '${opener}' at line ${line})`)
  }

  #enter(): void {
    if (++this.#levels > LEVELS_MAX) this.#lexer.failPlainly('chunk has too many syntax levels')
  }

  #leave(): void {
    this.#levels--
  }

  // Names

  #newLocal(name: string): Local {
    const owner = this.#function
    return { name, js: `${name}$${this.#localCounter++}`, owner, captured: false, assigned: false, used: false }
  }

  #declare(local: Local): void {
    const same = this.#visible.get(local.name)
    if (same === undefined) this.#visible.set(local.name, [local])
    else same.push(local)
    local.owner.localCount++
    this.#active.push(local)
    this.#checkLocals(0)
  }

  /** Counts the three variables without a name that a loop has. */
  #declareHidden(): void {
    for (let i = 0; i < HIDDEN_LOCALS; i++) this.#active.push(this.#newLocal(''))
    this.#checkLocals(0)
  }

  /** Throws when `coming` more variables would be too many for the current function. */
  #checkLocals(coming: number): void {
    if (this.#active.length - this.#floor + coming > LOCALS_MAX) this.#failLimit(LOCALS_MAX, 'local variables')
  }

  #failLimit(limit: number, what: string): never {
    const { line } = this.#function
    const where = line === 0 ? 'main function' : `function at line ${line}`
    this.#lexer.failPlainly(`${where} has more than ${limit} ${what}`)
  }

  /**
   * Counts one more value that waits in a register. Lua has few of them, and reports their lack in
   * these words.
   *
   * Lua's code generator decides which values wait, and from when. This code follows it closely and
   * refuses at the same place. Some brief waits are not counted: a program that Lua accepts is
   * never refused.
   */
  #wait(): void {
    this.#waiting++
    if (this.#active.length - this.#floor + this.#waiting >= REGISTERS_MAX) {
      this.#lexer.fail('function or expression too complex')
    }
  }

  #forget(count: number): void {
    for (const { name } of this.#active.splice(count)) this.#visible.get(name)?.pop()
  }

  #variable(name: string): Expression {
    const same = this.#visible.get(name)
    const local = same === undefined ? undefined : same[same.length - 1]
    if (local === undefined) return { kind: 'global', name }
    local.used = true
    if (local.owner === this.#function) return { kind: 'local', local, outer: false }
    local.captured = true
    for (let f: FunctionBody | undefined = this.#function; f !== undefined && f !== local.owner; f = f.parent) {
      f.upvalues.add(local)
      if (f.upvalues.size > UPVALUES_MAX) this.#failLimit(UPVALUES_MAX, 'upvalues')
    }
    return { kind: 'local', local, outer: true }
  }

  // Statements

  #block(): Statement[] {
    const outer = this.#active.length
    const body = this.#statements()
    this.#forget(outer)
    return body
  }

  #statements(): Statement[] {
    const body: Statement[] = []
    this.#enter()
    let last = false
    while (!last && !BLOCK_ENDS.has(this.#lexer.token)) {
      this.#waiting = 0
      const statement = this.#statement()
      last = statement.kind === 'return' || statement.kind === 'break'
      body.push(statement)
      this.#accept(';')
    }
    this.#leave()
    return body
  }

  #statement(): Statement {
    const lexer: Lexer = this.#lexer
    const line = lexer.line
    switch (lexer.token) {
      case 'if':
        return this.#ifStatement(line)
      case 'while': {
        lexer.next()
        const condition = this.#expression()
        this.#expect('do')
        const body = this.#loopBody()
        this.#close('end', 'while', line)
        return { kind: 'while', condition, body, line }
      }
      case 'do': {
        lexer.next()
        const body = this.#block()
        this.#close('end', 'do', line)
        return { kind: 'do', body, line }
      }
      case 'for':
        return this.#forStatement(line)
      case 'repeat': {
        lexer.next()
        const outer = this.#active.length
        this.#function.loops = true
        this.#loops++
        const body = this.#statements()
        this.#loops--
        this.#close('until', 'repeat', line)
        // The condition still sees the body's variables.
        const condition = this.#expression()
        this.#forget(outer)
        return { kind: 'repeat', condition, body, line }
      }
      case 'function':
        return this.#functionStatement(line)
      case 'local':
        lexer.next()
        return this.#accept('function') ? this.#localFunction(line) : this.#localStatement(line)
      case 'return': {
        lexer.next()
        const values = this.#endsStatement() ? [] : this.#expressions()
        if (values.length > 1) this.#waitForLast(values)
        return { kind: 'return', values, line }
      }
      case 'break':
        lexer.next()
        if (this.#loops === 0) lexer.fail('no loop to break')
        return { kind: 'break', line }
      default:
        return this.#expressionStatement(line)
    }
  }

  #endsStatement(): boolean {
    const { token } = this.#lexer
    return token === ';' || BLOCK_ENDS.has(token)
  }

  #loopBody(): Statement[] {
    this.#function.loops = true
    this.#loops++
    const body = this.#block()
    this.#loops--
    return body
  }

  #ifStatement(line: number): Statement {
    const lexer: Lexer = this.#lexer
    const clauses: Clause[] = []
    do {
      const clauseLine = lexer.line
      lexer.next()
      const condition = this.#expression()
      this.#expect('then')
      clauses.push({ condition, body: this.#block(), line: clauseLine })
    } while (lexer.token === 'elseif')
    if (this.#accept('else')) clauses.push({ condition: undefined, body: this.#block(), line: lexer.line })
    this.#close('end', 'if', line)
    return { kind: 'if', clauses, line }
  }

  #forStatement(line: number): Statement {
    const lexer: Lexer = this.#lexer
    lexer.next()
    const name = this.#name()
    let statement: Statement
    const outer = this.#active.length
    this.#checkLocals(HIDDEN_LOCALS + 1)
    if (lexer.token === '=') {
      lexer.next()
      const from = this.#expression()
      this.#wait()
      this.#expect(',')
      const to = this.#expression()
      this.#wait()
      const step = this.#accept(',') ? this.#expression() : undefined
      this.#waiting = 0
      this.#expect('do')
      const local = this.#newLocal(name)
      this.#declareHidden()
      this.#declare(local)
      statement = { kind: 'numericFor', local, from, to, step, body: this.#loopBody(), line }
    } else if (lexer.token === ',' || lexer.token === 'in') {
      const names = [name]
      while (this.#accept(',')) {
        names.push(this.#name())
        this.#checkLocals(HIDDEN_LOCALS + names.length)
      }
      this.#expect('in')
      const values = this.#expressions()
      this.#waitForLast(values)
      this.#waiting = 0
      this.#expect('do')
      this.#function.calls = true
      this.#declareHidden()
      const locals = names.map((each) => this.#newLocal(each))
      for (const local of locals) this.#declare(local)
      statement = { kind: 'genericFor', locals, values, body: this.#loopBody(), line }
    } else lexer.fail("'=' or 'in' expected")
    this.#forget(outer)
    this.#close('end', 'for', line)
    return statement
  }

  #functionStatement(line: number): Statement {
    const lexer: Lexer = this.#lexer
    lexer.next()
    let target = this.#variable(this.#name()) as Target
    while (lexer.token === '.' || lexer.token === ':') {
      const isMethod = lexer.token === ':'
      lexer.next()
      target = { kind: 'index', base: target, key: { kind: 'string', value: this.#name() }, line: lexer.line }
      if (!isMethod) continue
      return { kind: 'assign', targets: [target], values: [this.#functionBody(line, true)], line }
    }
    if (target.kind === 'local') target.local.assigned = true
    return { kind: 'assign', targets: [target], values: [this.#functionBody(line, false)], line }
  }

  #localFunction(line: number): Statement {
    const local = this.#newLocal(this.#name())
    this.#declare(local)
    return { kind: 'localFunction', local, body: this.#functionBody(this.#lexer.line, false).body, line }
  }

  #localStatement(line: number): Statement {
    const locals: Local[] = []
    do locals.push(this.#newLocal(this.#name()))
    while (this.#accept(','))
    this.#checkLocals(locals.length)
    const values = this.#accept('=') ? this.#expressions() : []
    this.#waitForLast(values)
    this.#waiting = 0
    for (const local of locals) this.#declare(local)
    return { kind: 'local', locals, values, line }
  }

  #expressionStatement(line: number): Statement {
    const expression = this.#suffixed()
    if (expression.kind === 'call' || expression.kind === 'method') {
      return { kind: 'callStatement', call: expression, line }
    }
    const targets = [this.#target(expression)]
    while (this.#accept(',')) {
      const target = this.#suffixed()
      targets.push(this.#target(target))
      // Lua recurses to this depth for them.
      const most = LEVELS_MAX - this.#levels
      if (targets.length - 1 > most) this.#failLimit(most, 'variables in assignment')
    }
    this.#expect('=')
    const values = this.#expressions()
    if (values.length !== targets.length) this.#waitForLast(values)
    return { kind: 'assign', targets, values, line }
  }

  #target(expression: Expression): Target {
    if (expression.kind === 'local') expression.local.assigned = true
    else if (expression.kind !== 'global' && expression.kind !== 'index') this.#lexer.fail('syntax error')
    return expression
  }

  // Expressions

  #expressions(): Expression[] {
    const list = [this.#expression()]
    while (this.#accept(',')) {
      this.#wait()
      list.push(this.#expression())
    }
    return list
  }

  /** The last of several values waits with the others, unless it gives any number of values. */
  #waitForLast(values: readonly Expression[]): void {
    const last = values.at(-1)
    if (last !== undefined && last.kind !== 'call' && last.kind !== 'method' && last.kind !== 'dots') this.#wait()
  }

  #expression(limit = 0): Expression {
    const lexer: Lexer = this.#lexer
    meter.spend(EXPRESSION_STEPS)
    this.#enter()
    let left: Expression
    if (lexer.token === 'not' || lexer.token === '-' || lexer.token === '#') {
      const operator = lexer.token
      lexer.next()
      const operand = this.#expression(UNARY_PRIORITY)
      if (operator === '-' && operand.kind === 'number') left = { kind: 'number', value: -operand.value }
      else left = { kind: 'unary', operator, operand, line: lexer.lastLine }
    } else left = this.#simple()
    for (;;) {
      const operator = lexer.token
      const priority = BINARY.get(operator)
      if (priority === undefined || priority[0] <= limit) break
      lexer.next()
      const waiting = this.#waiting
      if (operator === '..' || (priority[0] > 2 && !staysInPlace(left))) this.#wait()
      const right = this.#expression(priority[1])
      if (operator === '..' || (priority[0] > 2 && !staysInPlace(right))) this.#wait()
      this.#waiting = waiting
      if (operator === 'and' || operator === 'or') left = { kind: operator, left, right }
      else left = { kind: 'binary', operator: operator as BinaryOperator, left, right, line: lexer.lastLine }
    }
    this.#leave()
    return left
  }

  #simple(): Expression {
    const lexer: Lexer = this.#lexer
    switch (lexer.token) {
      case NUMBER: {
        const value = lexer.number
        lexer.next()
        return { kind: 'number', value }
      }
      case STRING: {
        const value = lexer.text
        lexer.next()
        return { kind: 'string', value }
      }
      case 'nil':
      case 'true':
      case 'false': {
        const kind = lexer.token
        lexer.next()
        return { kind }
      }
      case '...':
        if (!this.#function.vararg) lexer.fail("cannot use '...' outside a vararg function")
        this.#function.usesDots = true
        lexer.next()
        return { kind: 'dots' }
      case '{':
        return this.#table()
      case 'function': {
        const line = lexer.line
        lexer.next()
        return this.#functionBody(line, false)
      }
      default:
        return this.#suffixed()
    }
  }

  /** A name or parenthesised expression followed by any number of fields, indexes and calls. */
  #suffixed(): Expression {
    const lexer: Lexer = this.#lexer
    let expression: Expression
    if (lexer.token === '(') {
      const line = lexer.line
      lexer.next()
      expression = this.#expression()
      this.#close(')', '(', line)
      // This also keeps `(a) = 1` from being an assignment.
      expression = { kind: 'single', inner: expression }
    } else if (lexer.token === NAME) {
      expression = this.#variable(lexer.text)
      lexer.next()
    } else lexer.fail('unexpected symbol')
    for (;;) {
      switch (this.#lexer.token) {
        case '.':
          lexer.next()
          expression = index(expression, { kind: 'string', value: this.#name() }, lexer.lastLine)
          break
        case '[': {
          lexer.next()
          const waiting = this.#waiting
          if (!staysInPlace(expression)) this.#wait()
          const key = this.#expression()
          this.#waiting = waiting
          this.#expect(']')
          expression = index(expression, key, lexer.lastLine)
          break
        }
        case ':': {
          lexer.next()
          const name = this.#name()
          const line = lexer.line
          const waiting = this.#waiting
          this.#wait()
          this.#wait()
          expression = { kind: 'method', base: expression, name, args: this.#args(), line }
          this.#waiting = waiting
          break
        }
        case '(':
        case '{':
        case STRING: {
          const line = lexer.line
          const waiting = this.#waiting
          this.#wait()
          expression = { kind: 'call', callee: expression, args: this.#args(), line }
          this.#waiting = waiting
          break
        }
        default:
          return expression
      }
    }
  }

  #args(): Expression[] {
    const lexer: Lexer = this.#lexer
    this.#function.calls = true
    if (lexer.token === STRING) {
      const value = lexer.text
      lexer.next()
      return [{ kind: 'string', value }]
    }
    if (lexer.token === '{') return [this.#table()]
    if (lexer.token !== '(') lexer.fail('function arguments expected')
    const line = lexer.line
    if (line !== lexer.lastLine) lexer.fail('ambiguous syntax (function call x new statement)')
    lexer.next()
    if (this.#accept(')')) return []
    const args = this.#expressions()
    this.#close(')', '(', line)
    this.#waitForLast(args)
    return args
  }

  #table(): Expression {
    const lexer: Lexer = this.#lexer
    const line = lexer.line
    const items: Expression[] = []
    const fields: { key: Expression | undefined; value: Expression }[] = []
    const outer = this.#waiting
    this.#wait()
    const empty = this.#waiting
    let itemWaits = false
    this.#expect('{')
    while (lexer.token !== '}') {
      if (itemWaits) this.#wait()
      if (this.#waiting - empty === ITEMS_AT_ONCE) this.#waiting = empty
      itemWaits = false
      if (lexer.token === '[' || (lexer.token === NAME && lexer.followedByEquals())) {
        let key: Expression
        if (this.#accept('[')) {
          key = this.#expression()
          this.#expect(']')
        } else key = { kind: 'string', value: this.#name() }
        this.#expect('=')
        fields.push({ key, value: this.#expression() })
      } else {
        const value = this.#expression()
        items.push(value)
        fields.push({ key: undefined, value })
        itemWaits = true
      }
      if (!this.#accept(',') && !this.#accept(';')) break
    }
    this.#close('}', '{', line)
    if (itemWaits) this.#waitForLast(items)
    this.#waiting = outer
    return { kind: 'table', items, fields, line }
  }

  /** Parameters and body of a function, from its opening parenthesis to its `end`. */
  #functionBody(line: number, isMethod: boolean): { readonly kind: 'function'; readonly body: FunctionBody } {
    const lexer: Lexer = this.#lexer
    const outer = {
      function: this.#function,
      floor: this.#floor,
      loops: this.#loops,
      active: this.#active.length,
      waiting: this.#waiting,
    }
    const body = newFunction(outer.function, line)
    this.#function = body
    this.#floor = outer.active
    this.#loops = 0
    const parameter = (name: string): void => {
      const local = this.#newLocal(name)
      body.parameters.push(local)
      this.#declare(local)
    }
    this.#expect('(')
    if (isMethod) parameter('self')
    if (lexer.token !== ')') {
      do {
        if (lexer.token === NAME) parameter(this.#name())
        else if (this.#accept('...')) {
          body.vararg = true
          body.arg = this.#newLocal('arg')
          this.#declare(body.arg)
        } else lexer.fail("<name> or '...' expected")
      } while (!body.vararg && this.#accept(','))
    }
    this.#expect(')')
    body.body = this.#block()
    body.endLine = lexer.line
    this.#close('end', 'function', line)
    this.#forget(outer.active)
    this.#function = outer.function
    this.#floor = outer.floor
    this.#loops = outer.loops
    this.#waiting = outer.waiting
    return { kind: 'function', body }
  }
}

/** Tells whether Lua needs no register to keep a value: it is a variable or a constant. */
function staysInPlace(node: Expression): boolean {
  switch (node.kind) {
    case 'number':
    case 'string':
    case 'nil':
    case 'true':
    case 'false':
      return true
    case 'local':
      return !node.outer
    case 'single':
      return staysInPlace(node.inner)
    // Lua computes constants in advance. Looking at one operand is enough: better to count too few
    // than too many.
    case 'unary':
      return node.operator === '-' && staysInPlace(node.operand)
    case 'binary':
      return node.right.kind === 'number'
    default:
      return false
  }
}

function index(base: Expression, key: Expression, line: number): IndexNode {
  return { kind: 'index', base, key, line }
}

function newFunction(parent: FunctionBody | undefined, line: number): FunctionBody {
  return {
    parent,
    line,
    parameters: [],
    vararg: false,
    usesDots: false,
    arg: undefined,
    body: [],
    calls: false,
    loops: false,
    localCount: 0,
    endLine: line,
    upvalues: new Set(),
  }
}
