// An upgrade of a StatefulSet, process by process: the words, files, probes and hooks of the
// manifests, in the order in which Kubernetes uses them. No Kubernetes is here.

import { spawn, spawnSync } from 'node:child_process'
import { writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { Redis } from 'ioredis'
import type { ConfigMap } from 'kubernetes-types/core/v1.d.ts'
import { afterAll, beforeAll, describe, expect, onTestFinished, test } from 'vitest'
import { objectsWith } from '../../scripts/kubernetes/files.ts'
import { FEATURES, VALUES, valuesWith } from '../../scripts/kubernetes/values.ts'
import { freePorts } from '../../src/util/free-ports.ts'
import { type LogServers, NATS_USER, natsServerMissing, startNatsServers } from '../support/log-servers.ts'
import { eventually, temporaryDirectory } from '../support/server.ts'
import { certificate } from '../support/tls/certificates.ts'
import { Pod, type PodOptions } from './pods.ts'

/** Tells whether haproxy is missing, and says so. */
function haproxyMissing(): boolean {
  if (spawnSync('haproxy', ['-v']).status === 0) return false
  console.warn("skipped: haproxy is not on the PATH (Debian's package haproxy)")
  return true
}

const WRITERS = 8
const PASSWORD = 'a-password'
/** Commands between two pods, for as long as `minReadySeconds` would last. */
const COMMANDS = process.env.SOAK === '1' ? 5000 : 300

describe.skipIf(natsServerMissing())('on a log', () => {
  let nats: LogServers

  beforeAll(async () => {
    nats = await startNatsServers()
  })

  afterAll(async () => {
    await nats?.stop()
  })

  const optionsOf = (objects: PodOptions['objects'], stream: string, more: PodOptions['secrets'] = {}): PodOptions => ({
    objects,
    dir: temporaryDirectory(),
    secrets: { respite: { password: PASSWORD, 'log-password': NATS_USER.password }, ...more },
    replaced: {
      'nats://respite:': `nats://${NATS_USER.user}:`,
      'nats-0.nats-headless:4222': nats.addresses[0]!,
      'nats-1.nats-headless:4222': nats.addresses[1]!,
      'nats-2.nats-headless:4222': nats.addresses[2]!,
      '/orders?bytes=8gb': `/${stream}?bytes=64mb`,
    },
  })

  /** Starts all at once, as the policy `Parallel` does. */
  async function started(pods: readonly Pod[]): Promise<void> {
    for (const pod of pods) pod.start()
    await Promise.all(pods.map((pod) => pod.ready()))
    await eventually(async () => (await Promise.all(pods.map(leads))).includes(true), 'a leader')
  }

  async function leads(pod: Pod): Promise<boolean> {
    const client = new Redis({ port: pod.port, password: PASSWORD, maxRetriesPerRequest: 0, retryStrategy: () => null })
    client.on('error', () => {})
    try {
      return ((await client.call('ROLE')) as unknown[])[0] === 'master'
    } catch {
      return false
    } finally {
      client.disconnect()
    }
  }

  test('pod by pod, from the last one: no client sees an error, and no write is lost', async () => {
    const pods = await Pod.all(optionsOf(objectsWith(VALUES), 'rolling'))
    expect(pods.map(({ name }) => name)).toEqual(['respite-0', 'respite-1', 'respite-2'])
    await started(pods)

    const client = new Redis({
      sentinels: pods.map(({ port }) => ({ host: '127.0.0.1', port })),
      name: 'orders',
      password: PASSWORD,
      sentinelPassword: PASSWORD,
    })
    client.on('error', () => {})
    const errors: unknown[] = []
    let done = 0
    let isOver = false
    onTestFinished(() => {
      isOver = true
      client.disconnect()
    })
    const writers = Array.from({ length: WRITERS }, async (_, i) => {
      let next = 0
      for (; !isOver; next++) {
        await client.rpush(`list:${i}`, `${next}`).catch((error: unknown) => errors.push(error))
        done++
      }
      return next
    })

    const epochBefore = await epochAt(pods[0]!)
    let handovers = 0
    for (const pod of pods.toReversed()) {
      const before = done
      await eventually(() => done >= before + COMMANDS, 'commands')
      const led = await leads(pod)
      if (led) handovers++
      const { code, output } = await pod.preStop()
      expect(output).toMatch(led ? /^127\.0\.0\.1:\d+ leads\.$/m : /^It does not lead \(following\)/)
      expect(code).toBe(0)
      // It still serves: Services may not have forgotten it yet.
      expect((await pod.probe('startupProbe')).code).toBe(0)
      expect(await pod.terminate(), pod.output).toBe(0)
      pod.start()
      await pod.ready()
    }
    const before = done
    await eventually(() => done >= before + COMMANDS, 'commands')
    isOver = true
    const written = await Promise.all(writers)
    expect(errors).toEqual([])
    expect(handovers).toBeGreaterThan(0)
    // ioredis asks again when a connection ends without a reply, which a busy machine may cause: by a
    // lease that runs out, or by a reply that comes later than the old leader waits for it.
    let repeated = 0
    for (let i = 0; i < WRITERS; i++) {
      const list = await client.lrange(`list:${i}`, 0, -1)
      repeated += list.length - new Set(list).size
      expect([...new Set(list)]).toEqual(Array.from({ length: written[i]! }, (_, n) => `${n}`))
    }
    const unplanned = (await epochAt(pods[0]!)) - epochBefore - handovers
    if (repeated > 0 || unplanned > 0)
      console.warn(`${repeated} of ${done} commands repeated, ${unplanned} changes of the leader without a handover`)
    expect(repeated).toBeLessThanOrEqual((handovers + unplanned) * WRITERS)
  })

  /** The number of times that the lead has changed. */
  async function epochAt(pod: Pod): Promise<number> {
    const client = new Redis({ port: pod.port, password: PASSWORD })
    try {
      return Number(/^log_epoch:(\d+)/m.exec(await client.info('replication'))![1])
    } finally {
      client.disconnect()
    }
  }

  test('with TLS and users, probes and hooks log in, and the lead is handed over', async () => {
    const objects = objectsWith(valuesWith(FEATURES.filter((feature) => feature !== 'snapshots')))
    const users = [
      'user default off',
      `user operator on >${PASSWORD} resetkeys resetchannels -@all +info +role +ping +failover`,
      'user app on >app-password ~* &* +@all -@admin',
    ]
    const secrets = {
      'respite-tls': {
        'tls.crt': certificate('server.crt'),
        'tls.key': certificate('server.key'),
        'ca.crt': certificate('authority.crt'),
      },
      'respite-users': { 'users.acl': `${users.join('\n')}\n` },
    }
    const pods = await Pod.all(optionsOf(objects, 'encrypted', secrets), 2)
    for (const pod of pods) pod.start()
    await Promise.all(pods.map((pod) => pod.ready()))
    const outcomes = await eventually(async () => {
      const all = await Promise.all(pods.map((pod) => pod.preStop()))
      return all.some(({ output }) => output.includes(' leads.')) ? all : undefined
    }, 'one has handed over')
    expect(outcomes.map(({ code }) => code)).toEqual([0, 0])
    for (const pod of pods) expect((await pod.probe('livenessProbe')).code).toBe(0)
  })

  test.skipIf(haproxyMissing())('an address that leads to the leader, before and after a handover', async () => {
    const pods = await Pod.all(optionsOf(objectsWith(VALUES), 'proxied'), 2)
    await started(pods)
    const port = await startProxy(pods)
    const client = new Redis({
      port,
      password: PASSWORD,
      reconnectOnError: (error) => (error.message.startsWith('READONLY') ? 2 : false),
    })
    client.on('error', () => {})
    onTestFinished(() => client.disconnect())
    await eventually(() => client.set('k', 'before').catch(() => undefined), 'a write through the proxy')
    const leader = (await Promise.all(pods.map(leads))).indexOf(true)
    expect((await pods[leader]!.preStop()).code).toBe(0)
    expect(await client.set('k', 'after')).toBe('OK')
    expect((await client.role())[0]).toBe('master')
    expect(await leads(pods[1 - leader]!)).toBe(true)
  })

  /** Starts haproxy on its file in the manifests, with the addresses of these pods instead of a DNS name. */
  async function startProxy(pods: readonly Pod[]): Promise<number> {
    const [port, healthPort] = await freePorts(2)
    const { data } = objectsWith(valuesWith(['leader'])).get('leader-config-map') as Required<Pick<ConfigMap, 'data'>>
    const servers = pods.map((pod, i) => `server broker-${i} 127.0.0.1:${pod.port}`).join('\n  ')
    const text = data['haproxy.cfg']!.replace(' resolvers cluster init-addr none', '')
      .replace(/server-template .*/, servers)
      .replace('bind :6379', `bind 127.0.0.1:${port}`)
      .replace('bind :8404', `bind 127.0.0.1:${healthPort}`)
    const file = join(temporaryDirectory(), 'haproxy.cfg')
    writeFileSync(file, `${text}\n`)
    const env = {
      ...process.env,
      CHECK_USER: 'default',
      CHECK_PASSWORD: PASSWORD,
      CHECK_CONNECTION: 'default',
      POD_NAMESPACE: 'here',
    }
    const proxy = spawn('haproxy', ['-db', '-f', file], { env, stdio: 'ignore' })
    onTestFinished(() => void proxy.kill('SIGKILL'))
    await eventually(
      async () => (await fetch(`http://127.0.0.1:${healthPort}/healthz`).catch(() => undefined))?.ok,
      'a proxy',
    )
    return port!
  }

  test('a broker whose log is away has started, lives, and is not ready', async () => {
    const options = optionsOf(objectsWith(VALUES), 'away')
    const replaced = Object.fromEntries(
      Object.entries(options.replaced).map(([from, to]) => [from, from.startsWith('nats-') ? '127.0.0.1:1' : to]),
    )
    const [pod] = await Pod.all({ ...options, replaced }, 1)
    pod!.start()
    await eventually(async () => (await pod!.probe('startupProbe')).code === 0, 'it has started')
    expect((await pod!.probe('livenessProbe')).code).toBe(0)
    const { code, output } = await pod!.probe('readinessProbe')
    expect({ code, output }).toEqual({ code: 1, output: 'the data is being loaded\n' })
    expect(await pod!.terminate(), pod!.output).toBe(0)
  })
})
