import { describe, expect, test } from 'vitest'
import { type Reply, TypedReplyReader } from '../../src/cli/client/reply.ts'
import { eventually, RawConnection, startTestServer } from '../support/server.ts'
import { cli, redisCli, redisCliMissing } from './run-client.ts'

describe('respite cli', () => {
  test('sends a command and prints its reply, for people or raw', async () => {
    const { port } = await startTestServer()
    const p = ['-p', String(port)]
    expect(await cli([...p, 'set', 'a', 'b c'])).toEqual({ code: 0, printed: 'OK\n', complaints: [] })
    expect((await cli([...p, 'get', 'a'])).printed).toBe('b c\n')
    expect((await cli([...p, '--no-raw', 'get', 'a'])).printed).toBe('"b c"\n')
    expect((await cli([...p, '-n', '3', 'get', 'a'])).printed).toBe('\n')
    expect((await cli([...p, '--no-raw', 'info', 'server'])).printed).toMatch(/^# Server\r\nredis_version:/)
  })

  test('reads commands from a pipe, one in each line', async () => {
    const { port } = await startTestServer()
    const typed = 'set "a b" 1\nincr "a b"\n\nmulti\nget "a b"\nexec\nget "open\nquit\nset never 1\n'
    expect(await cli(['-p', String(port)], typed)).toEqual({
      code: 0,
      printed: 'OK\n2\nOK\nQUEUED\n2\n',
      complaints: ['Invalid argument(s)'],
    })
  })

  test('exits with 1 when there is no server, and with -e when a reply is an error', async () => {
    const { port, close } = await startTestServer()
    const p = ['-p', String(port)]
    expect((await cli([...p, 'nonsense'])).code).toBe(0)
    expect((await cli([...p, '-e', 'nonsense'])).code).toBe(1)
    expect((await cli([...p, '-e'], 'nonsense\nset a 1\n')).printed).not.toContain('OK')
    await close()
    const refused = await cli([...p, 'ping'])
    expect(refused.code).toBe(1)
    expect(refused.complaints[0]).toMatch(/^Could not connect to 127\.0\.0\.1:\d+: .*ECONNREFUSED/)
    expect((await cli(['--nonsense'])).code).toBe(1)
  })

  test('logs in', async () => {
    const { port } = await startTestServer({ password: 'secret' })
    const p = ['-p', String(port)]
    expect((await cli([...p, '-a', 'secret', 'ping'])).printed).toBe('PONG\n')
    expect((await cli([...p, '--user', 'default', '--pass', 'secret', '-3', 'ping'])).printed).toBe('PONG\n')
    expect((await cli([...p, '-a', 'wrong', 'ping'])).printed).toMatch(/^AUTH failed: WRONGPASS .*\nNOAUTH /)
  })

  test('prints messages until the server closes the connection', async () => {
    const server = await startTestServer()
    const reading = cli(['-p', String(server.port), 'subscribe', 'news'])
    const publisher = await RawConnection.open(server.port)
    await eventually(async () => {
      publisher.send('PUBLISH news hello\r\n')
      return (await publisher.takeLine()) === ':1\r\n'
    })
    await server.close()
    expect(await reading).toEqual({
      code: 1,
      printed: 'subscribe\nnews\n1\nmessage\nnews\nhello\n',
      complaints: ['Server closed the connection'],
    })
  })
})

describe.skipIf(redisCliMissing())('prints as redis-cli does', () => {
  const COMMANDS: readonly (readonly string[])[] = [
    ['flushall'],
    ['eval', 'return {1,{2,"a\\nb",{}},{"x",false,{err="ERR no"}},""}', '0'],
    ['eval', 'local t = {} for i = 1, 11 do t[i] = {i} end return t', '0'],
    ['set', 'text', '\u00e9\\"\t\u0007'],
    ['get', 'text'],
    ['get', 'nothing'],
    ['hset', 'h', 'f', '1', 'g', 'w'],
    ['hgetall', 'h'],
    ['hgetall', 'nothing'],
    ['sadd', 's', 'x'],
    ['smembers', 's'],
    ['smembers', 'nothing'],
    ['zadd', 'z', '1.5', 'x'],
    ['zscore', 'z', 'x'],
    ['zrange', 'z', '0', '-1', 'withscores'],
    ['debug', 'protocol', 'verbatim'],
    ['debug', 'protocol', 'true'],
    ['debug', 'protocol', 'null'],
    ['client', 'list', 'id', '77'],
    ['info', 'cluster'],
    ['info', 'modules'],
    ['nonsense'],
    ['lrange', 'nothing', '0', '-1'],
  ]
  for (const options of [['--no-raw'], ['--raw'], ['-3', '--no-raw'], ['-3', '--raw'], ['--json']]) {
    test(options.join(' '), async () => {
      const { port } = await startTestServer({ config: { 'enable-debug-command': 'yes' } })
      const p = ['-p', String(port), ...options]
      // The server is in this process: one run of redis-cli reads all commands from its input.
      const input = COMMANDS.map((words) =>
        words.map((word) => JSON.stringify(word).replace(/\\u0007/g, '\\a')).join(' '),
      ).join('\n')
      const ours = await cli(p, input)
      const theirs = await redisCli(p, input)
      expect(ours.printed).toBe(theirs.printed)
    })
  }
})

describe('replies', () => {
  test('are read in pieces of any size', () => {
    const text =
      '*3\r\n$3\r\na\r\n\r\n%1\r\n+k\r\n~2\r\n:1\r\n#t\r\n$-1\r\n>1\r\n=5\r\ntxt:x\r\n*0\r\n*-1\r\n-ERR no\r\n'
    const read = (pieces: readonly Buffer[]): Reply[] => {
      const replies: Reply[] = []
      const reader = new TypedReplyReader((reply) => replies.push(reply))
      for (const piece of pieces) reader.feed(piece)
      return replies
    }
    const bytes = Buffer.from(text)
    const whole = read([bytes])
    expect(whole.map(({ type }) => type)).toEqual(['*', '>', '*', '_', '-'])
    expect(whole[0]!.items.map(({ type }) => type)).toEqual(['$', '%', '_'])
    for (let i = 1; i < bytes.length; i++) expect(read([bytes.subarray(0, i), bytes.subarray(i)])).toEqual(whole)
    expect(read(Array.from(bytes, (byte) => Buffer.from([byte])))).toEqual(whole)
  })
})
