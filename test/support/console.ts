// A door with its console, and a browser that is signed in.

import type { ConfigSettings } from '../../src/config/config.ts'
import type { Log } from '../../src/engine/log.ts'
import { type OpenDoor, openDoor } from './door.ts'

export interface AuditLine {
  readonly user: string
  readonly address: string
  readonly command?: readonly string[]
  readonly ok?: boolean
}

export interface OpenConsole extends OpenDoor {
  readonly audit: readonly AuditLine[]
  /** Signs in, and returns a browser with the cookie. */
  signIn(user?: string, password?: string): Promise<Browser>
  /** Asks for a sign-in, as the page does. */
  trySignIn(body: unknown, headers?: Record<string, string>): Promise<Response>
}

export interface Browser {
  readonly cookie: string
  get(path: string, headers?: Record<string, string>): Promise<Response>
  json<T = unknown>(path: string): Promise<T>
  post(path: string, body?: unknown, headers?: Record<string, string>): Promise<Response>
  command(...words: readonly string[]): Promise<{ result?: unknown; error?: string; code?: string }>
}

export async function openConsole(settings: ConfigSettings = {}): Promise<OpenConsole> {
  const audit: AuditLine[] = []
  const ignore = (): void => {}
  const info = (details: object): void => {
    if ('audit' in details) audit.push(details.audit as AuditLine)
  }
  const log: Log = { debug: ignore, info, warn: ignore, error: ignore, fatal: ignore }
  const door = await openDoor({ console: 'yes', ...settings }, { log })
  const own = { Origin: door.url, 'X-Respite-Console': '1', 'Content-Type': 'application/json' }
  const trySignIn = (body: unknown, headers: Record<string, string> = {}): Promise<Response> =>
    door.ask('/v1/session', { method: 'POST', headers: { ...own, ...headers }, body: JSON.stringify(body) })
  const signIn = async (user = 'default', password = ''): Promise<Browser> => {
    const answer = await trySignIn({ user, password })
    if (answer.status !== 200) throw new Error(await answer.text())
    return browserOf(door, own, cookieIn(answer))
  }
  return { ...door, audit, signIn, trySignIn }
}

/** The cookie that an answer sets, as a request carries it. */
export function cookieIn(answer: Response): string {
  return (answer.headers.getSetCookie()[0] ?? '').split(';')[0]!
}

function browserOf({ ask }: OpenDoor, own: Record<string, string>, cookie: string): Browser {
  const get = (path: string, headers: Record<string, string> = {}): Promise<Response> =>
    ask(path, { headers: { Cookie: cookie, ...headers } })
  const post = (path: string, body: unknown = {}, headers: Record<string, string> = {}): Promise<Response> =>
    ask(path, { method: 'POST', headers: { ...own, Cookie: cookie, ...headers }, body: JSON.stringify(body) })
  return {
    cookie,
    get,
    post,
    json: async <T>(path: string) => {
      const answer = await get(path)
      if (answer.status !== 200) throw new Error(`${path}: ${answer.status} ${await answer.text()}`)
      return (await answer.json()) as T
    },
    command: async (...words) => (await (await post('/v1/command', { command: words })).json()) as { result?: unknown },
  }
}
