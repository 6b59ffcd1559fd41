// The address of a view: `#/queues/mails?state=failed`. It stands behind the # of the page, so the
// page works under any path, and all filters are in it: a link shows what its sender saw.

import { useEffect, useMemo, useState } from 'preact/hooks'

export interface Route {
  /** The parts of the path, decoded: `['queues', 'mails']`. */
  readonly path: readonly string[]
  readonly query: URLSearchParams
}

export function routeOf(hash: string): Route {
  const [path = '', query = ''] = hash.replace(/^#?\/?/, '').split(/\?(.*)/s)
  const parts = path.split('/').filter((each) => each !== '')
  return { path: parts.map(decode), query: new URLSearchParams(query) }
}

function decode(text: string): string {
  try {
    return decodeURIComponent(text)
  } catch (error) {
    if (error instanceof URIError) return text
    throw error
  }
}

type Query = Readonly<Record<string, string | number | null | undefined | readonly string[]>>

/** The address of a view. */
export function link(path: readonly string[], query: Query = {}): string {
  const parameters = new URLSearchParams()
  for (const [name, value] of Object.entries(query)) {
    if (Array.isArray(value)) for (const each of value) parameters.append(name, each)
    else if (value !== null && value !== undefined && value !== '') parameters.set(name, String(value))
  }
  const text = parameters.toString()
  return `#/${path.map(encodeURIComponent).join('/')}${text === '' ? '' : `?${text}`}`
}

export function go(address: string, how: 'push' | 'replace' = 'push'): void {
  if (how === 'push') location.hash = address
  else {
    history.replaceState(null, '', address)
    dispatchEvent(new HashChangeEvent('hashchange'))
  }
}

export function useRoute(): Route {
  const [hash, setHash] = useState(location.hash)
  useEffect(() => {
    const change = (): void => setHash(location.hash)
    addEventListener('hashchange', change)
    // The address may have changed between the drawing and this effect.
    change()
    return () => removeEventListener('hashchange', change)
  }, [])
  return useMemo(() => routeOf(hash), [hash])
}

/** Changes parameters of the view that is shown, and leaves the others. */
export function setQuery(changes: Query): void {
  const { path, query } = routeOf(location.hash)
  const all: Record<string, string | readonly string[]> = {}
  for (const name of new Set(query.keys())) {
    const values = query.getAll(name)
    all[name] = values.length === 1 ? values[0]! : values
  }
  go(link(path, { ...all, ...changes }), 'replace')
}
