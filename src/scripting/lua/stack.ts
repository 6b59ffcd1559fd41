// How much stack there is for Lua: recursion in Lua is recursion in JavaScript.
//
// V8 takes 984 KB on the main thread unless the process was started with `--stack-size`; it cannot be changed later. A
// worker thread has what its creator gave it, 4 MB if nothing was said.

import { isMainThread, resourceLimits } from 'node:worker_threads'

const MAIN_THREAD_KB = 984

/** What Node keeps of a worker's stack for itself. */
const WORKER_RESERVE_BYTES = 192 * 1024

/** Left to the host below scripts (event loop, parser, dispatch) and above them (commands, the compiler, V8's own). */
const HOST_BYTES = 200 * 1024

function stackBytes(): number {
  if (!isMainThread) return (resourceLimits.stackSizeMb ?? 4) * 1024 * 1024 - WORKER_RESERVE_BYTES
  for (const option of process.execArgv) {
    const size = /^--stack[-_]size=(\d+)$/.exec(option)?.[1]
    if (size !== undefined) return Number(size) * 1024
  }
  return MAIN_THREAD_KB * 1024
}

/** Bytes of stack that Lua may use. Never less than lets a script run at all. */
export const LUA_STACK_BYTES = Math.max(64 * 1024, stackBytes() - HOST_BYTES)

/** What an engine command may use, with ample reserve: the deepest were seen to take 20 KB. */
const COMMAND_STACK_BYTES = 64 * 1024

/** So many arguments take that stack: V8 looks whether there is room before it puts them there. */
const FILLING: readonly number[] = Array.from({ length: COMMAND_STACK_BYTES / 8 }, () => 0)

const nothing = (): void => {}

/** Tells whether a command can run on the stack that is really left. Takes some microseconds. */
export function hasStackLeft(): boolean {
  try {
    Reflect.apply(nothing, undefined, FILLING)
    return true
  } catch {
    return false
  }
}
