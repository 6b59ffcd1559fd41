// Live tail: messages as they come, a sample of them on the screen, all of them counted.
//
// The server sends at most so many messages a second as can be read, and each second how many there
// were. Lines are put into the document once for a frame, and the oldest leave, so the page stays
// quick and its memory flat however many come.

import { useEffect, useRef, useState } from 'preact/hooks'
import { address, type Text } from '../data/api.ts'
import { readable } from '../data/bytes.ts'
import { bytes, clock, count, rate } from '../data/format.ts'
import { setQuery, useRoute } from '../data/route.ts'
import { Page, Search } from '../parts/page.tsx'
import { Value } from '../parts/value.tsx'

interface Message {
  readonly id: string | null
  readonly channel: string
  readonly message: Text
  readonly at: number
}

interface Line extends Message {
  readonly number: number
  readonly text: string
}

interface Second {
  readonly messages: number
  readonly bytes: number
  readonly shown: number
}

const LINES_MAX = 300
const RATE = 200

/** Fills a list with lines, outside of the tree of components: most of its life is appending. */
class Lines {
  readonly #list: HTMLElement
  readonly #choose: (line: Line) => void
  readonly #isWanted: (line: Line) => boolean
  #waiting: Line[] = []
  #frame = 0
  #number = 0
  isPaused = false

  constructor(list: HTMLElement, choose: (line: Line) => void, isWanted: (line: Line) => boolean) {
    this.#list = list
    this.#choose = choose
    this.#isWanted = isWanted
  }

  add(messages: readonly Message[]): void {
    if (this.isPaused) return
    for (const message of messages) {
      const line = { ...message, number: this.#number++, text: readable(message.message) }
      if (this.#isWanted(line)) this.#waiting.push(line)
    }
    if (this.#waiting.length > LINES_MAX) this.#waiting = this.#waiting.slice(-LINES_MAX)
    if (this.#frame === 0 && this.#waiting.length > 0) this.#frame = requestAnimationFrame(() => this.#show())
  }

  clear(): void {
    this.#waiting = []
    this.#list.replaceChildren()
  }

  end(): void {
    cancelAnimationFrame(this.#frame)
    this.#list.replaceChildren()
  }

  #show(): void {
    this.#frame = 0
    const rows = document.createDocumentFragment()
    // The newest stands above.
    for (const line of this.#waiting.reverse()) rows.append(this.#row(line))
    this.#waiting = []
    this.#list.prepend(rows)
    while (this.#list.childElementCount > LINES_MAX) this.#list.lastElementChild?.remove()
  }

  #row(line: Line): HTMLElement {
    const row = document.createElement('li')
    const button = document.createElement('button')
    button.type = 'button'
    button.dataset.row = ''
    button.className = 'tail-line'
    button.onclick = () => this.#choose(line)
    for (const [name, text] of [
      ['tail-at', clock(line.at)],
      ['tail-channel', line.channel],
      ['tail-text', line.text.slice(0, 400)],
    ] as const) {
      const cell = document.createElement('span')
      cell.className = name
      cell.textContent = text
      button.append(cell)
    }
    row.append(button)
    return row
  }
}

export function Tail({ channel, pattern }: { channel?: string; pattern?: string }) {
  const { query } = useRoute()
  const filter = (query.get('filter') ?? '').toLowerCase()
  const wanted = useRef(filter)
  wanted.current = filter
  const list = useRef<HTMLUListElement>(null)
  const lines = useRef<Lines | undefined>(undefined)
  const [isPaused, setPaused] = useState(false)
  const [second, setSecond] = useState<Second>({ messages: 0, bytes: 0, shown: 0 })
  const [total, setTotal] = useState(0)
  const [gaps, setGaps] = useState<readonly string[]>([])
  const [chosen, setChosen] = useState<Line | undefined>()
  const [state, setState] = useState('connecting')

  useEffect(() => {
    if (list.current === null) return
    const made = new Lines(
      list.current,
      setChosen,
      ({ text, channel }) => wanted.current === '' || `${channel} ${text}`.toLowerCase().includes(wanted.current),
    )
    lines.current = made
    const source = new EventSource(address('tail', { channel, pattern, rate: RATE }))
    const on = <T,>(name: string, take: (value: T) => void): void =>
      source.addEventListener(name, (event) => take(JSON.parse((event as MessageEvent<string>).data) as T))
    source.onopen = () => setState('live')
    source.onerror = () => setState(source.readyState === EventSource.CLOSED ? 'refused' : 'lost')
    on<readonly Message[]>('messages', (messages) => made.add(messages))
    on<Second>('count', (value) => {
      setSecond(value)
      setTotal((before) => before + value.messages)
    })
    on<{ channel: string; count: number | null }>('gap', (gap) =>
      setGaps((before) => [
        ...before.slice(-4),
        `${gap.channel}: ${gap.count === null ? 'messages' : count(gap.count)} missing`,
      ]),
    )
    return () => {
      source.close()
      made.end()
    }
  }, [channel, pattern])

  useEffect(() => {
    if (lines.current !== undefined) lines.current.isPaused = isPaused
  }, [isPaused])

  return (
    <div class="tail">
      <div class="filters">
        <Search name="filter" label="Containing" hint="a part of the text" isFirst />
        <button type="button" aria-pressed={isPaused} onClick={() => setPaused(!isPaused)}>
          {isPaused ? 'Go on' : 'Pause'}
        </button>
        <button type="button" onClick={() => lines.current?.clear()}>
          Clear
        </button>
        <p class="tail-count">
          <span class={state === 'live' ? 'live' : 'warn'}>
            {state === 'refused' ? 'refused: this user may not listen' : state}
          </span>{' '}
          <strong>{rate(second.messages)}</strong> {bytes(second.bytes)}/s, <strong>{count(total)}</strong> in all
          {second.messages > second.shown && state === 'live' && (
            <span class="quiet">, {count(second.shown)} a second on the screen</span>
          )}
        </p>
      </div>
      {gaps.length > 0 && (
        <p class="warn" role="status">
          Gaps: {gaps.join('; ')}
        </p>
      )}
      {chosen !== undefined && (
        <div class="detail">
          <p class="note">
            {chosen.channel} {chosen.id ?? 'not kept'}
          </p>
          <Value text={chosen.message} label="The message" />
        </div>
      )}
      <ul ref={list} class="tail-lines" aria-label="Messages" />
      <p class="note tail-foot">The newest stands above. The last {LINES_MAX} lines stay.</p>
    </div>
  )
}

/** The tail of any channel or pattern. */
export function TailPage() {
  const { query } = useRoute()
  const pattern = query.get('pattern') ?? '*'
  return (
    <Page title="Live tail" above={[['Channels', '#/channels']]}>
      <div class="filters">
        <label class="search">
          <span>Pattern</span>
          <input
            type="search"
            value={pattern}
            spellcheck={false}
            onChange={({ currentTarget }) => setQuery({ pattern: currentTarget.value })}
          />
        </label>
      </div>
      <Tail key={pattern} pattern={pattern} />
    </Page>
  )
}
