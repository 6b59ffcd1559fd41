// Loads data for a view, again and again if wanted, and never two at a time.

import { useCallback, useEffect, useRef, useState } from 'preact/hooks'
import type { Refusal } from './api.ts'

export interface Loaded<T> {
  /** The last that came; undefined = none yet. */
  readonly data: T | undefined
  /** Why the last request was refused. */
  readonly refusal: Refusal | undefined
  reload(): void
}

/**
 * Calls `load` when `key` changes, and each `everyMs` while the page is visible. What an earlier key
 * has loaded is dropped.
 */
export function useLoad<T>(key: string, load: (signal: AbortSignal) => Promise<T>, everyMs?: number): Loaded<T> {
  const [state, setState] = useState<{ key: string; data?: T; refusal?: Refusal }>({ key })
  const [turn, setTurn] = useState(0)
  const latest = useRef(load)
  latest.current = load

  useEffect(() => {
    const ending = new AbortController()
    let timer: number | undefined
    const run = async (): Promise<void> => {
      if (!document.hidden || turn === 0) {
        try {
          const data = await latest.current(ending.signal)
          if (!ending.signal.aborted) setState({ key, data })
        } catch (error) {
          if (ending.signal.aborted) return
          setState((before) => ({ ...(before.key === key ? before : { key }), refusal: error as Refusal }))
        }
      }
      if (everyMs !== undefined && !ending.signal.aborted) timer = window.setTimeout(() => void run(), everyMs)
    }
    void run()
    return () => {
      ending.abort()
      clearTimeout(timer)
    }
  }, [key, turn, everyMs])

  const reload = useCallback(() => setTurn((before) => before + 1), [])
  const own = state.key === key ? state : undefined
  return { data: own?.data, refusal: own?.refusal, reload }
}
