// Every command line of the pages in docs is run, in order, in a shell of its page: addresses, ports and directories are those
// of the test, and `redis-cli` is `respite cli`. What needs more than a test has is left out, with the reason, and counted.

import { execFile, spawn } from 'node:child_process'
import { chmodSync, cpSync, mkdirSync, readdirSync, readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { promisify } from 'node:util'
import { describe, expect, onTestFinished, test } from 'vitest'
import { freePort } from '../../src/util/free-ports.ts'
import { program } from '../support/build.ts'
import { eventually, temporaryDirectory } from '../support/server.ts'
import { certificateFile } from '../support/tls/certificates.ts'

const DOCS = join(import.meta.dirname, '../../docs')
const run = promisify(execFile)

interface CommandLine {
  readonly page: string
  readonly line: number
  readonly text: string
}

/** The lines of a page's shell blocks, joined where one goes on in the next. */
function linesOf(page: string): CommandLine[] {
  const text = readFileSync(join(DOCS, page), 'utf8')
  return [...text.matchAll(/^```sh\n([\s\S]*?)^```$/gm)].flatMap(({ 1: block = '', index }) => {
    const first = text.slice(0, index).split('\n').length + 1
    const found: CommandLine[] = []
    let begun: CommandLine | undefined
    for (const [i, piece] of block.split('\n').entries()) {
      const whole = begun === undefined ? piece : `${begun.text} ${piece.trim()}`
      begun = { page, line: begun?.line ?? first + i, text: whole.replace(/\\$/, '').trimEnd() }
      if (piece.endsWith('\\')) continue
      if (begun.text !== '' && !begun.text.startsWith('#')) found.push(begun)
      begun = undefined
    }
    return found
  })
}

/** What a test cannot do, and who does it. */
const LEFT_OUT: readonly (readonly [RegExp, reason: string])[] = [
  [/^npm install/, 'fetches packages; test/package installs the packed one'],
  [
    /^(useradd|install|printf .* > \/etc|cp deploy|systemctl)/,
    'changes the machine, as root; test/deploy reads the files',
  ],
  [/^docker /, 'needs Docker; test/deploy reads the Dockerfile'],
  [/nats:\/\/|cluster status|LEADER-OF-ORDERS/, 'needs log servers; test/cli/cluster.test.ts runs such lines'],
  [/prove-durability --cluster/, 'takes an hour; test/cli/prove-cluster.test.ts runs it for seconds'],
  [/^etcd /, 'needs three machines; test/replicated-log starts etcd'],
]
/** Where a line says a port: behind an option, or behind a host. */
const PORT = /(?<=(?:port|-p|localhost|127\.0\.0\.1)[ :])\d{4}\b/g
/** Pages whose lines another test runs, all of them. */
const ELSEWHERE: Readonly<Record<string, string>> = {
  'start.md': 'test/package/newcomer.test.ts',
  'kubernetes.md': 'needs Kubernetes; test/deploy runs what the manifests hold',
}

/** The shell of a page. */
class Shell {
  readonly directory = temporaryDirectory()
  readonly #ports: ReadonlyMap<string, number>
  /** Servers that run, by the ports that their lines name. */
  readonly #servers: { ports: string[]; end(): Promise<void> }[] = []
  readonly #replacements: readonly (readonly [from: string, to: string])[]

  constructor(
    ports: ReadonlyMap<string, number>,
    replacements: (directory: string) => readonly (readonly [string, string])[],
  ) {
    this.#ports = ports
    this.#replacements = replacements(this.directory)
    const bin = join(this.directory, 'bin')
    mkdirSync(bin)
    const usual = ports.get('6379')
    const tools = 'cli|check-aof|check-rdb|audit|prove-durability|cluster|health'
    const start = `exec ${process.execPath} ${program()}`
    this.#script(join(bin, 'respite'), `case $1 in ${tools}) ${start} "$@";; *) ${start} --port ${usual} "$@";; esac`)
    this.#script(join(bin, 'npx'), 'exec "$@"')
    this.#script(join(bin, 'redis-cli'), `${start} cli -p ${usual} "$@"`)
    // A refusal over HTTP is no success.
    this.#script(join(bin, 'curl'), `PATH='${process.env.PATH}' exec curl --silent --show-error --fail-with-body "$@"`)
  }

  #script(file: string, text: string): void {
    writeFileSync(file, `#!/bin/sh\n${text}\n`)
    chmodSync(file, 0o755)
  }

  get #environment(): NodeJS.ProcessEnv {
    return { ...process.env, PATH: `${join(this.directory, 'bin')}:${process.env.PATH}` }
  }

  /** A line as it is run here. */
  #here(text: string): string {
    const named = this.#replacements.reduce((line, [from, to]) => line.replaceAll(from, to), text)
    return named.replace(/\b\d{4}\b/g, (word) => String(this.#ports.get(word) ?? word))
  }

  /** Runs a line; a server goes on, and is awaited until it is ready. */
  async run(text: string): Promise<void> {
    if (/^(npx )?respite (?!cli|check|audit|prove|cluster |health)/.test(text)) return this.#serve(text)
    const { stdout } = await run('bash', ['-c', this.#here(text)], { cwd: this.directory, env: this.#environment })
    const errors = stdout
      .split('\n')
      .filter((line) => /^(ERR|NOAUTH|WRONGPASS|WRONGTYPE|NOPERM|MOVED|READONLY|IOERR) /.test(line))
    expect(errors, text).toEqual([])
  }

  async #serve(text: string): Promise<void> {
    const ports = [...text.matchAll(/\b\d{4}\b/g)].map(([word]) => word).filter((word) => this.#ports.has(word))
    const own = ports.length === 0 ? ['6379'] : ports
    for (const other of this.#servers) if (other.ports.some((port) => own.includes(port))) await other.end()
    const child = spawn('bash', ['-c', `exec ${this.#here(text).replace(/^npx /, '')}`], {
      cwd: this.directory,
      env: this.#environment,
      stdio: 'pipe',
    })
    let output = ''
    const note = (chunk: Buffer): void => {
      output += chunk.toString()
    }
    child.stdout.on('data', note)
    child.stderr.on('data', note)
    const ended = new Promise<void>((resolve) => child.once('exit', () => resolve()))
    const end = async (): Promise<void> => {
      child.kill()
      await ended
    }
    onTestFinished(end)
    this.#servers.push({ ports: own, end })
    await eventually(() => {
      expect(child.exitCode, output).toBeNull()
      return /is ready/.test(output)
    }, `${text}: ${output}`)
  }
}

/** What a page needs besides: replaced words, files, and lines that are run first, or before another. */
interface Setting {
  readonly replacements?: (directory: string) => readonly (readonly [string, string])[]
  readonly prepare?: (directory: string) => void
  readonly first?: readonly string[]
  readonly before?: readonly (readonly [RegExp, string])[]
}

const SETTINGS: Readonly<Record<string, Setting>> = {
  'durability.md': {
    replacements: (directory) => [
      ['/var/lib/somewhere', directory],
      ['--seconds 60', '--seconds 1'],
    ],
  },
  'operating.md': {
    // The server that was moved in is the one that is looked after from then on.
    replacements: (directory) => [
      ['/var/lib/respite', join(directory, 'NEW_DIR')],
      ['-p OLD', '-p 7000'],
    ],
    prepare: (directory) => ['OLD_DIR', 'NEW_DIR', 'BACKUP'].forEach((name) => void mkdirSync(join(directory, name))),
    first: ['respite --port 7000 --dir OLD_DIR --appendonly yes --save "3600 1"', 'redis-cli -p 7000 set a 1'],
  },
  'replication.md': {
    replacements: () => [
      ['redis.example 6379', '127.0.0.1 7001'],
      ['other.example 6379', '127.0.0.1 7001'],
    ],
    first: [
      ...[6379, 6380, 7000, 7001].map((port) => `respite --port ${port} --dir d${port} --appendonly no`),
      'redis-cli mset some:key 1 a 1 b 2 c 3',
    ],
    before: [
      [/REPLACE AUTH secret/, 'redis-cli -p 7001 config set requirepass secret'],
      [/ COPY /, 'redis-cli -p 7001 -a secret config set requirepass ""'],
    ],
  },
  'security.md': {
    replacements: () => [[' … ', ' --cert worker.crt --key worker.key --cacert ca.crt ']],
    prepare: (directory) => {
      for (const name of ['server.crt', 'server.key', 'worker.crt', 'worker.key'])
        cpSync(certificateFile(name), join(directory, name))
      cpSync(certificateFile('authority.crt'), join(directory, 'ca.crt'))
    },
    first: ['respite --port 6379 --appendonly no'],
  },
}

const PAGES = readdirSync(DOCS)
  .filter((name) => name.endsWith('.md'))
  .map((name) => [name, linesOf(name)] as const)
  .filter(([, lines]) => lines.length > 0)
/** Every port that these lines, and what is run around them, say. */
function portsOf(lines: readonly CommandLine[]): Set<string> {
  return new Set(['6379', '6380', '7000', '7001', ...lines.flatMap(({ text }) => text.match(PORT) ?? [])])
}

const reasonOf = ({ page, text }: CommandLine): string | undefined =>
  ELSEWHERE[page] ?? LEFT_OUT.find(([pattern]) => pattern.test(text))?.[1]

describe('the command lines', () => {
  test.each(PAGES.filter(([, lines]) => lines.some((line) => reasonOf(line) === undefined)))(
    'of docs/%s do what they say',
    async (page, lines) => {
      const { before = [], first = [], prepare, replacements = () => [] } = SETTINGS[page] ?? {}
      const ports = new Map<string, number>()
      for (const port of portsOf(lines)) ports.set(port, await freePort())
      const shell = new Shell(ports, replacements)
      prepare?.(shell.directory)
      for (const line of first) await shell.run(line)
      for (const line of lines.filter((one) => reasonOf(one) === undefined)) {
        for (const [pattern, preparation] of before) if (pattern.test(line.text)) await shell.run(preparation)
        await shell.run(line.text).catch((error: unknown) => {
          throw new Error(`docs/${page}:${line.line}: ${(error as Error).message}`)
        })
      }
    },
  )

  test('that are left out are these, and each has its reason', () => {
    const all = PAGES.flatMap(([, lines]) => lines)
    const counts = new Map<string, number>()
    for (const reason of all.map(reasonOf)) if (reason !== undefined) counts.set(reason, (counts.get(reason) ?? 0) + 1)
    expect(Object.fromEntries(counts)).toEqual({
      'fetches packages; test/package installs the packed one': 3,
      'changes the machine, as root; test/deploy reads the files': 5,
      'needs Docker; test/deploy reads the Dockerfile': 2,
      'needs log servers; test/cli/cluster.test.ts runs such lines': 7,
      'takes an hour; test/cli/prove-cluster.test.ts runs it for seconds': 1,
      'needs three machines; test/replicated-log starts etcd': 1,
      'needs Kubernetes; test/deploy runs what the manifests hold': 16,
      'test/package/newcomer.test.ts': 9,
    })
    expect(all.length).toBeGreaterThan(60)
  })
})
