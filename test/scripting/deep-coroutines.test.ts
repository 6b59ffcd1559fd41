// Many coroutines, each deep within its calls: the work between two looks at the clock is bounded.
//
// Looks and steps are counted, not time: a loaded machine makes no difference. test/scripting/monstrous.test.ts
// measures the processor time of the same scripts.

import { expect, test, vi } from 'vitest'
import { LuaError } from '../../src/scripting/lua/errors.ts'
import { LuaRuntime } from '../../src/scripting/lua/runtime.ts'
import { STEPS_PER_TICK } from '../../src/scripting/lua/script-meter.ts'

const events = vi.hoisted((): ('collection' | 'look')[] => [])

vi.mock('../../src/util/memory/collect-garbage.ts', async (importOriginal) => {
  const original = await importOriginal<typeof import('../../src/util/memory/collect-garbage.ts')>()
  return {
    ...original,
    collectGarbage() {
      events.push('collection')
      original.collectGarbage()
    },
  }
})

const DEEP = `local function deep(n) if n == 0 then while true do coroutine.yield() end end deep(n - 1) return n end
local t = {}`

/** Runs a script and returns its looks at the clock and its collections, in order. */
function eventsOf(source: string, memoryBytesMax?: number): { error: unknown; events: readonly string[] } {
  const interrupt = () => void events.push('look')
  const runtime = new LuaRuntime({ interrupt, ...(memoryBytesMax === undefined ? {} : { memoryBytesMax }) })
  const main = runtime.compile(source, 'user_script')
  events.length = 0
  try {
    runtime.run(main)
  } catch (error) {
    return { error, events: events.slice() }
  }
  return { error: undefined, events: events.slice() }
}

test('each call within a coroutine is a step, when it is made and when it is resumed', () => {
  const made = eventsOf(`${DEEP} for i = 1, 2000 do t[i] = coroutine.wrap(deep) t[i](150) end`)
  const looks = made.events.filter((event) => event === 'look').length
  expect(looks).toBeGreaterThanOrEqual(Math.floor((2000 * 150) / STEPS_PER_TICK))
  const resumed = eventsOf(
    `${DEEP} for i = 1, 200 do t[i] = coroutine.wrap(deep) t[i](150) end for j = 1, 20 do for i = 1, 200 do t[i]() end end`,
  )
  const made200 = eventsOf(`${DEEP} for i = 1, 200 do t[i] = coroutine.wrap(deep) t[i](150) end`)
  expect(resumed.events.length - made200.events.length).toBeGreaterThanOrEqual(
    Math.floor((20 * 200 * 100) / STEPS_PER_TICK),
  )
})

test('a look at the clock comes before and after each collection, until memory is not enough', () => {
  const { error, events: seen } = eventsOf(
    `${DEEP} for i = 1, 50000 do t[i] = coroutine.wrap(deep) t[i](150) end`,
    16 * 1024 * 1024,
  )
  expect(error).toBeInstanceOf(LuaError)
  expect(String((error as LuaError).value)).toMatch(/not enough memory/)
  expect(seen.filter((event) => event === 'collection').length).toBeGreaterThan(0)
  seen.forEach((event, i) => {
    if (event !== 'collection') return
    expect([seen[i - 1], seen[i + 1]], `around ${i} of ${seen.length}`).toEqual(['look', 'look'])
  })
})
