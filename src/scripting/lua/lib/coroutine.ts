// The coroutine library. A coroutine is a generator.
//
// The compiler writes the functions of chunks that mention coroutines as generator functions
// (`LuaFunction.resumable`). A call inside them delegates with `yield*`, and `coroutine.yield` is
// the one generator that really yields. A function without `resumable` behaves inside a coroutine
// like a C function in Lua.

import { all, NONE, results } from '../calling-convention.ts'
import { caughtError, LuaError } from '../errors.ts'
import { argumentError, isNative, library, libraryError } from '../library.ts'
import { coroutineBody, yieldError } from '../operations.ts'
import { meter, NESTED_MAX } from '../script-meter.ts'
import type { LuaTable } from '../table.ts'
import { type LuaFunction, type LuaResult, LuaThread, type LuaValue, raisedValue } from '../value.ts'
import { ERROR_STEPS } from './base.ts'

/**
 * Stack weight of resuming: the frames of this file and of V8 between a coroutine and its resumer.
 */
const RESUME_WEIGHT = 1000

/** One for the process, in which one script runs at a time. */
const running = {
  /** The coroutine that is running, undefined in the main program. */
  thread: undefined as LuaThread | undefined,
}

/**
 * Stack of a coroutine that takes one step to restore: each of its calls is a generator that must
 * be entered.
 */
const DEPTH_PER_STEP_SHIFT = 7

type Outcome = { readonly error: LuaError } | { readonly values: readonly LuaValue[] }

/**
 * Runs a coroutine until it yields, returns or fails. A thrown value that is no Lua error passes
 * through.
 */
function luaResume(thread: LuaThread, args: readonly LuaValue[]): Outcome {
  if (thread.state !== 'suspended') return { error: new LuaError(`cannot resume ${thread.state} coroutine`) }
  const { depth, depthMax, tailMax, nested } = meter
  if (nested >= NESTED_MAX || depth + RESUME_WEIGHT > depthMax) return { error: new LuaError('C stack overflow') }
  meter.spend(thread.depth >> DEPTH_PER_STEP_SHIFT)
  const resumer = running.thread
  if (resumer !== undefined) resumer.state = 'normal'
  running.thread = thread
  thread.state = 'running'
  // Its frames lie on the stack above these, so the stack in use here is subtracted from its limit.
  meter.nested = nested + 1
  meter.depth = thread.depth
  meter.depthMax = depthMax - depth - RESUME_WEIGHT
  meter.tailMax = meter.depthMax >> 1
  let ended = true
  try {
    const { resumable } = thread.body
    if (resumable === undefined) return { values: all(thread.body(...args)) }
    thread.generator ??= coroutineBody(resumable, args)
    const step = thread.generator.next(args as LuaValue[])
    ended = step.done === true
    return { values: all(step.value) }
  } catch (thrown) {
    const error = caughtError(thrown)
    if (error === undefined) throw thrown
    meter.spend(ERROR_STEPS)
    return { error }
  } finally {
    thread.state = ended ? 'dead' : 'suspended'
    thread.depth = meter.depth
    meter.nested = nested
    meter.depth = depth
    meter.depthMax = depthMax
    meter.tailMax = tailMax
    running.thread = resumer
    if (resumer !== undefined) resumer.state = 'running'
  }
}

function expectThread(value: LuaValue, name: string): LuaThread {
  return value instanceof LuaThread ? value : argumentError(1, name, 'coroutine expected')
}

function expectBody(value: LuaValue, name: string): LuaFunction {
  return typeof value === 'function' && !isNative(value) ? value : argumentError(1, name, 'Lua function expected')
}

/** Returns to the main program: a script killed inside a coroutine leaves it as current. */
export function forgetCoroutines(): void {
  running.thread = undefined
}

const yieldPlain: LuaFunction = () => {
  throw yieldError()
}
yieldPlain.resumable = function* (...args): Generator<LuaValue[], LuaResult, LuaValue[]> {
  if (running.thread === undefined) throw yieldError()
  return results(yield args)
}

export function coroutineLibrary(): LuaTable {
  return library({
    create(body) {
      meter.charge(1024)
      return new LuaThread(expectBody(body, 'create'))
    },
    resume(thread, ...args) {
      const outcome = luaResume(expectThread(thread, 'resume'), args)
      return 'error' in outcome ? [false, raisedValue(outcome.error)] : [true, ...outcome.values]
    },
    running() {
      return running.thread
    },
    status(thread) {
      return expectThread(thread, 'status').state
    },
    wrap(body) {
      meter.charge(1024)
      const thread = new LuaThread(expectBody(body, 'wrap'))
      return (...args) => {
        const outcome = luaResume(thread, args)
        if (!('error' in outcome)) return outcome.values.length === 0 ? NONE : results(outcome.values)
        const { value, source } = outcome.error
        // Lua adds the caller's position to a message, which may have one already.
        if (typeof value === 'string') throw libraryError(value)
        throw new LuaError(value, source)
      }
    },
    yield: yieldPlain,
  })
}
