// The stack that is available to Lua. Recursion in Lua is recursion in JavaScript.
//
// V8 takes 984 KB on the main thread, unless the process was started with `--stack-size`; it cannot
// be changed later. A worker thread has the stack that its creator gave it, 4 MB by default.

import { isMainThread, resourceLimits } from 'node:worker_threads'

const MAIN_THREAD_KB = 984

/** Bytes of a worker's stack that Node keeps for itself. */
const WORKER_RESERVE_BYTES = 192 * 1024

/**
 * Reserve for the host below scripts (event loop, parser, dispatch) and above them (commands, the
 * compiler, V8 itself).
 */
const HOST_BYTES = 200 * 1024

function stackBytes(): number {
  if (!isMainThread) return (resourceLimits.stackSizeMb ?? 4) * 1024 * 1024 - WORKER_RESERVE_BYTES
  for (const option of process.execArgv) {
    const size = /^--stack[-_]size=(\d+)$/.exec(option)?.[1]
    if (size !== undefined) return Number(size) * 1024
  }
  return MAIN_THREAD_KB * 1024
}

/** Bytes of stack that Lua may use; at least enough to run a script. */
export const LUA_STACK_BYTES = Math.max(64 * 1024, stackBytes() - HOST_BYTES)

/** Stack of a command of the engine, with ample reserve: the deepest took 20 KB. */
const COMMAND_STACK_BYTES = 64 * 1024

/** An argument list of that size. V8 checks the stack before it pushes arguments. */
const FILLING: readonly number[] = Array.from({ length: COMMAND_STACK_BYTES / 8 }, () => 0)

const nothing = (): void => {}

/** Tells whether the remaining stack is enough for a command. Takes some microseconds. */
export function hasStackLeft(): boolean {
  try {
    Reflect.apply(nothing, undefined, FILLING)
    return true
  } catch {
    return false
  }
}
