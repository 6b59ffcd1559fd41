import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { type RedisServer, redisServerMissing, startRedisServer } from '../support/redis-server.ts'
import { RawConnection, startTestServer } from '../support/server.ts'

/** What redis-server objects to; the connection ends after the reply. */
const MALFORMED = [
  '*x\r\n',
  '*\r\n',
  '*01\r\n',
  '*-0\r\n',
  '*2147483648\r\n',
  '*99999999999999999999\r\n',
  '*-9223372036854775809\r\n',
  '*1\r\nPING\r\n',
  '*1\r\n\r\n',
  '*1\r\n\n\r\n',
  '*1\r\n\xff\r\n',
  '*1\r\n:4\r\n',
  '*1\r\n$-1\r\n',
  '*1\r\n$\r\n',
  '*1\r\n$4a\r\n',
  '*1\r\n$04\r\n',
  '*1\r\n$536870913\r\n',
  '*1\r\n$99999999999999999999\r\n',
  '*2\r\n$4\r\nECHO\r\n*1\r\n',
  '*2\r\n$4\r\nECHO--$1\r\nx\r\n*y\r\n',
  'ECHO "a\r\n',
  "ECHO 'a\r\n",
  'ECHO "a"b\r\n',
  `*${'1'.repeat(70_000)}`,
  `*1\r\n$${'1'.repeat(70_000)}`,
  `*1\r\n${'x'.repeat(70_000)}`,
  'x'.repeat(90_000),
]

/** What it takes, however odd; QUIT ends the connection. */
const ODD = [
  '*0\r\n',
  '*-1\r\n',
  '*-9223372036854775808\r\n',
  '\r\n\n\r\n',
  '   ECHO   x  \r\n',
  'ECHO x\n',
  '"ECHO" "\\x41\\n\\t\\"\\q" \r\n',
  "'ECHO' 'it\\'s\\n'\r\n",
  'echo a"b"\r\n',
  '*2\r\n$4\r\nECHO\r\n$1\r\nxYZ',
  '*1\rX$4\rXPING\r\n',
  '*1\r\n$0\r\n\r\n',
  '*2\r\n$0\r\n\r\n$1\r\nx\r\n',
]

describe.skipIf(redisServerMissing())('input that is not quite the protocol gets what redis-server says', () => {
  let redis: RedisServer

  beforeAll(async () => {
    redis = await startRedisServer()
  })

  afterAll(() => redis?.stop())

  async function answer(where: number | string, input: string): Promise<string> {
    const connection = await RawConnection.open(where)
    connection.send(`PING\r\n${input}`)
    return connection.rest()
  }

  for (const input of MALFORMED) {
    test(JSON.stringify(input.length > 60 ? `${input.slice(0, 20)}… (${input.length})` : input), async () => {
      const server = await startTestServer()
      const theirs = await answer(redis.socketPath, input)
      expect(theirs).toMatch(/^\+PONG\r\n(\$1\r\nx\r\n)?-ERR Protocol error: .*\r\n$/)
      expect(await answer(server.port, input)).toBe(theirs)
    })
  }

  for (const input of ODD) {
    test(JSON.stringify(input), async () => {
      const server = await startTestServer()
      const theirs = await answer(redis.socketPath, `${input}QUIT\r\n`)
      expect(theirs).toMatch(/\+OK\r\n$/)
      expect(await answer(server.port, `${input}QUIT\r\n`)).toBe(theirs)
    })
  }
})
