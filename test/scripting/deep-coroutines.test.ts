// Many coroutines, each deep within its calls: the work between two looks at the clock is bounded.
//
// Looks and steps are counted, not time: a loaded machine makes no difference. test/scripting/monstrous.test.ts
// measures the processor time of the same scripts.

import { expect, test } from 'vitest'
import { LuaError } from '../../src/scripting/lua/errors.ts'
import { LuaRuntime } from '../../src/scripting/lua/runtime.ts'
import { STEPS_PER_TICK } from '../../src/scripting/lua/script-meter.ts'
import { collectionCount } from '../../src/util/memory/collect-garbage.ts'

const DEEP = `local function deep(n) if n == 0 then while true do coroutine.yield() end end deep(n - 1) return n end
local t = {}`

/** Runs a script and returns its error, and for each look at the clock the collections before it. */
function looksOf(source: string, memoryBytesMax?: number): { error: unknown; looks: readonly number[] } {
  const looks: number[] = []
  let before = 0
  const interrupt = () => void looks.push(collectionCount() - before)
  const runtime = new LuaRuntime({ interrupt, ...(memoryBytesMax === undefined ? {} : { memoryBytesMax }) })
  const main = runtime.compile(source, 'user_script')
  looks.length = 0
  before = collectionCount()
  try {
    runtime.run(main)
  } catch (error) {
    return { error, looks }
  }
  return { error: undefined, looks }
}

test('each call within a coroutine is a step, when it is made and when it is resumed', () => {
  const made = looksOf(`${DEEP} for i = 1, 2000 do t[i] = coroutine.wrap(deep) t[i](150) end`)
  expect(made.looks.length).toBeGreaterThanOrEqual(Math.floor((2000 * 150) / STEPS_PER_TICK))
  const resumed = looksOf(
    `${DEEP} for i = 1, 200 do t[i] = coroutine.wrap(deep) t[i](150) end for j = 1, 20 do for i = 1, 200 do t[i]() end end`,
  )
  const made200 = looksOf(`${DEEP} for i = 1, 200 do t[i] = coroutine.wrap(deep) t[i](150) end`)
  expect(resumed.looks.length - made200.looks.length).toBeGreaterThanOrEqual(
    Math.floor((20 * 200 * 100) / STEPS_PER_TICK),
  )
})

test('a look at the clock comes before and after each collection, until memory is not enough', () => {
  const { error, looks } = looksOf(
    `${DEEP} for i = 1, 50000 do t[i] = coroutine.wrap(deep) t[i](150) end`,
    16 * 1024 * 1024,
  )
  expect(error).toBeInstanceOf(LuaError)
  expect(String((error as LuaError).value)).toMatch(/not enough memory/)
  expect(looks.at(-1)).toBeGreaterThan(0)
  expect(looks[0]).toBe(0)
  looks.forEach((collections, i) => {
    if (i > 0) expect(collections - looks[i - 1]!, `before look ${i} of ${looks.length}`).toBeLessThanOrEqual(1)
  })
})
