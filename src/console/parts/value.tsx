// A value in the form that reads best: JSON as a tree, MessagePack as JSON, text, or bytes.

import { useState } from 'preact/hooks'
import type { Text } from '../data/api.ts'
import { bytesOf, hexLines, readable } from '../data/bytes.ts'
import { bytes as bytesText, counted } from '../data/format.ts'
import { readMessagePack } from '../data/message-pack.ts'

type Form = 'JSON' | 'MessagePack' | 'Text' | 'Hex'

const HEX_BYTES_MAX = 16_384
const TEXT_CHARS_MAX = 200_000
/** Deeper or longer values begin closed. */
const OPEN_DEPTH = 2
const OPEN_ENTRIES = 50
const ENTRIES_MAX = 500

/** A value of JSON; undefined = the text is none, or a number or a word alone. */
export function jsonOf(text: string): unknown {
  if (!/^\s*[[{"]/.test(text)) return undefined
  try {
    return JSON.parse(text)
  } catch (error) {
    if (error instanceof SyntaxError) return undefined
    throw error
  }
}

export function Value({ text, label }: { text: Text; label: string }) {
  const [chosen, setChosen] = useState<Form | undefined>()
  const bytes = bytesOf(text)
  const json = typeof text === 'string' ? jsonOf(text) : undefined
  const packed = json === undefined && typeof text !== 'string' ? readMessagePack(bytes) : undefined
  const forms: Form[] = [
    ...(json === undefined ? [] : (['JSON'] as const)),
    ...(packed === undefined ? [] : (['MessagePack'] as const)),
    'Text',
    'Hex',
  ]
  const form =
    chosen !== undefined && forms.includes(chosen)
      ? chosen
      : typeof text === 'string' || packed !== undefined
        ? forms[0]!
        : 'Hex'
  return (
    <div class="value">
      <div class="value-head">
        <span class="quiet">{bytesText(bytes.length)}</span>
        <fieldset class="switch" aria-label={`Form of ${label}`}>
          {forms.map((name) => (
            <button key={name} type="button" aria-pressed={name === form} onClick={() => setChosen(name)}>
              {name}
            </button>
          ))}
        </fieldset>
        {isSecureContext && (
          <button type="button" class="plain" onClick={() => void navigator.clipboard.writeText(readable(text))}>
            Copy
          </button>
        )}
      </div>
      <section class="value-body" tabIndex={0} aria-label={label}>
        {form === 'JSON' && <Json value={json} />}
        {form === 'MessagePack' && <Json value={packed} />}
        {form === 'Text' && <pre>{readable(text).slice(0, TEXT_CHARS_MAX)}</pre>}
        {form === 'Hex' && <pre>{hexLines(bytes, HEX_BYTES_MAX)}</pre>}
        {form === 'Hex' && bytes.length > HEX_BYTES_MAX && (
          <p class="note">The first {bytesText(HEX_BYTES_MAX)} are shown.</p>
        )}
      </section>
    </div>
  )
}

export function Json({ value, depth = 0, name }: { value: unknown; depth?: number; name?: string | undefined }) {
  const key = name === undefined ? null : <span class="json-key">{name}: </span>
  if (typeof value !== 'object' || value === null) {
    return (
      <div class="json">
        {key}
        <span class={`json-${value === null ? 'null' : typeof value}`}>{JSON.stringify(value) ?? 'undefined'}</span>
      </div>
    )
  }
  const entries = Object.entries(value)
  const isArray = Array.isArray(value)
  if (entries.length === 0) {
    return (
      <div class="json">
        {key}
        {isArray ? '[ ]' : '{ }'}
      </div>
    )
  }
  return (
    <details class="json" open={depth < OPEN_DEPTH && entries.length <= OPEN_ENTRIES}>
      <summary>
        {key}
        <span class="quiet">
          {isArray ? `[ ${counted(entries.length, 'element')} ]` : `{ ${counted(entries.length, 'field')} }`}
        </span>
      </summary>
      {entries.slice(0, ENTRIES_MAX).map(([field, each]) => (
        <Json key={field} value={each} depth={depth + 1} name={field} />
      ))}
      {entries.length > ENTRIES_MAX && <p class="note">and {counted(entries.length - ENTRIES_MAX, 'more', 'more')}</p>}
    </details>
  )
}
