// Random cuts, publishers, rules and beginnings against a naive model: whatever happens to a stream, what its pieces heard together is what was
// published on its channels, in order, each message once.

import http from 'node:http'
import fc from 'fast-check'
import { expect, onTestFinished, test } from 'vitest'
import { type OpenDoor, openDoor } from '../support/door.ts'
import { eventually } from '../support/server.ts'

const CHANNELS = ['kept.a', 'kept.b', 'kept.c', 'other.d']

type Step =
  | { readonly kind: 'publish'; readonly channel: number; readonly count: number; readonly bytes: number }
  | { readonly kind: 'transaction'; readonly count: number }
  | { readonly kind: 'cut'; readonly waits: boolean }
  | { readonly kind: 'pause' }
  | { readonly kind: 'hear' }

const step = fc.oneof<fc.Arbitrary<Step>[]>(
  fc.record({
    kind: fc.constant('publish' as const),
    channel: fc.nat(CHANNELS.length - 1),
    count: fc.integer({ min: 1, max: 60 }),
    bytes: fc.constantFrom(1, 100, 9000),
  }),
  fc.record({ kind: fc.constant('transaction' as const), count: fc.integer({ min: 2, max: 20 }) }),
  fc.record({ kind: fc.constant('cut' as const), waits: fc.boolean() }),
  fc.constant({ kind: 'pause' as const }),
  fc.constant({ kind: 'hear' as const }),
)

/** A page: it keeps the last id, as a browser does, and what it has heard. */
class Page {
  readonly heard: string[] = []
  #last = ''
  #text = ''
  #request: http.ClientRequest | undefined
  #response: http.IncomingMessage | undefined

  async connect(door: OpenDoor, path: string): Promise<void> {
    this.#text = ''
    const headers = this.#last === '' ? {} : { 'Last-Event-ID': this.#last }
    await new Promise<void>((resolve, reject) => {
      this.#request = http.get({ host: '127.0.0.1', port: door.port, path, headers, agent: false }, (response) => {
        this.#response = response
        response.on('error', () => {})
        response.setEncoding('utf8').on('data', (chunk: string) => this.#take(chunk, response))
        resolve()
      })
      this.#request.on('error', reject)
    })
  }

  #take(chunk: string, from: http.IncomingMessage): void {
    // What a connection that was cut still had on its way was not heard.
    if (from !== this.#response) return
    const blocks = (this.#text + chunk).split('\n\n')
    this.#text = blocks.pop() ?? ''
    for (const block of blocks) {
      this.#last = /^id: (.*)$/m.exec(block)?.[1] ?? this.#last
      const data = /^data: (.*)$/m.exec(block)?.[1]
      if (data !== undefined && !block.includes('event:')) this.heard.push(data.split(' ')[0] ?? '')
    }
  }

  pause(): void {
    this.#response?.pause()
  }

  resume(): void {
    this.#response?.resume()
  }

  cut(): void {
    this.#response = undefined
    this.#request?.on('error', () => {})
    this.#request?.destroy()
  }
}

test('a stream of several channels that is cut again and again hears each message once, in order', async () => {
  await fc.assert(
    fc.asyncProperty(fc.array(step, { minLength: 5, maxLength: 25 }), async (steps) => {
      const door = await openDoor({ channel: 'kept.* keep 1h other.* keep 1h' })
      const page = new Page()
      onTestFinished(() => page.cut())
      const path = '/v1/subscribe?format=text&from=first&channel=kept.a&channel=kept.b&pattern=kept.c*&pattern=other.*'
      const published: string[] = []
      await page.connect(door, path)
      const all = (): Promise<unknown> => {
        page.resume()
        return eventually(() => page.heard.length >= published.length, `all of ${published.length} messages`, 20_000)
      }
      for (const each of steps) {
        if (each.kind === 'publish') {
          for (let i = 0; i < each.count; i++) {
            published.push(`m${published.length}`)
            void door.broker.publish(CHANNELS[each.channel] ?? '', `${published.at(-1)} ${'x'.repeat(each.bytes)}`)
          }
        } else if (each.kind === 'transaction') {
          const commands = Array.from({ length: each.count }, (_, i): [string, string, string] => {
            published.push(`m${published.length}`)
            return ['PUBLISH', CHANNELS[i % CHANNELS.length] ?? '', String(published.at(-1))]
          })
          void door.broker.transaction(commands)
        } else if (each.kind === 'cut') {
          if (each.waits) await new Promise((resolve) => setImmediate(resolve))
          page.cut()
          await page.connect(door, path)
        } else if (each.kind === 'pause') page.pause()
        else await all()
      }
      await all()
      expect(page.heard).toEqual(published)
      page.cut()
    }),
    { numRuns: 100 },
  )
})
