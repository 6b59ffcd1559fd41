// The machine's timers and clocks, as they were before any fake replaced them.
//
// Test frameworks replace the global functions by fakes (Vitest's, Jest's and Sinon's fake timers),
// and a fake timer runs only when the test says so. A broker inside such a test must go on working,
// so every file of the program takes these functions from here (test/tidy.test.ts holds that). They
// are taken from Node's modules when this file is loaded, which most fakes do not reach. A fake
// that came first and did reach them knows the function that it replaces.

import { performance } from 'node:perf_hooks'
import process from 'node:process'
import timers from 'node:timers'
import { runInNewContext } from 'node:vm'

/**
 * The property that @sinonjs/fake-timers, which all three frameworks use, leaves on its fakes: a
 * clock that keeps `setTimeout` as `_setTimeout`.
 */
interface Fake {
  clock?: Record<string, unknown>
}

/** Returns a function of Node's, or the one that a fake in its place replaces. */
function real<Holder extends object, Name extends keyof Holder & string>(holder: Holder, name: Name): Holder[Name] {
  const found = holder[name]
  const original = (found as Fake).clock?.[`_${name}`]
  return typeof original === 'function' ? (original as Holder[Name]) : found
}

export const setTimeout = real(timers, 'setTimeout')
export const clearTimeout = real(timers, 'clearTimeout')
export const setInterval = real(timers, 'setInterval')
export const setImmediate = real(timers, 'setImmediate')
/** `process.nextTick`, to be called without `process`. */
export const nextTick = real(process, 'nextTick')
/** `Date.now`. A fake Date is not a native function; another realm has its own Date. */
export const dateNow: () => number = isNative(Date) ? Date.now : (runInNewContext('Date.now') as () => number)
/**
 * This is not Node's global of this name. That is looked up through a getter at each use, and fakes
 * replace it.
 */
export { performance }

/** Fulfilled after this many milliseconds. */
export function sleep(milliseconds: number): Promise<void> {
  return new Promise((resolve) => void setTimeout(resolve, milliseconds))
}

function isNative(what: DateConstructor): boolean {
  return Function.prototype.toString.call(what) === 'function Date() { [native code] }'
}
