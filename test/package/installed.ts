// The package as users get it: packed, and installed into an empty folder.

import { execFile } from 'node:child_process'
import { existsSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { promisify } from 'node:util'
import { program } from '../support/build.ts'

const ROOT = join(import.meta.dirname, '../..')

/** What packages were got before is not asked for again. */
const INSTALL = ['install', '--prefer-offline', '--no-audit', '--no-fund', '--loglevel=error']

const run = promisify(execFile)
/** npm is a script of the shell's on Windows. */
const shell = process.platform === 'win32'

export interface Packed {
  /** The tarball. */
  readonly file: string
  readonly bytes: number
  /** The files in it, as paths from the package's folder. */
  readonly paths: readonly string[]
}

/** A folder with the package in it, and nothing else but what was asked for. */
export class InstalledPackage {
  readonly directory = mkdtempSync(join(tmpdir(), 'respite-package-'))
  packed!: Packed

  /** Packs and installs what was built, and other packages with it. */
  async install(...others: readonly string[]): Promise<void> {
    // Tells whether the build is up to date.
    program()
    const packing = ['pack', '--json', '--ignore-scripts', '--pack-destination', this.directory]
    const { stdout } = await run('npm', packing, { cwd: ROOT, shell })
    const [{ filename, size, files }] = Object.values(JSON.parse(stdout)) as [
      { filename: string; size: number; files: { path: string }[] },
    ]
    this.packed = { file: join(this.directory, filename), bytes: size, paths: files.map(({ path }) => path) }
    this.write('package.json', '{ "private": true }')
    await this.add(this.packed.file, ...others)
  }

  async add(...packages: readonly string[]): Promise<void> {
    await run('npm', [...INSTALL, ...packages], { cwd: this.directory, shell })
  }

  write(name: string, text: string): void {
    writeFileSync(join(this.directory, name), text)
  }

  /** Runs a program in the folder and returns what it prints; rejects, with that, when it fails. */
  async run(command: string, ...args: readonly string[]): Promise<string> {
    const { stdout } = await run(command, args, { cwd: this.directory }).catch((error: Error & { stdout?: string }) => {
      throw new Error(`${error.message}\n${error.stdout ?? ''}`)
    })
    return stdout
  }

  /** The file of a program that a package of the folder, or of the project, brings. */
  program(name: string, from = this.directory): string {
    return join(from, 'node_modules', ...name.split('/'))
  }

  remove(): void {
    rmSync(this.directory, { recursive: true, force: true })
  }
}

/** A program in each module system that uses what the package promises; it prints `ok`. */
export const PROGRAMS = {
  'program.mjs': `import { openBroker, OptionError, startServer } from 'respite'\nimport net from 'node:net'\nawait main()\n`,
  'program.cjs': `const { openBroker, OptionError, startServer } = require('respite')\nconst net = require('node:net')\nmain()\n`,
}

export const MAIN = `
async function main() {
  const options = { dir: process.argv[2], appendfsync: 'always' }
  const broker = await openBroker(options)
  const heard = new Promise((resolve) => broker.subscribe('news', resolve))
  await broker.call('SET', 'a', 41)
  const scripted = await broker.call('EVAL', "return redis.call('incr', KEYS[1])", 1, 'a')
  await broker.publish('news', 'hello')
  if (scripted !== 42 || (await heard) !== 'hello') throw new Error('a broker does not work')
  await broker.close()
  const error = await openBroker({ dirr: '' }).catch((error) => error)
  if (!(error instanceof OptionError)) throw error
  const server = await startServer({ port: 0, ...options })
  const socket = net.connect(server.port, '127.0.0.1')
  socket.write('GET a\\r\\n')
  const reply = String(await new Promise((resolve) => socket.once('data', resolve)))
  if (reply !== '$2\\r\\n42\\r\\n') throw new Error('a server answered ' + reply)
  socket.destroy()
  await server.close()
  console.log('ok')
}
`

/** Both systems in one program: what they get is the same. */
export const MIXED = `
import { createRequire } from 'node:module'
import * as imported from 'respite'
const required = createRequire(import.meta.url)('respite')
const error = await required.openBroker({ dirr: '' }).catch((error) => error)
if (!(error instanceof imported.OptionError)) throw error
const differ = Object.keys(required).filter((name) => required[name] !== imported[name])
if (differ.length > 0 || Object.keys(imported).length !== Object.keys(required).length) throw new Error('two: ' + differ)
console.log('ok')
`

/** A program in TypeScript that names everything a user may. */
export const TYPED = `
import { type Broker, CommandError, type Message, openBroker, OptionError, type RunningServer, type Settings, startServer } from 'respite'
const config: Settings = { maxmemory: '1mb' }
export async function main(): Promise<[Broker, RunningServer]> {
  const broker = await openBroker({ dir: './data', config })
  const stop: () => void = await broker.subscribe('a', (message: string) => message)
  stop()
  const messages: AsyncIterable<Message> = broker.messages('orders', { name: 'billing' })
  for await (const { channel } of messages) console.log(channel)
  broker.connect().write(Buffer.from('PING'))
  // @ts-expect-error There is no such option.
  await openBroker({ dirr: '' }).catch((error: unknown) => error instanceof OptionError || error instanceof CommandError)
  return [broker, await startServer({ port: 0 })]
}
`

/** Module systems of TypeScript → options of the compiler, and the files that they are asked about. */
export const TYPESCRIPT: Readonly<Record<string, { options: object; files: readonly string[] }>> = {
  node16: { options: { module: 'node16', moduleResolution: 'node16' }, files: ['typed.cts', 'typed.mts'] },
  nodenext: { options: { module: 'nodenext', moduleResolution: 'nodenext' }, files: ['typed.cts', 'typed.mts'] },
  bundler: { options: { module: 'esnext', moduleResolution: 'bundler' }, files: ['typed.ts'] },
}

/**
 * Compiles TYPED and returns what the compiler finds wrong with it and with our declarations. With `all` it looks into declarations, too,
 * which takes seconds; what it finds in those of other packages is their business (old ones of Node's do not suit a new TypeScript).
 */
export async function errorsOfTyped(
  app: InstalledPackage,
  system: string,
  checked: 'program' | 'all' = 'program',
): Promise<string[]> {
  const { options, files } = TYPESCRIPT[system]!
  const own = join(app.directory, 'node_modules/@types')
  for (const file of files) app.write(file, TYPED)
  const compilerOptions = {
    ...options,
    target: 'es2022',
    strict: true,
    exactOptionalPropertyTypes: true,
    skipLibCheck: checked === 'program',
    noEmit: true,
    types: ['node'],
    typeRoots: [existsSync(own) ? own : join(ROOT, 'node_modules/@types')],
  }
  app.write(`${system}.json`, JSON.stringify({ compilerOptions, files }))
  const tsc = [join(ROOT, 'node_modules/typescript/bin/tsc'), '--pretty', 'false', '-p', `${system}.json`]
  const report = await app.run(process.execPath, ...tsc).catch((error: Error) => error.message)
  return report.split('\n').filter((line) => /error TS/.test(line) && !/^node_modules\/(?!respite\/)/.test(line))
}
