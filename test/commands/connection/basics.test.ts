import { describe, expect, test } from 'vitest'
import { REDIS_VERSION } from '../../../src/config/version.ts'
import { createEngine, encode } from '../../support/engine.ts'

const WRONG_PASSWORD = '-WRONGPASS invalid username-password pair or user is disabled.\r\n'
const NO_AUTH = '-NOAUTH Authentication required.\r\n'

describe.each([2, 3] as const)('RESP%i', (protocol) => {
  test('PING answers PONG or its message', () => {
    const client = createEngine().connect(protocol)
    expect(client.ask('PING')).toBe('+PONG\r\n')
    expect(client.ask('PING', 'a\r\nb')).toBe('$4\r\na\r\nb\r\n')
    expect(client.ask('PING', '')).toBe('$0\r\n\r\n')
    expect(client.ask('PING', 'a', 'b')).toBe("-ERR wrong number of arguments for 'ping' command\r\n")
  })

  test('ECHO answers its message', () => {
    const client = createEngine().connect(protocol)
    expect(client.ask('ECHO', '\x00\xff')).toBe('$2\r\n\x00\xff\r\n')
    expect(client.ask('ECHO')).toBe("-ERR wrong number of arguments for 'echo' command\r\n")
  })

  test('SELECT changes the database of this connection only', () => {
    const { connect } = createEngine()
    const [client, other] = [connect(protocol), connect(protocol)]
    expect(client.ask('SELECT', '3')).toBe('+OK\r\n')
    client.ask('SET', 'k', 'v')
    expect(client.ask('GET', 'k')).toBe('$1\r\nv\r\n')
    expect(other.client.database).toBe(0)
    expect(other.ask('GET', 'k')).toBe(protocol === 2 ? '$-1\r\n' : '_\r\n')
  })
})

test('SELECT refuses what is no database', () => {
  const client = createEngine().connect()
  const outOfRange = '-ERR DB index is out of range\r\n'
  expect(client.ask('SELECT', '16')).toBe(outOfRange)
  expect(client.ask('SELECT', '-1')).toBe(outOfRange)
  expect(client.ask('SELECT', 'x')).toBe('-ERR value is not an integer or out of range\r\n')
  expect(client.ask('SELECT', '99999999999')).toBe(
    '-ERR value is out of range, value must between -2147483648 and 2147483647\r\n',
  )
  expect(client.client.database).toBe(0)
})

test('QUIT is answered, nothing after it is', () => {
  const client = createEngine().connect()
  expect(client.sendRaw(encode(['PING']) + encode(['QUIT']) + encode(['PING']))).toBe('+PONG\r\n+OK\r\n')
  expect(client.closed).toBe('flushed')
})

describe('AUTH', () => {
  test('without a password set says so, unless a user is named', () => {
    const client = createEngine().connect()
    expect(client.ask('AUTH', 'x')).toBe(
      '-ERR AUTH <password> called without any password configured for the default user. Are you sure your configuration is correct?\r\n',
    )
    expect(client.ask('AUTH', 'default', 'anything')).toBe('+OK\r\n')
    expect(client.ask('AUTH', 'somebody', 'x')).toBe(WRONG_PASSWORD)
    expect(client.ask('AUTH', 'a', 'b', 'c')).toBe('-ERR syntax error\r\n')
  })

  test('lets in with the password, by itself or with the user', () => {
    const { connect } = createEngine({ requirepass: 'secret' })
    for (const words of [['secret'], ['default', 'secret']]) {
      const client = connect()
      expect(client.ask('GET', 'k')).toBe(NO_AUTH)
      expect(client.ask('AUTH', 'wrong')).toBe(WRONG_PASSWORD)
      expect(client.ask('GET', 'k')).toBe(NO_AUTH)
      expect(client.ask('AUTH', ...words)).toBe('+OK\r\n')
      expect(client.ask('GET', 'k')).toBe('$-1\r\n')
    }
  })

  test('a password set later concerns only later clients; removing it concerns all clients', () => {
    const { connect, engine } = createEngine()
    const early = connect()
    engine.config.set('requirepass', 'secret')
    const late = connect()
    expect(early.ask('PING')).toBe('+PONG\r\n')
    expect(late.ask('PING')).toBe(NO_AUTH)
    engine.config.set('requirepass', 'changed')
    expect(late.ask('AUTH', 'secret')).toBe(WRONG_PASSWORD)
    engine.config.set('requirepass', '')
    expect(late.ask('PING')).toBe('+PONG\r\n')
  })

  test('before it, an unknown command is refused as such and QUIT works', () => {
    const { connect } = createEngine({ requirepass: 'secret' })
    const client = connect()
    expect(client.ask('nope')).toMatch(/^-ERR unknown command/)
    expect(client.ask('RESET')).toBe('+RESET\r\n')
    expect(client.ask('QUIT')).toBe('+OK\r\n')
  })
})

describe('HELLO', () => {
  const fields = (protocol: number, id: number): string =>
    `$6\r\nserver\r\n$5\r\nredis\r\n$7\r\nversion\r\n$${REDIS_VERSION.length}\r\n${REDIS_VERSION}\r\n$5\r\nproto\r\n:${protocol}\r\n` +
    `$2\r\nid\r\n:${id}\r\n$4\r\nmode\r\n$10\r\nstandalone\r\n$4\r\nrole\r\n$6\r\nmaster\r\n$7\r\nmodules\r\n*0\r\n`

  test('chooses the protocol and answers in it', () => {
    const client = createEngine().connect()
    const { id } = client.client
    expect(client.ask('HELLO')).toBe(`*14\r\n${fields(2, id)}`)
    expect(client.ask('HELLO', '3')).toBe(`%7\r\n${fields(3, id)}`)
    expect(client.ask('GET', 'k')).toBe('_\r\n')
    expect(client.ask('HELLO')).toBe(`%7\r\n${fields(3, id)}`)
    expect(client.ask('HELLO', '2')).toBe(`*14\r\n${fields(2, id)}`)
    expect(client.ask('GET', 'k')).toBe('$-1\r\n')
  })

  test('takes effect in the middle of a pipeline', () => {
    const client = createEngine().connect()
    const { id } = client.client
    expect(client.sendRaw(encode(['GET', 'k']) + encode(['HELLO', '3']) + encode(['GET', 'k']))).toBe(
      `$-1\r\n%7\r\n${fields(3, id)}_\r\n`,
    )
  })

  test('refuses versions and options it does not know', () => {
    const client = createEngine().connect()
    expect(client.ask('HELLO', '4')).toBe('-NOPROTO unsupported protocol version\r\n')
    expect(client.ask('HELLO', '2.0')).toBe('-ERR Protocol version is not an integer or out of range\r\n')
    expect(client.ask('HELLO', '3', 'foo')).toBe("-ERR Syntax error in HELLO option 'foo'\r\n")
    expect(client.ask('HELLO', '3', 'AUTH', 'x')).toBe("-ERR Syntax error in HELLO option 'AUTH'\r\n")
    expect(client.ask('HELLO', '3', 'SETNAME')).toBe("-ERR Syntax error in HELLO option 'SETNAME'\r\n")
    expect(client.ask('HELLO', '3', 'SETNAME', 'a b')).toBe(
      '-ERR Client names cannot contain spaces, newlines or special characters.\r\n',
    )
    expect(client.client.protocol).toBe(2)
  })

  test('authenticates and names in one request', () => {
    const client = createEngine({ requirepass: 'secret' }).connect()
    expect(client.ask('HELLO', '3')).toBe(
      '-NOAUTH HELLO must be called with the client already authenticated, otherwise the HELLO <proto> AUTH <user> <pass> option can be used to authenticate the client and select the RESP protocol version at the same time\r\n',
    )
    expect(client.ask('HELLO', '3', 'AUTH', 'default', 'wrong', 'SETNAME', 'bob')).toBe(WRONG_PASSWORD)
    expect(client.client.identity.name).toBe('')
    expect(client.ask('hello', '3', 'setname', 'bob', 'auth', 'default', 'secret')).toMatch(/^%7/)
    expect(client.client.identity.name).toBe('bob')
    expect(client.ask('GET', 'k')).toBe('_\r\n')
  })
})

describe('RESET', () => {
  test('puts the connection back into its first state', () => {
    const { connect, engine } = createEngine()
    const client = connect(3)
    client.ask('SELECT', '2')
    client.ask('CLIENT', 'SETNAME', 'bob')
    client.ask('CLIENT', 'SETINFO', 'LIB-NAME', 'lib')
    client.ask('CLIENT', 'NO-TOUCH', 'on')
    client.ask('SUBSCRIBE', 'c')
    client.ask('PSUBSCRIBE', 'c*')
    client.ask('SSUBSCRIBE', 'c')
    expect(client.ask('RESET')).toBe('+RESET\r\n')
    expect(client.ask('GET', 'k')).toBe('$-1\r\n')
    expect(client.client).toMatchObject({ database: 0, protocol: 2, state: 0 })
    expect(client.client.identity).toMatchObject({ name: '', libraryName: 'lib' })
    const { pubSub } = engine.clients
    expect(pubSub.count('channel') + pubSub.count('pattern') + pubSub.count('shard')).toBe(0)
  })

  test('leaves RESP2’s subscribed mode', () => {
    const client = createEngine().connect()
    client.ask('SUBSCRIBE', 'c')
    client.ask('RESET')
    expect(client.ask('GET', 'k')).toBe('$-1\r\n')
  })

  test('asks for the password again', () => {
    const client = createEngine({ requirepass: 'secret' }).connect()
    client.ask('AUTH', 'secret')
    client.ask('RESET')
    expect(client.ask('GET', 'k')).toBe(NO_AUTH)
  })

  test('is heard even by a client that wanted no replies', () => {
    const client = createEngine().connect()
    client.ask('CLIENT', 'REPLY', 'OFF')
    expect(client.ask('RESET')).toBe('+RESET\r\n')
    expect(client.ask('PING')).toBe('+PONG\r\n')
  })
})
