import { describe, expect, test } from 'vitest'
import { createEngine, encode, type TestClient } from '../../support/engine.ts'

/** The fields of a line of CLIENT LIST. */
function fieldsOf(line: string): Record<string, string> {
  return Object.fromEntries(
    line
      .trim()
      .split(' ')
      .map((field) => {
        const at = field.indexOf('=')
        return [field.slice(0, at), field.slice(at + 1)]
      }),
  )
}

/** The lines of a RESP2 reply. */
function linesOf(reply: string): Record<string, string>[] {
  return reply
    .slice(reply.indexOf('\r\n') + 2, -2)
    .split('\n')
    .filter((line) => line !== '')
    .map(fieldsOf)
}

const ids = (reply: string): number[] => linesOf(reply).map(({ id }) => Number(id))

describe('CLIENT LIST and INFO', () => {
  test('a line has every field of Redis 7.2 in its order', () => {
    const { connect, clock } = createEngine()
    const client = connect()
    client.ask('CLIENT', 'SETNAME', 'bob')
    client.ask('CLIENT', 'SETINFO', 'LIB-NAME', 'lib')
    client.ask('CLIENT', 'SETINFO', 'lib-ver', '1.2')
    client.ask('SELECT', '3')
    clock.advance(5000)
    const { id } = client.client
    expect(client.ask('CLIENT', 'INFO').replace(/tot-mem=\d+/, 'tot-mem=N')).toMatch(
      new RegExp(
        `^\\$\\d+\r\nid=${id} addr=127.0.0.1:50000 laddr=127.0.0.1:6379 fd=8 name=bob age=5 idle=0 flags=N db=3 sub=0 psub=0 ssub=0 ` +
          'multi=-1 qbuf=26 qbuf-free=0 argv-mem=10 multi-mem=0 rbs=0 rbp=0 obl=0 oll=0 omem=0 tot-mem=N events=r ' +
          'cmd=client\\|info user=default redir=-1 resp=2 lib-name=lib lib-ver=1.2\n\r\n$',
      ),
    )
  })

  test('is verbatim text in RESP3', () => {
    const client = createEngine().connect(3)
    expect(client.ask('CLIENT', 'INFO')).toMatch(/^=\d+\r\ntxt:id=\d+ .* resp=3 lib-name= lib-ver=\n\r\n$/)
    expect(client.ask('CLIENT', 'LIST', 'ID', '9999')).toBe('=4\r\ntxt:\r\n')
  })

  test('lists all, some by id, or those of a type', () => {
    const { connect } = createEngine()
    const clients = [connect(), connect(), connect()] as [TestClient, TestClient, TestClient]
    const [a, b, c] = clients.map(({ client }) => client.id) as [number, number, number]
    clients[1].ask('SUBSCRIBE', 'c')
    expect(ids(clients[0].ask('CLIENT', 'LIST'))).toEqual([a, b, c])
    expect(ids(clients[0].ask('CLIENT', 'LIST', 'ID', c, '777', a))).toEqual([c, a])
    expect(ids(clients[0].ask('CLIENT', 'LIST', 'TYPE', 'pubsub'))).toEqual([b])
    expect(ids(clients[0].ask('CLIENT', 'LIST', 'TYPE', 'NORMAL'))).toEqual([a, c])
    expect(clients[0].ask('CLIENT', 'LIST', 'TYPE', 'replica')).toBe('$0\r\n\r\n')
    expect(clients[0].ask('CLIENT', 'LIST', 'TYPE', 'slave')).toBe('$0\r\n\r\n')
    expect(clients[0].ask('CLIENT', 'LIST', 'TYPE', 'master')).toBe('$0\r\n\r\n')
  })

  test('refuses what it does not know in Redis’s words', () => {
    const client = createEngine().connect()
    expect(client.ask('CLIENT', 'LIST', 'TYPE', 'foo')).toBe("-ERR Unknown client type 'foo'\r\n")
    expect(client.ask('CLIENT', 'LIST', 'ID', 'x')).toBe('-ERR Invalid client ID\r\n')
    for (const words of [['ID'], ['TYPE'], ['FOO'], ['TYPE', 'normal', 'x']]) {
      expect(client.ask('CLIENT', 'LIST', ...words)).toBe('-ERR syntax error\r\n')
    }
    expect(client.ask('CLIENT', 'foo')).toBe("-ERR unknown subcommand 'foo'. Try CLIENT HELP.\r\n")
    expect(client.ask('CLIENT')).toBe("-ERR wrong number of arguments for 'client' command\r\n")
  })

  test('flags tell the state of a connection', () => {
    const { connect, engine } = createEngine()
    const [watcher, client] = [connect(), connect()]
    const flags = (): string => linesOf(watcher.ask('CLIENT', 'LIST', 'ID', client.client.id))[0]!.flags!
    expect(flags()).toBe('N')
    client.ask('CLIENT', 'NO-EVICT', 'on')
    client.ask('CLIENT', 'NO-TOUCH', 'on')
    expect(flags()).toBe('eT')
    client.ask('SUBSCRIBE', 'a', 'b')
    client.ask('PSUBSCRIBE', 'a')
    expect(flags()).toBe('PeT')
    expect(linesOf(watcher.ask('CLIENT', 'LIST', 'ID', client.client.id))[0]).toMatchObject({ sub: '2', psub: '1' })
    client.ask('RESET')
    engine.conditions.pause.begin('client', 'write', engine.environment.clock.now() + 1000)
    client.ask('SET', 'k', 'v')
    expect(flags()).toBe('b')
  })

  test('tells what a client has not taken yet', () => {
    const { connect } = createEngine()
    const [watcher, client] = [connect(), connect()]
    client.backlogBytes = 1234
    const [line] = linesOf(watcher.ask('CLIENT', 'LIST', 'ID', client.client.id))
    expect(line).toMatchObject({ omem: '1234', oll: '1', events: 'rw' })
  })
})

describe('CLIENT ID, SETNAME, GETNAME, SETINFO', () => {
  test('ids count up', () => {
    const { connect } = createEngine()
    const first = Number(connect().ask('CLIENT', 'ID').slice(1))
    expect(connect().ask('CLIENT', 'ID')).toBe(`:${first + 1}\r\n`)
  })

  test('a name is given, told and taken away', () => {
    const { connect } = createEngine()
    const client = connect()
    expect(client.ask('CLIENT', 'GETNAME')).toBe('$-1\r\n')
    expect(connect(3).ask('CLIENT', 'GETNAME')).toBe('_\r\n')
    expect(client.ask('CLIENT', 'SETNAME', 'bob')).toBe('+OK\r\n')
    expect(client.ask('CLIENT', 'GETNAME')).toBe('$3\r\nbob\r\n')
    expect(client.ask('CLIENT', 'SETNAME', 'a b')).toBe(
      '-ERR Client names cannot contain spaces, newlines or special characters.\r\n',
    )
    expect(client.ask('CLIENT', 'SETNAME', '')).toBe('+OK\r\n')
    expect(client.ask('CLIENT', 'GETNAME')).toBe('$-1\r\n')
    // Only what stands before a zero byte is looked at, and listed.
    expect(client.ask('CLIENT', 'SETNAME', 'a\0b c')).toBe('+OK\r\n')
    expect(client.ask('CLIENT', 'GETNAME')).toBe('$5\r\na\0b c\r\n')
    expect(client.ask('CLIENT', 'LIST')).toContain(' name=a age=')
  })

  test('SETINFO takes the library and refuses anything else', () => {
    const client = createEngine().connect()
    expect(client.ask('CLIENT', 'SETINFO', 'lib-name', 'ioredis')).toBe('+OK\r\n')
    expect(client.client.identity.libraryName).toBe('ioredis')
    expect(client.ask('CLIENT', 'SETINFO', 'lib-foo', 'x')).toBe("-ERR Unrecognized option 'lib-foo'\r\n")
    expect(client.ask('CLIENT', 'SETINFO', 'Lib-Ver', 'a b')).toBe(
      '-ERR Lib-Ver cannot contain spaces, newlines or special characters.\r\n',
    )
  })
})

describe('CLIENT KILL', () => {
  test('by address may end one’s own connection, after the reply', () => {
    const client = createEngine().connect()
    expect(client.ask('CLIENT', 'KILL', '1.2.3.4:5')).toBe('-ERR No such client\r\n')
    expect(client.ask('CLIENT', 'KILL', client.address)).toBe('+OK\r\n')
    expect(client.closed).toBe('flushed')
  })

  test('with filters ends all others that pass, and counts them', () => {
    const { connect } = createEngine()
    const [self, a, b, c] = [connect(), connect(), connect(), connect()]
    b.ask('SUBSCRIBE', 'c')
    expect(self.ask('CLIENT', 'KILL', 'TYPE', 'pubsub', 'ID', a.client.id)).toBe(':0\r\n')
    expect(self.ask('CLIENT', 'KILL', 'TYPE', 'pubsub', 'USER', 'default')).toBe(':1\r\n')
    expect([a.closed, b.closed, c.closed]).toEqual([undefined, 'now', undefined])
    expect(self.ask('CLIENT', 'KILL', 'ID', c.client.id)).toBe(':1\r\n')
    expect(self.ask('CLIENT', 'KILL', 'LADDR', '127.0.0.1:6379')).toBe(':1\r\n')
    expect(a.closed).toBe('now')
    expect(self.ask('CLIENT', 'KILL', 'ADDR', self.address, 'SKIPME', 'no')).toBe(':1\r\n')
    expect(self.closed).toBe('flushed')
  })

  test('refuses what it does not know in Redis’s words', () => {
    const client = createEngine().connect()
    const errors: [string[], string][] = [
      [['ID', '0'], 'client-id should be greater than 0'],
      [['ID', 'x'], 'client-id should be greater than 0'],
      [['TYPE', 'foo'], "Unknown client type 'foo'"],
      [['USER', 'foo'], "No such user 'foo'"],
      [['SKIPME', 'maybe'], 'syntax error'],
      [['ADDR', 'x', 'ID'], 'syntax error'],
      [['FOO', 'x'], 'syntax error'],
      [['ID'], 'No such client'],
    ]
    for (const [words, error] of errors) expect(client.ask('CLIENT', 'KILL', ...words)).toBe(`-ERR ${error}\r\n`)
    expect(client.ask('CLIENT', 'KILL')).toBe("-ERR wrong number of arguments for 'client|kill' command\r\n")
  })

  test('a client that is held by a pause can be ended', () => {
    const { connect, engine } = createEngine()
    const [self, held] = [connect(), connect()]
    self.ask('CLIENT', 'PAUSE', '1000', 'WRITE')
    held.ask('SET', 'k', 'v')
    expect(self.ask('CLIENT', 'KILL', 'ID', held.client.id)).toBe(':1\r\n')
    engine.conditions.pause.end('client')
    engine.endTurn()
    expect(self.ask('GET', 'k')).toBe('$-1\r\n')
  })
})

describe('CLIENT REPLY', () => {
  test('OFF silences everything until ON', () => {
    const client = createEngine().connect()
    expect(client.ask('CLIENT', 'REPLY', 'OFF')).toBe('')
    expect(client.ask('PING')).toBe('')
    expect(client.ask('nope')).toBe('')
    expect(client.ask('GET')).toBe('')
    expect(client.ask('CLIENT', 'REPLY', 'SKIP')).toBe('')
    expect(client.ask('CLIENT', 'REPLY', 'ON')).toBe('+OK\r\n')
    expect(client.ask('PING')).toBe('+PONG\r\n')
  })

  test('SKIP silences one command', () => {
    const client = createEngine().connect()
    expect(
      client.sendRaw(
        encode(['PING']) + encode(['CLIENT', 'REPLY', 'SKIP']) + encode(['ECHO', 'a']) + encode(['ECHO', 'b']),
      ),
    ).toBe('+PONG\r\n$1\r\nb\r\n')
    client.ask('CLIENT', 'REPLY', 'SKIP')
    client.ask('CLIENT', 'REPLY', 'SKIP')
    expect(client.ask('nope')).toBe('')
    expect(client.ask('PING')).toBe('+PONG\r\n')
  })

  test('subscriptions are confirmed and messages arrive all the same', () => {
    const { connect } = createEngine()
    const [client, publisher] = [connect(3), connect()]
    client.ask('CLIENT', 'REPLY', 'OFF')
    expect(client.ask('SUBSCRIBE', 'c')).toBe('>3\r\n$9\r\nsubscribe\r\n$1\r\nc\r\n:1\r\n')
    expect(client.ask('PING')).toBe('')
    publisher.ask('PUBLISH', 'c', 'm')
    expect(client.received()).toBe('>3\r\n$7\r\nmessage\r\n$1\r\nc\r\n$1\r\nm\r\n')
    expect(client.ask('PUBLISH', 'c', 'm')).toBe('>3\r\n$7\r\nmessage\r\n$1\r\nc\r\n$1\r\nm\r\n')
    expect(client.ask('UNSUBSCRIBE')).toBe('>3\r\n$11\r\nunsubscribe\r\n$1\r\nc\r\n:0\r\n')
  })

  test('a request held by a pause is still silent when it runs', () => {
    const { connect, engine } = createEngine()
    const [client, other] = [connect(), connect()]
    other.ask('CLIENT', 'PAUSE', '1000', 'WRITE')
    client.sendRaw(encode(['CLIENT', 'REPLY', 'SKIP']) + encode(['SET', 'k', 'v']) + encode(['PING']))
    engine.conditions.pause.end('client')
    expect(client.received()).toBe('+PONG\r\n')
    expect(client.ask('GET', 'k')).toBe('$1\r\nv\r\n')
  })

  test('refuses what it does not know', () => {
    const client = createEngine().connect()
    expect(client.ask('CLIENT', 'REPLY', 'foo')).toBe('-ERR syntax error\r\n')
    expect(client.ask('CLIENT', 'NO-EVICT', 'foo')).toBe('-ERR syntax error\r\n')
    expect(client.ask('CLIENT', 'NO-TOUCH', 'foo')).toBe('-ERR syntax error\r\n')
  })
})

describe('CLIENT UNBLOCK', () => {
  test('answers 0 for a client that does not wait, or does not exist', () => {
    const client = createEngine().connect()
    expect(client.ask('CLIENT', 'UNBLOCK', client.client.id)).toBe(':0\r\n')
    expect(client.ask('CLIENT', 'UNBLOCK', '9999', 'ERROR')).toBe(':0\r\n')
    expect(client.ask('CLIENT', 'UNBLOCK', 'x')).toBe('-ERR value is not an integer or out of range\r\n')
    expect(client.ask('CLIENT', 'UNBLOCK', '1', 'foo')).toBe(
      '-ERR CLIENT UNBLOCK reason should be TIMEOUT or ERROR\r\n',
    )
    expect(client.ask('CLIENT', 'UNBLOCK', '1', 'ERROR', 'x')).toBe(
      "-ERR unknown subcommand or wrong number of arguments for 'UNBLOCK'. Try CLIENT HELP.\r\n",
    )
  })

  test.each([
    ['TIMEOUT', '*-1\r\n'],
    ['ERROR', '-UNBLOCKED client unblocked via CLIENT UNBLOCK\r\n'],
  ])('%s lets a waiting client go on', (reason, reply) => {
    const { connect } = createEngine()
    const [waiter, client] = [connect(), connect()]
    expect(waiter.sendRaw(encode(['BLPOP', 'list', '0']) + encode(['PING']))).toBe('')
    expect(client.ask('CLIENT', 'UNBLOCK', waiter.client.id, reason)).toBe(':1\r\n')
    expect(waiter.received()).toBe(`${reply}+PONG\r\n`)
  })
})
