// The console's part of the door: its page, and its endpoints.

import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import type { Engine } from '../../commands/call.ts'
import { Monitor } from '../../monitoring/monitor.ts'
import type { CommandClients } from '../clients/command-clients.ts'
import { HttpError } from '../exchanges/http-error.ts'
import { RemoteConsole } from '../remote/remote-console.ts'
import { remoteEndpoints } from '../remote/remote-endpoints.ts'
import type { RemoteServer } from '../remote/remote-server.ts'
import type { SessionGate } from '../sign-in/session-gate.ts'
import type { StreamOpening } from '../streams/stream-opening.ts'
import { answerJson, Console } from './console.ts'
import type { ConsoleRequest, Endpoint } from './endpoint.ts'
import { ENDPOINTS, endpointOf } from './endpoints.ts'
import { openApi } from './open-api.ts'
import { PageFiles } from './page-files.ts'

const PAGE = '/console'
const OPEN_API = '/v1/openapi.json'
/** Beside the code in the package; in the sources, what was built last. */
const PAGE_FOLDER = import.meta.url.endsWith('.ts') ? '../../../dist/console' : 'console'

export class ConsoleDoor {
  readonly #console: Console
  readonly #files: PageFiles
  readonly #remote: RemoteServer | undefined
  readonly #endpoints: readonly Endpoint[]

  /** With a `remote` it shows another server. */
  constructor(engine: Engine, clients: CommandClients, opening: StreamOpening, remote?: RemoteServer) {
    const monitor = new Monitor(engine)
    this.#remote = remote
    this.#endpoints = remote === undefined ? ENDPOINTS : remoteEndpoints(remote)
    this.#console =
      remote === undefined
        ? new Console(engine, clients, opening, monitor)
        : new RemoteConsole(engine, clients, opening, monitor, remote)
    this.#files = new PageFiles(pageFolder())
  }

  get gate(): SessionGate {
    return this.#console.gate
  }

  /** Answers a request, if it is for the console. Rejects with HttpError. */
  async answers(request: ConsoleRequest): Promise<boolean> {
    const { method, path } = request.exchange
    if (path === PAGE || path.startsWith(`${PAGE}/`)) {
      this.#page(request)
      return true
    }
    // Other routes would reach the engine here, which is empty beside a remote server.
    const isElsewhere = this.#remote !== undefined
    if (!path.startsWith('/v1/')) return isElsewhere && notHere()
    if (path === OPEN_API) {
      answerJson(request.exchange, openApi())
      return true
    }
    const found = endpointOf(method, path, this.#endpoints)
    if (found === undefined) return isElsewhere && notHere()
    await found.endpoint.handle(this.#console, { ...request, names: found.names })
    return true
  }

  /** Makes the word of a link that signs in as a user, once. */
  issueLink(user: string): string {
    return this.#console.links.issue(user)
  }

  close(): void {
    this.#console.close()
  }

  #page({ exchange }: ConsoleRequest): void {
    const { path } = exchange
    if (path === PAGE) throw new HttpError(308, 'the console is below /console/', { Location: 'console/' })
    this.#files.answer(exchange, path.slice(PAGE.length + 1))
  }
}

function notHere(): never {
  throw new HttpError(404, 'there is nothing here: this is the console of another server')
}

function pageFolder(): string {
  return join(fileURLToPath(new URL('.', import.meta.url)), PAGE_FOLDER)
}
