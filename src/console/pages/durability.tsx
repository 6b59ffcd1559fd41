// Durability: what a crash now would lose, which keys are kept how, and the files.

import { command, get, type Word } from '../data/api.ts'
import { readable } from '../data/bytes.ts'
import { bytes, count, counted, duration } from '../data/format.ts'
import { pairsOf } from '../data/replies.ts'
import { useLoad } from '../data/use-load.ts'
import { ask } from '../parts/change.tsx'
import { Empty, Facts, Lacking, Page, RefusalLine, Section, Time, useNow, Waiting } from '../parts/page.tsx'
import { Table } from '../parts/table.tsx'
import { useSession } from '../shell/broker.ts'

interface Durability {
  readonly appendonly: boolean
  readonly fsync: string
  readonly rules: readonly { readonly pattern: string; readonly durability: string }[]
  readonly unsynced: { readonly bytes: number | null; readonly sinceMs: number | null }
  readonly lastSync: number | null
  readonly heldClients: number
  readonly waitsMs: number | null
  readonly crash: {
    readonly process: string
    readonly power: string
    /** Bytes; null = some, and nothing tells how many. */
    readonly processLoses: number | null
    readonly powerLoses: number | null
    readonly changesSinceSave: number
  }
  readonly lastSave: number | null
  readonly lastSaveOk: boolean
  readonly rewrite: { readonly running: boolean; readonly lastOk: boolean }
  readonly files: readonly {
    readonly name: string
    readonly bytes: number
    readonly kind: string
    readonly modified: number | null
  }[]
  readonly directory: string | null
}

const KINDS: Readonly<Record<string, string>> = {
  base: 'journal, base',
  incr: 'journal, changes',
  manifest: 'journal, manifest',
  rdb: 'snapshot',
  other: '',
}

function run(
  title: string,
  text: string,
  verb: string,
  words: readonly Word[],
  done: (reply: unknown) => string,
  reload: () => void,
): void {
  ask({
    title,
    text,
    verb,
    command: () => words.join(' '),
    run: async () => {
      const reply = await command(words)
      reload()
      return done(reply)
    },
  })
}

function Loss({ loses }: { loses: number | null }) {
  const text =
    loses === 0 ? 'nothing acknowledged is lost' : loses === null ? 'writes are lost' : `${bytes(loses)} are lost`
  return <strong class={loses === 0 ? 'live' : 'warn'}>{text}</strong>
}

export function DurabilityPage() {
  const { missing = {} } = useSession().broker
  const { data, refusal, reload } = useLoad('durability', (signal) => get<Durability>('durability', {}, signal), 2000)
  const now = useNow()
  const audit = (): void =>
    run(
      'Compare the values in memory with the journal?',
      'It changes nothing. Clients go on; a large database takes minutes.',
      'Audit',
      ['DEBUG', 'AUDIT'],
      (reply) => {
        const found = new Map(pairsOf(reply as never).map(([name, value]) => [readable(name), readable(value)]))
        return `${found.get('keys') ?? '0'} keys compared in ${duration(Number(found.get('milliseconds') ?? 0))}: ${found.get('differing') ?? '0'} differ.`
      },
      reload,
    )
  return (
    <Page
      title="Durability"
      aside={
        data !== undefined && (
          <>
            <button
              type="button"
              onClick={() =>
                run(
                  'Save a snapshot?',
                  'It is written beside the work of clients.',
                  'Save',
                  ['BGSAVE'],
                  readable as never,
                  reload,
                )
              }
            >
              Save …
            </button>
            <button
              type="button"
              onClick={() =>
                run(
                  'Rewrite the journal?',
                  'It becomes as short as the data.',
                  'Rewrite',
                  ['BGREWRITEAOF'],
                  readable as never,
                  reload,
                )
              }
            >
              Rewrite …
            </button>
            <button type="button" onClick={audit} disabled={missing.audit !== undefined} title={missing.audit}>
              Audit …
            </button>
          </>
        )
      }
    >
      {data === undefined ? (
        <Waiting refusal={refusal} />
      ) : (
        <>
          <RefusalLine refusal={refusal} />
          <Section title="If it crashed now">
            <dl class="crash">
              <div>
                <dt>The process dies</dt>
                <dd>
                  <Loss loses={data.crash.processLoses} />
                  <p class="quiet">{data.crash.process}</p>
                </dd>
              </div>
              <div>
                <dt>The power fails</dt>
                <dd>
                  <Loss loses={data.crash.powerLoses} />
                  <p class="quiet">{data.crash.power}</p>
                </dd>
              </div>
            </dl>
          </Section>
          <Facts
            facts={[
              [
                'journal',
                data.appendonly ? (
                  'on'
                ) : (
                  <span key="off" class="warn">
                    off
                  </span>
                ),
              ],
              [
                'synced',
                data.fsync === 'everysec'
                  ? 'each second'
                  : data.fsync === 'always'
                    ? 'before each reply'
                    : 'when the system does it',
              ],
              [
                'not synced yet',
                `${bytes(data.unsynced.bytes)}${data.unsynced.sinceMs === null ? '' : `, for ${duration(data.unsynced.sinceMs)}`}`,
              ],
              ['last sync', data.lastSync === null ? undefined : `${duration(Math.max(0, now - data.lastSync))} ago`],
              [
                'clients that wait for it',
                data.heldClients > 0
                  ? `${count(data.heldClients)}${data.waitsMs === null ? '' : `, up to ${duration(data.waitsMs)}`}`
                  : undefined,
              ],
              ['last snapshot', data.lastSave === null ? undefined : <Time key="save" at={data.lastSave} />],
              [
                '',
                data.lastSaveOk ? undefined : (
                  <span key="bad" class="bad">
                    the last snapshot failed
                  </span>
                ),
              ],
              [
                'rewrite',
                data.rewrite.running ? (
                  'under way'
                ) : data.rewrite.lastOk ? undefined : (
                  <span key="failed" class="bad">
                    the last one failed
                  </span>
                ),
              ],
              ['changes since the snapshot', count(data.crash.changesSinceSave)],
            ]}
          />
          <Section title="Policies" note="Which keys are kept how; the longest beginning decides">
            {missing.policies !== undefined ? (
              <Lacking reason={missing.policies} />
            ) : data.rules.length === 0 ? (
              <Empty command={'redis-cli CONFIG SET durability "jobs:* always cache:* none"'}>
                All keys are kept alike. A pattern has some kept better, or not at all:
              </Empty>
            ) : (
              <Table
                label="Policies"
                columns={[
                  { title: 'Pattern', kind: 'code', cell: ({ pattern }) => pattern },
                  { title: 'Durability', width: 14, cell: ({ durability }) => durability },
                ]}
                rows={data.rules}
                keyOf={({ pattern }) => pattern}
              />
            )}
          </Section>
          <Section title="Files" note={data.directory === null ? undefined : <code>{data.directory}</code>}>
            {data.files.length === 0 ? (
              <Empty command="npx respite --dir data --appendonly yes">
                There are no files: the data live in memory alone. A directory keeps them:
              </Empty>
            ) : (
              <Table
                label="Files"
                columns={[
                  { title: 'File', kind: 'code', cell: ({ name }) => name },
                  { title: 'What', width: 11, from: 600, cell: ({ kind }) => KINDS[kind] ?? kind },
                  { title: 'Size', kind: 'num', width: 7, cell: (file) => bytes(file.bytes) },
                  {
                    title: 'Changed',
                    width: 12,
                    cell: ({ modified }) => (modified === null ? '' : <Time at={modified} />),
                  },
                ]}
                rows={data.files}
                keyOf={({ name }) => name}
              />
            )}
            <p class="note">
              {counted(data.files.length, 'file')}, {bytes(data.files.reduce((sum, file) => sum + file.bytes, 0))}
            </p>
          </Section>
        </>
      )}
    </Page>
  )
}
