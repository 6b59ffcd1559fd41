// A door on any free port, with an engine behind it, for tests that look at both.

import http from 'node:http'
import net, { type AddressInfo } from 'node:net'
import { onTestFinished } from 'vitest'
import type { Engine } from '../../src/commands/call.ts'
import { catalog } from '../../src/commands/catalog.ts'
import { makeParts } from '../../src/commands/parts.ts'
import { Config, type ConfigSettings } from '../../src/config/config.ts'
import { type ConnectionLimits, DoorServer } from '../../src/door/listening/door-server.ts'
import { Broker } from '../../src/embedded/broker.ts'
import { Engine as EngineOf } from '../../src/engine/engine.ts'
import type { EngineOptions } from '../../src/engine/engine-options.ts'
import { dialPrimary } from '../../src/server/listening/dial-primary.ts'

export interface OpenDoor {
  readonly engine: Engine
  readonly server: DoorServer
  /** Calls commands from within. */
  readonly broker: Broker
  readonly port: number
  readonly url: string
  /** The connections that are open. */
  connections(): Promise<number>
  /** As fetch, with a path. */
  ask(path: string, init?: RequestInit): Promise<Response>
}

/** Opens a door that is closed when the test ends. */
export async function openDoor(
  settings: ConfigSettings = {},
  { limits, ...own }: Pick<EngineOptions, 'clock' | 'log' | 'workClock'> & { limits?: ConnectionLimits } = {},
): Promise<OpenDoor> {
  const config = new Config({ 'protected-mode': 'no', ...settings })
  const engine = new EngineOf({ commands: catalog, config, ...own }, (engine) =>
    makeParts(engine, { dial: dialPrimary(config) }),
  )
  const server = new DoorServer(engine, limits)
  const listener = net.createServer({ pauseOnConnect: true }, (socket) => server.accepted(socket, 'plain'))
  await new Promise<void>((resolve) => listener.listen(0, '127.0.0.1', resolve))
  onTestFinished(() => {
    listener.close()
    server.close()
    engine.stop()
  })
  const { port } = listener.address() as AddressInfo
  const url = `http://127.0.0.1:${port}`
  const ask = (path: string, init?: RequestInit): Promise<Response> => fetch(`${url}${path}`, init)
  const connections = (): Promise<number> =>
    new Promise((resolve, reject) =>
      listener.getConnections((error, count) => (error === null ? resolve(count) : reject(error))),
    )
  return { engine, server, broker: Broker.within(engine), port, url, connections, ask }
}

/** Sends a request with headers that fetch does not send; the answer's status, headers and body. */
export function askRaw(
  { port }: OpenDoor,
  path: string,
  options: http.RequestOptions & { body?: string } = {},
): Promise<{ status: number; headers: http.IncomingHttpHeaders; body: string }> {
  return new Promise((resolve, reject) => {
    const { body, ...others } = options
    const request = http.request({ host: '127.0.0.1', port, path, agent: false, ...others }, (response) => {
      let text = ''
      response.setEncoding('utf8').on('data', (chunk: string) => {
        text += chunk
      })
      response.on('end', () => resolve({ status: response.statusCode ?? 0, headers: response.headers, body: text }))
    })
    request.on('error', reject)
    request.end(body)
  })
}
