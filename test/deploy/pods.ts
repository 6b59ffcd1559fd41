// Pods without Kubernetes: processes that are started with the words, the environment and the files
// of the manifests, and whose probes and hooks are run as the kubelet would.
//
// It differs from a pod in this: processes share one loopback interface, so ports, addresses and
// folders are replaced by others; and `sleep` in a hook is short, unless SOAK=1.

import { type ChildProcess, spawn } from 'node:child_process'
import { mkdirSync, readFileSync, writeFileSync } from 'node:fs'
import { dirname, join } from 'node:path'
import type { StatefulSet } from 'kubernetes-types/apps/v1.d.ts'
import type { ConfigMap, Container, EnvVar, Probe } from 'kubernetes-types/core/v1.d.ts'
import { onTestFinished } from 'vitest'
import type { Plain } from '../../scripts/kubernetes/tree.ts'
import { freePorts } from '../../src/util/free-ports.ts'
import { program } from '../support/build.ts'
import { eventually } from '../support/server.ts'

const ROOT = join(import.meta.dirname, '../..')
/** The ports of the manifests. */
const [PORT, METRICS_PORT] = ['6379', '9121']
const NAMESPACE = 'here'

export interface PodOptions {
  /** The objects of the manifests, by the names of their files. */
  readonly objects: ReadonlyMap<string, Plain>
  readonly dir: string
  /** Secret → its keys and their values. */
  readonly secrets: Readonly<Record<string, Readonly<Record<string, string>>>>
  /** Texts of the manifests that are others here: names that a cluster's DNS would know. */
  readonly replaced: Readonly<Record<string, string>>
}

interface Outcome {
  readonly code: number | null
  readonly output: string
}

export class Pod {
  readonly name: string
  readonly port: number
  readonly #metricsPort: number
  readonly #container: Container
  readonly #env: Record<string, string>
  readonly #args: readonly string[]
  readonly #replace: (text: string) => string
  #child: ChildProcess | undefined = undefined
  #output = ''

  private constructor(name: string, ports: readonly [number, number], options: PodOptions) {
    const { dir, objects, replaced, secrets } = options
    const statefulSet = objects.get('stateful-set') as StatefulSet
    const { data } = objects.get('config-map') as Required<Pick<ConfigMap, 'data'>>
    ;[this.port, this.#metricsPort] = ports
    this.name = name
    this.#container = statefulSet.spec!.template.spec!.containers[0]!
    const own = join(dir, name)
    const texts: Record<string, string> = {
      [`${name}.respite-brokers.${NAMESPACE}.svc`]: '127.0.0.1',
      '* -::*': '127.0.0.1',
      '0.0.0.0': '127.0.0.1',
      '/etc/': `${own}/etc/`,
      '/data': `${own}/data`,
      [PORT]: `${this.port}`,
      [METRICS_PORT]: `${this.#metricsPort}`,
      ...replaced,
    }
    this.#replace = (text) => {
      for (const [from, to] of Object.entries(texts)) text = text.replaceAll(from, to)
      return text
    }
    const files: Record<string, string> = {}
    for (const [key, text] of Object.entries(data)) files[`etc/respite/${key}`] = this.#replace(text)
    for (const { name: volume, secret } of statefulSet.spec!.template.spec!.volumes ?? []) {
      if (secret === undefined) continue
      const place = this.#container.volumeMounts!.find((mount) => mount.name === volume)!.mountPath
      for (const [key, text] of Object.entries(secrets[secret.secretName!]!)) files[join(place, key)] = text
    }
    for (const [path, text] of Object.entries(files)) write(join(own, path), text)
    writeTools(join(own, 'bin'))
    this.#env = {
      PATH: `${join(own, 'bin')}:${process.env.PATH}`,
      RESPITE_HEALTH_PORT: `${this.port}`,
      ...this.#environment(this.#container.env ?? [], data, secrets),
    }
    this.#args = this.#container.args!.map((word) => this.#replace(expanded(word, this.#env)))
  }

  /** Makes the pods of a StatefulSet, which are started by `start`. */
  static async all(options: PodOptions, count?: number): Promise<Pod[]> {
    const { metadata, spec } = options.objects.get('stateful-set') as StatefulSet
    const pods = count ?? spec!.replicas!
    const ports = await freePorts(2 * pods)
    return Array.from({ length: pods }, (_, i) => {
      const pod = new Pod(`${metadata!.name}-${i}`, [ports[2 * i]!, ports[2 * i + 1]!], options)
      onTestFinished(() => void pod.#child?.kill('SIGKILL'))
      return pod
    })
  }

  start(): void {
    const dockerfile = readFileSync(join(ROOT, 'deploy/Dockerfile'), 'utf8')
    const [node, ...words] = JSON.parse(/^ENTRYPOINT (.*)$/m.exec(dockerfile)![1]!) as string[]
    const entry = words.map((word) => (word.endsWith('respite.js') ? program() : word))
    const child = spawn(node!, [...entry, ...this.#args], { env: this.#env, stdio: ['ignore', 'pipe', 'pipe'] })
    for (const stream of [child.stdout, child.stderr])
      stream.on('data', (chunk: Buffer) => {
        this.#output = (this.#output + chunk.toString()).slice(-20_000)
      })
    this.#child = child
  }

  /** What the process has written, for a failure. */
  get output(): string {
    return this.#output
  }

  /** Waits for the startup probe, and then for the readiness probe. */
  async ready(): Promise<void> {
    await eventually(async () => (await this.probe('startupProbe')).code === 0, `${this.name} has started`)
    await eventually(async () => (await this.probe('readinessProbe')).code === 0, `${this.name} is ready`)
  }

  /** Runs a probe; code 0: it succeeds. */
  async probe(kind: 'startupProbe' | 'readinessProbe' | 'livenessProbe'): Promise<Outcome> {
    const { exec, httpGet } = this.#container[kind] as Probe
    if (exec !== undefined) return this.#run(exec.command!)
    const port = this.#container.ports!.find(({ name }) => name === httpGet!.port)!.containerPort
    const url = this.#replace(`http://127.0.0.1:${port}${httpGet!.path}`)
    try {
      const answer = await fetch(url)
      return { code: answer.status >= 200 && answer.status < 400 ? 0 : 1, output: await answer.text() }
    } catch (error) {
      return { code: 1, output: String((error as Error).cause ?? error) }
    }
  }

  preStop(): Promise<Outcome> {
    return this.#run(this.#container.lifecycle!.preStop!.exec!.command!)
  }

  /** Sends SIGTERM and returns the exit code; after the grace period Kubernetes would kill it. */
  async terminate(): Promise<number | null> {
    const child = this.#child!
    const ended = new Promise<number | null>((resolve) => child.once('close', resolve))
    child.kill('SIGTERM')
    return ended
  }

  async #run(command: readonly string[]): Promise<Outcome> {
    const [file, ...args] = command.map((word) => this.#replace(word))
    const child = spawn(file!, args, { env: this.#env, stdio: ['ignore', 'pipe', 'pipe'] })
    let output = ''
    for (const stream of [child.stdout, child.stderr])
      stream.on('data', (chunk: Buffer) => {
        output += chunk.toString()
      })
    const code = await new Promise<number | null>((resolve) => child.once('close', resolve))
    return { code, output }
  }

  /** The environment, in order: a value may name those before it. */
  #environment(
    variables: readonly EnvVar[],
    config: Readonly<Record<string, string>>,
    secrets: PodOptions['secrets'],
  ): Record<string, string> {
    const env: Record<string, string> = {}
    const fields: Record<string, string> = { 'metadata.name': this.name, 'metadata.namespace': NAMESPACE }
    for (const { name, value, valueFrom } of variables) {
      const { configMapKeyRef, fieldRef, secretKeyRef } = valueFrom ?? {}
      const found =
        secretKeyRef !== undefined
          ? secrets[secretKeyRef.name!]?.[secretKeyRef.key]
          : configMapKeyRef !== undefined
            ? config[configMapKeyRef.key]
            : fieldRef !== undefined
              ? fields[fieldRef.fieldPath]
              : this.#replace(expanded(value ?? '', env))
      if (found === undefined) throw new Error(`${name} has no value: Kubernetes would not start the container`)
      env[name] = found
    }
    return env
  }
}

/** `$(NAME)` as Kubernetes replaces it; an unknown name stays. */
function expanded(text: string, env: Readonly<Record<string, string>>): string {
  return text.replace(/\$\((\w+)\)/g, (whole, name: string) => env[name] ?? whole)
}

/** `respite`, as the image has it on its PATH, and a short `sleep`. */
function writeTools(bin: string): void {
  write(join(bin, 'respite'), `#!/bin/sh\nexec "${process.execPath}" "${program()}" "$@"\n`, 0o755)
  if (process.env.SOAK !== '1') write(join(bin, 'sleep'), '#!/bin/sh\nexec /bin/sleep 0.2\n', 0o755)
}

function write(path: string, text: string, mode = 0o600): void {
  mkdirSync(dirname(path), { recursive: true })
  writeFileSync(path, text, { mode })
}
