// Long bodies are read as JSON.parse reads short ones, and the loop turns meanwhile.

import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { type Command, commandOf, commandsOf, SLICE_BYTES } from '../../src/door/clients/json-commands.ts'
import { openDoor } from '../support/door.ts'

const outcome = async (read: Promise<unknown>): Promise<unknown> =>
  read.catch((error: unknown) => (error instanceof Error ? error.message : error))

/** Makes a body long without changing what it says. */
const stretched = (text: string): string => `${' \n'.repeat(SLICE_BYTES / 2)}${text}\t\r`

const word = fc.oneof(
  fc.string({ unit: 'binary', maxLength: 8 }),
  fc.double({ noNaN: true, noDefaultInfinity: true }),
  fc.integer(),
  fc.boolean(),
)
const odd = fc.oneof(word, fc.constant(null), fc.constant({}), fc.constant([]), fc.array(word, { maxLength: 3 }))

describe('the body of commands', () => {
  test('means the same, however long it is', async () => {
    await fc.assert(
      fc.asyncProperty(
        fc.oneof(fc.array(fc.array(word, { maxLength: 4 }), { maxLength: 5 }), fc.array(odd, { maxLength: 4 }), odd),
        fc.constantFrom(0, 1, 2),
        fc.option(fc.record({ at: fc.nat(40), byte: fc.constantFrom(...'[],"\\{}1eE+-. ntx\u0001', '') }), {
          nil: undefined,
        }),
        async (value, indent, change) => {
          let text = JSON.stringify(value, undefined, indent)
          // One byte more, or one less: most such bodies are no JSON.
          if (change !== undefined)
            text = text.slice(0, change.at) + change.byte + text.slice(change.at + (change.byte === '' ? 1 : 0))
          for (const read of [commandOf, commandsOf] as const) {
            const short = await outcome(read(Buffer.from(text)))
            expect(await outcome(read(Buffer.from(stretched(text)))), text).toEqual(short)
          }
        },
      ),
      { numRuns: 300 },
    )
  })

  test.each([
    '[1e999]',
    '["\\ud800"]',
    '[""]',
    '["a\u2028b"]',
    '[-0]',
    '[01]',
    '[.5]',
    '[truefalse]',
    '["a""b"]',
    '["a",]',
    '[,]',
    '["\\"]',
    '["a"',
  ])('%s as short and as long', async (text) => {
    const short = await outcome(commandOf(Buffer.from(text)))
    expect(await outcome(commandOf(Buffer.from(stretched(text))))).toEqual(short)
  })

  test('bytes that are no UTF-8 are read as in a short one', async () => {
    const bytes = Buffer.concat([Buffer.from('["a'), Buffer.from([0xe2, 0x82]), Buffer.from('","b"]')])
    const long = Buffer.concat([Buffer.alloc(SLICE_BYTES, ' '), bytes])
    expect(await commandOf(long)).toEqual(await commandOf(bytes))
  })

  test('is read a slice in a turn of the loop', async () => {
    const body = Buffer.from(`[${'["GET","a"],'.repeat(80_000)}["PING"]]`)
    let turns = 0
    let isRead = false
    const turn = (): void => {
      turns++
      if (!isRead) setImmediate(turn)
    }
    setImmediate(turn)
    expect(await commandsOf(body)).toHaveLength(80_001)
    isRead = true
    expect(turns).toBeGreaterThan(body.length / SLICE_BYTES / 2)
  })

  test('is refused where it first is no command: the rest is not read', async () => {
    const shown: Command[] = []
    const deep = Buffer.from(`[["PING"],[["${'['.repeat(1_000_000)}`)
    await expect(commandsOf(deep, (command) => shown.push(command))).rejects.toThrow('JSON array of commands')
    expect(shown).toEqual([['PING']])
  })

  test('a long pipeline and a long transaction run, and answer in order', async () => {
    const door = await openDoor()
    const commands = Array.from({ length: 10_000 }, (_, i) => ['INCRBY', 'a', i % 3])
    const body = JSON.stringify(commands)
    for (const path of ['/pipeline', '/multi-exec']) {
      await door.broker.call('DEL', 'a')
      const replies = (await (await door.ask(path, { method: 'POST', body })).json()) as { result: number }[]
      let sum = 0
      for (const [i, { result }] of replies.entries()) {
        sum += i % 3
        if (result !== sum) expect.fail(`reply ${i} is ${result}`)
      }
      expect(replies).toHaveLength(10_000)
    }
    const refused = JSON.stringify([...commands, ['SUBSCRIBE', 'a']])
    const answer = await door.ask('/multi-exec', { method: 'POST', body: refused })
    expect([answer.status, await door.broker.call('GET', 'a')]).toEqual([400, '9999'])
  })
})
