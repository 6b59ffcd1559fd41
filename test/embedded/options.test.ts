// Options of openBroker and startServer: what is wrong with them is said before anything starts, by name.

import { expect, test } from 'vitest'
import * as respite from '../../src/index.ts'
import { nearestName } from '../../src/util/bytes/nearest-name.ts'

const { OptionError, openBroker, startServer } = respite

test.each<[object | null | string, string]>([
  [{ dirr: 'x' }, "unknown option 'dirr': did you mean 'dir'?"],
  [{ appendOnly: true }, "unknown option 'appendOnly': did you mean 'appendonly'?"],
  [{ maxmemory: '1mb' }, "unknown option 'maxmemory': settings of redis.conf belong in 'config'"],
  [{ quux: 1 }, "unknown option 'quux'"],
  [{ toString: 1 }, "unknown option 'toString'"],
  [{ config: { maxmemry: '1mb' } }, "unknown option 'maxmemry': did you mean 'maxmemory'?"],
  [{ config: { maxmemory: 'lots' } }, "option 'maxmemory': argument must be a memory value"],
  [{ dir: 5 }, "option 'dir': a string"],
  [{ appendonly: 'yes' }, "option 'appendonly': true or false"],
  [{ appendfsync: 'sometimes' }, "option 'appendfsync': 'always' or 'everysec' or 'no'"],
  [{ config: 'maxmemory 1mb' }, "option 'config': an object"],
  [{ log: {} }, "option 'log': an object with debug, info, warn, error and fatal, as a pino logger is"],
  [{ dir: 'a', config: { dir: 'b' } }, "option 'dir': it says a, and 'dir' in 'config' says b"],
  [
    { appendonly: false, config: { appendonly: true } },
    "option 'appendonly': it says no, and 'appendonly' in 'config' says yes",
  ],
  [null, 'options: an object'],
  ['./data', 'options: an object'],
])('openBroker(%j) is refused: %s', async (options, message) => {
  await expect(openBroker(options as object)).rejects.toThrow(new OptionError(message))
})

test.each<[object, string]>([
  [{ prot: 7000 }, "unknown option 'prot': did you mean 'port'?"],
  [{ unixsocket: '/x' }, "unknown option 'unixsocket': did you mean 'unixSocket'?"],
  [{ port: '7000' }, "option 'port': a number from 0 to 65535, or false"],
  [{ port: 65536 }, "option 'port': a number from 0 to 65535, or false"],
  [{ port: 7000, config: { port: 7001 } }, "option 'port': it says 7000, and 'port' in 'config' says 7001"],
  [{ port: false, config: { port: 7001 } }, "option 'port': it says 0, and 'port' in 'config' says 7001"],
  [{ host: ['::1', 5] }, "option 'host': a string, or several in an array"],
  [{ host: '::1', config: { bind: '127.0.0.1' } }, "option 'host': it says ::1, and 'bind' in 'config' says 127.0.0.1"],
  [
    { password: 'a', config: { requirepass: 'b' } },
    "option 'password': it says a, and 'requirepass' in 'config' says b",
  ],
  [{ tlsPort: 0 }, "option 'tlsPort': it needs 'tls'"],
  [{ tls: { certificate: 'x' } }, "unknown option 'tls.certificate'"],
  [{ tls: { crt: 'x' } }, "unknown option 'tls.crt': did you mean 'tls.cert'?"],
  [{ tls: { cert: 'a', key: 5 } }, "option 'tls.key': PEM or the name of a file, as a string, or PEM as a Buffer"],
  [
    { tls: { cert: 'a', key: 'b' }, config: { 'tls-cert-file': 'c' } },
    "option 'tls.cert': 'tls-cert-file' in 'config' says something else",
  ],
  [{ port: false }, "option 'port': without it there must be 'tlsPort' or 'unixSocket'"],
])('startServer(%j) is refused: %s', async (options, message) => {
  await expect(startServer(options)).rejects.toThrow(new OptionError(message))
})

test('an option that is given twice with one value is taken, and so is undefined', async () => {
  const broker = await openBroker({ appendonly: false, config: { appendonly: 'no' }, dir: undefined } as object)
  expect(await broker.call('CONFIG', 'GET', 'appendonly')).toEqual(new Map([['appendonly', 'no']]))
  await broker.close()
})

test('errors are called by the name of their class', () => {
  const kinds = Object.entries(respite).filter(([name]) => /^[A-Z]\w*(Error|Ended)$/.test(name))
  expect(kinds.length).toBeGreaterThan(6)
  for (const [name, Kind] of kinds) expect(new (Kind as new (text: string) => Error)('why').name).toBe(name)
})

test('the nearest name is that with the fewest slips, and another word is not near', () => {
  const known = ['port', 'host', 'dir', 'unixSocket']
  expect(nearestName('prot', known)).toBe('port')
  expect(nearestName('hots', known)).toBe('host')
  expect(nearestName('DIR', known)).toBe('dir')
  expect(nearestName('unix_socket', known)).toBe('unixSocket')
  expect(nearestName('directory', known)).toBeUndefined()
})
