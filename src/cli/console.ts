// `respite console --connect redis://host:port`: the console of any Redis or Valkey, on a port of
// this machine.

import { randomBytes } from 'node:crypto'
import { RemoteServer, remoteAddress } from '../door/remote/remote-server.ts'
import { ConsoleListeners } from '../embedded/console-listener.ts'
import { processTerminal, type Terminal } from '../prover/terminal.ts'
import { Boot } from '../server/boot/boot.ts'
import { ListenError } from '../server/boot/errors.ts'
import { createConfig } from '../server/boot/options.ts'
import { OptionError } from '../util/option-error.ts'
import { UsageError } from './usage-error.ts'

const PASSWORD_BYTES = 24

const HELP = `Usage: respite console --connect redis://user:password@host:port [--console-port PORT]

Serves the console of a Redis, a Valkey or a Respite on a port of this machine, and prints a link
that signs in once. Commands run as the user of the address. What only Respite has is missing.

  --connect ADDRESS      redis://…, or rediss://… with TLS
  --console-port PORT    the port; a free one unless said
  --help                 this text
`

/** Runs until the process is told to end, and returns the exit code. */
export async function runConsole(args: readonly string[], terminal: Terminal = processTerminal): Promise<number> {
  if (args.includes('--help')) {
    terminal.print(HELP.trimEnd())
    return 0
  }
  try {
    return await serve(optionsOf(args), terminal)
  } catch (error) {
    if (!(error instanceof UsageError || error instanceof OptionError || error instanceof ListenError)) throw error
    terminal.print(`respite console: ${error.message}`)
    return error instanceof ListenError ? 1 : 2
  }
}

async function serve({ address, port }: Options, terminal: Terminal): Promise<number> {
  const remote = new RemoteServer(remoteAddress(address))
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
  readonly address: string
  readonly port: number
}

function optionsOf(args: readonly string[]): Options {
  const given = new Map<string, string>()
  for (let i = 0; i < args.length; i += 2) {
    const [name = '', value] = [args[i], args[i + 1]]
    if (name !== '--connect' && name !== '--console-port') throw new UsageError(`there is no option '${name}'`)
    if (value === undefined) throw new UsageError(`the option '${name}' wants a value`)
    given.set(name, value)
  }
  const address = given.get('--connect')
  if (address === undefined) throw new UsageError("the option '--connect' is missing")
  const port = given.get('--console-port') ?? '0'
  if (!/^\d{1,5}$/.test(port) || Number(port) > 65535) throw new UsageError(`'${port}' is no port`)
  return { address, port: Number(port) }
}
