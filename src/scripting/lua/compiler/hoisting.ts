// Finds the variables of a script's main function that can be hoisted: made once for all runs.
//
// Otherwise a script's own functions would be made again at each run. V8 keeps optimised code alive
// only with a function that has it. So each collection of old garbage would drop the code, and the
// functions would run several times slower until optimised again: a quarter of a BullMQ job's time.
// A function that uses only values that are the same in every run is therefore made once. A script
// cannot tell: it runs its main function once, and nothing that it makes outlives the run.

import type { Expression, FunctionBody, Local } from './syntax.ts'

/** Tells whether a global, or a field of one, is a function that cannot change. */
export type IsFixed = (global: string, field?: string) => boolean

/**
 * Returns the variables that get the same value in every run. All are in the outermost block and
 * are never assigned.
 */
export function hoistedLocals(main: FunctionBody, isFixed: IsFixed): ReadonlySet<Local> {
  const lasting = new Set<Local>()
  for (const statement of main.body) {
    if (statement.kind === 'localFunction') {
      const { local, body } = statement
      if (!local.assigned && usesOnly(body, lasting, local)) lasting.add(local)
    } else if (statement.kind === 'local' && statement.locals.length === 1 && statement.values.length === 1) {
      const [local] = statement.locals
      const [value] = statement.values
      if (local?.assigned !== false || value === undefined) continue
      if (lasts(value, local.captured, lasting, isFixed)) lasting.add(local)
    }
  }
  return lasting
}

/** A variable that no function captures is not worth hoisting, unless it is a function itself. */
function lasts(value: Expression, captured: boolean, lasting: ReadonlySet<Local>, isFixed: IsFixed): boolean {
  switch (value.kind) {
    case 'function':
      return usesOnly(value.body, lasting)
    case 'string':
    case 'number':
      return captured
    case 'global':
      return captured && isFixed(value.name)
    case 'index': {
      const { base, key } = value
      return captured && base.kind === 'global' && key.kind === 'string' && isFixed(base.name, key.value)
    }
    default:
      return false
  }
}

function usesOnly(body: FunctionBody, lasting: ReadonlySet<Local>, itself?: Local): boolean {
  for (const local of body.upvalues) if (local !== itself && !lasting.has(local)) return false
  return true
}
