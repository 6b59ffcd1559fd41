import { describe, expect, test } from 'vitest'
import { openDoor } from '../support/door.ts'

describe('POST /v1/publish', () => {
  test('publishes the body, and answers with the receivers', async () => {
    const door = await openDoor()
    const heard: string[] = []
    await door.broker.subscribe('news', (message) => heard.push(message))
    const answer = await door.ask('/v1/publish/news', { method: 'POST', body: 'hello ✓' })
    expect(answer.status).toBe(200)
    expect(await answer.json()).toEqual({ receivers: 1, id: null })
    expect(heard).toEqual(['hello ✓'])
  })

  test('answers with the id of a kept message', async () => {
    const door = await openDoor({ channel: 'orders.* keep 1h' })
    const answer = (await (await door.ask('/v1/publish/orders.eu', { method: 'POST', body: 'one' })).json()) as {
      id: string
    }
    const history = await door.broker.call('CHANNEL', 'HISTORY', 'orders.eu', '-', '+')
    expect(history).toEqual([[answer.id, 'one']])
  })

  test('publishes a message with an Idempotency-Key once', async () => {
    const door = await openDoor({ channel: 'orders.* keep 1h dedupe 1h' })
    const init = { method: 'POST', body: 'one', headers: { 'Idempotency-Key': 'a' } }
    const first = (await (await door.ask('/v1/publish/orders.eu', init)).json()) as { id: string | null }
    expect(first.id).not.toBeNull()
    expect(await (await door.ask('/v1/publish/orders.eu', init)).json()).toEqual({ receivers: 0, id: null })
    expect(await door.broker.call('CHANNEL', 'HISTORY', 'orders.eu', '-', '+')).toHaveLength(1)
  })

  test('schedules by Publish-In and Publish-At', async () => {
    const door = await openDoor()
    const later = await door.ask('/v1/publish/news', { method: 'POST', body: 'x', headers: { 'Publish-In': '1h' } })
    expect(later.status).toBe(202)
    const { scheduled } = (await later.json()) as { scheduled: string }
    const at = new Date(Date.now() + 7_200_000).toUTCString()
    await door.ask('/v1/publish/news', { method: 'POST', body: 'y', headers: { 'Publish-At': at } })
    const pending = (await door.broker.call('CHANNEL', 'PENDING', 'news')) as [string, number, string][]
    expect(pending.map(([, , text]) => text)).toEqual(['x', 'y'])
    expect(pending[0]?.[0]).toBe(scheduled)
    expect(pending[1]?.[1]).toBe(Date.parse(at))
  })

  test('takes a channel whose name is encoded, and bytes that are no text', async () => {
    const door = await openDoor({ channel: '* keep 1h' })
    await door.ask('/v1/publish/a%2Fb%20%E2%9C%93', { method: 'POST', body: Buffer.from([0, 255, 13, 10]) })
    const [[, bytes]] = (await door.broker.callBuffer('CHANNEL', 'HISTORY', 'a/b ✓', '-', '+')) as [[Buffer, Buffer]]
    expect(bytes).toEqual(Buffer.from([0, 255, 13, 10]))
  })

  test('refuses other methods, a body that is too large, a name that is none, a date that is none', async () => {
    const door = await openDoor({ 'http-max-body': '1024' })
    expect((await door.ask('/v1/publish/news')).status).toBe(405)
    expect((await door.ask('/v1/publish/news', { method: 'POST', body: 'x'.repeat(1025) })).status).toBe(413)
    expect((await door.ask('/v1/publish/', { method: 'POST', body: 'x' })).status).toBe(400)
    expect((await door.ask('/v1/publish/%ff', { method: 'POST', body: 'x' })).status).toBe(400)
    const wrong = { method: 'POST', body: 'x', headers: { 'Publish-At': 'tomorrow' } }
    expect((await door.ask('/v1/publish/news', wrong)).status).toBe(400)
  })

  test('sends those who publish at a replica to its primary', async () => {
    const door = await openDoor({ 'http-port': '8080', channel: 'orders.* keep 1h' })
    await door.broker.call('REPLICAOF', '127.0.0.1', '1')
    const answer = await door.ask('/v1/publish/orders.eu', { method: 'POST', body: 'x', redirect: 'manual' })
    expect(answer.status).toBe(307)
    await door.broker.call('REPLICAOF', 'NO', 'ONE')
    expect(answer.headers.get('location')).toBe('http://127.0.0.1:8080/v1/publish/orders.eu')
  })
})
