// Users in this engine: what is bounded, what costs nothing, what files hold. What Redis says of the same is compared in
// test/differential/acl.test.ts.

import { existsSync, readFileSync, statSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { expect, test } from 'vitest'
import { LOGGED_BYTES_MAX } from '../../src/acl/access-log.ts'
import { CLIENT_RESTRICTED } from '../../src/engine/clients/client.ts'
import { UsersError } from '../../src/server/boot/errors.ts'
import { loadUsers } from '../../src/server/boot/load-users.ts'
import { createEngine, TestClient } from '../support/engine.ts'
import { temporaryDirectory } from '../support/server.ts'

const OK = '+OK\r\n'

test('only who may not do everything is looked at, from the change of the rules on', () => {
  const { connect } = createEngine()
  const admin = connect()
  const client = connect()
  admin.ask('ACL', 'SETUSER', 'alice', 'on', 'nopass', '+@all', '~*', '&*')
  expect(client.ask('AUTH', 'alice', 'x')).toBe(OK)
  expect(client.client.state & CLIENT_RESTRICTED).toBe(0)
  admin.ask('ACL', 'SETUSER', 'alice', '-get')
  expect(client.client.state & CLIENT_RESTRICTED).not.toBe(0)
  expect(client.ask('GET', 'k')).toBe("-NOPERM User alice has no permissions to run the 'get' command\r\n")
  // All of it in one selector is everything again.
  admin.ask('ACL', 'SETUSER', 'alice', '(+@all ~* &*)')
  expect(client.client.state & CLIENT_RESTRICTED).toBe(0)
  expect(client.ask('GET', 'k')).toBe('$-1\r\n')
})

test('a caller within the program may do everything until it logs in as another user', () => {
  const { connect, engine } = createEngine()
  const internal = new TestClient(engine, 2, 'internal')
  const admin = connect()
  admin.ask('ACL', 'SETUSER', 'bob', 'on', 'nopass', '+auth')
  admin.ask('ACL', 'SETUSER', 'default', '-@all')
  expect(admin.ask('GET', 'k')).toMatch(/^-NOPERM/)
  expect(internal.ask('GET', 'k')).toBe('$-1\r\n')
  expect(internal.ask('AUTH', 'bob', 'x')).toBe(OK)
  expect(internal.ask('GET', 'k')).toMatch(/^-NOPERM/)
})

test('requirepass is the password of the default user; one that ACL SETUSER gave stays when it is said again', () => {
  const { connect, engine } = createEngine({ requirepass: 'one' })
  const client = connect()
  expect(client.ask('AUTH', 'one')).toBe(OK)
  client.ask('ACL', 'SETUSER', 'default', '>two')
  engine.config.set('requirepass', 'one')
  expect(connect().ask('AUTH', 'two')).toBe(OK)
  engine.config.set('requirepass', 'three')
  expect(connect().ask('AUTH', 'two')).toMatch(/^-WRONGPASS/)
  expect(connect().ask('AUTH', 'default', 'three')).toBe(OK)
  engine.config.set('requirepass', '')
  expect(connect().ask('ACL', 'WHOAMI')).toBe('$7\r\ndefault\r\n')
})

test('ACL LOG holds a bounded number of entries, and of each name what is worth reading', () => {
  const { clock, connect, engine } = createEngine({ 'acllog-max-len': '5' })
  const client = connect()
  for (let i = 0; i < 200; i++) client.ask('AUTH', `user ${i}\r\n${'x'.repeat(10_000)}`, 'x')
  const entries = engine.clients.users.log.newest(100)
  expect(entries.map(({ username }) => username.slice(0, 8))).toEqual([199, 198, 197, 196, 195].map((i) => `user ${i}`))
  for (const { username } of entries) expect(username.length).toBe(LOGGED_BYTES_MAX)
  expect(engine.figures.stats.accessDenied.auth).toBe(200)
  // The same within a minute is counted, later it is another entry.
  for (let i = 0; i < 3; i++) client.ask('AUTH', 'eve', 'x')
  clock.advance(60_001)
  client.ask('AUTH', 'eve', 'x')
  expect(engine.clients.users.log.newest(3).map(({ count, username }) => `${username.slice(0, 4)} ${count}`)).toEqual([
    'eve 1',
    'eve 3',
    'user 1',
  ])
})

test('a rule that would make more than one word of a line is refused', () => {
  const client = createEngine().connect()
  for (const rule of ['+select|a b', '+select|"', '~a b', '%']) {
    expect(client.ask('ACL', 'SETUSER', 'alice', rule)).toBe(
      `-ERR Error in ACL SETUSER modifier '${rule}': Syntax error\r\n`,
    )
  }
  expect(client.ask('ACL', 'SETUSER', 'al\rice', 'on')).toMatch(/^-ERR Usernames can't contain/)
  expect(client.ask('ACL', 'GETUSER', 'alice')).toBe('$-1\r\n')
})

test('refusals are logged every ten seconds at most, without what was refused', () => {
  const { clock, connect, engine } = createEngine()
  const lines: string[] = []
  Object.assign(engine.environment, {
    log: { ...engine.environment.log, warn: (details: object) => lines.push(JSON.stringify(details)) },
  })
  const client = connect()
  for (let i = 0; i < 5; i++) client.ask('AUTH', 'eve', 'secret')
  clock.advance(10_000)
  client.ask('AUTH', 'eve', 'secret')
  const line = (count: number) => `{"reason":"auth","user":"default","client":"127.0.0.1:50000","count":${count}}`
  expect(lines).toEqual([line(1), line(5)])
})

test('thousands of patterns and selectors are taken, told and asked in no time to speak of', () => {
  const { connect } = createEngine()
  const admin = connect()
  const client = connect()
  const many = Array.from({ length: 3000 }, (_, i) => i)
  admin.ask(
    'ACL',
    'SETUSER',
    'alice',
    'on',
    'nopass',
    '+@all',
    ...many.map((i) => `~k${i}`),
    ...many.map((i) => `+select|${i}`),
  )
  admin.ask('ACL', 'SETUSER', 'alice', ...many.slice(0, 1000).map((i) => `(+get ~s${i})`))
  client.ask('AUTH', 'alice', 'x')
  expect(client.ask('GET', 'k2999')).toBe('$-1\r\n')
  expect(client.ask('GET', 's999')).toBe('$-1\r\n')
  expect(client.ask('GET', 'none')).toBe('-NOPERM No permissions to access a key\r\n')
})

test('a relative ACL file lies in dir, wherever that is at the time', () => {
  const [first, second] = [temporaryDirectory(), temporaryDirectory()]
  const { connect, engine } = createEngine({ aclfile: 'users.acl', dir: first })
  const admin = connect()
  admin.ask('ACL', 'SETUSER', 'alice', 'on')
  expect(admin.ask('ACL', 'SAVE')).toBe(OK)
  expect(existsSync(join(first, 'users.acl'))).toBe(true)
  expect(admin.ask('ACL', 'LOAD')).toBe(OK)
  engine.config.set('dir', second)
  expect(admin.ask('ACL', 'LOAD')).toBe(
    "-ERR Error loading ACLs, opening file 'users.acl': No such file or directory\r\n",
  )
  expect(admin.ask('ACL', 'SAVE')).toBe(OK)
  expect(existsSync(join(second, 'users.acl'))).toBe(true)
})

test('ACL SAVE and ACL LOAD: what was saved is loaded, others are disconnected, a new file is for its owner alone', () => {
  const file = join(temporaryDirectory(), 'users.acl')
  const { connect, engine } = createEngine({ aclfile: file })
  const admin = connect()
  admin.ask('ACL', 'SETUSER', 'alice', 'on', '>secret', '~k*', '+get', '(%R~x +mget)')
  const list = admin.ask('ACL', 'LIST')
  expect(admin.ask('ACL', 'SAVE')).toBe(OK)
  expect(statSync(file).mode & 0o777).toBe(0o600)
  const alice = connect()
  alice.ask('AUTH', 'alice', 'secret')
  admin.ask('ACL', 'SETUSER', 'bob', 'on')
  expect(admin.ask('ACL', 'LOAD')).toBe(OK)
  expect(admin.ask('ACL', 'LIST')).toBe(list)
  expect(alice.closed).toBe('now')
  expect(engine.clients.users.get('bob')).toBeUndefined()
})

test('users stand in the config file or in a file of their own, not in both; a mistake says what, but no password', () => {
  const file = join(temporaryDirectory(), 'users.acl')
  writeFileSync(file, 'user alice on\n')
  const { engine } = createEngine()
  loadUsers(engine, [
    ['alice', 'on', '>secret', '(+get', '~k)'],
    ['default', 'on', '>x', '+@all'],
  ])
  expect(engine.clients.users.sorted().map(({ name }) => name)).toEqual(['alice', 'default'])
  expect(engine.clients.users.isOpen).toBe(false)
  const refused: [string[][], string][] = [
    [[['a b']], 'Spaces not allowed in ACL usernames'],
    [
      [['a', '+none']],
      "Error loading ACL rule '+none' for the user named 'a': Unknown command or category name in ACL",
    ],
    [
      [['a', '<secret']],
      "Error loading ACL rule '<…' for the user named 'a': The password you are trying to remove from the user does not exist",
    ],
    [[['a', '(+get']], "Error in user declaration 'a': Syntax error"],
  ]
  for (const [users, message] of refused) {
    expect(() => loadUsers(createEngine().engine, users)).toThrow(new UsersError(message))
  }
  expect(() => loadUsers(createEngine({ aclfile: file }).engine, [['a']])).toThrow(UsersError)
  const other = createEngine({ aclfile: file }).engine
  loadUsers(other, [])
  expect(other.clients.users.get('alice')?.enabled).toBe(true)
  expect(() => loadUsers(createEngine({ aclfile: `${file}.none` }).engine, [])).toThrow(/No such file or directory/)
})

test('CONFIG REWRITE keeps users as lines of the config file', () => {
  const file = join(temporaryDirectory(), 'respite.conf')
  writeFileSync(file, 'requirepass pw\nsave ""\n')
  const { connect, engine } = createEngine({ requirepass: 'pw', save: '' })
  engine.parts.host.configFile = file
  const client = connect()
  client.ask('AUTH', 'pw')
  client.ask('ACL', 'SETUSER', 'alice', 'on', 'nopass', '~k*', '+get')
  expect(client.ask('CONFIG', 'REWRITE')).toBe(OK)
  // The default user is what requirepass says.
  const lines = readFileSync(file, 'latin1').split('\n')
  expect(lines.slice(0, 2)).toEqual(['requirepass "pw"', 'save ""'])
  expect(lines.filter((line) => line.startsWith('user'))).toEqual([
    'user alice on nopass sanitize-payload ~k* resetchannels -@all +get',
  ])
  client.ask('ACL', 'DELUSER', 'alice')
  client.ask('ACL', 'SETUSER', 'default', '-debug')
  client.ask('CONFIG', 'REWRITE')
  expect(readFileSync(file, 'latin1')).toMatch(
    /^user default on sanitize-payload #[0-9a-f]{64} ~\* &\* \+@all -debug$/m,
  )
  expect(readFileSync(file, 'latin1')).not.toContain('alice')
})
