// deploy/kubernetes: the files are those of their source, the three forms of them say the same, and
// what they name is there. Where helm and kustomize are on the PATH, they are asked, too.

import { spawnSync } from 'node:child_process'
import { readdirSync, readFileSync } from 'node:fs'
import { dirname, join } from 'node:path'
import type { Deployment, StatefulSet } from 'kubernetes-types/apps/v1.d.ts'
import type { CronJob } from 'kubernetes-types/batch/v1.d.ts'
import type { ConfigMap, Service } from 'kubernetes-types/core/v1.d.ts'
import { describe, expect, test } from 'vitest'
import { parse, parseAllDocuments } from 'yaml'
import { kubernetesFiles, objectsWith } from '../../scripts/kubernetes/files.ts'
import type { PatchStep } from '../../scripts/kubernetes/json-patch.ts'
import type { Plain } from '../../scripts/kubernetes/tree.ts'
import { DEVELOPMENT, FEATURES, merged, VALUES, valuesWith } from '../../scripts/kubernetes/values.ts'
import { CLUSTER_COMMANDS, CREDENTIAL_OPTIONS } from '../../src/cli/options/cluster-options.ts'
import { Config } from '../../src/config/config.ts'
import { parseCommandLine } from '../../src/config/config-file.ts'
import { readLogAddress } from '../../src/replicated-log/log-address.ts'
import { readStoreAddress } from '../../src/replicated-log/snapshots/store-address.ts'

const ROOT = join(import.meta.dirname, '../..')
const KUBERNETES = join(ROOT, 'deploy/kubernetes')
const read = (path: string): string => readFileSync(join(KUBERNETES, path), 'utf8')
const EVERYTHING = valuesWith(FEATURES)

type Objects = ReadonlyMap<string, Plain>

/** Objects of a text by kind and name. */
function objectsIn(text: string): Map<string, Plain> {
  const documents = parseAllDocuments(text)
  expect(documents.flatMap(({ errors, warnings }) => [...errors, ...warnings])).toEqual([])
  return byName(documents.map((document) => document.toJS() as Plain).filter((object) => object !== null))
}

function byName(objects: Iterable<Plain>): Map<string, Plain> {
  const found = new Map<string, Plain>()
  for (const object of objects) {
    const { kind, metadata } = object as { kind: string; metadata: { name: string } }
    const name = `${kind} ${metadata.name}`
    expect(found.has(name), name).toBe(false)
    found.set(name, object)
  }
  return found
}

test('every file is that of its source, and there is no other (npm run docs)', () => {
  const files = kubernetesFiles()
  for (const [path, text] of files) expect(readFileSync(join(ROOT, path), 'utf8'), path).toBe(text)
  const byHand = ['README.md', 'nats-development.yaml', 'nats.yaml']
  const there = readdirSync(KUBERNETES, { recursive: true, withFileTypes: true })
    .filter((entry) => entry.isFile())
    .map((entry) => join(entry.parentPath, entry.name).slice(ROOT.length + 1))
  expect(there.sort()).toEqual([...files.keys(), ...byHand.map((name) => `deploy/kubernetes/${name}`)].sort())
})

describe('the three forms', () => {
  interface Kustomization {
    resources?: string[]
    components?: string[]
    patches?: { target: { kind: string; name: string }; patch: string }[]
  }

  /** Builds an overlay as Kustomize does, with what these use of it. */
  function built(folder: string, into = new Map<string, Plain>()): Map<string, Plain> {
    const {
      components = [],
      patches = [],
      resources = [],
    } = parse(read(`${folder}/kustomization.yaml`)) as Kustomization
    for (const resource of resources) {
      if (!resource.endsWith('.yaml')) built(join(folder, resource), into)
      else for (const [name, object] of objectsIn(read(`${folder}/${resource}`))) into.set(name, object)
    }
    for (const component of components) built(join(folder, component), into)
    for (const { patch, target } of patches) {
      const object = into.get(`${target.kind} ${target.name}`)
      for (const step of parse(patch) as PatchStep[]) apply(object!, step)
    }
    return into
  }

  function apply(object: Plain, step: PatchStep): void {
    const names = step.path
      .split('/')
      .slice(1)
      .map((name) => name.replaceAll('~1', '/').replaceAll('~0', '~'))
    const last = names.pop()!
    let at = object as Record<string, Plain>
    for (const name of names) at = at[name] as Record<string, Plain>
    expect(at, step.path).toBeDefined()
    if (step.op === 'remove') delete at[last]
    else if (Array.isArray(at) && last === '-') at.push(step.value)
    else {
      expect(last in at, step.path).toBe(step.op === 'replace')
      at[last] = step.value
    }
  }

  test.each([
    ['plain/respite.yaml', VALUES],
    ['plain/production.yaml', EVERYTHING],
  ])('%s has the objects of the source', (path, values) => {
    expect(objectsIn(read(path))).toEqual(byName(objectsWith(values).values()))
  })

  test.each([
    ['base', VALUES],
    ['overlays/production', EVERYTHING],
    ['overlays/development', merged(VALUES, DEVELOPMENT)],
  ])('Kustomize: %s has the objects of the source', (folder, values) => {
    expect(built(folder)).toEqual(byName(objectsWith(values).values()))
  })

  test.each(FEATURES.map((feature) => [feature]))('Kustomize: the component %s alone fits the base', (feature) => {
    const objects = built('base')
    built(`components/${feature}`, objects)
    expect(objects).toEqual(byName(objectsWith(valuesWith([feature])).values()))
  })

  const MORE: readonly string[] = [
    '--set',
    'name=mails',
    '--set',
    'config=databases 1',
    '--set',
    'storage.className=fast',
  ]

  test.skipIf(missing('kustomize', 'version'))('kustomize builds the same', () => {
    for (const [folder, values] of [
      ['base', VALUES],
      ['overlays/production', EVERYTHING],
      ['overlays/development', merged(VALUES, DEVELOPMENT)],
    ] as const)
      expect(objectsIn(output('kustomize', 'build', join(KUBERNETES, folder))), folder).toEqual(
        byName(objectsWith(values).values()),
      )
  })

  test.skipIf(missing('helm', 'version'))('helm renders the same, and its linter finds nothing', () => {
    const chart = join(KUBERNETES, 'helm/respite')
    const rendered = (...args: string[]): Objects =>
      objectsIn(output('helm', 'template', 'respite', chart, '--kube-version', '1.30.0', ...args))
    const files = ['production', 'development'].map((name) => ['-f', join(KUBERNETES, `helm/${name}.yaml`)])
    expect(rendered()).toEqual(byName(objectsWith(VALUES).values()))
    expect(rendered(...files[0]!)).toEqual(byName(objectsWith(EVERYTHING).values()))
    expect(rendered(...files[1]!)).toEqual(byName(objectsWith(merged(VALUES, DEVELOPMENT)).values()))
    const others = merged(EVERYTHING, { name: 'mails', config: 'databases 1' })
    expect(rendered(...files[0]!, ...MORE)).toEqual(
      byName(objectsWith(merged(others, { storage: { className: 'fast' } })).values()),
    )
    expect(output('helm', 'lint', '--strict', chart)).toContain('0 chart(s) failed')
  })

  function missing(program: string, ...args: string[]): boolean {
    if (spawnSync(program, args).status === 0) return false
    console.warn(`skipped: ${program} is not on the PATH`)
    return true
  }

  function output(program: string, ...args: string[]): string {
    const { status, stderr, stdout } = spawnSync(program, args, { encoding: 'utf8' })
    expect(status, stderr).toBe(0)
    return stdout
  }
})

describe('what the objects name', () => {
  const objects = objectsWith(EVERYTHING)
  const config = objects.get('config-map') as ConfigMap
  const statefulSet = objects.get('stateful-set') as StatefulSet
  const { containers, volumes } = statefulSet.spec!.template.spec!
  const broker = containers[0]!

  test('selectors find the pods that they are for', () => {
    const pods: Record<string, string>[] = [
      statefulSet.spec!.template.metadata!.labels!,
      (objects.get('leader-deployment') as Deployment).spec!.template.metadata!.labels!,
    ]
    const found = (selector: Record<string, string>): number[] =>
      pods.flatMap((labels, i) => (Object.entries(selector).every(([name, text]) => labels[name] === text) ? [i] : []))
    expect(found(statefulSet.spec!.selector.matchLabels!)).toEqual([0])
    for (const [name, pod] of Object.entries({ 'service-brokers': 0, service: 0, 'leader-service': 1 }))
      expect(found((objects.get(name) as Service).spec!.selector!), name).toEqual([pod])
    const monitor = objects.get('service-monitor') as { spec: { selector: { matchLabels: Record<string, string> } } }
    // One Service is scraped, and not the others too.
    const services = [...objects.values()].filter((object) => (object as Service).kind === 'Service') as Service[]
    const scraped = services.filter(({ metadata }) =>
      Object.entries(monitor.spec.selector.matchLabels).every(([name, text]) => metadata!.labels![name] === text),
    )
    expect(scraped.map(({ metadata }) => metadata!.name)).toEqual(['respite-brokers'])
    expect(statefulSet.spec!.serviceName).toBe('respite-brokers')
  })

  test('ports, volumes and keys are there', () => {
    const named = broker.ports!.map(({ name }) => name)
    for (const probe of [broker.readinessProbe!, broker.livenessProbe!]) expect(named).toContain(probe.httpGet!.port)
    const mounted = broker.volumeMounts!.map(({ name }) => name)
    const claimed = statefulSet.spec!.volumeClaimTemplates!.map(({ metadata }) => metadata!.name!)
    expect(mounted.sort()).toEqual([...volumes!.map(({ name }) => name), ...claimed].sort())
    for (const { valueFrom } of broker.env!)
      if (valueFrom?.configMapKeyRef !== undefined) expect(config.data).toHaveProperty(valueFrom.configMapKeyRef.key)
  })

  test('every container gives up what it does not need', () => {
    const pods = [
      statefulSet.spec!.template.spec!,
      (objects.get('leader-deployment') as Deployment).spec!.template.spec!,
      (objects.get('backup') as CronJob).spec!.jobTemplate.spec!.template.spec!,
    ]
    for (const pod of pods) {
      expect(pod.securityContext).toMatchObject({ runAsNonRoot: true, seccompProfile: { type: 'RuntimeDefault' } })
      expect(pod.automountServiceAccountToken).toBe(false)
      for (const { resources, securityContext } of pod.containers) {
        expect(securityContext).toEqual({
          allowPrivilegeEscalation: false,
          readOnlyRootFilesystem: true,
          capabilities: { drop: ['ALL'] },
        })
        expect(resources!.limits!.memory).toBeDefined()
      }
    }
  })

  test('a broker starts with options that it has', () => {
    const files = Object.keys(config.data!)
      .filter((name) => /^\d.*\.conf$/.test(name))
      .map((name) => `/etc/respite/${name}`)
    expect(files.length).toBeGreaterThan(2)
    const texts = (path: string): string => config.data![path.slice('/etc/respite/'.length)]!
    const { settings } = parseCommandLine(broker.args!, texts, { matchingFiles: () => files, commandNames: [] })
    const log = broker.env!.find(({ name }) => name === 'RESPITE_LOG')!.value!.replace('$(LOG_PASSWORD)', 'secret')
    const all = new Config({ ...settings, log })
    expect(all.get('appendfsync')).toBe('always')
    expect([all.get('port'), all.get('tls-port')]).toEqual([0, 6379])
    expect(readLogAddress(all.get('log'))).toMatchObject({
      kind: 'jetstream',
      options: { replicas: 3, safety: 'required' },
    })
    expect(readStoreAddress(all.get('log-snapshots'))).toMatchObject({ kind: 's3' })
    expect(all.get('metrics-port')).toBe(9121)
  })

  test('hooks and jobs use commands and options that the program has', () => {
    const job = (objects.get('backup') as CronJob).spec!.jobTemplate.spec!.template.spec!.containers[0]!
    const hook = broker.lifecycle!.preStop!.exec!.command![2]!.replace(/;.*/, '').split(' ')
    const connect = broker.env!.find(({ name }) => name === 'CONNECT')!.value!.split(' ')
    for (const words of [
      [...job.command!, ...job.args!],
      [...hook, ...connect],
    ]) {
      expect(words.slice(0, 2)).toEqual(['respite', 'cluster'])
      const command = CLUSTER_COMMANDS.find(({ name }) => name === words[2])!
      const known = [...command.options, ...CREDENTIAL_OPTIONS].flatMap(({ names }) => names)
      for (const word of words.filter((one) => one.startsWith('--'))) expect(known).toContain(word)
    }
  })
})

describe('the values for the chart of NATS', () => {
  interface NatsValues {
    config: {
      cluster?: { enabled: boolean; replicas: number }
      jetstream: { enabled: boolean; fileStore: { pvc: { size: string } }; merge: { sync_interval?: string } }
      merge: { accounts: Record<string, { users?: { user: string; password: string }[] }>; system_account: string }
    }
    container: { image: { tag: string }; env: Record<string, { valueFrom: { secretKeyRef: object } }> }
  }

  test('make a log that loses nothing', () => {
    const { config, container } = parse(read('nats.yaml')) as NatsValues
    expect(config.cluster).toMatchObject({ enabled: true, replicas: 3 })
    expect(config.jetstream.merge.sync_interval).toBe('always')
    expect(config.merge.system_account).toBe('SYS')
    expect(config.merge.accounts.RESPITE!.users).toEqual([{ user: 'respite', password: '<< $LOG_PASSWORD >>' }])
    expect(container.env.LOG_PASSWORD!.valueFrom.secretKeyRef).toEqual({ name: 'respite', key: 'log-password' })
    const [, major, minor] = /^(\d+)\.(\d+)/.exec(container.image.tag)!
    expect([Number(major), Number(minor) >= 15]).toEqual([2, true])
  })

  test('for development make one server', () => {
    const { config } = parse(read('nats-development.yaml')) as NatsValues
    expect(config.cluster?.enabled).toBe(false)
    expect(config.jetstream.enabled).toBe(true)
  })
})

test('docs/kubernetes.md names files that are there', () => {
  const page = readFileSync(join(ROOT, 'docs/kubernetes.md'), 'utf8')
  const named = [...page.matchAll(/deploy\/kubernetes\/[\w./-]*\w/g)].map(([path]) => path)
  expect(named.length).toBeGreaterThan(5)
  for (const path of named) expect(readdirSync(join(ROOT, dirname(path))), path).toContain(path.split('/').at(-1))
})
