// The keyboard: / search, g and a letter, j and k, Enter, Esc, ?.
//
// Keys do nothing while a text is typed, except Esc, which leaves the field. A dialog has its own
// keys, which are the browser's.

import { useEffect, useRef, useState } from 'preact/hooks'
import { go, link } from '../data/route.ts'
import { VIEWS } from './views.ts'

/** How long `g` waits for its letter. */
const CHORD_MS = 1500

const isTyping = (target: EventTarget | null): boolean =>
  target instanceof HTMLElement && target.matches('input, textarea, select, [contenteditable]')

function move(step: 1 | -1): void {
  const rows = [...document.querySelectorAll<HTMLElement>('main [data-row]')]
  const at = rows.indexOf(document.activeElement as HTMLElement)
  const next = rows[at < 0 ? (step > 0 ? 0 : rows.length - 1) : at + step]
  next?.focus()
  next?.scrollIntoView({ block: 'nearest' })
}

export function Keyboard() {
  const [isHelp, setHelp] = useState(false)
  useEffect(() => {
    const chord = { until: 0 }
    const press = (event: KeyboardEvent): void => {
      if (event.ctrlKey || event.metaKey || event.altKey || document.querySelector('dialog[open]') !== null) return
      const { key, target } = event
      if (isTyping(target)) {
        if (key === 'Escape') (target as HTMLElement).blur()
        return
      }
      if (event.timeStamp < chord.until) {
        chord.until = 0
        const view = VIEWS.find(({ letter }) => letter === key)
        if (view !== undefined) go(link([view.path]))
        return
      }
      if (key === 'g') chord.until = event.timeStamp + CHORD_MS
      else if (key === 'j') move(1)
      else if (key === 'k') move(-1)
      else if (key === '?') setHelp(true)
      else if (key === 'Escape') {
        const up = [...document.querySelectorAll<HTMLAnchorElement>('main [data-up]')].at(-1)
        if (up !== undefined) go(up.getAttribute('href') ?? '')
      } else if (key === '/') {
        const field = document.querySelector<HTMLInputElement>('main [data-first]')
        if (field === null) return
        event.preventDefault()
        field.focus()
        field.select()
      }
    }
    addEventListener('keydown', press)
    return () => removeEventListener('keydown', press)
  }, [])
  return isHelp ? <Help close={() => setHelp(false)} /> : null
}

const KEYS: readonly (readonly [string, string])[] = [
  ['/', 'to the field of search'],
  ['j  k', 'down and up a list'],
  ['Enter', 'opens what is chosen'],
  ['Esc', 'leaves a field or a question; goes up'],
  ...VIEWS.map(({ letter, title }) => [`g ${letter}`, title] as const),
  ['?', 'this list'],
]

function Help({ close }: { close: () => void }) {
  const dialog = useRef<HTMLDialogElement>(null)
  useEffect(() => dialog.current?.showModal(), [])
  return (
    <dialog ref={dialog} class="question" onClose={close} aria-labelledby="help-title">
      <h2 id="help-title">Keys</h2>
      <dl class="keys">
        {KEYS.map(([key, text]) => (
          <div key={key}>
            <dt>
              <kbd>{key}</kbd>
            </dt>
            <dd>{text}</dd>
          </div>
        ))}
      </dl>
      <p class="actions">
        <button type="button" class="verb" onClick={() => dialog.current?.close()}>
          Close
        </button>
      </p>
    </dialog>
  )
}
