// The console of a server that only its address leads to, and a browser that is signed in.

import { onTestFinished } from 'vitest'
import { type RemoteAddress, remoteAddress } from '../../src/door/remote/remote-address.ts'
import type { Patience } from '../../src/door/remote/remote-connection.ts'
import { RemoteServer } from '../../src/door/remote/remote-server.ts'
import { ConsoleListeners } from '../../src/embedded/console-listener.ts'
import { openDoor } from './door.ts'

export type RemoteBrowser = Awaited<ReturnType<typeof openRemote>>

/** Opens it until the test ends. */
export async function openRemote(
  address: string,
  { patience, ...more }: Partial<RemoteAddress> & { patience?: Patience } = {},
) {
  const { broker, engine } = await openDoor({ requirepass: 'secret' })
  const consoles = new ConsoleListeners(engine)
  const opened = await consoles.open({}, new RemoteServer({ ...remoteAddress(address), ...more }, patience))
  onTestFinished(() => consoles.close())
  const { hash, origin } = new URL(opened.url)
  const own = { Origin: origin, 'X-Respite-Console': '1' }
  const body = JSON.stringify({ link: hash.slice('#link='.length) })
  const answer = await fetch(`${origin}/v1/session`, { method: 'POST', headers: own, body })
  const headers = { ...own, Cookie: (answer.headers.getSetCookie()[0] ?? '').split(';')[0]! }
  const get = (path: string): Promise<Response> => fetch(`${origin}${path}`, { headers })
  const post = (path: string, body: unknown): Promise<Response> =>
    fetch(`${origin}${path}`, { method: 'POST', headers, body: JSON.stringify(body) })
  return { session: { status: answer.status, ...((await answer.json()) as object) }, broker, get, origin, post }
}
