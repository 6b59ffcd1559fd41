// The question before a change.
//
// Each change is asked for once, with the command that it comes to. A change that destroys something
// wants the name of the thing. When the server refuses, its reason stands in the question, which
// stays open. What was done is said in one line at the foot of the page.

import { useEffect, useRef, useState } from 'preact/hooks'
import { Refusal } from '../data/api.ts'

export interface Field {
  readonly name: string
  readonly label: string
  readonly kind?: 'text' | 'number' | 'long' | 'choice' | undefined
  readonly value?: string | undefined
  readonly choices?: readonly string[] | undefined
  readonly hint?: string | undefined
  readonly isOptional?: boolean | undefined
}

export type Values = Readonly<Record<string, string>>

export interface Change {
  /** Ends with a question mark: `Kill client 7?`. */
  readonly title: string
  readonly text?: string
  /** Shows the command that it comes to. */
  readonly command?: (values: Values) => string
  /** The name that must be typed, because the change destroys something. */
  readonly name?: string
  readonly fields?: readonly Field[]
  /** The word on the button. */
  readonly verb: string
  /** Does it; the text that is returned says what was done. */
  run(values: Values): Promise<string | undefined>
}

/** The question that is open, and the line that was said last. The page has one of each. */
export const changes = {
  ask: (_: Change): void => {},
  say: (_: string): void => {},
}

export const ask = (change: Change): void => changes.ask(change)

export function Changes() {
  const [change, setChange] = useState<Change | undefined>()
  const [said, setSaid] = useState('')
  changes.ask = setChange
  changes.say = setSaid
  useEffect(() => {
    if (said === '') return
    const timer = setTimeout(() => setSaid(''), 6000)
    return () => clearTimeout(timer)
  }, [said])
  return (
    <>
      {change !== undefined && <Question change={change} close={() => setChange(undefined)} />}
      <p class={said === '' ? 'said' : 'said is-shown'} role="status">
        {said}
      </p>
    </>
  )
}

const beginning = (change: Change): Record<string, string> =>
  Object.fromEntries((change.fields ?? []).map(({ name, value }) => [name, value ?? '']))

function Question({ change, close }: { change: Change; close: () => void }) {
  const dialog = useRef<HTMLDialogElement>(null)
  const [values, setValues] = useState(() => beginning(change))
  const [typed, setTyped] = useState('')
  const [reason, setReason] = useState('')
  const [isRunning, setRunning] = useState(false)
  useEffect(() => {
    const before = document.activeElement as HTMLElement | null
    dialog.current?.showModal()
    dialog.current?.querySelector<HTMLElement>('input, textarea, select, .verb')?.focus()
    return () => before?.focus()
  }, [])
  const isReady =
    (change.name === undefined || typed === change.name) &&
    (change.fields ?? []).every(({ name, isOptional }) => isOptional === true || values[name] !== '')
  const run = async (event: Event): Promise<void> => {
    event.preventDefault()
    if (!isReady || isRunning) return
    setRunning(true)
    setReason('')
    try {
      const done = await change.run(values)
      close()
      changes.say(done ?? 'Done.')
    } catch (error) {
      setReason(error instanceof Refusal ? error.message : String(error))
      setRunning(false)
    }
  }
  const isDanger = change.name !== undefined
  return (
    <dialog ref={dialog} class="question" onClose={close} aria-labelledby="question-title">
      <form onSubmit={(event) => void run(event)}>
        <h2 id="question-title">{change.title}</h2>
        {change.text !== undefined && <p>{change.text}</p>}
        {(change.fields ?? []).map((field) => (
          <FieldOf
            key={field.name}
            field={field}
            value={values[field.name] ?? ''}
            set={(value) => setValues({ ...values, [field.name]: value })}
          />
        ))}
        {change.command !== undefined && <pre class="command">{change.command(values)}</pre>}
        {change.name !== undefined && (
          <label class="field">
            <span>
              Type <code>{change.name}</code> to go on
            </span>
            <input
              value={typed}
              autocomplete="off"
              spellcheck={false}
              onInput={({ currentTarget }) => setTyped(currentTarget.value)}
            />
          </label>
        )}
        {reason !== '' && (
          <p class="refusal" role="alert">
            Refused: {reason}
          </p>
        )}
        <p class="actions">
          <button type="button" onClick={() => dialog.current?.close()}>
            Cancel
          </button>
          <button type="submit" class={isDanger ? 'verb danger' : 'verb main'} disabled={!isReady || isRunning}>
            {isRunning ? 'Running …' : change.verb}
          </button>
        </p>
      </form>
    </dialog>
  )
}

function FieldOf({ field, value, set }: { field: Field; value: string; set: (value: string) => void }) {
  const { label, kind = 'text', hint } = field
  return (
    <label class="field">
      <span>
        {label}
        {field.isOptional === true && <span class="quiet"> (optional)</span>}
      </span>
      {kind === 'long' ? (
        <textarea rows={6} value={value} spellcheck={false} onInput={({ currentTarget }) => set(currentTarget.value)} />
      ) : kind === 'choice' ? (
        <select value={value} onChange={({ currentTarget }) => set(currentTarget.value)}>
          {(field.choices ?? []).map((choice) => (
            <option key={choice}>{choice}</option>
          ))}
        </select>
      ) : (
        <input
          inputMode={kind === 'number' ? 'numeric' : 'text'}
          value={value}
          autocomplete="off"
          spellcheck={false}
          onInput={({ currentTarget }) => set(currentTarget.value)}
        />
      )}
      {hint !== undefined && <small>{hint}</small>}
    </label>
  )
}
