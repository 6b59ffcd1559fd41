// What error messages call the value of an expression: `local 'x'`, `field 'y'`.
//
// Lua finds it in its own code, of which this is what the tree tells.

import { quote } from './line-layout.ts'
import { type Expression, isConstant, isTruthy } from './syntax.ts'

/** What error messages call an expression (`local 'x'`), empty when it has no name. */
export function describe(node: Expression): string {
  switch (node.kind) {
    case 'global':
      return `global '${node.name}'`
    case 'local':
      return `${node.outer ? 'upvalue' : 'local'} '${node.local.name}'`
    case 'index':
      return fieldName(node.key)
    case 'single':
      return describe(node.inner)
    // What a constant decides, Lua's compiler has already left out.
    case 'and':
      return constantTruth(node.left) === true || leads(node.left, 'or') ? describe(node.right) : ''
    case 'or':
      return constantTruth(node.left) === false || leads(node.left, 'and') ? describe(node.right) : ''
    default:
      return ''
  }
}

/**
 * Whether the first jump of an operand leads to what follows it, as that of `a or b` in `(a or b) and c` does. Lua follows
 * that jump when it looks for the name of a value, and so finds that of c; elsewhere jumps lead it past the name.
 */
function leads(node: Expression, kind: 'and' | 'or'): boolean {
  if (node.kind === 'single') return leads(node.inner, kind)
  if (node.kind !== kind) return false
  const left = withoutParentheses(node.left)
  if (left.kind === 'and' || left.kind === 'or') return leads(left, kind)
  // A constant jumps always or never.
  const truth = constantTruth(left)
  return truth === undefined || truth === (kind === 'or')
}

function fieldName(key: Expression): string {
  if (key.kind === 'string') return `field '${key.value}'`
  if (key.kind === 'single') return fieldName(key.inner)
  const decided = key.kind === 'and' ? true : key.kind === 'or' ? false : undefined
  if ((key.kind === 'and' || key.kind === 'or') && constantTruth(key.left) === decided) return fieldName(key.right)
  return "field '?'"
}

/** Whether a constant is true in a condition; undefined for what is none. */
function constantTruth(node: Expression): boolean | undefined {
  if (node.kind === 'single') return constantTruth(node.inner)
  if (node.kind === 'unary' && node.operator === 'not') {
    const truth = constantTruth(node.operand)
    return truth === undefined ? undefined : !truth
  }
  // What a constant on the left decides is the right side, and that is a constant if it is one.
  if (node.kind === 'and') return constantTruth(node.left) === true ? constantTruth(node.right) : undefined
  if (node.kind === 'or') return constantTruth(node.left) === false ? constantTruth(node.right) : undefined
  return isConstant(node) ? isTruthy(node) : undefined
}

function withoutParentheses(node: Expression): Expression {
  return node.kind === 'single' ? withoutParentheses(node.inner) : node
}

export function describeArgument(node: Expression): string {
  const name = describe(node)
  return name === '' ? '' : `,${quote(name)}`
}

export function describeBoth(left: Expression, right: Expression): string {
  const a = describe(left)
  const b = describe(right)
  if (b !== '') return `,${quote(a)},${quote(b)}`
  return a === '' ? '' : `,${quote(a)}`
}
