// The names of expressions in error messages: `local 'x'`, `field 'y'`.
//
// Lua finds them in its byte code; this file derives them from the syntax tree.

import { quote } from './line-layout.ts'
import { type Expression, isConstant, isTruthy } from './syntax.ts'

/** Returns the name of an expression (`local 'x'`); empty when it has none. */
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
    // Lua's compiler removes branches that a constant decides.
    case 'and':
      return constantTruth(node.left) === true || leads(node.left, 'or') ? describe(node.right) : ''
    case 'or':
      return constantTruth(node.left) === false || leads(node.left, 'and') ? describe(node.right) : ''
    default:
      return ''
  }
}

/**
 * Tells whether the first jump of an operand leads to the code behind it, as that of `a or b` does
 * in `(a or b) and c`. Lua follows that jump when it looks for a value's name, and so finds the
 * name of c. Other jumps lead past the name.
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

/** Returns whether a constant is true in a condition; undefined for other expressions. */
function constantTruth(node: Expression): boolean | undefined {
  if (node.kind === 'single') return constantTruth(node.inner)
  if (node.kind === 'unary' && node.operator === 'not') {
    const truth = constantTruth(node.operand)
    return truth === undefined ? undefined : !truth
  }
  // When the constant on the left decides, the right side is the value, and may be a constant
  // itself.
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
