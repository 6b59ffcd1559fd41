// connect-redis: express-session's sessions, as its middleware calls the store.

import { RedisStore } from 'connect-redis'
import { createClient } from 'redis'
import { expect, onTestFinished, test } from 'vitest'
import { useTarget } from './target.ts'

const target = useTarget()
let lastPrefix = 0

async function open(options: { disableTTL?: boolean; ttl?: number } = {}) {
  const client = createClient({ url: target.url })
  await client.connect()
  onTestFinished(() => client.destroy())
  const prefix = `session-${++lastPrefix}:`
  return { store: new RedisStore({ client, prefix, ...options }), client, prefix }
}

/** A session as the middleware hands it over: its cookie knows when it ends. */
function session(user: string, expiresInMs?: number) {
  const cookie =
    expiresInMs === undefined
      ? { originalMaxAge: null }
      : { originalMaxAge: expiresInMs, expires: new Date(Date.now() + expiresInMs) }
  return { cookie, user }
}

test('a session is kept, found, touched and destroyed', async () => {
  const { store, client, prefix } = await open()
  await store.set('a', session('Ann', 60_000))
  expect(await store.get('a')).toMatchObject({ user: 'Ann' })
  expect(await store.get('nobody')).toBeNull()
  expect(await client.ttl(`${prefix}a`)).toBeLessThanOrEqual(60)
  await store.touch('a', session('Ann', 600_000))
  expect(await client.ttl(`${prefix}a`)).toBeGreaterThan(60)
  await store.destroy('a')
  expect(await store.get('a')).toBeNull()
})

test('a session without an end gets the default one, or none', async () => {
  const { store, client, prefix } = await open()
  await store.set('a', session('Ann'))
  expect(await client.ttl(`${prefix}a`)).toBe(86_400)
  const forever = await open({ disableTTL: true })
  await forever.store.set('a', session('Ann'))
  expect(await forever.client.ttl(`${forever.prefix}a`)).toBe(-1)
})

test('a session that has ended is not stored', async () => {
  const { store } = await open()
  await store.set('a', session('Ann', 60_000))
  await store.set('a', session('Ann', -1000))
  expect(await store.get('a')).toBeNull()
})

test('all sessions are listed, counted, cleared, and nothing else is touched', async () => {
  const { store, client } = await open()
  await client.set('something else', 'stays')
  for (let i = 0; i < 250; i++) await store.set(`s${i}`, session(`user ${i}`, 60_000))
  expect(await store.length()).toBe(250)
  expect((await store.ids()).sort()).toEqual(Array.from({ length: 250 }, (_, i) => `s${i}`).sort())
  const all: { id: string; user: string }[] = await store.all()
  expect(all.find((one) => one.id === 's17')).toMatchObject({ user: 'user 17' })
  await store.clear()
  expect(await store.length()).toBe(0)
  expect(await client.get('something else')).toBe('stays')
})
