// The machine's timers and clocks, as they were before anybody replaced them.
//
// Test frameworks put fakes in the place of the global functions (Vitest's, Jest's and Sinon's fake
// timers), and nothing that was asked of a fake happens until the test says so. A broker inside
// such a test must go on working, so every file of the program takes these functions from here
// (test/tidy.test.ts holds that). They are taken from Node's modules when this file is loaded: most
// fakes do not reach there. Where the fakes came first and did, each of them knows what it stands
// for.

import { performance } from 'node:perf_hooks'
import process from 'node:process'
import timers from 'node:timers'
import { runInNewContext } from 'node:vm'

/**
 * What @sinonjs/fake-timers, which all three frameworks use, leaves on its fakes: a clock that
 * keeps `setTimeout` as `_setTimeout`.
 */
interface Fake {
  clock?: Record<string, unknown>
}

/** Returns a function of Node's, or what a fake in its place stands for. */
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
/** `Date.now`. A faked Date is no native function; another realm has one of its own. */
export const dateNow: () => number = isNative(Date) ? Date.now : (runInNewContext('Date.now') as () => number)
/**
 * Not Node's global of this name, which is looked up through a getter at each use and which fakes
 * replace.
 */
export { performance }

/** Fulfilled after so many milliseconds. */
export function sleep(milliseconds: number): Promise<void> {
  return new Promise((resolve) => void setTimeout(resolve, milliseconds))
}

function isNative(what: DateConstructor): boolean {
  return Function.prototype.toString.call(what) === 'function Date() { [native code] }'
}
