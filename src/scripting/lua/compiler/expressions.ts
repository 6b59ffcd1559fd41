// Generates JavaScript for Lua expressions.
//
// Names in the generated code:
//
//   x$7        the Lua variable x; every variable gets a `$` and a number, so no Lua name can collide with those below
//   $1, $2 …   temporaries of the current function, used as a stack: an expression may use those from its own depth on
//   i12, f12   an inline cache of a field or of a function (see `inline-cache.ts`)
//   R T M G    the operations, the table class, the meter, the globals
//   N A F W    no results; Array.isArray; the first of several results; the weight of many
//
// The common case of every operation is inline, guarded by type tests that V8 reduces to almost
// nothing. Other cases call R, which knows metatables, conversions and error messages. A Lua value
// enters the text only as a literal made by `quote` or `numberLiteral`.

import { assert } from '../../../util/assert.ts'
import { meter } from '../script-meter.ts'
import { type LineMarks, note, quote } from './line-layout.ts'
import { describe, describeArgument, describeBoth } from './operand-names.ts'
import {
  type CallNode,
  type Expression,
  type FunctionBody,
  type IndexNode,
  isConstant,
  isTruthy,
  type Local,
  type MethodNode,
  type NameNode,
  type TableNode,
} from './syntax.ts'

/** Most inline caches in variables of their own. A chunk with more keeps the others in an array. */
const SITE_VARIABLES_MAX = 4000

/** Steps counted for generating an expression: about a microsecond. */
const EXPRESSION_STEPS = 30

/** Operands of `and` or `or` from which on they are written as a flat row. */
const CHAIN_MIN = 16

type LogicalNode = Extract<Expression, { kind: 'and' | 'or' }>

/** The JavaScript function that is being generated. */
export interface Frame {
  readonly body: FunctionBody
  /** Written as a generator function, so that it can yield. */
  readonly resumable: boolean
  /** The first constant that is zero: 0 and -0 are one constant in Lua, and the first is kept. */
  zero: number | undefined
  /** True when it makes no calls and needs no depth of its own. */
  readonly leaf: boolean
  /**
   * Arguments of the nested calls being written, and their maximum. V8 keeps all of them until the
   * outermost call is made.
   */
  pending: number
  widest: number
  /** Nesting of the expressions being written, and its maximum. */
  nested: number
  deepest: number
  /** True when it passes on all results of another call, which lie on the stack. */
  spreads: boolean
  /** Temporaries in use, and their maximum. */
  inUse: number
  temporaries: number
  /** Variables declared at the top of the function. */
  readonly declared: string[]
}

/**
 * An expression that may be named several times. A `before` that is not empty must be evaluated
 * first.
 */
export interface Operand {
  readonly before: string
  readonly ref: string
}

export abstract class ExpressionWriter {
  protected readonly marks: LineMarks
  /** Whether the chunk's functions can run inside coroutines. */
  protected readonly resumable: boolean
  protected frame!: Frame
  /**
   * Constructor arguments of the caches in variables `i0`, `i1`, …, and of those in the array I.
   */
  protected readonly sites: string[] = []
  protected readonly moreSites: string[] = []
  /** Declarations at the top of the chunk: shapes of tables, caches of functions. */
  protected readonly constants: string[] = []
  /** Loop variables that are never assigned, and so are always numbers. */
  protected readonly numeric = new Set<Local>()
  /** Variables that are never assigned after they got a function. */
  protected readonly functions = new Set<Local>()
  /** The caches of global variables, one for each name. */
  readonly #globalSites = new Map<string, string>()
  readonly #functionSites = new Map<string, string>()
  protected counter = 0
  /** Characters of string literals. They cost V8 next to nothing. */
  protected literalLength = 0
  /** The calls written, when they are to be noted. */
  readonly calls: (CallNode | MethodNode | undefined)[] | undefined

  constructor(marks: LineMarks, resumable: boolean, notes = false) {
    this.marks = marks
    this.resumable = resumable
    this.calls = notes ? [] : undefined
  }

  protected abstract functionText(body: FunctionBody): string

  // Temporaries

  protected temporary(): string {
    const frame = this.frame
    if (++frame.inUse > frame.temporaries) frame.temporaries = frame.inUse
    return `$${frame.inUse}`
  }

  /**
   * Returns an operand: named directly when reading it twice is harmless, else through a temporary.
   */
  protected operand(node: Expression): Operand {
    if (isSimple(node)) return { before: '', ref: this.expression(node) }
    return this.stored(node)
  }

  /**
   * Returns an operand in a temporary of its own, which later assignments to variables do not
   * change.
   */
  protected stored(node: Expression): Operand {
    if (isConstant(node)) return { before: '', ref: this.expression(node) }
    const depth = this.frame.inUse
    const code = this.expression(node)
    this.frame.inUse = depth
    const ref = this.temporary()
    return { before: `${ref}=${code}`, ref }
  }

  /** Returns an operand for member access. A bare literal would be misread before a dot. */
  protected object(node: Expression): Operand {
    if (!isConstant(node)) return this.operand(node)
    const ref = this.temporary()
    return { before: `${ref}=${this.expression(node)}`, ref }
  }

  /** Makes the inline cache of a constant key; `name` is the object's name in errors. */
  protected site(key: string, name: string): string {
    const list = this.sites.length < SITE_VARIABLES_MAX ? this.sites : this.moreSites
    const args = name === '' ? quote(key) : `${quote(key)},${quote(name)}`
    const n = list.push(args) - 1
    return list === this.sites ? `i${n}` : `I[${n}]`
  }

  protected globalSite(name: string): string {
    let site = this.#globalSites.get(name)
    if (site === undefined) {
      site = this.site(name, '')
      this.#globalSites.set(name, site)
    }
    return site
  }

  /**
   * Makes the inline cache of a function called by a path of names, which are the constructor's
   * arguments.
   */
  #functionSite(path: string): string {
    let site = this.#functionSites.get(path)
    if (site === undefined) {
      site = `f${this.#functionSites.size}`
      this.constants.push(`${site}=new P(${path})`)
      this.#functionSites.set(path, site)
    }
    return site
  }

  protected number(value: number): string {
    if (value !== 0) return numberLiteral(value)
    this.frame.zero ??= value
    return numberLiteral(this.frame.zero)
  }

  // Expressions

  /** Returns JavaScript for the one value of an expression. Leaves no temporary in use. */
  protected expression(node: Expression): string {
    const { frame } = this
    const depth = frame.inUse
    meter.spend(EXPRESSION_STEPS)
    if (++frame.nested > frame.deepest) frame.deepest = frame.nested
    const code = this.#value(node)
    frame.nested--
    frame.inUse = depth
    return code
  }

  #value(node: Expression): string {
    switch (node.kind) {
      case 'nil':
        return 'undefined'
      case 'true':
      case 'false':
        return node.kind
      case 'string':
        this.literalLength += node.value.length
        return quote(node.value)
      case 'number':
        return this.number(node.value)
      case 'local':
        return node.local.js
      case 'dots':
        return '$va[0]'
      case 'global':
        return this.#global(node)
      case 'function':
        return this.functionText(node.body)
      case 'single':
        return this.#value(node.inner)
      case 'index':
        return this.#index(node)
      case 'call':
      case 'method': {
        return `F(${this.call(node)})`
      }
      case 'table':
        return this.#table(node)
      case 'and':
      case 'or':
        return this.#chain(node) ?? this.#logical(node.kind, node.left, node.right)
      case 'unary':
        if (node.operator === 'not') return `!${this.condition(node.operand)}`
        return node.operator === '-' ? this.#minus(node.operand, node.line) : this.#length(node.operand, node.line)
      case 'binary':
        return this.#binary(node)
    }
  }

  /** Returns JavaScript that is true or false as Lua takes the expression in a condition. */
  protected condition(node: Expression): string {
    const depth = this.frame.inUse
    const code = this.#truth(node)
    this.frame.inUse = depth
    return code
  }

  #truth(node: Expression): string {
    switch (node.kind) {
      case 'nil':
      case 'false':
        return 'false'
      case 'true':
      case 'number':
      case 'string':
        return 'true'
      case 'single':
        return this.#truth(node.inner)
      case 'and':
      case 'or': {
        const tests = chainOf(node).map((operand) => this.condition(operand))
        return `(${tests.join(node.kind === 'and' ? '&&' : '||')})`
      }
      default: {
        if (isBoolean(node)) return this.expression(node)
        const { before, ref } = this.operand(node)
        if (before === '') return `(${ref}!==undefined&&${ref}!==false)`
        return `((${before})!==undefined&&${ref}!==false)`
      }
    }
  }

  /**
   * Writes a long chain of `and` or of `or` as a flat row. Nested, it would be deeper than V8
   * accepts.
   */
  #chain(node: LogicalNode): string | undefined {
    if (node.left.kind !== node.kind) return undefined
    const operands = chainOf(node)
    if (operands.length < CHAIN_MIN) return undefined
    const t = this.temporary()
    const ends = node.kind === 'and' ? `===undefined||${t}===false||` : `!==undefined&&${t}!==false||`
    const last = operands.pop()
    assert(last !== undefined, 'a chain has operands')
    const tests = operands.map((operand) => `(${t}=${this.expression(operand)})${ends}`)
    return `(${tests.join('')}(${t}=${this.expression(last)},true),${t})`
  }

  #logical(kind: 'and' | 'or', left: Expression, right: Expression): string {
    // `c and x or y`, where x is always true, is a plain choice.
    if (kind === 'or' && left.kind === 'and' && isTruthy(left.right)) {
      const test = this.condition(left.left)
      const yes = this.expression(left.right)
      return `(${test}?${yes}:${this.expression(right)})`
    }
    if (isBoolean(left)) {
      const test = this.condition(left)
      const other = this.expression(right)
      return kind === 'and' ? `(${test}?${other}:false)` : `(${test}?true:${other})`
    }
    const depth = this.frame.inUse
    const { before, ref } = this.operand(left)
    this.frame.inUse = depth
    const tested = before === '' ? ref : `(${before})`
    const test = kind === 'and' ? `${tested}===undefined||${ref}===false` : `${tested}!==undefined&&${ref}!==false`
    return `(${test}?${ref}:${this.expression(right)})`
  }

  #global(node: NameNode): string {
    const site = this.globalSite(node.name)
    const t = this.temporary()
    return `(G.shape===${site}.shape&&(${t}=G.values[${site}.place])!==undefined?${t}:${site}.get(G))`
  }

  #index(node: IndexNode): string {
    const object = this.object(node.base)
    if (node.key.kind === 'string') {
      const read = this.field(object.ref, node.key.value, describe(node.base), node.line)
      return `(${comma(object.before)}${read})`
    }
    const key = this.operand(node.key)
    const before = comma(object.before) + comma(key.before)
    const mark = this.marks.at(node.line)
    const slow = `${mark}R.index(${object.ref},${key.ref}${describeArgument(node.base)})`
    if (isString(node.key)) return `(${before}${slow})`
    const t = this.temporary()
    const test = this.isNumber(node.key) ? '' : `typeof ${key.ref}==='number'&&`
    return `(${before}${test}(${t}=${object.ref}?.array?.[${key.ref}])!==undefined?${t}:${slow})`
  }

  /** Reads a field by a constant name, first where it was last found. Only tables have a shape. */
  protected field(object: string, key: string, description: string, line: number): string {
    const site = this.site(key, description)
    const t = this.temporary()
    const mark = this.marks.at(line)
    return `${object}?.shape===${site}.shape&&(${t}=${object}.values[${site}.place])!==undefined?${t}:${mark}${site}.get(${object})`
  }

  // Calls

  /**
   * Returns JavaScript for a call. Its value is the function's whole result: a value, an array, or
   * a TailCall.
   */
  protected call(node: CallNode | MethodNode): string {
    const wide = this.widen(node)
    const code = this.#call(node)
    this.frame.pending -= wide
    return code
  }

  #call(node: CallNode | MethodNode): string {
    if (this.frame.resumable) {
      const { before, callee, args } = this.callParts(node)
      const made = this.resumableCall(callee, args, node)
      const direct = isSpread(node) ? `${callee}=(${made}),M.depth=$e,${callee}` : made
      // A returned tail call is made here, as part of this coroutine.
      return `(A(${callee}=(${before}${direct}))&&${callee}.callee!==undefined?yield*R.settleResumable(${callee}):${callee})`
    }
    const depth = this.frame.inUse
    const { before, callee, self } = this.#callee(node)
    // The function is on V8's stack now, and `self` is read before the other arguments, so their
    // temporaries are free.
    this.frame.inUse = depth
    const mark = this.marks.at(node.line)
    const args = this.list(node.args, 'counted')
    const direct = `(${before}${callee})${mark}${this.noteOf(node)}(${self}${self !== '' && args !== '' ? ',' : ''}${args})`
    if (!isSpread(node)) return direct
    const t = this.temporary()
    return `(${t}=${direct},M.depth=$e,${t})`
  }

  /**
   * Counts the arguments of a call, which lie on the stack, and returns their number. The caller
   * subtracts them from `pending`.
   */
  protected widen(node: CallNode | MethodNode): number {
    const { frame } = this
    const wide = node.args.length + (node.kind === 'method' ? 1 : 0)
    frame.pending += wide
    if (frame.pending > frame.widest) frame.widest = frame.pending
    if (isSpread(node)) frame.spreads = true
    return wide
  }

  /** `node` is the call; undefined for the iterator of a for. */
  protected resumableCall(callee: string, args: string, node: CallNode | MethodNode | undefined): string {
    return `${callee}.resumable===undefined?${this.noteOf(node)}${callee}(${args}):yield*${callee}.resumable(${args})`
  }

  /**
   * Returns a note at the position where V8 sees a call: at the callee's name, or at the
   * parenthesis behind an expression.
   */
  protected noteOf(node: CallNode | MethodNode | undefined): string {
    return this.calls === undefined ? '' : note(this.calls.push(node) - 1)
  }

  /**
   * Takes a call apart. `before` evaluates everything; the callee is then a function, and the
   * arguments are simple.
   */
  protected callParts(node: CallNode | MethodNode): { before: string; callee: string; args: string } {
    const target = this.#callee(node)
    const callee = this.temporary()
    let before = `${target.before}${callee}=${target.callee},`
    const args: string[] = target.self === '' ? [] : [target.self]
    node.args.forEach((arg, i) => {
      if (i === node.args.length - 1 && isMulti(arg)) {
        const depth = this.frame.inUse
        const values = this.multi(arg)
        this.frame.inUse = depth
        const t = this.temporary()
        before += `${t}=${values},`
        args.push(isSpread(node) ? `...W(${t})` : `...${t}`)
        return
      }
      const operand = this.stored(arg)
      before += comma(operand.before)
      args.push(operand.ref)
    })
    return { before: before + this.marks.at(node.line), callee, args: args.join(',') }
  }

  #callee(node: CallNode | MethodNode): { before: string; callee: string; self: string } {
    const mark = this.marks.at(node.line)
    if (node.kind === 'call') {
      if (node.callee.kind === 'local' && this.functions.has(node.callee.local)) {
        return { before: mark, callee: node.callee.local.js, self: '' }
      }
      const path = globalPath(node.callee)
      if (path !== undefined) {
        const site = this.#functionSite(path)
        return { before: mark, callee: `G.shape===${site}.shape?${site}.value:${site}.find(G)`, self: '' }
      }
      const { before, ref } = this.operand(node.callee)
      const callee = `typeof ${ref}==='function'?${ref}:R.callee(${ref}${describeArgument(node.callee)})`
      return { before: comma(before) + mark, callee, self: '' }
    }
    const object = this.object(node.base)
    const method = this.temporary()
    const before = `${comma(object.before)}${method}=${this.#method(object.ref, node)},${mark}`
    const name = quote(`method '${node.name}'`)
    return { before, callee: `typeof ${method}==='function'?${method}:R.callee(${method},${name})`, self: object.ref }
  }

  /** Strings are tested first: V8 knows many kinds of them, and none has a shape. */
  #method(object: string, node: MethodNode): string {
    const site = this.site(node.name, describe(node.base))
    const t = this.temporary()
    const mark = this.marks.at(node.line)
    const inTable = `typeof ${object}!=='string'&&${object}?.shape===${site}.shape`
    return `${inTable}&&(${t}=${object}.values[${site}.place])!==undefined?${t}:${mark}${site}.get(${object})`
  }

  /**
   * Returns values separated by commas, with all results of the last one; `counted` when these lie
   * on the stack.
   */
  protected list(nodes: readonly Expression[], results: 'counted' | 'stored' = 'stored'): string {
    return nodes
      .map((node, i) => {
        if (i < nodes.length - 1 || !isMulti(node)) return this.expression(node)
        const values = this.multi(node)
        // The values of `...` were counted when the function was entered.
        return results === 'stored' || node.kind === 'dots' ? `...${values}` : `...W(${values})`
      })
      .join(',')
  }

  /** Returns all values of a call or of `...`, as an array that must not be changed. */
  protected multi(node: Expression): string {
    return node.kind === 'dots' ? '$va' : `R.all(${this.call(node as CallNode | MethodNode)})`
  }

  // Tables

  #table(node: TableNode): string {
    if (node.fields.length === 0) return 'new T()'
    if (node.items.length === node.fields.length) return `R.list([undefined,${this.list(node.items)}])`
    const names = node.fields.map(({ key }) => (key?.kind === 'string' ? key.value : undefined))
    if (names.every((name) => name !== undefined) && new Set(names).size === names.length) {
      const shape = `k${this.constants.length}`
      this.constants.push(`${shape}=R.shapeOf([${names.map((name) => quote(name)).join(',')}])`)
      return `R.record(${shape},[undefined,${node.fields.map(({ value }) => this.expression(value)).join(',')}])`
    }
    const table = this.temporary()
    const array = this.temporary()
    let code = `(${table}=new T(),${array}=[undefined],`
    node.fields.forEach(({ key, value }, i) => {
      if (key !== undefined) {
        code += `R.put(${table},${this.expression(key)},${this.expression(value)}),`
      } else if (i === node.fields.length - 1 && isMulti(value)) code += `${array}.push(...${this.multi(value)}),`
      else code += `${array}.push(${this.expression(value)}),`
    })
    return `${code}R.fill(${table},${array}))`
  }

  // Operators

  #minus(node: Expression, line: number): string {
    const { before, ref } = this.operand(node)
    if (this.isNumber(node)) return `(${comma(before)}-${ref})`
    const slow = `${this.marks.at(line)}R.minus(${ref}${describeArgument(node)})`
    return `(${comma(before)}typeof ${ref}==='number'?-${ref}:${slow})`
  }

  #length(node: Expression, line: number): string {
    const { before, ref } = this.object(node)
    const slow = `${this.marks.at(line)}R.length(${ref}${describeArgument(node)})`
    return `(${comma(before)}${ref} instanceof T?${ref}.length():${slow})`
  }

  #binary(node: Extract<Expression, { kind: 'binary' }>): string {
    const { operator, left, right, line } = node
    switch (operator) {
      case '..':
        return this.#concatenation(left, right, line)
      case '==':
        return this.#equality(left, right, '===')
      case '~=':
        return this.#equality(left, right, '!==')
      case '<':
      case '<=':
      case '>':
      case '>=':
        return this.#comparison(operator, left, right, line)
      default:
        return this.#arithmetic(operator, left, right, line)
    }
  }

  #arithmetic(operator: '+' | '-' | '*' | '/' | '%' | '^', left: Expression, right: Expression, line: number): string {
    const a = this.operand(left)
    const b = this.operand(right)
    const mark = this.marks.at(line)
    const before = comma(a.before) + comma(b.before)
    const names = describeBoth(left, right)
    const operation = OPERATIONS[operator]
    const slow = `${mark}R.${operation}(${a.ref},${b.ref}${names})`
    if (operator === '%' && right.kind === 'number' && right.value > 0 && right.value === (right.value | 0)) {
      // For small positive integers the remainder is the same, and an order of magnitude faster.
      return `(${before}${a.ref}>0&&(${a.ref}|0)===${a.ref}?${a.ref}%${b.ref}:${slow})`
    }
    if (operator === '%' || operator === '^') return `(${before}${slow})`
    const fast = `${a.ref}${operator}${b.ref}`
    const test = this.#bothNumbers(left, a.ref, right, b.ref)
    return test === '' ? `(${before}${fast})` : `(${before}${test}?${fast}:${slow})`
  }

  #comparison(operator: '<' | '<=' | '>' | '>=', left: Expression, right: Expression, line: number): string {
    const a = this.operand(left)
    const b = this.operand(right)
    const mark = this.marks.at(line)
    const before = comma(a.before) + comma(b.before)
    const fast = `${a.ref}${operator}${b.ref}`
    const test = this.#bothNumbers(left, a.ref, right, b.ref)
    if (test === '') return `(${before}${fast})`
    const operation = operator.length === 1 ? 'less' : 'lessOrEqual'
    const args = operator[0] === '<' ? `${a.ref},${b.ref}` : `${b.ref},${a.ref}`
    return `(${before}${test}?${fast}:${mark}R.${operation}(${args}))`
  }

  #bothNumbers(left: Expression, a: string, right: Expression, b: string): string {
    const tests: string[] = []
    if (!this.isNumber(left)) tests.push(`typeof ${a}==='number'`)
    if (!this.isNumber(right) && a !== b) tests.push(`typeof ${b}==='number'`)
    return tests.join('&&')
  }

  #equality(left: Expression, right: Expression, operator: '===' | '!=='): string {
    if (isConstant(left) || isConstant(right)) {
      const a = this.operand(left)
      const b = this.operand(right)
      return `(${comma(a.before)}${comma(b.before)}${a.ref}${operator}${b.ref})`
    }
    const a = this.operand(left)
    const b = this.operand(right)
    const before = comma(a.before) + comma(b.before)
    const not = operator === '===' ? '' : '!'
    // Comparing two strings takes as long as they are, which R counts.
    const alike = `${a.ref}===${b.ref}||typeof ${a.ref}==='object'&&R.equal(${a.ref},${b.ref})`
    return `(${before}${not}(typeof ${a.ref}==='string'?R.same(${a.ref},${b.ref}):${alike}))`
  }

  #concatenation(left: Expression, right: Expression, line: number): string {
    const operands = [left]
    let last = right
    for (; last.kind === 'binary' && last.operator === '..'; last = last.right) operands.push(last.left)
    operands.push(last)
    const values = operands.map((operand) => this.expression(operand)).join(',')
    const mark = this.marks.at(line)
    if (operands.length === 2) return `${mark}R.concat(${values}${describeBoth(left, right)})`
    const names = quote(operands.map(describe).join('\n'))
    if (operands.length === 3) return `${mark}R.concat3(${values},${names})`
    return `${mark}R.concatAll([${values}],${names})`
  }

  /** Tells whether an expression can only be a number. */
  protected isNumber(node: Expression): boolean {
    switch (node.kind) {
      case 'number':
        return true
      case 'local':
        return this.numeric.has(node.local)
      case 'single':
        return this.isNumber(node.inner)
      case 'binary':
        return node.operator in OPERATIONS && this.isNumber(node.left) && this.isNumber(node.right)
      case 'unary':
        return node.operator === '-' && this.isNumber(node.operand)
      default:
        return false
    }
  }
}

const OPERATIONS = { '+': 'add', '-': 'subtract', '*': 'multiply', '/': 'divide', '%': 'modulo', '^': 'power' } as const

/** Returns `before` as the beginning of a comma expression. */
export function comma(before: string): string {
  return before === '' ? '' : `${before},`
}

/**
 * Returns the names of a global, or of a field of one, as arguments of a FunctionInlineCache;
 * undefined for other expressions.
 */
function globalPath(node: Expression): string | undefined {
  if (node.kind === 'global') return quote(node.name)
  if (node.kind !== 'index' || node.base.kind !== 'global' || node.key.kind !== 'string') return undefined
  return `${quote(node.base.name)},${quote(node.key.value)}`
}

/** Tells whether a call takes all results of another call. */
function isSpread({ args }: CallNode | MethodNode): boolean {
  const last = args.at(-1)
  return last?.kind === 'call' || last?.kind === 'method'
}

/** Tells whether an expression can give any number of values. */
export function isMulti(node: Expression): boolean {
  return node.kind === 'call' || node.kind === 'method' || node.kind === 'dots'
}

/** Tells whether an expression may be read twice, or later. Lua itself reads locals late. */
export function isSimple(node: Expression): boolean {
  return node.kind === 'local' || isConstant(node) || (node.kind === 'single' && isSimple(node.inner))
}

function isBoolean(node: Expression): boolean {
  switch (node.kind) {
    case 'true':
    case 'false':
      return true
    case 'single':
      return isBoolean(node.inner)
    case 'unary':
      return node.operator === 'not'
    case 'binary':
      return ['==', '~=', '<', '<=', '>', '>='].includes(node.operator)
    case 'and':
    case 'or':
      return isBoolean(node.left) && isBoolean(node.right)
    default:
      return false
  }
}

/** Returns the operands of `a and b and c`, or of the same with `or`. */
function chainOf(node: LogicalNode): Expression[] {
  const operands: Expression[] = []
  let left: Expression = node
  while (left.kind === node.kind) {
    operands.push((left as LogicalNode).right)
    left = (left as LogicalNode).left
  }
  operands.push(left)
  return operands.reverse()
}

function isString(node: Expression): boolean {
  return node.kind === 'string' || (node.kind === 'single' && isString(node.inner))
}

/** Returns a number as a literal. Negative ones stand in parentheses. */
export function numberLiteral(value: number): string {
  if (Number.isNaN(value)) return '(0/0)'
  if (!Number.isFinite(value)) return value > 0 ? '(1/0)' : '(-1/0)'
  return value < 0 || Object.is(value, -0) ? `(${Object.is(value, -0) ? '-0' : value})` : String(value)
}
