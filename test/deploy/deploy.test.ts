// What is in deploy/ and docs/grafana/ refers to what there is: files, options, metrics.

import { existsSync, readFileSync } from 'node:fs'
import { dirname, join, resolve } from 'node:path'
import { describe, expect, test } from 'vitest'
import { parse } from 'yaml'
import { Config } from '../../src/config/config.ts'
import { parseCommandLine } from '../../src/config/config-file.ts'
import { Scrape } from '../../src/metrics/scrape.ts'
import { readLogAddress } from '../../src/replicated-log/log-address.ts'
import { readStoreAddress } from '../../src/replicated-log/snapshots/store-address.ts'
import { freePort } from '../../src/util/free-ports.ts'
import { FOLLOWING, LEADER, replicatingEngine } from '../metrics/replicating-engine.ts'
import { encode } from '../support/engine.ts'
import { eventually, RawConnection, startTestServer, temporaryDirectory } from '../support/server.ts'

const ROOT = resolve(import.meta.dirname, '../..')
const read = (path: string): string => readFileSync(join(ROOT, path), 'utf8')

/** Throws what the program would say of these words. */
function configOf(words: readonly string[]): Config {
  return new Config(parseCommandLine(words, () => '').settings)
}

describe('the Dockerfile', () => {
  const lines = read('deploy/Dockerfile')
    .replace(/\\\n/g, ' ')
    .split('\n')
    .filter((line) => /^[A-Z]/.test(line))

  test('copies what is in the checkout, and its ignore file lets that through', () => {
    const passed = read('deploy/Dockerfile.dockerignore')
      .split('\n')
      .filter((line) => line.startsWith('!'))
      .map((line) => line.slice(1))
    const copied = lines
      .filter((line) => line.startsWith('COPY ') && !line.includes('--from'))
      .flatMap((line) => line.split(' ').slice(1, -1))
    expect(copied.length).toBeGreaterThan(5)
    for (const path of copied) expect(existsSync(join(ROOT, path)), path).toBe(true)
    expect(copied.map((path) => path.replace('./', '')).toSorted()).toEqual(passed.toSorted())
  })

  test('starts the program with options that it has', () => {
    const words = JSON.parse(lines.find((line) => line.startsWith('CMD '))!.slice(4)) as string[]
    const config = configOf(words)
    expect(config.get('dir')).toBe('/data')
    expect(config.get('appendonly')).toBe(true)
    const entry = JSON.parse(lines.find((line) => line.startsWith('ENTRYPOINT '))!.slice(11)) as string[]
    expect(entry.at(-1)).toBe((JSON.parse(read('package.json')) as { bin: { respite: string } }).bin.respite)
    // It is on the PATH, and the check of the image's health finds it there.
    const links = lines.filter((line) =>
      /ln -s \/opt\/respite\/dist\/cli\/respite\.js \/usr\/local\/bin\/respite$/.test(line),
    )
    expect(links).toHaveLength(1)
    expect(lines.find((line) => line.startsWith('HEALTHCHECK '))).toMatch(/ CMD \["respite", "health"\]$/)
    // As every other way of starting it does.
    expect(read('src/cli/respite.ts').split('\n')[0]).toContain(entry.slice(0, -1).join(' '))
  })
})

test('the systemd unit starts the program with options that it has, and is told when it is ready', () => {
  const unit = read('deploy/respite.service')
  const [, words] = /^ExecStart=\/usr\/bin\/env respite (.*)$/m.exec(unit)!
  const config = configOf(words!.split(' ').map((word) => (word === '""' ? '' : word)))
  expect(config.get('supervised')).toBe('systemd')
  expect(unit).toMatch(/^Type=notify$/m)
  expect(unit).toMatch(/^NotifyAccess=all$/m)
})

describe('the Compose file of a cluster', () => {
  interface Member {
    command?: string[]
    build?: { context: string; dockerfile: string }
    volumes?: string[]
    environment?: Record<string, string>
    image?: string
    healthcheck?: object
    depends_on?: Record<string, { condition: string }>
  }
  const text = read('deploy/compose-cluster.yaml')
  const { services, volumes } = parse(text, { merge: true }) as {
    services: Record<string, Member>
    volumes: Record<string, unknown>
  }
  const named = (kind: string): [string, Member][] =>
    Object.entries(services).filter(([name]) => name.startsWith(`${kind}-`))

  test('has three brokers, three log servers and a store, each with a volume of its own', () => {
    expect([named('broker').length, named('log').length, Object.keys(services).length]).toEqual([3, 3, 7])
    const kept = Object.values(services).flatMap(({ volumes: own = [] }) =>
      own.filter((volume) => !volume.startsWith('.')),
    )
    expect(kept.map((volume) => volume.split(':')[0]).sort()).toEqual(Object.keys(volumes).sort())
    expect(new Set(kept).size).toBe(7)
  })

  test('mounts what is in the checkout', () => {
    const mounted = Object.values(services)
      .flatMap(({ volumes: own = [] }) => own.map((volume) => volume.split(':')[0]!))
      .filter((path) => path.startsWith('.'))
    expect(mounted).toHaveLength(6)
    for (const path of mounted) expect(existsSync(join(ROOT, 'deploy', path)), path).toBe(true)
  })

  test('starts brokers with options that they have, under names of their own, on a log that is kept by the three', () => {
    for (const [name, { build, command, depends_on: needed, environment }] of named('broker')) {
      expect(existsSync(join(ROOT, 'deploy', build!.context, build!.dockerfile))).toBe(true)
      const { settings } = parseCommandLine(command!, () => read('deploy/cluster/respite.conf'))
      const secrets = { log: environment!.RESPITE_LOG!.replace(/\$\{[^}]*\}/, 'secret'), requirepass: 'secret' }
      const config = new Config({ ...settings, ...secrets })
      expect(config.get('replica-announce-ip')).toBe(name)
      expect(config.get('appendfsync')).toBe('always')
      expect(readLogAddress(config.get('log'))).toMatchObject({
        kind: 'jetstream',
        options: { servers: named('log').map(([server]) => `nats://${server}:4222`), replicas: 3, safety: 'required' },
      })
      expect(readStoreAddress(config.get('log-snapshots'))).toMatchObject({
        kind: 's3',
        options: { endpoint: 'http://store:9000', bucket: 'snapshots' },
      })
      expect(Object.keys(needed!).sort()).toEqual([...named('log').map(([server]) => server), 'store'].sort())
    }
  })

  test('looks after the health of whatever others wait for', () => {
    for (const name of [...named('log').map(([server]) => server), 'store'])
      expect(services[name]!.healthcheck, name).toBeDefined()
  })

  test('asks for its passwords', () => {
    for (const name of ['RESPITE_PASSWORD', 'LOG_PASSWORD', 'STORE_PASSWORD']) expect(text).toContain(`\${${name}:?`)
    expect(read('deploy/cluster/nats.conf')).toContain('sync_interval: always')
  })
})

describe('the Compose file', () => {
  interface Service {
    command?: string[]
    build?: { context: string; dockerfile: string }
    volumes?: string[]
  }
  const services = (parse(read('deploy/compose.yaml')) as { services: Record<string, Service> }).services

  test('mounts what is in the checkout', () => {
    const mounted = Object.values(services)
      .flatMap(({ volumes = [] }) => volumes.map((volume) => volume.split(':')[0]!))
      .filter((path) => path.startsWith('.'))
    expect(mounted.length).toBeGreaterThan(3)
    for (const path of mounted) expect(existsSync(join(ROOT, 'deploy', path)), path).toBe(true)
    const { context, dockerfile } = services.respite!.build!
    expect(existsSync(join(ROOT, 'deploy', context, dockerfile))).toBe(true)
  })

  test('starts the program with options that it has, at the port that Prometheus scrapes', () => {
    const port = configOf(services.respite!.command!).get('metrics-port')
    expect(port).not.toBe(0)
    const { scrape_configs, rule_files } = parse(read('deploy/prometheus/prometheus.yml')) as {
      scrape_configs: { job_name: string; static_configs: { targets: string[] }[] }[]
      rule_files: string[]
    }
    expect(scrape_configs[0]!.static_configs[0]!.targets).toEqual([`respite:${port}`])
    expect(scrape_configs[0]!.job_name).toBe('respite')
    expect(services.prometheus!.volumes!.some((volume) => volume.includes(`:${rule_files[0]}:`))).toBe(true)
  })

  test('gives Grafana its board and its data source', () => {
    const folder = 'deploy/grafana/provisioning'
    const { providers } = parse(read(`${folder}/dashboards/respite.yaml`)) as {
      providers: { options: { path: string } }[]
    }
    const board = services.grafana!.volumes!.find((volume) => volume.includes('respite.json'))!.split(':')[1]!
    expect(dirname(board)).toBe(providers[0]!.options.path)
    const { datasources } = parse(read(`${folder}/datasources/prometheus.yaml`)) as { datasources: { url: string }[] }
    expect(datasources[0]!.url).toBe('http://prometheus:9090')
  })
})

describe('the board and the alert rules', () => {
  interface Panel {
    title: string
    targets?: { expr: string }[]
  }
  interface Rule {
    alert: string
    expr: string
    annotations: { summary: string }
  }
  const { panels } = JSON.parse(read('docs/grafana/respite.json')) as { panels: Panel[] }
  const { groups } = parse(read('docs/grafana/alerts.yaml')) as { groups: { rules: Rule[] }[] }
  const rules = groups.flatMap((group) => group.rules)
  /** Where a query stands → the query. */
  const queries = new Map([
    ...panels.flatMap(({ title, targets = [] }) => targets.map(({ expr }) => [`${title}: ${expr}`, expr] as const)),
    ...rules.map(({ alert, expr }) => [alert, expr] as const),
  ])
  /** What Prometheus adds to each sample, or has by itself. */
  const PROMETHEUS_LABELS = ['instance', 'job', 'le']
  const PROMETHEUS_METRICS = ['up']

  /** Metric → its labels, of a server that was used. */
  async function usedServer(): Promise<Map<string, Set<string>>> {
    const metricsPort = await freePort()
    const server = await startTestServer({
      dir: temporaryDirectory(),
      appendfsync: 'always',
      config: { 'metrics-port': metricsPort, 'metrics-queues': 'jobs' },
    })
    const connection = await RawConnection.open(server.port)
    const requests = [
      ['RPUSH', 'jobs', '1'],
      ['HSET', 'bull:mail:meta', 'version', 'bullmq:6.7.0'],
      ['GET', 'jobs'],
      ['ECHO', 'the end'],
    ]
    connection.send(requests.map(encode).join(''))
    await eventually(() => connection.received.endsWith('the end\r\n'))
    const response = await fetch(`http://127.0.0.1:${metricsPort}/metrics`)
    const metrics = new Map<string, Set<string>>()
    const text = await response.text()
    // What was answered under `always` was synced, and that took some time.
    expect(text).toMatch(/^respite_aof_fsync_duration_seconds_count [1-9]/m)
    for (const line of [...text.split('\n'), ...(await replicatingLines())]) {
      const [, name, labels = ''] = /^([a-z_0-9]+)(?:\{(.*)\})? /.exec(line) ?? []
      if (name === undefined) continue
      metrics.set(name, new Set([...labels.matchAll(/(\w+)="/g)].map((match) => match[1]!)))
    }
    return metrics
  }

  /** The lines of a replica that has replicas, and of a node of a log. */
  async function replicatingLines(): Promise<string[]> {
    const replica = { name: 'a', address: '10.0.0.2', port: 6380, state: 'online', offset: 1, lagSeconds: 0 } as const
    const { engine } = replicatingEngine({ following: FOLLOWING, node: LEADER, replicas: [replica] })
    const scrape = new Scrape(engine)
    const text = await scrape.text()
    scrape.stop()
    return text
      .split('\n')
      .filter((line) => /^(redis_(master|slave|connected_slave)|respite_(master|slave|log|connected))/.test(line))
  }

  test('ask for metrics and labels that a server has', async () => {
    const metrics = await usedServer()
    expect(queries.size).toBeGreaterThan(60)
    const wrong: string[] = []
    for (const [where, query] of queries) {
      const bare = query.replace(/"[^"]*"/g, '""').replace(/\$__\w+|\[\w+\]/g, '')
      const names = [...bare.matchAll(/\b([a-z]+(?:_[a-z0-9]+)+|up)\b(?!\s*\()(?:\{([^}]*)\})?/g)]
        // Labels in braces and in `by (…)` are told apart from metrics by where they stand.
        .filter(({ index }) => !/(\{[^}]*|\b(by|on|group_right) \([^)]*)$/.test(bare.slice(0, index)))
      if (names.length === 0) wrong.push(`${where}: asks for nothing`)
      for (const [, name, selector = ''] of names) {
        if (PROMETHEUS_METRICS.includes(name!)) continue
        const labels = metrics.get(name!)
        if (labels === undefined) wrong.push(`${where}: ${name}`)
        for (const [, label] of selector.matchAll(/(\w+)\s*[=!]/g)) {
          if (!PROMETHEUS_LABELS.includes(label!) && !labels?.has(label!)) wrong.push(`${where}: ${name}{${label}}`)
        }
      }
    }
    expect(wrong).toEqual([])
  })

  test('each alert is explained in docs/operating.md', () => {
    const text = read('docs/operating.md')
    for (const { alert } of rules) expect(text, alert).toContain(`\`${alert}\``)
  })
})
