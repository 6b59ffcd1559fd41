// Requests to the documented HTTP API of the door. The page knows the broker by nothing else.
//
// Addresses are relative to the page, so a proxy may put both under any path. A refusal of the
// server becomes a Refusal with the server's own words, which the page shows as they are.

/** A word of a command, or a text in a reply: bytes that are no UTF-8 come as base64. */
export type Word = string | number | { readonly base64: string }
export type Text = string | { readonly base64: string }
export type Reply = Text | number | null | { readonly error: string } | readonly Reply[]

export class Refusal extends Error {
  readonly status: number

  constructor(status: number, reason: string) {
    super(reason)
    this.status = status
  }
}

/**
 * `onEnd` is called when an answer says that the session is over. `signIns` counts the sessions that began
 * or were ended: a late answer to a request of an earlier session says nothing of the present one.
 */
export const sessionEnd = { onEnd: (): void => {}, signIns: 0 }

type Parameter = string | number | undefined | null | readonly string[]

/** The address of an endpoint, with those parameters that have a value. */
export function address(path: string, parameters: Readonly<Record<string, Parameter>> = {}): string {
  const url = new URL(`../v1/${path}`, document.baseURI)
  url.hash = ''
  for (const [name, value] of Object.entries(parameters)) {
    if (Array.isArray(value)) for (const each of value) url.searchParams.append(name, each)
    else if (value !== undefined && value !== null && value !== '') url.searchParams.set(name, String(value))
  }
  return url.href
}

export const part = encodeURIComponent

async function ask(url: string, init: RequestInit, isSignIn = false): Promise<Response> {
  const { signIns } = sessionEnd
  const answer = await fetch(url, { credentials: 'same-origin', cache: 'no-store', ...init }).catch(
    (error: unknown) => {
      if (error instanceof DOMException && error.name === 'AbortError') throw error
      throw new Refusal(0, 'The broker does not answer. This page tries again.')
    },
  )
  if (answer.ok) return answer
  if (answer.status === 401 && !isSignIn && signIns === sessionEnd.signIns) sessionEnd.onEnd()
  throw new Refusal(answer.status, await reasonOf(answer))
}

async function reasonOf(answer: Response): Promise<string> {
  const text = await answer.text()
  const wait = answer.headers.get('Retry-After')
  const later = wait === null ? '' : ` Try again in ${wait} s.`
  try {
    const { error } = JSON.parse(text) as { error?: unknown }
    if (typeof error === 'string') return error + later
  } catch (error) {
    if (!(error instanceof SyntaxError)) throw error
  }
  return `${text.slice(0, 300) || `The server answered ${answer.status}.`}${later}`
}

const changing = (method: string, body: unknown): RequestInit => ({
  method,
  headers: { 'Content-Type': 'application/json', 'X-Respite-Console': '1' },
  ...(body === undefined ? {} : { body: JSON.stringify(body) }),
})

export async function get<T>(
  path: string,
  parameters?: Readonly<Record<string, Parameter>>,
  signal?: AbortSignal,
): Promise<T> {
  const answer = await ask(address(path, parameters), signal === undefined ? {} : { signal })
  return (await answer.json()) as T
}

export async function post<T>(
  path: string,
  body: unknown,
  parameters?: Readonly<Record<string, Parameter>>,
): Promise<T> {
  const answer = await ask(address(path, parameters), changing('POST', body), path === 'session')
  return (await answer.json()) as T
}

export async function signOut(): Promise<void> {
  await ask(address('session'), changing('DELETE', undefined))
}

/** Runs one command as the user who is signed in. */
export async function command(words: readonly Word[], db = 0): Promise<Reply> {
  const { result } = await post<{ result: Reply }>('command', { command: words, db })
  return result
}

/** Runs several commands; a refused one gives its reason in place of a reply. */
export async function commands(list: readonly (readonly Word[])[], db = 0): Promise<(Reply | Refusal)[]> {
  const { results } = await post<{ results: ({ result: Reply } | { error: string })[] }>('command', {
    commands: list,
    db,
  })
  return results.map((each) => ('error' in each ? new Refusal(400, each.error) : each.result))
}

/** Reads an answer that has a JSON value in each line; `take` is called for each as it comes. */
export async function lines<T>(
  path: string,
  parameters: Readonly<Record<string, Parameter>>,
  take: (line: T) => void,
  { signal, body }: { signal?: AbortSignal; body?: unknown } = {},
): Promise<void> {
  const init: RequestInit = body === undefined ? {} : changing('POST', body)
  const answer = await ask(address(path, parameters), signal === undefined ? init : { ...init, signal })
  const reader = answer.body!.pipeThrough(new TextDecoderStream()).getReader()
  let rest = ''
  while (true) {
    const { done, value } = await reader.read()
    if (done) break
    const parts = (rest + value).split('\n')
    rest = parts.pop() ?? ''
    for (const text of parts) if (text !== '') take(JSON.parse(text) as T)
  }
  if (rest !== '') take(JSON.parse(rest) as T)
}
