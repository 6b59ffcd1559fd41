// Measures a running script: steps, call depth, bytes built. One meter serves the whole process.
//
// A script runs to its end, so at most one runs at any moment, and a module-level meter is enough.
// It keeps the checks in compiled code down to a load, a subtraction and a branch. A runtime calls
// `begin` when a script starts. Three things are bounded:
//
// - Steps (function calls and loop turns). Every `STEPS_PER_TICK` of them the runtime's `interrupt`
//   hook is called. It may throw a value that is no LuaError, which `pcall` does not catch: this
//   kills the script. Work of more than a microsecond counts several steps, so that ticks are at
//   most some 50 ms apart.
// - Depth. A compiled function adds its weight (an estimate of its JavaScript frame in bytes) while
//   it runs. Past `depthMax` Lua's "stack overflow" is raised, well before V8 would throw its
//   RangeError into other code. Calls by a library, a metamethod or a coroutine count a second
//   time: past 200 of them Lua's "C stack overflow" is raised.
// - Bytes. Strings and tables are charged as they are built. Garbage is not subtracted. When the
//   allowance is spent, the heap is measured, and only a heap that grew beyond the limit raises
//   "not enough memory". Uncharged memory (results, flattened ropes) is found by looking at the
//   heap every few milliseconds of ticks.

// Imported, because the global `process` goes through a getter at each use.
import { getHeapStatistics } from 'node:v8'
import { collectGarbage } from '../../util/memory/collect-garbage.ts'
import { performance } from '../../util/time/real-time.ts'
import { LuaError } from './errors.ts'
import { hasStackLeft, LUA_STACK_BYTES } from './stack-depth.ts'

/**
 * Steps between two calls of the interrupt hook: about a millisecond of loops, 50 of the slowest
 * functions.
 */
export const STEPS_PER_TICK = 50_000

/** Most nested calls of libraries, metamethods and coroutines: Lua's own limit. */
export const NESTED_MAX = 200

/**
 * Default limit of the bytes that a script may build. The process ends when V8's heap is full, so
 * in a small heap (of a container) it is a quarter of the heap.
 */
export const SCRIPT_MEMORY_BYTES_MAX = Math.min(256 * 1024 * 1024, getHeapStatistics().heap_size_limit / 4)

/**
 * Largest text, and largest object made at once. V8 ends the process a little above its own limit,
 * 2^29.
 */
export const TEXT_BYTES_MAX = 256 * 1024 * 1024

/** Walking a string of this length or longer counts as work. */
const LONG_LENGTH = 1 << 9

/**
 * Reading one character of a string of this length or longer may be work: it may flatten a rope.
 */
const ROPE_LENGTH = 1 << 12

/** Interval of looks at the heap while a script runs. V8's figures cost four microseconds. */
const WATCH_INTERVAL_MS = 5

/**
 * Age up to which a heap figure serves as a script's start. Memory that others built in between
 * does not count against the script.
 */
const BASELINE_MS_MAX = 100

/** Steps counted for an overflow: V8 takes a tenth of a millisecond to record its stack. */
const OVERFLOW_STEPS = 2000

/**
 * Depth up to which the estimate is not checked. If it were five times too small, there would still
 * be stack.
 */
const DEPTH_TRUSTED_BYTES = LUA_STACK_BYTES >> 3
/** Stack that must be left for that. */
export const TRUSTED_ROOM_BYTES = LUA_STACK_BYTES - DEPTH_TRUSTED_BYTES

/** An allowance that is never used up. */
const HOST_ALLOWANCE_BYTES = 2 ** 50

class Meter {
  /** Steps left until the next tick. */
  steps = STEPS_PER_TICK
  /** Estimated stack bytes in use by Lua frames. */
  depth = 0
  depthMax = LUA_STACK_BYTES
  /** Depth at which a tail call unwinds its caller instead of growing the stack. */
  tailMax = LUA_STACK_BYTES >> 1
  /** Nested calls that compiled code did not make; the script is the first. */
  nested = 1
  /** Bytes that a script may still build before the heap is measured. */
  bytes = HOST_ALLOWANCE_BYTES
  /** Called every `STEPS_PER_TICK` steps. */
  interrupt: (() => void) | undefined = undefined
  #bytesMax = SCRIPT_MEMORY_BYTES_MAX
  /** 0 until the heap is measured for the first time. */
  #heapAtStart = 0
  /** The heap is measured once V8's figures, with stored data, exceed this. */
  #alarmBytes = 0
  /** 0 until the first tick. */
  #watchAtMs = 0
  /** The heap when a script last began, unless it was measured just before. */
  #baselineBytes = 0
  #baselineAtMs = Number.NEGATIVE_INFINITY
  /** Bytes made for the next script. */
  #owed = 0

  /**
   * Starts counting for a script; `nowMs` is from a monotonic clock. Engines of one process may
   * have different clocks.
   */
  begin(interrupt: (() => void) | undefined, bytesMax: number, nowMs = performance.now()): void {
    this.steps = STEPS_PER_TICK
    this.depth = 0
    this.nested = 1
    this.depthMax = LUA_STACK_BYTES
    this.tailMax = LUA_STACK_BYTES >> 1
    this.bytes = bytesMax - this.#owed
    this.interrupt = interrupt
    this.#bytesMax = bytesMax
    this.#heapAtStart = 0
    this.#owed = 0
    this.#watchAtMs = 0
    if (Math.abs(nowMs - this.#baselineAtMs) < BASELINE_MS_MAX) return
    this.#baselineAtMs = nowMs
    this.#baselineBytes = heapBytes()
  }

  /** Charges the next script for its arguments. */
  owe(bytes: number): void {
    this.#owed = bytes
  }

  /** Stops counting. Memory that the host builds between scripts is not limited. */
  end(): void {
    this.bytes = HOST_ALLOWANCE_BYTES
    this.interrupt = undefined
  }

  /** Counts work that a library function or a loop does at once. */
  spend(steps: number): void {
    this.steps -= steps
    if (this.steps < 0) this.tick()
  }

  /**
   * Counts work that grows with the length of a text: 4,000 steps a megabyte, nothing for a short
   * text.
   */
  spendOn(text: string): void {
    if (text.length > LONG_LENGTH) this.spend(text.length >> 8)
  }

  /** Counts the reading of one character: 256 steps a megabyte, because it may flatten a rope. */
  look(text: string): void {
    if (text.length > ROPE_LENGTH) this.spend(text.length >> 12)
  }

  /** Calls the interrupt hook. Compiled code comes here when `steps` falls below zero. */
  tick(): void {
    this.steps = STEPS_PER_TICK
    if (this.interrupt !== undefined) this.interrupt()
    // Memory that the host builds is not watched.
    if (this.bytes <= this.#bytesMax) this.#watch()
  }

  /**
   * Looks at the heap, but rarely, and not at all in a short script. Throws "not enough memory"
   * when it grew beyond the limit.
   */
  #watch(): void {
    const now = performance.now()
    if (now < this.#watchAtMs) return
    const isFirst = this.#watchAtMs === 0
    this.#watchAtMs = now + WATCH_INTERVAL_MS
    if (isFirst) return
    if (this.#heapAtStart === 0) {
      this.#beginMeasuring(heapBytes())
      this.#alarmBytes = roughHeapBytes() + this.#bytesMax
    } else if (roughHeapBytes() > this.#alarmBytes) this.#measure(0)
  }

  /**
   * At the first look, everything charged so far may be alive. So the start is the heap now less
   * the charge, but not less than the heap when a script last began. That heap is large where the
   * engine lives in a program with a heap of its own.
   */
  #beginMeasuring(heap: number): void {
    const charged = this.#bytesMax - Math.max(0, this.bytes)
    this.#heapAtStart = Math.max(1, heap - charged, Math.min(heap, this.#baselineBytes))
  }

  /**
   * Charges bytes that are about to be built. Throws "not enough memory" when the heap really grew
   * beyond the limit.
   */
  charge(bytes: number): void {
    this.bytes -= bytes
    if (this.bytes < 0) this.settle(bytes)
  }

  /**
   * Measures the heap when the allowance is spent; `coming` bytes are asked for and not built yet.
   */
  settle(coming: number): void {
    // Building much takes long, even in few steps.
    this.tick()
    if (coming > Math.min(this.#bytesMax, TEXT_BYTES_MAX)) {
      this.bytes += coming
      throw notEnoughMemory()
    }
    this.#measure(coming)
  }

  #measure(coming: number): void {
    const heap = heapBytes()
    if (this.#heapAtStart === 0) this.#beginMeasuring(heap)
    let grown = heap - this.#heapAtStart + coming
    // Dead buffers count as external until the next collection, so a growth that seems too much is
    // measured twice.
    for (let left = 2; left > 0 && grown > this.#bytesMax / left; left--) {
      collectGarbage()
      // This takes a good part of a second when much is alive.
      if (this.interrupt !== undefined) this.interrupt()
      const live = heapBytes()
      this.#heapAtStart = Math.min(this.#heapAtStart, live)
      grown = live - this.#heapAtStart + coming
    }
    if (grown > this.#bytesMax) {
      this.bytes = 0
      throw notEnoughMemory()
    }
    this.bytes = Math.max(this.#bytesMax - grown, this.#bytesMax >> 3)
    this.#alarmBytes = roughHeapBytes() + this.bytes
  }

  /**
   * Counts a call that compiled code does not make, with its stack bytes. The caller restores
   * `nested` and `depth`.
   */
  nest(weight: number): void {
    if (++this.nested >= NESTED_MAX) {
      this.spend(OVERFLOW_STEPS)
      throw LuaError.at('C stack overflow', 1)
    }
    this.depth += weight
    if (this.depth > this.depthMax) this.overflow()
  }

  /**
   * Makes sure that a command of the engine has enough stack, because an overflow must not
   * interrupt it. Throws Lua's error.
   *
   * Depth is an estimate. When less than TRUSTED_ROOM_BYTES would be left by it, callers ask here,
   * and the real stack is tried.
   */
  reserve(): void {
    if (!hasStackLeft()) this.overflow()
  }

  /** Raises Lua's stack overflow. Compiled code comes here when `depth` passes `depthMax`. */
  overflow(): never {
    this.spend(OVERFLOW_STEPS)
    throw LuaError.at('stack overflow', 1)
  }
}

export const meter = new Meter()

export function notEnoughMemory(): LuaError {
  return new LuaError('not enough memory')
}

function heapBytes(): number {
  // Buffers hold data that a script has stored; they are no longer the script's values.
  const { heapUsed, external, arrayBuffers } = process.memoryUsage()
  return heapUsed + external - arrayBuffers
}

/** V8's own figures, at a third of the price. They include buffers. */
function roughHeapBytes(): number {
  const { used_heap_size, external_memory } = getHeapStatistics()
  return used_heap_size + external_memory
}
