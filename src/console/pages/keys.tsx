// Keys: a walk by pattern and type as a tree, and the value of one beside it.

import { useEffect, useMemo, useState } from 'preact/hooks'
import { command, type Refusal, type Text } from '../data/api.ts'
import { nameOf, readable, textOf } from '../data/bytes.ts'
import { bytes, count, counted, duration } from '../data/format.ts'
import { type Branch, type KeyFacts, readKey, SCAN_BEGIN, type Scan, scan, treeOf } from '../data/keyspace.ts'
import { setQuery, useRoute } from '../data/route.ts'
import { useLoad } from '../data/use-load.ts'
import { ask } from '../parts/change.tsx'
import { Choice, Empty, Facts, Page, RefusalLine, Search, Waiting } from '../parts/page.tsx'
import { Table } from '../parts/table.tsx'
import { Value } from '../parts/value.tsx'
import { useDatabase } from '../shell/broker.ts'

const TYPES = ['string', 'hash', 'list', 'set', 'zset', 'stream'] as const
/** One walk finds so many keys, and goes on when it is asked to. */
const FOUND_MAX = 10_000

export function KeysPage() {
  const { query } = useRoute()
  const match = query.get('match') ?? ''
  const glob = match === '' || /[*?[]/.test(match) ? match : `*${match}*`
  const type = query.get('type') ?? ''
  const db = Number(useDatabase())
  const key = query.get('key')
  const [turn, setTurn] = useState(0)
  const { walk, refusal, isWalking, more } = useWalk(glob, type, db, turn)
  const size = useLoad(`dbsize ${db} ${turn}`, () => command(['DBSIZE'], db), 5000)
  const [open, setOpen] = useState<ReadonlySet<string>>(new Set())
  const lines = useMemo(() => treeOf(walk.keys, open), [walk.keys, open])
  const toggle = (prefix: string): void => {
    const changed = new Set(open)
    if (!changed.delete(prefix)) changed.add(prefix)
    setOpen(changed)
  }
  const isOver = walk.cursor === '0'
  return (
    <Page title="Keys">
      <div class="filters">
        <Search name="match" label="Pattern" hint="user:* or a part" isFirst />
        <Choice name="type" label="Type" choices={[['', 'any'], ...TYPES.map((name) => [name, name] as const)]} />
        <Search name="db" label="Database" hint="0" size={4} />
        <p class="note" role="status">
          {isWalking
            ? `Walking: ${count(walk.keys.length)} found …`
            : `${counted(walk.keys.length, 'key')}${isOver ? '' : ' so far'} of ${count(Number(size.data ?? 0))}`}
        </p>
      </div>
      <RefusalLine refusal={refusal} />
      <div class={key === null ? 'split' : 'split is-open'}>
        <div class="split-list">
          {walk.keys.length === 0 && !isWalking ? (
            <Empty command="redis-cli SET greeting hello">
              {glob === '' && type === '' ? 'The database is empty. A first key:' : 'No key matches.'}
            </Empty>
          ) : (
            <Table
              label="Keys"
              columns={[
                {
                  title: 'Key',
                  cell: (line: Branch) => (
                    <Line
                      line={line}
                      isOpen={open.has(line.prefix)}
                      isChosen={line.key !== undefined && nameOf(line.key) === key}
                      toggle={toggle}
                    />
                  ),
                },
              ]}
              rows={lines}
              keyOf={({ prefix, key }) => `${key === undefined ? 'b' : 'k'} ${prefix}`}
            />
          )}
          {!isOver && !isWalking && (
            <p class="more">
              <button type="button" onClick={more}>
                Walk on
              </button>
            </p>
          )}
        </div>
        {key !== null && (
          <KeyDetail
            key={`${db} ${key}`}
            name={textOf(key)}
            db={db}
            onGone={() => {
              setQuery({ key: null })
              setTurn(turn + 1)
            }}
          />
        )}
      </div>
    </Page>
  )
}

function Line({
  line,
  isOpen,
  isChosen,
  toggle,
}: {
  line: Branch
  isOpen: boolean
  isChosen: boolean
  toggle: (prefix: string) => void
}) {
  const indent = { paddingInlineStart: `${line.depth * 1.25}em` }
  if (line.key === undefined) {
    return (
      <button
        type="button"
        class="line branch"
        data-row
        style={indent}
        aria-expanded={isOpen}
        onClick={() => toggle(line.prefix)}
      >
        <span class="twist" aria-hidden="true">
          {isOpen ? '▾' : '▸'}
        </span>
        {line.label} <span class="quiet">{count(line.count)}</span>
      </button>
    )
  }
  const name = nameOf(line.key)
  return (
    <button
      type="button"
      class="line"
      data-row
      style={indent}
      aria-pressed={isChosen}
      title={line.prefix}
      onClick={() => setQuery({ key: name })}
    >
      <span class="twist" aria-hidden="true" />
      {line.label}
    </button>
  )
}

function useWalk(match: string, type: string, db: number, turn: number) {
  const [walk, setWalk] = useState<Scan>(SCAN_BEGIN)
  const [refusal, setRefusal] = useState<Refusal | undefined>()
  const [isWalking, setWalking] = useState(true)
  const [rounds, setRounds] = useState(0)
  const key = `${match} ${type} ${db} ${turn}`
  const [shown, setShown] = useState(key)
  useEffect(() => {
    const ending = new AbortController()
    const before = shown === key ? walk : SCAN_BEGIN
    setShown(key)
    setRefusal(undefined)
    setWalking(true)
    const take = (value: Scan): void => {
      if (!ending.signal.aborted) setWalk(value)
    }
    scan(before, { match, type, db, found: FOUND_MAX }, { signal: ending.signal, take })
      .catch((error: unknown) => {
        if (!ending.signal.aborted) {
          setWalk({ ...SCAN_BEGIN, cursor: '0' })
          setRefusal(error as Refusal)
        }
      })
      .finally(() => {
        if (!ending.signal.aborted) setWalking(false)
      })
    return () => ending.abort()
  }, [key, rounds])
  return { walk, refusal, isWalking, more: () => setRounds(rounds + 1) }
}

const NOUNS: Readonly<Record<string, readonly [length: string, name: string, value: string]>> = {
  string: ['bytes', '', ''],
  hash: ['fields', 'Field', 'Value'],
  list: ['elements', 'Index', 'Element'],
  set: ['members', 'Number', 'Member'],
  zset: ['members', 'Score', 'Member'],
  stream: ['entries', 'Id', 'Fields'],
}

function KeyDetail({ name, db, onGone }: { name: Text; db: number; onGone: () => void }) {
  const title = readable(name)
  const { data, refusal, reload } = useLoad<KeyFacts | null>(`key ${db} ${title}`, () => readKey(name, db))
  const remove = (): void =>
    ask({
      title: `Delete ${title}?`,
      text: 'The value is gone then.',
      verb: 'Delete',
      name: title,
      command: () => `DEL ${title}`,
      run: async () => {
        await command(['DEL', name], db)
        onGone()
        return `${title} is deleted.`
      },
    })
  const expire = (): void =>
    ask({
      title: `When shall ${title} expire?`,
      verb: 'Set',
      fields: [{ name: 'seconds', label: 'Seconds from now', kind: 'number', hint: 'Empty: never', isOptional: true }],
      command: ({ seconds }) => (seconds === '' ? `PERSIST ${title}` : `EXPIRE ${title} ${seconds}`),
      run: async ({ seconds = '' }) => {
        await command(seconds === '' ? ['PERSIST', name] : ['EXPIRE', name, seconds], db)
        reload()
        return seconds === '' ? `${title} stays.` : `${title} expires in ${seconds} s.`
      },
    })
  const [lengthNoun, nameTitle, valueTitle] = NOUNS[data?.type ?? ''] ?? ['', 'Name', 'Value']
  return (
    <section class="split-detail" aria-label="The key">
      <header class="section-head">
        <h2 class="key-name">
          <code>{title}</code>
        </h2>
        <div class="actions">
          <button type="button" onClick={expire} disabled={data === null}>
            Expire …
          </button>
          <button type="button" class="danger" onClick={remove} disabled={data === null}>
            Delete …
          </button>
          <button type="button" class="plain" onClick={() => setQuery({ key: null })}>
            Close
          </button>
        </div>
      </header>
      {data === null ? (
        <Empty>There is no such key: it expired, or was deleted.</Empty>
      ) : data === undefined ? (
        <Waiting refusal={refusal} />
      ) : (
        <>
          <Facts
            facts={[
              ['type', data.type],
              [lengthNoun, count(data.length)],
              ['expires', data.ttlMs < 0 ? 'never' : `in ${duration(data.ttlMs)}`],
              ['memory', data.memory === null ? undefined : bytes(data.memory)],
              ['encoding', data.encoding],
            ]}
          />
          {data.text !== undefined && <Value text={data.text} label={`Value of ${title}`} />}
          {data.entries !== undefined && (
            <>
              <Entries entries={data.entries} titles={[nameTitle, valueTitle]} />
              {(data.length ?? 0) > data.entries.length && (
                <p class="note">The first {count(data.entries.length)} are shown.</p>
              )}
            </>
          )}
        </>
      )}
    </section>
  )
}

function Entries({
  entries,
  titles: [nameTitle, valueTitle],
}: {
  entries: KeyFacts['entries'] & {}
  titles: readonly [string, string]
}) {
  const [chosen, setChosen] = useState<number | undefined>()
  const entry = chosen === undefined ? undefined : entries[chosen]
  return (
    <>
      {entry !== undefined && (
        <div class="detail">
          <p class="note">
            {nameTitle} <code>{entry[0]}</code>
          </p>
          <Value key={chosen} text={entry[1]} label={`Value of ${entry[0]}`} />
        </div>
      )}
      <Table
        label={valueTitle}
        columns={[
          { title: nameTitle, kind: 'code', width: nameTitle === 'Id' ? 13 : 10, cell: ({ name }) => name },
          {
            title: valueTitle,
            kind: 'code',
            cell: ({ value, index }) => (
              <button
                type="button"
                class="line"
                aria-pressed={index === chosen}
                onClick={() => setChosen(index === chosen ? undefined : index)}
              >
                {readable(value).slice(0, 200) || <span class="quiet">empty</span>}
              </button>
            ),
          },
        ]}
        rows={entries.map(([name, value], index) => ({ name, value, index }))}
        keyOf={({ index }) => String(index)}
      />
    </>
  )
}
