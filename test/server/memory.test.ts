// Memory that is not needed any more goes back to the system, which is asked about a server in a process of its own.

import { existsSync, readFileSync } from 'node:fs'
import { afterAll, beforeAll, beforeEach, describe, expect, test } from 'vitest'
import { encode } from '../support/engine.ts'
import { eventually, RawConnection } from '../support/server.ts'
import { type ServerProcess, startServerProcess } from '../support/server-process.ts'

const MIB = 1024 * 1024

/** Only Linux says what a process has in memory where a file can be read. */
function residentMissing(): boolean {
  if (existsSync('/proc/self/status')) return false
  console.warn('skipped: no /proc here, so nobody says what a process has in memory')
  return true
}

describe.skipIf(residentMissing())('memory goes back to the system', () => {
  let server: ServerProcess
  let client: RawConnection

  beforeAll(async () => {
    server = await startServerProcess({ port: 0 })
  })

  beforeEach(async () => {
    client = await RawConnection.open(server.port)
    await ask('MEMORY', 'PURGE')
  })

  afterAll(async () => {
    server?.child.kill('SIGKILL')
    await server?.exited
  })

  async function ask(...words: (string | number)[]): Promise<string> {
    client.send(encode(words))
    await eventually(() => client.received.endsWith('\r\n'), 'a reply')
    return client.take(client.received.length)
  }

  function resident(): number {
    const status = readFileSync(`/proc/${server.child.pid}/status`, 'latin1')
    return Number(/VmRSS:\s+(\d+) kB/.exec(status)![1]) * 1024
  }

  /** Waits until the server has hardly more than it had before. */
  async function fallsBack(beforeBytes: number): Promise<void> {
    let now = 0
    await eventually(
      () => {
        now = resident()
        return now <= beforeBytes + 40 * MIB
      },
      `memory of ${beforeBytes / MIB} MiB`,
      5000,
    ).catch((error) => {
      throw new Error(`${error.message}: ${now / MIB} MiB are left`)
    })
  }

  test('when a large value is deleted, or all are', async () => {
    const before = resident()
    for (const removal of [['DEL', 'k'], ['FLUSHALL'], ['SET', 'k', 'x']]) {
      expect(await ask('SET', 'k', 'x'.repeat(100 * MIB))).toBe('+OK\r\n')
      expect(resident()).toBeGreaterThan(before + 50 * MIB)
      await ask(...removal)
      await fallsBack(before)
    }
    const info = await ask('INFO', 'memory')
    const [peak, startup] = ['peak', 'startup'].map((name) =>
      Number(new RegExp(`used_memory_${name}:(\\d+)`).exec(info)![1]),
    )
    expect(peak! - startup!).toBeGreaterThan(100 * MIB)
    expect(peak! - startup!).toBeLessThan(130 * MIB)
  })

  test('while a string doubles, and after it is gone', async () => {
    await ask('EVAL', 'return 1', 0)
    const before = resident()
    let most = 0
    for (let round = 0; round < 3; round++) {
      await ask('EVAL', "for i = 0, 27 do redis.call('SETRANGE', KEYS[1], 2 ^ i - 1, 'x') end", 1, 'k')
      most = Math.max(most, resident())
      await ask('DEL', 'k')
    }
    expect(most).toBeLessThan(before + 2.5 * 128 * MIB)
    await fallsBack(before)
  })

  test('when a large reply was read, or was not', async () => {
    await ask('SETRANGE', 'k', 100 * MIB, 'x')
    const before = resident()
    for (const read of [true, false]) {
      const reader = await RawConnection.open(server.port)
      if (!read) reader.socket.pause()
      reader.send(encode(['GET', 'k']))
      if (read) await reader.take(100 * MIB)
      else await eventually(() => resident() > before + 50 * MIB)
      reader.socket.destroy()
      await fallsBack(before)
    }
    await ask('DEL', 'k')
  })

  test('when many small keys are deleted one by one', async () => {
    const before = resident()
    const batch = async (command: (key: string) => string[], reply: string): Promise<void> => {
      for (let from = 0; from < 100_000; from += 20_000) {
        let requests = ''
        for (let i = from; i < from + 20_000; i++) requests += encode(command(`key:${i}`))
        await client.ask(requests, reply.repeat(20_000))
      }
    }
    const value = 'x'.repeat(1000)
    await batch((key) => ['SET', key, value], '+OK\r\n')
    await batch((key) => ['DEL', key], ':1\r\n')
    await fallsBack(before)
  })

  test('and is taken only as it arrives: a hundred clients that announce 512 MiB each cost nothing', async () => {
    const before = resident()
    const silent: RawConnection[] = []
    for (let i = 0; i < 100; i++) {
      const connection = await RawConnection.open(server.port)
      connection.send(`*3\r\n$3\r\nSET\r\n$1\r\nk\r\n$${512 * MIB}\r\nx`)
      silent.push(connection)
    }
    await eventually(async () => {
      // All but the asking client have something of a request here.
      const waiting = (await ask('CLIENT', 'LIST')).match(/ qbuf=[1-9]/g)
      return waiting !== null && waiting.length >= 100
    })
    expect(resident()).toBeLessThan(before + 40 * MIB)
    expect(await ask('PING')).toBe('+PONG\r\n')
  })
})
