// Generates JavaScript for Lua statements, functions and whole chunks. See `expressions.ts` for the
// names in it.
//
// A function that calls others counts itself: it adds its weight to the meter's depth on entry and
// subtracts it before it returns (after an error, `pcall` does), and takes one step. A function
// that calls nothing does neither. Loops count their turns in a local variable and report them to
// the meter a thousand at a time.
//
// A local variable is declared at the top of its function. If an inner function captures it, it is
// declared where Lua declares it, so that every turn of a loop makes its own.
//
// A call in tail position is made directly while the stack is shallow. Past the meter's `tailMax`,
// the function returns a TailCall and its caller makes the call, so tail calls of any length run in
// bounded stack.

import { itemAt } from '../../../util/array-reads.ts'
import { assert } from '../../../util/assert.ts'
import { comma, ExpressionWriter, type Frame, isMulti, isSimple, type Operand } from './expressions.ts'
import { hoistedLocals, type IsFixed } from './hoisting.ts'
import { LineMarks, layOut, notesIn, quote } from './line-layout.ts'
import { describe, describeArgument } from './operand-names.ts'
import type { CallNode, Expression, FunctionBody, IndexNode, Local, MethodNode, Statement, Target } from './syntax.ts'

// Bytes of an unoptimised frame: the fixed part, each variable and temporary, and each argument of
// a call. An argument waits in a register while later ones are evaluated, and is then handed over.
// Measured for twenty functions by recursing until V8 gave up, and rounded up: measured frames of
// 123 to 360 bytes count as 160 to 490.
const FRAME_BYTES = 150
const SLOT_BYTES = 10
const ARGUMENT_BYTES = 8
/**
 * Bytes in V8's registers for each nested expression, from the level at which the fixed part is too
 * small.
 */
const LEVEL_BYTES = 48
const LEVELS_FREE = 6
/**
 * Further bytes of the generator of a function that can yield, with its copies of the arguments:
 * 115 were measured.
 */
const GENERATOR_BYTES = 130

/** Bytes of a function's value, with the variables that it captures. */
const CLOSURE_BYTES = 160

/**
 * Most characters of JavaScript for a chunk, without strings. V8 compiles it in one go, and no
 * client is served meanwhile. It compiles 5 to 25 MB a second (loops are slowest), so this takes
 * half a second at most. A hundred kilobytes of the densest assignments reach the limit, or
 * megabytes of usual scripts.
 */
const CODE_LENGTH_MAX = 3 * 1024 * 1024

const COUNT_TURN = 'if(++$s>1023){$s=0;M.spend(1024);}'

/** The name that a call gives its function. */
export interface CallName {
  /** '?' where Lua has no name: the function is the value of an expression. */
  readonly name: string
  readonly isMethod: boolean
}

/**
 * The parameter of the code from `writeChunk`: an object with the members that the head takes from
 * it. That code makes the chunk's main function.
 */
export const CHUNK_PARAMETER = '$'

/** Options for generating a chunk. */
export interface ChunkOptions {
  /** True when its functions must be able to yield. */
  readonly resumable: boolean
  /** For a script: the globals that its functions may rely on (see `hoisting.ts`). */
  readonly isFixed: IsFixed | undefined
}

/** Thrown for a chunk whose JavaScript would take V8 too long to compile. */
export class ChunkTooLarge extends Error {}

/** Returns JavaScript for a chunk. Throws ChunkTooLarge. */
export function writeChunk(main: FunctionBody, options: ChunkOptions): string {
  return new Writer(new LineMarks(), options.resumable).chunk(main, options)
}

/**
 * Returns the names that a chunk's calls give their functions, by the `line:column` at which V8
 * sees them.
 */
export function writeNotedChunk(main: FunctionBody, options: ChunkOptions): Map<string, CallName> {
  const writer = new Writer(new LineMarks(), options.resumable, true)
  const places = notesIn(writer.chunk(main, options))
  const names = new Map<string, CallName>()
  for (const [place, number] of places) names.set(place, nameOf(writer.calls?.[number]))
  return names
}

/** Returns Lua's name of a call's function. Without a node it is the iterator of a for. */
function nameOf(node: CallNode | MethodNode | undefined): CallName {
  if (node === undefined) return { name: '(for generator)', isMethod: false }
  if (node.kind === 'method') return { name: node.name, isMethod: true }
  const described = describe(node.callee)
  return { name: described === '' ? '?' : described.slice(described.indexOf("'") + 1, -1), isMethod: false }
}

class Writer extends ExpressionWriter {
  /** Variables that are declared outside the main function and assigned once. */
  #lasting: ReadonlySet<Local> = new Set()

  chunk(main: FunctionBody, { isFixed }: ChunkOptions): string {
    if (isFixed !== undefined) this.#lasting = hoistedLocals(main, isFixed)
    const code = this.functionText(main)
    // Constants and not parameters: V8 compiles constants into the code.
    let head = '"use strict";const {R,T,M,G,N,A,F,S,P,W}=$'
    this.sites.forEach((args, i) => {
      head += `,i${i}=new S(${args})`
    })
    if (this.moreSites.length > 0) head += `,I=[${this.moreSites.map((args) => `new S(${args})`).join(',')}]`
    if (this.constants.length > 0) head += `,${this.constants.join(',')}`
    // Declared by `var`, so that V8 need not check their initialisation at each use.
    if (this.#lasting.size > 0) head += `;var ${[...this.#lasting].map(({ js }) => js).join(',')}`
    // A chunk that is only noted was generated before.
    if (this.calls === undefined && code.length - this.literalLength > CODE_LENGTH_MAX) throw new ChunkTooLarge()
    // In parentheses V8 compiles it at once: it will be called.
    return layOut(`${head};return(${code})`)
  }

  protected functionText(body: FunctionBody): string {
    const outer = this.frame
    const leaf = !body.calls
    const resumable = this.resumable && !leaf
    this.frame = {
      body,
      resumable,
      zero: undefined,
      leaf,
      pending: 0,
      widest: 0,
      nested: 0,
      deepest: 0,
      spreads: false,
      inUse: 0,
      temporaries: 0,
      declared: [],
    }
    let code = ''
    if (body.arg?.used && !body.usesDots) {
      code += this.#declaration(body.arg, 'R.argTable($va)')
    } else if (body.arg?.used) code += this.#declaration(body.arg, 'undefined')
    code += this.#block(body.body)
    if (body.body.at(-1)?.kind !== 'return') {
      code += `${this.marks.at(body.endLine)}${leaf ? '' : 'M.depth=$d;'}return N`
    }

    const { declared, temporaries } = this.frame
    for (let i = 1; i <= temporaries; i++) declared.push(`$${i}`)
    if (body.loops) declared.push('$s=0')
    const parameters = body.parameters.map((local) => local.js)
    if (body.vararg) parameters.push('...$va')
    let head = declared.length > 0 ? `let ${declared.join(',')};` : ''
    if (!leaf) {
      const { widest, deepest } = this.frame
      let weight = FRAME_BYTES + SLOT_BYTES * declared.length
      weight += ARGUMENT_BYTES * (widest + Math.max(widest, parameters.length))
      weight += LEVEL_BYTES * Math.max(0, deepest - LEVELS_FREE)
      if (resumable) weight += GENERATOR_BYTES + 2 * ARGUMENT_BYTES * parameters.length
      // Arguments beyond the named ones lie on the caller's stack and, when passed on, on this
      // function's.
      const rest = body.vararg ? '+16*$va.length' : ''
      const entry = this.frame.spreads
        ? `const $d=M.depth,$e=M.depth=$d+${weight}${rest};if($e`
        : `const $d=M.depth;if((M.depth=$d+${weight}${rest})`
      head += `${entry}>M.depthMax)M.overflow();if(--M.steps<0)M.tick();`
    }
    this.frame = outer
    if (resumable) return charged(outer, `R.coroutineFunction(function*(${parameters.join(',')}){${head}${code}})`)
    const text = `(${parameters.join(',')})=>{${head}${code}}`
    const order = orderOf(body)
    return charged(outer, order === undefined ? text : `R.ordered(${text},'${order}')`)
  }

  #block(statements: readonly Statement[]): string {
    let code = ''
    for (const statement of statements) code += this.marks.at(statement.line) + this.#statement(statement)
    return code
  }

  #statement(node: Statement): string {
    this.frame.inUse = 0
    switch (node.kind) {
      case 'local':
        return this.#local(node.locals, node.values)
      case 'localFunction': {
        const { local } = node
        if (!local.assigned) this.functions.add(local)
        if (this.#lasting.has(local)) return `${local.js}??=${this.functionText(node.body)};`
        if (local.captured && !local.assigned) return `const ${local.js}=${this.functionText(node.body)};`
        const declaration = local.captured ? `let ${local.js};` : this.#declaration(local, undefined)
        return `${declaration}${local.js}=${this.functionText(node.body)};`
      }
      case 'assign': {
        const { targets, values } = node
        const [target] = targets
        const [value] = values
        if (target !== undefined && targets.length === 1 && value !== undefined && values.length === 1) {
          return this.#assignOne(target, value)
        }
        return this.#assignMany(targets, values)
      }
      case 'callStatement': {
        return `F(${this.call(node.call)});`
      }
      case 'if': {
        let code = ''
        for (const { condition, body, line } of node.clauses) {
          if (condition === undefined) code += `else{${this.#block(body)}}`
          else {
            const head = code === '' ? 'if' : 'else if'
            const mark = this.marks.at(line)
            code += `${head}(${mark}${this.condition(condition)}){${this.#block(body)}}`
          }
        }
        return code
      }
      case 'while':
        return `while(${this.condition(node.condition)}){${COUNT_TURN}${this.#block(node.body)}}`
      case 'repeat': {
        const body = this.#block(node.body)
        const last = node.body.at(-1)?.kind
        const test = last === 'return' || last === 'break' ? '' : `if(${this.condition(node.condition)})break;`
        return `for(;;){${COUNT_TURN}${body}${test}}`
      }
      case 'numericFor':
        return this.#numericFor(node)
      case 'genericFor':
        return this.#genericFor(node)
      case 'do':
        return `{${this.#block(node.body)}}`
      case 'return':
        return this.#return(node.values)
      case 'break':
        return 'break;'
    }
  }

  // Variables

  /** Declares a local with a value; undefined leaves an uncaptured one as it is. */
  #declaration(local: Local, value: string | undefined): string {
    if (this.#lasting.has(local)) return `${local.js}??=${value};`
    if (local.captured) return `${local.assigned ? 'let' : 'const'} ${local.js}=${value ?? 'undefined'};`
    this.frame.declared.push(local.js)
    return value === undefined ? '' : `${local.js}=${value};`
  }

  #local(locals: readonly Local[], values: readonly Expression[]): string {
    let code = ''
    const last = values.at(-1)
    const spread = last !== undefined && isMulti(last) && values.length < locals.length
    const single = spread ? values.length - 1 : values.length
    // Assigning in turn is safe: each Lua variable has its own name in JavaScript.
    for (const [i, node] of values.slice(0, single).entries()) {
      const local = locals[i]
      const value = this.expression(node)
      if (node.kind === 'function' && local?.assigned === false) this.functions.add(local)
      code += local === undefined ? `${value};` : this.#declaration(local, value)
    }
    const others = locals.slice(single)
    if (!spread) {
      for (const local of others) code += this.#declaration(local, 'undefined')
      return code
    }
    let array = '$va'
    if (last.kind !== 'dots') {
      const all = this.multi(last)
      array = this.temporary()
      code += `${array}=${all};`
    }
    for (const [i, local] of others.entries()) code += this.#declaration(local, `${array}[${i}]`)
    return code
  }

  #assignOne(target: Target, value: Expression): string {
    if (target.kind === 'local') return `${target.local.js}=${this.expression(value)};`
    if (target.kind === 'global') {
      const operand = this.operand(value)
      return `${statement(operand)}${this.#store(target, '', '', operand.ref)}`
    }
    const object = this.object(target.base)
    const key = target.key.kind === 'string' ? { before: '', ref: quote(target.key.value) } : this.operand(target.key)
    const operand = this.operand(value)
    return `${statement(object)}${statement(key)}${statement(operand)}${this.#store(target, object.ref, key.ref, operand.ref)}`
  }

  #assignMany(targets: readonly Target[], values: readonly Expression[]): string {
    let code = ''
    const places = targets.map((target) => {
      if (target.kind !== 'index') return { object: '', key: '' }
      // The variables read here may be assigned, so copies are kept.
      const object = this.stored(target.base)
      const key = target.key.kind === 'string' ? { before: '', ref: quote(target.key.value) } : this.stored(target.key)
      code += statement(object) + statement(key)
      return { object: object.ref, key: key.ref }
    })
    const refs: string[] = []
    values.forEach((value, i) => {
      if (i === values.length - 1 && isMulti(value) && values.length < targets.length) {
        const depth = this.frame.inUse
        const all = this.multi(value)
        this.frame.inUse = depth
        const array = this.temporary()
        code += `${array}=${all};`
        for (let j = i; j < targets.length; j++) refs.push(`${array}[${j - i}]`)
        return
      }
      const operand = this.stored(value)
      code += statement(operand)
      refs.push(operand.ref)
    })
    for (let i = targets.length - 1; i >= 0; i--) {
      const { object, key } = itemAt(places, i)
      let ref = refs[i] ?? 'undefined'
      const target = itemAt(targets, i)
      if (target.kind !== 'local' && ref.includes('[')) {
        const t = this.temporary()
        code += `${t}=${ref};`
        ref = t
      }
      code += this.#store(target, object, key, ref)
    }
    return code
  }

  /** Stores a value that may be named several times. */
  #store(target: Target, object: string, key: string, value: string): string {
    if (target.kind === 'local') return `${target.local.js}=${value};`
    if (target.kind === 'global') {
      const site = this.site(target.name, '')
      const found = `G.shape===${site}.shape&&G.values[${site}.place]!==undefined`
      return `if(${found})G.values[${site}.place]=${value};else ${site}.set(G,${value});`
    }
    const mark = this.marks.at(target.line)
    if (target.key.kind === 'string') {
      const site = this.site(target.key.value, describe(target.base))
      const found = `${object}?.shape===${site}.shape&&${object}.values[${site}.place]!==undefined`
      return `if(${found})${object}.values[${site}.place]=${value};else ${mark}${site}.set(${object},${value});`
    }
    const slow = `${mark}R.setIndex(${object},${key},${value}${describeArgument(target.base)});`
    if (isNextIndex(target)) return slow
    const test = this.isNumber(target.key) ? '' : `typeof ${key}==='number'&&`
    return (
      `if(${test}${object}?.array?.[${key}]!==undefined&&${value}!==undefined&&!${object}.locked)` +
      `${object}.array[${key}]=${value};else ${slow}`
    )
  }

  // Loops

  #name(): string {
    const name = `$v${this.counter++}`
    this.frame.declared.push(name)
    return name
  }

  #numericFor(node: Extract<Statement, { kind: 'numericFor' }>): string {
    const { local, from, to, step } = node
    const own = !local.captured && !local.assigned
    if (!local.assigned) this.numeric.add(local)
    const index = own ? local.js : this.#name()
    if (own) this.frame.declared.push(index)
    let code = `${index}=${this.expression(from)};`
    let checks = this.#numberCheck(index, from, 'initial value')

    let limit: string
    if (to.kind === 'number') limit = this.number(to.value)
    else {
      limit = this.#name()
      code += `${limit}=${this.expression(to)};`
      checks += this.#numberCheck(limit, to, 'limit')
    }
    let test = `${index}<=${limit}`
    let advance = `${index}++`
    let stride = '1'
    if (step?.kind === 'number') {
      if (step.value <= 0) test = `${index}>=${limit}`
      stride = this.number(step.value)
      advance = `${index}+=${stride}`
    } else if (step !== undefined) {
      const by = this.#name()
      code += `${by}=${this.expression(step)};`
      checks += this.#numberCheck(by, step, 'step')
      test = `${by}>0?${index}<=${limit}:${index}>=${limit}`
      stride = by
      advance = `${index}+=${by}`
    }
    // Lua begins one step before and takes that step. This rounds fractions on the way, and turns
    // -0 into 0.
    const isExact = isNonZeroInteger(from) && (step === undefined || isNonZeroInteger(step))
    if (!isExact) checks += `${index}=${index}-${stride}+${stride};`
    const bind = own ? '' : this.#declaration(local, index)
    return `${code}${checks}for(;${test};${advance}){${COUNT_TURN}${bind}${this.#block(node.body)}}`
  }

  #numberCheck(variable: string, node: Expression, what: string): string {
    return this.isNumber(node) ? '' : `if(typeof ${variable}!=='number')${variable}=R.forNumber(${variable},'${what}');`
  }

  #genericFor(node: Extract<Statement, { kind: 'genericFor' }>): string {
    const [step, state, control, position] = [this.#name(), this.#name(), this.#name(), this.#name()]
    let code = this.#assignControls([step, state, control], node.values)
    code += `${position}=R.iteration(${step},${state},${control});`
    const { locals } = node
    const refs = locals.map((local) => {
      if (!local.captured) {
        this.frame.declared.push(local.js)
        return local.js
      }
      return this.#name()
    })
    const [key, value] = refs
    assert(key !== undefined, 'a generic for has a variable')
    const rest = refs.slice(2).map((ref) => `${ref}=undefined;`)
    const setValue = (text: string): string => (value === undefined ? '' : `${value}=${text};`)
    // A traversal of a table by `next` or by ipairs needs no calls.
    code += `for(;;){${COUNT_TURN}if(${position}>=0){`
    code += `if((${position}=${state}.nextPosition(${position}))===0)break;`
    code += `${key}=${state}.keyAt(${position});${setValue(`${state}.valueAt(${position})`)}${rest.join('')}}`
    const t = this.temporary()
    code += `else if(${position}===-2){if((${t}=${state}.getNumber(++${control}))===undefined)break;`
    code += `${key}=${control};${setValue(t)}${rest.join('')}}`
    const args = `${state},${control}`
    const call = this.frame.resumable
      ? this.resumableCall(step, args, undefined)
      : `${this.noteOf(undefined)}${step}(${args})`
    code += `else{${t}=${call};if(A(${t})){${t}=R.all(${t});`
    refs.forEach((ref, i) => {
      code += `${ref}=${t}[${i}];`
    })
    code += `}else{${key}=${t};${setValue('undefined')}${rest.join('')}}if(${key}===undefined)break;${control}=${key};}`
    locals.forEach((local, i) => {
      if (local.captured) code += this.#declaration(local, refs[i])
    })
    // The iterator's kind is fixed before the loop, so only a function arrives here.
    return `${code}${this.#block(node.body)}}`
  }

  /**
   * Evaluates the expressions of a generic for into its three control variables. The first becomes
   * a function.
   */
  #assignControls(names: readonly [string, string, string], values: readonly Expression[]): string {
    let code = ''
    values.forEach((value, i) => {
      if (i === values.length - 1 && isMulti(value) && i < names.length - 1) {
        const all = this.multi(value)
        const array = this.temporary()
        code += `${array}=${all};`
        for (let j = i; j < names.length; j++) code += `${names[j]}=${array}[${j - i}];`
      } else code += i < names.length ? `${names[i]}=${this.expression(value)};` : `${this.expression(value)};`
    })
    const last = values.at(-1)
    if (last === undefined || !isMulti(last) || values.length >= names.length) {
      for (let j = values.length; j < names.length; j++) code += `${names[j]}=undefined;`
    }
    const [step] = names
    return `${code}if(typeof ${step}!=='function')${step}=R.callee(${step});`
  }

  // Return

  #return(values: readonly Expression[]): string {
    const leave = this.frame.leaf ? '' : 'M.depth=$d;'
    if (values.length === 0) return `${leave}return N;`
    const [value] = values
    if (value !== undefined && values.length === 1) {
      if (value.kind === 'dots') return `${leave}return $va;`
      if (value.kind === 'call' || value.kind === 'method') return this.#returnCall(value)
      if (isSimple(value)) return `${leave}return ${this.expression(value)};`
      if (this.frame.leaf) return `return(${this.expression(value)});`
      const operand = this.operand(value)
      return `${statement(operand)}${leave}return ${operand.ref};`
    }
    const list = `[${this.list(values)}]`
    if (this.frame.leaf) return `return${list};`
    const t = this.temporary()
    return `${t}=${list};${leave}return ${t};`
  }

  #returnCall(node: Extract<Expression, { kind: 'call' | 'method' }>): string {
    const wide = this.widen(node)
    const { before, callee, args } = this.callParts(node)
    this.frame.pending -= wide
    const t = this.temporary()
    const direct = this.frame.resumable
      ? this.resumableCall(callee, args, node)
      : `${this.noteOf(node)}${callee}(${args})`
    return `${t}=(${before}$d>M.tailMax?R.tailCall(${callee},[${args}]):${direct});M.depth=$d;return ${t};`
  }
}

/**
 * Returns a function's text with the charge for its value, which a chunk's main function does not
 * pay.
 */
function charged(outer: Frame | undefined, text: string): string {
  return outer === undefined ? text : `((M.bytes-=${CLOSURE_BYTES})<0&&M.settle(0),${text})`
}

/** Returns the order of a function that looks like `function(a, b) return a < b end`. */
function orderOf({ parameters, vararg, body }: FunctionBody): 'ascending' | 'descending' | undefined {
  const [a, b] = parameters
  const only = body[0]
  if (parameters.length !== 2 || vararg || body.length !== 1 || only?.kind !== 'return') return undefined
  const value = only.values[0]
  if (only.values.length !== 1 || value?.kind !== 'binary') return undefined
  const { operator, left, right } = value
  if ((operator !== '<' && operator !== '>') || left.kind !== 'local' || right.kind !== 'local') return undefined
  if (left.local === a && right.local === b) return operator === '<' ? 'ascending' : 'descending'
  if (left.local === b && right.local === a) return operator === '<' ? 'descending' : 'ascending'
  return undefined
}

/** Tells whether a target is `t[#t + 1]`. */
function isNextIndex({ base, key }: IndexNode): boolean {
  if (base.kind !== 'local' || key.kind !== 'binary' || key.operator !== '+') return false
  const { left, right } = key
  if (right.kind !== 'number' || right.value !== 1 || left.kind !== 'unary' || left.operator !== '#') return false
  return left.operand.kind === 'local' && left.operand.local === base.local
}

/** Tells whether an expression is a literal that counting by integers leaves unchanged. */
function isNonZeroInteger(node: Expression): boolean {
  return node.kind === 'number' && node.value !== 0 && (node.value | 0) === node.value
}

function statement(operand: Operand): string {
  return operand.before === '' ? '' : `${comma(operand.before).slice(0, -1)};`
}
