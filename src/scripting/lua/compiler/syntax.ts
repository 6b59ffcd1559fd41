// The syntax tree of a Lua chunk, names already resolved to local variables.

export interface Local {
  readonly name: string
  /**
   * Its name in JavaScript. It contains a `$`, which no name of Lua or of the generator does, so
   * they never collide.
   */
  readonly js: string
  readonly owner: FunctionBody
  /**
   * True when an inner function uses it. It is then declared where it begins, so that each turn of
   * a loop has its own.
   */
  captured: boolean
  /** True when it is assigned after its declaration. */
  assigned: boolean
  used: boolean
}

/** A function or the chunk itself, with the facts needed to generate its JavaScript. */
export interface FunctionBody {
  readonly parent: FunctionBody | undefined
  /** Line of the word `function`; 0 for the chunk. */
  readonly line: number
  readonly parameters: Local[]
  vararg: boolean
  /** True when `...` is used. Otherwise Lua gives a vararg function a local table `arg`. */
  usesDots: boolean
  arg: Local | undefined
  body: Statement[]
  /** True when it contains a call (metamethods aside). */
  calls: boolean
  loops: boolean
  /** Number of locals declared in it, for its frame's size. */
  localCount: number
  endLine: number
  /** Variables of outer functions that it, or a function in it, uses. */
  readonly upvalues: Set<Local>
}

export type BinaryOperator = '+' | '-' | '*' | '/' | '%' | '^' | '..' | '==' | '~=' | '<' | '<=' | '>' | '>='

export interface NameNode {
  readonly kind: 'global'
  readonly name: string
}

export interface LocalNode {
  readonly kind: 'local'
  readonly local: Local
  /** True when the variable belongs to an outer function. */
  readonly outer: boolean
}

export interface IndexNode {
  readonly kind: 'index'
  readonly base: Expression
  readonly key: Expression
  readonly line: number
}

export interface CallNode {
  readonly kind: 'call'
  readonly callee: Expression
  readonly args: Expression[]
  readonly line: number
}

export interface MethodNode {
  readonly kind: 'method'
  readonly base: Expression
  readonly name: string
  readonly args: Expression[]
  readonly line: number
}

export interface TableNode {
  readonly kind: 'table'
  /** Positional values, in order. */
  readonly items: Expression[]
  /** All fields in the order written; positional ones have no key. */
  readonly fields: { readonly key: Expression | undefined; readonly value: Expression }[]
  readonly line: number
}

export type Expression =
  | NameNode
  | LocalNode
  | IndexNode
  | CallNode
  | MethodNode
  | TableNode
  | { readonly kind: 'string'; readonly value: string }
  | { readonly kind: 'number'; readonly value: number }
  | { readonly kind: 'nil' | 'true' | 'false' | 'dots' }
  | { readonly kind: 'function'; readonly body: FunctionBody }
  | {
      readonly kind: 'binary'
      readonly operator: BinaryOperator
      readonly left: Expression
      readonly right: Expression
      readonly line: number
    }
  | { readonly kind: 'and' | 'or'; readonly left: Expression; readonly right: Expression }
  | {
      readonly kind: 'unary'
      readonly operator: 'not' | '-' | '#'
      readonly operand: Expression
      readonly line: number
    }
  /** An expression in parentheses that would otherwise give several values. */
  | { readonly kind: 'single'; readonly inner: Expression }

export type Target = NameNode | LocalNode | IndexNode

export interface Clause {
  /** Undefined for `else`. */
  readonly condition: Expression | undefined
  readonly body: Statement[]
  readonly line: number
}

export type Statement = { readonly line: number } & (
  | { readonly kind: 'local'; readonly locals: Local[]; readonly values: Expression[] }
  | { readonly kind: 'localFunction'; readonly local: Local; readonly body: FunctionBody }
  | { readonly kind: 'assign'; readonly targets: Target[]; readonly values: Expression[] }
  | { readonly kind: 'callStatement'; readonly call: CallNode | MethodNode }
  | { readonly kind: 'if'; readonly clauses: Clause[] }
  | { readonly kind: 'while'; readonly condition: Expression; readonly body: Statement[] }
  | { readonly kind: 'repeat'; readonly condition: Expression; readonly body: Statement[] }
  | {
      readonly kind: 'numericFor'
      readonly local: Local
      readonly from: Expression
      readonly to: Expression
      readonly step: Expression | undefined
      readonly body: Statement[]
    }
  | { readonly kind: 'genericFor'; readonly locals: Local[]; readonly values: Expression[]; readonly body: Statement[] }
  | { readonly kind: 'do'; readonly body: Statement[] }
  | { readonly kind: 'return'; readonly values: Expression[] }
  | { readonly kind: 'break' }
)

/** Tells whether an expression is a literal. */
export function isConstant(node: Expression): boolean {
  switch (node.kind) {
    case 'nil':
    case 'true':
    case 'false':
    case 'number':
    case 'string':
      return true
    case 'single':
      return isConstant(node.inner)
    default:
      return false
  }
}

/** Tells whether an expression is always true in a condition. */
export function isTruthy(node: Expression): boolean {
  return ['true', 'number', 'string', 'table', 'function'].includes(node.kind)
}
