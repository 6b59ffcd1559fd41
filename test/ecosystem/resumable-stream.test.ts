// resumable-stream: a stream of text that another client goes on with in the middle. Its producer
// keeps the text, and hands it over through PUBLISH and SUBSCRIBE.

import { Redis } from 'ioredis'
import { createClient } from 'redis'
import { createResumableStreamContext as contextOfNodeRedis, type ResumableStreamContext } from 'resumable-stream'
import { createResumableStreamContext as contextOfIoredis } from 'resumable-stream/ioredis'
import { describe, expect, onTestFinished, test } from 'vitest'
import { useTarget } from './target.ts'

const target = useTarget()
const WORDS = ['A ', 'broker ', 'that ', 'remembers ', 'hands ', 'on ', 'the ', 'rest.']
const TEXT = WORDS.join('')

let lastPrefix = 0

/** A context with connections of its own, as another process has. */
const CLIENTS = {
  'node-redis': async (keyPrefix: string): Promise<ResumableStreamContext> => {
    const [publisher, subscriber] = [createClient({ url: target.url }), createClient({ url: target.url })]
    await Promise.all([publisher.connect(), subscriber.connect()])
    // The package still unsubscribes when a stream has ended: both wait for their replies.
    onTestFinished(async () => void (await Promise.all([subscriber.close(), publisher.close()])))
    return contextOfNodeRedis({ keyPrefix, waitUntil: null, publisher, subscriber })
  },
  ioredis: async (keyPrefix: string): Promise<ResumableStreamContext> => {
    const [publisher, subscriber] = [new Redis(target.url), new Redis(target.url)]
    onTestFinished(async () => void (await Promise.all([subscriber.quit(), publisher.quit()])))
    return contextOfIoredis({ keyPrefix, waitUntil: null, publisher, subscriber })
  },
}

/** A model that says the next word when it is told to. */
class Model {
  #controller!: ReadableStreamDefaultController<string>
  #said = 0
  readonly stream = new ReadableStream<string>({
    start: (controller) => {
      this.#controller = controller
    },
  })

  say(count: number): void {
    for (const word of WORDS.slice(this.#said, this.#said + count)) this.#controller.enqueue(word)
    this.#said += count
    if (this.#said >= WORDS.length) this.#controller.close()
  }
}

function given(stream: ReadableStream<string> | null | undefined): ReadableStreamDefaultReader<string> {
  if (!stream) throw new Error('there is no such stream')
  return stream.getReader()
}

/** Reads until the text has so many characters, or the stream has ended. */
async function read(reader: ReadableStreamDefaultReader<string>, most = Number.POSITIVE_INFINITY): Promise<string> {
  let text = ''
  while (text.length < most) {
    const { done, value } = await reader.read()
    if (done) break
    text += value
  }
  return text
}

describe.each(Object.keys(CLIENTS) as (keyof typeof CLIENTS)[])('over %s', (client) => {
  async function open() {
    const prefix = `stream-${++lastPrefix}`
    return { producer: await CLIENTS[client](prefix), other: await CLIENTS[client](prefix) }
  }

  test('a page that is reloaded in the middle goes on behind what it has, and nothing is lost', async () => {
    const { producer, other } = await open()
    const model = new Model()
    const page = given(await producer.createNewResumableStream('chat', () => model.stream))
    model.say(3)
    const before = await read(page, 'A broker that '.length)
    await page.cancel()
    // The model goes on while no page is there.
    model.say(2)
    const reloaded = given(await other.resumeExistingStream('chat', before.length))
    model.say(3)
    expect(before + (await read(reloaded))).toBe(TEXT)
  })

  test('a second page hears the whole text, beside the first', async () => {
    const { producer, other } = await open()
    const model = new Model()
    const first = given(await producer.resumableStream('chat', () => model.stream))
    model.say(4)
    const second = given(await other.resumableStream('chat', () => new Model().stream))
    model.say(4)
    expect(await Promise.all([read(first), read(second)])).toEqual([TEXT, TEXT])
  })

  test('a stream that is done, and one that never was, are told apart', async () => {
    const { producer, other } = await open()
    const model = new Model()
    const page = given(await producer.createNewResumableStream('chat', () => model.stream))
    expect(await other.hasExistingStream('chat')).toBe(true)
    model.say(WORDS.length)
    expect(await read(page)).toBe(TEXT)
    await expect.poll(() => other.hasExistingStream('chat')).toBe('DONE')
    expect(await other.resumeExistingStream('chat')).toBeNull()
    expect(await other.resumableStream('chat', () => new Model().stream)).toBeNull()
    expect(await other.resumeExistingStream('another')).toBeUndefined()
  })
})
