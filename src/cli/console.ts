// `respite console --connect redis://host:port`: the console of any Redis or Valkey, on a port of
// this machine.

import { randomBytes } from 'node:crypto'
import fs from 'node:fs'
import { type RemoteAddress, type RemoteEncryption, remoteAddress } from '../door/remote/remote-address.ts'
import { RemoteServer } from '../door/remote/remote-server.ts'
import { ConsoleListeners } from '../embedded/console-listener.ts'
import { processTerminal, type Terminal } from '../prover/terminal.ts'
import { Boot } from '../server/boot/boot.ts'
import { ListenError } from '../server/boot/errors.ts'
import { createConfig } from '../server/boot/options.ts'
import { OptionError } from '../util/option-error.ts'
import { UsageError } from './usage-error.ts'

const PASSWORD_BYTES = 24

const HELP = `Usage: respite console --connect redis://user:password@host:port/database [options]

Serves the console of a Redis, a Valkey or a Respite on a port of this machine, and prints a link
that signs in once. Commands run as the user of the address. What only Respite has is greyed, with
the reason.

  --connect ADDRESS      redis://…, rediss://… with TLS, or unix:///path?db=database
  --console-port PORT    the port; a free one unless said
  --cacert FILE          TLS: the certificate of the authority to trust
  --cert FILE            TLS: the certificate of this client
  --key FILE             TLS: the key of that certificate
  --sni NAME             TLS: the name in the server's certificate; the host unless said
  --insecure             TLS: accepts any certificate
  --help                 this text

Environment: REDISCLI_AUTH is the password where the address has none.
`

/** Runs until the process is told to end, and returns the exit code. */
export async function runConsole(args: readonly string[], terminal: Terminal = processTerminal): Promise<number> {
  if (args.includes('--help')) {
    terminal.print(HELP.trimEnd())
    return 0
  }
  try {
    return await serve(optionsOf(args, process.env), terminal)
  } catch (error) {
    if (!(error instanceof UsageError || error instanceof OptionError || error instanceof ListenError)) throw error
    terminal.print(`respite console: ${error.message}`)
    return error instanceof ListenError ? 1 : 2
  }
}

async function serve({ address, port }: Options, terminal: Terminal): Promise<number> {
  const remote = new RemoteServer(address)
  // An engine without data says who may use the console. Without a password whatever runs on this
  // machine could.
  const requirepass = randomBytes(PASSWORD_BYTES).toString('base64url')
  const config = createConfig({ port: '0', appendonly: 'no', save: '', requirepass })
  const boot = new Boot(config, undefined, { snapshot: 'ignored' })
  await boot.load()
  const consoles = new ConsoleListeners(boot.engine)
  try {
    const { url } = await consoles.open({ port }, remote)
    terminal.print(`Console: ${url} (works once, within ten minutes)`)
    await new Promise<void>((resolve) => {
      process.once('SIGINT', resolve)
      process.once('SIGTERM', resolve)
    })
    return 0
  } finally {
    await consoles.close()
    await boot.close()
  }
}

interface Options {
  readonly address: RemoteAddress
  readonly port: number
}

const VALUES: ReadonlySet<string> = new Set(['--connect', '--console-port', '--cacert', '--cert', '--key', '--sni'])

/** Throws UsageError or OptionError. */
function optionsOf(args: readonly string[], environment: NodeJS.ProcessEnv): Options {
  const given = new Map<string, string>()
  for (let i = 0; i < args.length; i++) {
    const name = args[i] ?? ''
    const value = name === '--insecure' ? '' : args[i + 1]
    if (name !== '--insecure' && !VALUES.has(name)) throw new UsageError(`there is no option '${name}'`)
    if (value === undefined) throw new UsageError(`the option '${name}' wants a value`)
    given.set(name, value)
    if (VALUES.has(name)) i++
  }
  const port = given.get('--console-port') ?? '0'
  if (!/^\d{1,5}$/.test(port) || Number(port) > 65535) throw new UsageError(`'${port}' is no port`)
  return { address: addressOf(given, environment), port: Number(port) }
}

function addressOf(given: ReadonlyMap<string, string>, environment: NodeJS.ProcessEnv): RemoteAddress {
  const text = given.get('--connect')
  if (text === undefined) throw new UsageError("the option '--connect' is missing")
  const address = remoteAddress(text)
  const isTls = ['--cacert', '--cert', '--key', '--sni', '--insecure'].some((name) => given.has(name))
  if (isTls && !address.isEncrypted) throw new UsageError('options of TLS want an address with rediss://')
  const password = address.password || Buffer.from(environment.REDISCLI_AUTH ?? '').toString('latin1')
  return { ...address, password, encryption: encryptionOf(given) }
}

function encryptionOf(given: ReadonlyMap<string, string>): RemoteEncryption {
  const [authorities, cert, key, servername] = ['--cacert', '--cert', '--key', '--sni'].map((name) => given.get(name))
  return {
    ...(authorities === undefined ? {} : { ca: contentOf(authorities) }),
    ...(cert === undefined ? {} : { cert: contentOf(cert) }),
    ...(key === undefined ? {} : { key: contentOf(key) }),
    ...(servername === undefined ? {} : { servername }),
    ...(given.has('--insecure') ? { rejectUnauthorized: false } : {}),
  }
}

/** Throws UsageError. */
function contentOf(file: string): Buffer {
  try {
    return fs.readFileSync(file)
  } catch (error) {
    throw new UsageError(`cannot read '${file}': ${(error as Error).message}`)
  }
}
