// Replicas over TLS: between our servers, and with a redis-server; a door adds TLS where that is
// built without it.

import { once } from 'node:events'
import { existsSync } from 'node:fs'
import net from 'node:net'
import tls from 'node:tls'
import { expect, onTestFinished, test } from 'vitest'
import type { RunningServer } from '../../src/index.ts'
import { SocketPeer } from '../differential/peers.ts'
import { redisServerMissing, startRedisServer } from '../support/redis-server.ts'
import { eventually, startTestServer } from '../support/server.ts'
import { certificateFile, clientTls } from '../support/tls/certificates.ts'

const TLS = {
  cert: certificateFile('server.crt'),
  key: certificateFile('server.key'),
  ca: certificateFile('authority.crt'),
}
const BOTH_WAYS = { 'tls-replication': true, 'tls-cluster': true, 'repl-diskless-sync-delay': 0 }

/** A server that uses only TLS, in both directions. */
const startWithin = (config = {}): Promise<RunningServer> =>
  startTestServer({ port: false, tlsPort: 0, tls: TLS, config: { ...BOTH_WAYS, ...config } })

/** Opens a port whose connections lead to another server, with TLS at one end. */
async function openDoor(door: net.Server, lead: () => net.Socket): Promise<number> {
  door.on(door instanceof tls.Server ? 'secureConnection' : 'connection', (socket: net.Socket) => {
    const inner = lead()
    socket.pipe(inner).pipe(socket)
    socket.on('error', () => inner.destroy())
    inner.on('error', () => socket.destroy())
  })
  door.listen(0, '127.0.0.1')
  await once(door, 'listening')
  onTestFinished(() => void door.close())
  return (door.address() as net.AddressInfo).port
}

async function isUp(server: RunningServer): Promise<void> {
  await eventually(async () => String(await server.call('INFO', 'replication')).includes('master_link_status:up'))
}

test('a server follows another, both within TLS, and keys are migrated', async () => {
  const primary = await startWithin()
  await primary.call('SET', 'before', '1')
  const replica = await startWithin({ replicaof: `127.0.0.1 ${primary.tlsPort}` })
  await isUp(replica)
  // Neither of them has a directory.
  expect(existsSync('dump.rdb')).toBe(false)
  await primary.call('SET', 'after', '2')
  await eventually(async () => (await replica.call('GET', 'after')) === '2')
  expect(await replica.call('GET', 'before')).toBe('1')
  expect(String(await primary.call('INFO', 'replication'))).toContain(
    `slave0:ip=127.0.0.1,port=${replica.tlsPort},state=online`,
  )
  const target = await startWithin()
  expect(await primary.call('MIGRATE', '127.0.0.1', target.tlsPort, 'before', 0, 5000)).toBe('OK')
  expect(await target.call('GET', 'before')).toBe('1')
})

test('a replica whose certificate the primary does not trust gets no data', async () => {
  const primary = await startWithin()
  const config = {
    'tls-client-cert-file': certificateFile('stranger.crt'),
    'tls-client-key-file': certificateFile('stranger.key'),
  }
  const replica = await startWithin({ ...config, replicaof: `127.0.0.1 ${primary.tlsPort}` })
  await eventually(async () =>
    /Error accepting|sync_in_progress:0/.test(String(await replica.call('INFO', 'replication'))),
  )
  expect(String(await replica.call('INFO', 'replication'))).toContain('master_link_status:down')
  expect(String(await primary.call('INFO', 'replication'))).toContain('connected_slaves:0')
  await replica.call('CONFIG', 'SET', 'tls-client-cert-file', '', 'tls-client-key-file', '')
  await isUp(replica)
})

test.skipIf(redisServerMissing())('a redis-server leads and follows within TLS', async () => {
  const theirs = await startRedisServer(['--repl-diskless-sync-delay', '0'])
  onTestFinished(() => theirs.stop())
  const peer = new SocketPeer('redis-server', theirs.socketPath)
  onTestFinished(() => peer.stop())
  await peer.ask('SET', 'k', 'theirs')
  const shown = clientTls('worker')
  const inward = await openDoor(tls.createServer({ ...shown, requestCert: true }), () => net.connect(theirs.socketPath))
  const ours = await startWithin({ replicaof: `127.0.0.1 ${inward}` })
  await isUp(ours)
  expect(await ours.call('GET', 'k')).toBe('theirs')
  await ours.call('REPLICAOF', 'NO', 'ONE')
  await ours.call('SET', 'k', 'ours')
  const outward = await openDoor(net.createServer(), () =>
    tls.connect({ port: ours.tlsPort, host: '127.0.0.1', ...shown, checkServerIdentity: () => undefined }),
  )
  await peer.ask('REPLICAOF', '127.0.0.1', String(outward))
  await eventually(async () => (await peer.ask('GET', 'k')) === 'ours')
})
