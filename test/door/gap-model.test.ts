// Streams over all three ways, with and without a name, of several channels and a pattern, under a rule
// that keeps little. Pages are cut, and messages are removed before a page comes to them. Each message
// is heard once and in order, or lies in a gap that was told; and a gap that was counted has so many.

import fc from 'fast-check'
import { expect, test } from 'vitest'
import { openDoor } from '../support/door.ts'
import { type HeardGap, Page, type Way } from '../support/page.ts'
import { eventually } from '../support/server.ts'

const CHANNELS = ['kept.a', 'kept.b', 'few.c', 'few.d']
const WAYS: readonly Way[] = ['events', 'poll', 'socket']

const step = fc.oneof(
  fc.record({
    kind: fc.constant('publish' as const),
    channel: fc.nat(CHANNELS.length - 1),
    count: fc.integer({ min: 1, max: 40 }),
    bytes: fc.constantFrom(1, 2000),
  }),
  fc.record({ kind: fc.constant('cut' as const) }),
  fc.record({ kind: fc.constant('trim' as const), channel: fc.nat(CHANNELS.length - 1), keep: fc.nat(5) }),
  fc.record({ kind: fc.constant('turn' as const) }),
  fc.record({ kind: fc.constant('hear' as const) }),
)

/** Compares two ids. */
function compare(one: string, other: string): number {
  const [a = '0', b = '0'] = one.split('-')
  const [c = '0', d = '0'] = other.split('-')
  return Number(BigInt(a) - BigInt(c)) || Number(BigInt(b) - BigInt(d))
}

const lies = ({ after, before, channel }: HeardGap, message: { channel: string; id: string }): boolean =>
  message.channel === channel && compare(message.id, after) > 0 && compare(message.id, before) < 0

test.each(WAYS)('%s: each message is heard once, in order, or lies in a gap', async (way) => {
  let cuts = 0
  let gaps = 0
  await fc.assert(
    fc.asyncProperty(fc.array(step, { minLength: 5, maxLength: 25 }), fc.boolean(), async (steps, isNamed) => {
      const door = await openDoor({ channel: 'kept.* keep 1h few.* keep-last 7', redeliver: '0' })
      const publish = async (channel: string, text: string): Promise<string> => {
        const answer = await door.ask(`/v1/publish/${channel}`, { method: 'POST', body: text })
        return ((await answer.json()) as { id: string }).id
      }
      const seed = await publish('kept.a', 'seed')
      const name = isNamed ? '&name=billing' : ''
      const page = new Page(way, `channel=kept.a&channel=kept.b&channel=few.c&pattern=few.d*${name}`, seed, () => [
        door.url,
      ])
      const published: { channel: string; id: string; message: string }[] = []
      const last = (): string | undefined => published.at(-1)?.message
      for (const each of steps) {
        if (each.kind === 'publish') {
          const channel = CHANNELS[each.channel] ?? ''
          for (let i = 0; i < each.count; i++) {
            const message = `m${published.length} ${'x'.repeat(each.bytes)}`
            published.push({ channel, message, id: await publish(channel, message) })
          }
        } else if (each.kind === 'cut') {
          page.cut()
          cuts++
        } else if (each.kind === 'trim') {
          await door.broker.call('CHANNEL', 'TRIM', CHANNELS[each.channel] ?? '', 'MAXLEN', each.keep)
        } else if (each.kind === 'turn') await new Promise((resolve) => setTimeout(resolve, 3))
        else if (published.length > 0 && (await isKept())) await eventually(() => page.texts.at(-1) === last())
      }
      /** Whether the last message is still there to be heard. */
      async function isKept(): Promise<boolean> {
        const { channel = '', message } = published.at(-1) ?? {}
        const [end] = (await door.broker.call('CHANNEL', 'HISTORY', channel, '-', '+', 'COUNT', 1, 'REV')) as [
          string,
          string,
        ][]
        return end?.[1] === message
      }
      for (const channel of CHANNELS) {
        const message = `m${published.length} end`
        published.push({ channel, message, id: await publish(channel, message) })
      }
      await eventually(() => page.texts.at(-1) === last(), `the end, of ${published.length}`, 20_000)
      page.close()
      const order = new Map(published.map(({ message }, i) => [message, i]))
      const places = page.texts.map((text) => order.get(text) ?? -1)
      expect(places).toEqual([...new Set(places)].sort((a, b) => a - b))
      const heard = new Set(page.texts)
      const missing = published.filter(({ message }) => !heard.has(message))
      for (const message of missing)
        expect(
          page.gaps.some((gap) => lies(gap, message)),
          message.id,
        ).toBe(true)
      for (const gap of page.gaps) {
        gaps++
        if (gap.count !== null) expect(missing.filter((message) => lies(gap, message)).length).toBe(gap.count)
      }
    }),
    { numRuns: process.env.SOAK === '1' ? 500 : 25 },
  )
  expect([cuts > 10, gaps > 0]).toEqual([true, true])
})
