// MONITOR: clients that are shown every command as it runs.
//
//   +1700000000.123456 [0 127.0.0.1:50000] "SET" "k" "v"
//
// A line is made once for all of them when the command has run, with the database that it left its
// client in. Scripts are shown before their calls. Commands for administrators are not shown, nor
// are passwords. Without a monitoring client, there is no handler and no line is made.

import { ReplyBuffer } from '../../protocol/reply-buffer.ts'
import { assert } from '../../util/assert.ts'
import { quoted } from '../../util/bytes/quoted.ts'
import { CHECKED } from '../../util/invariant.ts'
import type { Handlers } from '../../util/tables/handlers.ts'
import type { Clock } from '../../util/time/clock.ts'
import type { Call } from '../requests/call.ts'
import { isSecret } from '../spec/command.ts'
import { CLIENT_MONITOR, CLIENT_MUTED, type Client } from './client.ts'

export interface MonitorsHost {
  readonly environment: {
    readonly clock: Clock
  }
  readonly requests: {
    readonly runner: { readonly onRan: Handlers<[call: Call]> }
  }
}

export class Monitors {
  readonly #host: MonitorsHost
  readonly #clients = new Set<Client>()
  /** Undefined until the first line is made. */
  #buffer: ReplyBuffer | undefined = undefined
  #used = false

  constructor(host: MonitorsHost) {
    this.#host = host
  }

  add(client: Client): void {
    client.state |= CLIENT_MONITOR
    this.#clients.add(client)
    this.#host.requests.runner.onRan.add(this.#ran)
  }

  /** Removes a client that is gone, or has ended MONITOR (RESET). */
  remove(client: Client): void {
    if (!this.#clients.delete(client)) return
    client.state &= ~CLIENT_MONITOR
    if (this.#clients.size === 0) this.#host.requests.runner.onRan.remove(this.#ran)
  }

  readonly #ran = (call: Call): void => {
    const { flags } = call.command
    // The command of a parked client was shown when it was parked.
    if (!flags.has('admin') && !flags.has('skip_monitor') && !call.retrying) this.show(call)
  }

  /** Shows a call. Scripts call it, because they are shown before they run. */
  show(call: Call): void {
    if (this.#clients.size === 0) return
    const line = `+${this.#time()} [${call.client.database} ${whoAsks(call)}]${words(call)}\r\n`
    if (CHECKED) assert(line.indexOf('\r') === line.length - 2, 'a command is shown in one line')
    this.#buffer ??= new ReplyBuffer()
    const buffer = this.#buffer
    this.#used = true
    buffer.reserve(line.length)
    const { source, position } = buffer
    buffer.raw(line)
    for (const client of this.#clients) {
      if ((client.state & CLIENT_MUTED) === 0) client.deliver(source, position, position + line.length)
    }
  }

  #time(): string {
    const microseconds = Math.floor(this.#host.environment.clock.now() * 1000)
    return `${Math.floor(microseconds / 1e6)}.${String(microseconds % 1e6).padStart(6, '0')}`
  }

  /** Reuses the memory of the lines, because all of them were sent. */
  recycle(): void {
    if (this.#used) this.#buffer!.recycle()
    this.#used = false
  }

  /**
   * Gives the memory of the lines up, because a client still holds some. New lines are written
   * elsewhere.
   */
  abandon(): void {
    if (this.#used) this.#buffer!.abandon()
    this.#used = false
  }
}

function whoAsks({ client, fromScript }: Call): string {
  if (fromScript) return 'lua'
  const { address } = client.connection.transport
  return address.startsWith('/') && address.endsWith(':0') ? `unix:${address.slice(0, -2)}` : address
}

function words({ args, command }: Call): string {
  let text = ''
  for (let i = 0; i < args.length; i++) {
    text += isSecret(command, args, i) ? ' "(redacted)"' : ` ${quoted(args.string(i))}`
  }
  return text
}
