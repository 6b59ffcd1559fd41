// Memory that is not needed any more goes back to the system. Each test asks the system about a server of its own.

import { existsSync, readFileSync } from 'node:fs'
import { describe, expect, onTestFinished, test } from 'vitest'
import { encode } from '../support/engine.ts'
import { eventually, RawConnection } from '../support/server.ts'
import { startServerProcess } from '../support/server-process.ts'

const MIB = 1024 * 1024

/** Only Linux says what a process has in memory where a file can be read. */
function residentMissing(): boolean {
  if (existsSync('/proc/self/status')) return false
  console.warn('skipped: no /proc here, so nobody says what a process has in memory')
  return true
}

interface Measured {
  client: RawConnection
  port: number
  ask(...words: (string | number)[]): Promise<string>
  resident(): number
  /** Waits until the server has at most half as much again as it had before. */
  fallsBack(beforeBytes: number): Promise<void>
}

async function measuredServer(): Promise<Measured> {
  const server = await startServerProcess({ port: 0 })
  onTestFinished(async () => {
    server.child.kill('SIGKILL')
    await server.exited
  })
  const client = await RawConnection.open(server.port)
  const resident = (): number => {
    const status = readFileSync(`/proc/${server.child.pid}/status`, 'latin1')
    return Number(/VmRSS:\s+(\d+) kB/.exec(status)![1]) * 1024
  }
  return {
    client,
    port: server.port,
    resident,
    async ask(...words) {
      client.send(encode(words))
      await eventually(() => client.received.endsWith('\r\n'), 'a reply')
      return client.take(client.received.length)
    },
    async fallsBack(beforeBytes) {
      let now = 0
      await eventually(
        () => {
          now = resident()
          return now <= 1.5 * beforeBytes
        },
        `memory of ${beforeBytes / MIB} MiB`,
        3000,
      ).catch((error) => {
        throw new Error(`${error.message}: ${now / MIB} MiB are left`)
      })
    },
  }
}

describe.skipIf(residentMissing())('memory goes back to the system', () => {
  test('when a large value is deleted, or all are', async () => {
    const { ask, fallsBack, resident } = await measuredServer()
    await ask('PING')
    const before = resident()
    for (const removal of [['DEL', 'k'], ['FLUSHALL'], ['SET', 'k', 'x']]) {
      expect(await ask('SET', 'k', 'x'.repeat(100 * MIB))).toBe('+OK\r\n')
      expect(resident()).toBeGreaterThan(before + 70 * MIB)
      await ask(...removal)
      await fallsBack(before)
    }
    expect(await ask('INFO', 'memory')).toMatch(/used_memory_peak:10[45]\d{6}\r\n/)
  })

  test('while a string doubles, and after it is gone', async () => {
    const { ask, fallsBack, resident } = await measuredServer()
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

  test('when many small keys are deleted one by one', async () => {
    const { ask, client, fallsBack, resident } = await measuredServer()
    await ask('PING')
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
    expect(resident()).toBeGreaterThan(before + 80 * MIB)
    await batch((key) => ['DEL', key], ':1\r\n')
    await fallsBack(before)
  })

  test('and is taken only as it arrives: a hundred clients that announce 512 MiB each cost nothing', async () => {
    const { ask, port, resident } = await measuredServer()
    await ask('PING')
    const before = resident()
    const silent: RawConnection[] = []
    for (let i = 0; i < 100; i++) {
      const connection = await RawConnection.open(port)
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
