// Which variables of a script's main function may last from run to run.
//
// A script's own functions would be made anew at each run. V8 keeps optimised code alive only as long as a function that
// has it, so a script's functions would lose theirs with each collection of old garbage, run several times slower until they
// are optimised again, and cost that work once more: a quarter of a BullMQ job's time. A function that uses nothing but
// what is the same in every run is therefore made once. No script can tell: it runs its main function once, and nothing it
// makes outlives the run.

import type { Expression, FunctionBody, Local } from './syntax.ts'

/** Tells whether a global, or a field of one, is a function that cannot change. */
export type IsFixed = (global: string, field?: string) => boolean

/** The variables that are given the same value in every run; all of them stand in the outermost block and are never assigned. */
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

/** What no function captures is not worth it, unless it is a function itself. */
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
