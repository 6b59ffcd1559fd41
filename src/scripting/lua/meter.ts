// What a running script has used: steps, call depth, bytes built. One meter serves the whole process.
//
// Scripts run to their end without giving way, so at most one runs at any moment and a module-level meter is enough; it
// keeps the checks in compiled code down to a load, a subtraction and a branch. A runtime calls `begin` when a script
// starts. Three things are bounded:
//
// - Steps (function calls and loop turns). Every `STEPS_PER_TICK` of them the `interrupt` hook of the runtime is called;
//   it may throw something that is no LuaError, which `pcall` lets pass: that is how a script is killed. Whoever works
//   longer than a microsecond at once counts more than one step, so that ticks are at most some 50 ms apart.
// - Depth. A compiled function adds its weight (an estimate of its JavaScript frame in bytes) while it runs. Past
//   `depthMax` Lua's "stack overflow" is raised, well before V8 would throw its RangeError into code that is not ours.
//   Calls that a library, a metamethod or a coroutine makes count a second time: past 200 Lua's "C stack overflow" is.
// - Bytes. Strings and tables are charged as they are built. Garbage is not subtracted: when the allowance is spent, the
//   heap is measured, and only a heap that really grew beyond the limit raises "not enough memory". What nobody charges
//   (results, ropes that become one piece) is found by looking at the heap every few milliseconds of ticks.

// Node's global of this name is looked up through a getter at each use.
import { getHeapStatistics } from 'node:v8'
import { collectGarbage } from '../../util/memory/collect-garbage.ts'
import { performance } from '../../util/time/real-time.ts'
import { LuaError } from './errors.ts'
import { hasStackLeft, LUA_STACK_BYTES } from './stack.ts'

/** How many steps pass between two calls of the interrupt hook: about a millisecond of loops, 50 of the slowest functions. */
export const STEPS_PER_TICK = 50_000

/** Calls that may lie within each other when libraries, metamethods and coroutines make them: Lua's own limit. */
export const NESTED_MAX = 200

/**
 * What a script may build unless the host says otherwise. When V8's heap is full the process ends, and nothing can be done about
 * it: of a small heap (a container's) it is a quarter.
 */
export const SCRIPT_MEMORY_BYTES_MAX = Math.min(256 * 1024 * 1024, getHeapStatistics().heap_size_limit / 4)

/** A text, or anything else made at once, is at most so large: V8 ends the process a little above its own limit, 2^29. */
export const TEXT_BYTES_MAX = 256 * 1024 * 1024

/** A string from here on is work for whatever goes through it. */
const LONG_LENGTH = 1 << 9

/** A string from here on may be work for whoever looks at one place of it: a rope becomes one piece then. */
const ROPE_LENGTH = 1 << 12

/** How often the heap is looked at while a script runs: V8's figures cost four microseconds. */
const WATCH_INTERVAL_MS = 5

/** How old a figure of the heap may be when a script begins: what others build in one heap with it is none of its doing. */
const BASELINE_MS_MAX = 100

/** Steps that an overflow counts as: V8 takes a tenth of a millisecond to gather where it was. */
const OVERFLOW_STEPS = 2000

/** Depth up to which nobody asks whether the estimate is right: were it five times too small, there would still be stack. */
const DEPTH_TRUSTED_BYTES = LUA_STACK_BYTES >> 3
/** So much must be left for that. */
export const TRUSTED_ROOM_BYTES = LUA_STACK_BYTES - DEPTH_TRUSTED_BYTES

/** As good as no limit. */
const HOST_ALLOWANCE_BYTES = 2 ** 50

class Meter {
  /** Steps left until the next tick. */
  steps = STEPS_PER_TICK
  /** Estimated stack bytes in use by Lua frames. */
  depth = 0
  depthMax = LUA_STACK_BYTES
  /** Depth at which a tail call unwinds its caller instead of growing the stack. */
  tailMax = LUA_STACK_BYTES >> 1
  /** Calls under way that compiled code did not make; the script is the first. */
  nested = 1
  /** Bytes a script may still build until the heap is measured. */
  bytes = HOST_ALLOWANCE_BYTES
  /** Called every `STEPS_PER_TICK` steps. */
  interrupt: (() => void) | undefined = undefined
  #bytesMax = SCRIPT_MEMORY_BYTES_MAX
  /** 0 until the heap is measured for the first time. */
  #heapAtStart = 0
  /** The heap is measured once V8's figures, stored data included, exceed this. */
  #alarmBytes = 0
  /** 0 until the first tick. */
  #watchAtMs = 0
  /** The heap when a script last began, and that was not just measured. */
  #baselineBytes = 0
  #baselineAtMs = Number.NEGATIVE_INFINITY
  /** Bytes made for the script that is about to begin. */
  #owed = 0

  /** Starts counting for one script; `nowMs` is the time of a monotonic clock. Engines of one process may have different ones. */
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

  /** Charges the script that is about to begin for its arguments. */
  owe(bytes: number): void {
    this.#owed = bytes
  }

  /** Stops counting: what the host builds between scripts is nobody's, and is never refused. */
  end(): void {
    this.bytes = HOST_ALLOWANCE_BYTES
    this.interrupt = undefined
  }

  /** Counts work done at once by a library function or a loop. */
  spend(steps: number): void {
    this.steps -= steps
    if (this.steps < 0) this.tick()
  }

  /** Counts work that grows with the length of a text: a megabyte as 4,000 steps, a short one as nothing. */
  spendOn(text: string): void {
    if (text.length > LONG_LENGTH) this.spend(text.length >> 8)
  }

  /** Counts a look at one place of a text: a megabyte as 256 steps, for it may be a rope that must become one piece. */
  look(text: string): void {
    if (text.length > ROPE_LENGTH) this.spend(text.length >> 12)
  }

  /** Calls the interrupt hook; compiled code comes here when `steps` falls below zero. */
  tick(): void {
    this.steps = STEPS_PER_TICK
    if (this.interrupt !== undefined) this.interrupt()
    // What the host builds is not watched.
    if (this.bytes <= this.#bytesMax) this.#watch()
  }

  /** Looks at the heap, not too often, and not at all in a short script. Throws "not enough memory" when it has grown beyond the limit. */
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
   * The first time, what was charged so far may be alive: the start is reckoned back from now, but not to before what was there
   * when a script last began. That is much where the engine lives in a program with a heap of its own.
   */
  #beginMeasuring(heap: number): void {
    const charged = this.#bytesMax - Math.max(0, this.bytes)
    this.#heapAtStart = Math.max(1, heap - charged, Math.min(heap, this.#baselineBytes))
  }

  /** Charges bytes about to be built. Throws "not enough memory" when the heap has really grown beyond the limit. */
  charge(bytes: number): void {
    this.bytes -= bytes
    if (this.bytes < 0) this.settle(bytes)
  }

  /** Measures the heap when the allowance is spent; `coming` is what is being asked for and not built yet. */
  settle(coming: number): void {
    // Who builds much takes long, be the steps ever so few.
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
    // Buffers found dead are counted as external until the next collection: what seems too much is looked at twice.
    for (let left = 2; left > 0 && grown > this.#bytesMax / left; left--) {
      collectGarbage()
      // Where much is alive that takes a good part of a second.
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

  /** Counts a call that is no compiled code's, so many bytes of stack. Whoever asks puts `nested` and `depth` back. */
  nest(weight: number): void {
    if (++this.nested >= NESTED_MAX) {
      this.spend(OVERFLOW_STEPS)
      throw LuaError.at('C stack overflow', 1)
    }
    this.depth += weight
    if (this.depth > this.depthMax) this.overflow()
  }

  /**
   * Makes sure that the engine has stack enough for a command, which must not be torn by an overflow. Throws Lua's error.
   *
   * Depth is an estimate: where less than TRUSTED_ROOM_BYTES should be left, this is to be asked, and tries what is really left.
   */
  reserve(): void {
    if (!hasStackLeft()) this.overflow()
  }

  /** Raises Lua's stack overflow; compiled code comes here when `depth` passes `depthMax`. */
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
  // Buffers hold what a script has stored, which is no value of its own any more.
  const { heapUsed, external, arrayBuffers } = process.memoryUsage()
  return heapUsed + external - arrayBuffers
}

/** What V8 tells at a third of the price; buffers are in it. */
function roughHeapBytes(): number {
  const { used_heap_size, external_memory } = getHeapStatistics()
  return used_heap_size + external_memory
}
