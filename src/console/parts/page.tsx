// What all views are made of: a head, sections, facts, tabs, fields of search, words for nothing.

import type { ComponentChildren } from 'preact'
import { useEffect, useRef, useState } from 'preact/hooks'
import type { Refusal } from '../data/api.ts'
import { moment, NONE, wholeMoment } from '../data/format.ts'
import { link, setQuery, useRoute } from '../data/route.ts'

interface PageProps {
  readonly title: string
  /** The way up: names and addresses of the views above. */
  readonly above?: readonly (readonly [string, string])[]
  readonly aside?: ComponentChildren
  readonly children: ComponentChildren
}

export function Page({ title, above = [], aside, children }: PageProps) {
  useEffect(() => {
    document.title = `${title} · Respite`
  }, [title])
  return (
    <>
      <header class="head">
        <h1>
          {above.map(([name, address]) => (
            <span key={address} class="above">
              <a href={address} data-up>
                {name}
              </a>{' '}
              <span aria-hidden="true">/</span>{' '}
            </span>
          ))}
          {title}
        </h1>
        {aside !== undefined && <div class="actions">{aside}</div>}
      </header>
      {children}
    </>
  )
}

export function Section({
  title,
  note,
  aside,
  children,
}: {
  title: string
  note?: ComponentChildren
  aside?: ComponentChildren
  children: ComponentChildren
}) {
  return (
    <section class="section">
      <header class="section-head">
        <h2>{title}</h2>
        {note !== undefined && <p class="note">{note}</p>}
        {aside !== undefined && <div class="actions">{aside}</div>}
      </header>
      {children}
    </section>
  )
}

/** Names and values beside each other; those without a value are left out. */
export function Facts({ facts }: { facts: readonly (readonly [string, ComponentChildren])[] }) {
  return (
    <dl class="facts">
      {facts
        .filter(([, value]) => value !== undefined && value !== null && value !== '')
        .map(([name, value]) => (
          <div key={name}>
            <dt>{name}</dt>
            <dd>{value}</dd>
          </div>
        ))}
    </dl>
  )
}

/** Says that there is nothing, and how to make something. */
export function Empty({ children, command }: { children: ComponentChildren; command?: string }) {
  return (
    <div class="empty">
      <p>{children}</p>
      {command !== undefined && <pre>{command}</pre>}
    </div>
  )
}

/** Stands in the place of a feature that the broker does not have, and says why. */
export function Lacking({ reason }: { reason: string }) {
  return (
    <div class="empty is-missing">
      <p>{reason}</p>
    </div>
  )
}

export function RefusalLine({ refusal }: { refusal: Refusal | undefined }) {
  return refusal === undefined ? null : (
    <p class="refusal" role="alert">
      {refusal.message}
    </p>
  )
}

/** What stands there until data come, or instead of them. */
export function Waiting({ refusal }: { refusal: Refusal | undefined }) {
  return refusal === undefined ? <p class="waiting">Loading …</p> : <RefusalLine refusal={refusal} />
}

export function Time({ at }: { at: number | null | undefined }) {
  if (at === null || at === undefined) return <>{NONE}</>
  return (
    <time dateTime={new Date(at).toISOString()} title={wholeMoment(at)}>
      {moment(at)}
    </time>
  )
}

interface TabsProps {
  readonly name: string
  readonly label: string
  readonly tabs: readonly (readonly [key: string, title: ComponentChildren])[]
  readonly current: string
}

/** Links that change one parameter of the address. */
export function Tabs({ name, label, tabs, current }: TabsProps) {
  const { path, query } = useRoute()
  const kept = Object.fromEntries([...query].filter(([other]) => other !== name))
  return (
    <nav class="tabs" aria-label={label}>
      {tabs.map(([key, title]) => (
        <a key={key} href={link(path, { ...kept, [name]: key })} aria-current={key === current ? 'page' : undefined}>
          {title}
        </a>
      ))}
    </nav>
  )
}

interface SearchProps {
  readonly name: string
  readonly label: string
  readonly hint?: string
  readonly isFirst?: boolean
  /** Characters that the field has room for. */
  readonly size?: number
  /** Parameters that mean nothing any more when the text is another one. */
  readonly resets?: readonly string[]
}

/** A field whose text is a parameter of the address. The first of a page is reached by `/`. */
export function Search({ name, label, hint, isFirst = false, size = 22, resets = [] }: SearchProps) {
  const { query } = useRoute()
  const given = query.get(name) ?? ''
  const [text, setText] = useState(given)
  const timer = useRef(0)
  useEffect(() => setText(given), [given])
  const change = (value: string): void => {
    setText(value)
    clearTimeout(timer.current)
    timer.current = window.setTimeout(
      () => setQuery({ ...Object.fromEntries(resets.map((other) => [other, ''])), [name]: value }),
      250,
    )
  }
  return (
    <label class="search">
      <span>{label}</span>
      <input
        type="search"
        value={text}
        size={size}
        placeholder={hint}
        autocomplete="off"
        spellcheck={false}
        data-first={isFirst ? '' : undefined}
        onInput={({ currentTarget }) => change(currentTarget.value)}
      />
    </label>
  )
}

export function Choice({
  name,
  label,
  choices,
}: {
  name: string
  label: string
  choices: readonly (readonly [string, string])[]
}) {
  const { query } = useRoute()
  return (
    <label class="search">
      <span>{label}</span>
      <select value={query.get(name) ?? ''} onChange={({ currentTarget }) => setQuery({ [name]: currentTarget.value })}>
        {choices.map(([value, title]) => (
          <option key={value} value={value}>
            {title}
          </option>
        ))}
      </select>
    </label>
  )
}

/** Shows something that changes with the clock, about each second. */
export function useNow(): number {
  const [now, setNow] = useState(Date.now())
  useEffect(() => {
    const timer = setInterval(() => setNow(Date.now()), 1000)
    return () => clearInterval(timer)
  }, [])
  return now
}
