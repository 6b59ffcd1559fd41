// One job: what happened to it, and why it failed.

import { get, part, post } from '../data/api.ts'
import { count, counted, duration } from '../data/format.ts'
import { go, link, useRoute } from '../data/route.ts'
import { useLoad } from '../data/use-load.ts'
import { ask } from '../parts/change.tsx'
import { Empty, Facts, Page, RefusalLine, Section, Time, Waiting } from '../parts/page.tsx'
import { Json, Value } from '../parts/value.tsx'
import { useDatabase } from '../shell/broker.ts'
import { JOB_CHANGES, type Job, type JobChange, type Where } from './job-changes.ts'
import { queueAddress } from './queues.tsx'

interface Relative {
  readonly queue: string
  readonly prefix: string
  readonly id: string
  readonly state: string | null
  readonly name: string | null
  readonly failedReason?: string | null
}

interface Whole extends Omit<Job, 'parent'> {
  readonly opts: unknown
  readonly returnvalue: string | null
  readonly stacktrace: readonly string[]
  readonly logs: readonly string[]
  readonly logsTotal: number
  readonly timeline: readonly { readonly at: number; readonly what: string }[]
  readonly lock: { readonly token: string; readonly expiresInMs: number } | null
  readonly worker: string | null
  readonly parent: Relative | null
  readonly children: readonly Relative[]
  readonly childrenTruncated: boolean
}

export function JobPage({ queue, id }: { queue: string; id: string }) {
  const { query } = useRoute()
  const where: Where = { prefix: query.get('prefix') ?? 'bull', db: useDatabase() }
  const { data, refusal, reload } = useLoad(
    `${queue} ${id} ${where.prefix} ${where.db}`,
    (signal) => get<Whole>(`queues/${part(queue)}/jobs/${part(id)}`, { ...where }, signal),
    3000,
  )
  const up = queueAddress({ name: queue, prefix: where.prefix, db: Number(where.db) })
  const change = (each: JobChange): void =>
    ask({
      title: `${each.verb} job ${id}?`,
      verb: each.verb,
      ...(each.isDestroying ? { name: id, text: 'Its data, logs and result are gone then.' } : {}),
      fields: each.fields,
      run: async (values) => {
        const reply = await post<{ id?: string }>(
          `queues/${part(queue)}/jobs/${part(id)}/${each.action}`,
          each.body(values),
          { ...where },
        )
        if (each.action === 'remove') go(up)
        else reload()
        return reply.id === undefined ? `${each.past} job ${id}.` : `The new job is ${reply.id}.`
      },
    })
  return (
    <Page
      title={id}
      above={[
        ['Queues', link(['queues'])],
        [queue, up],
      ]}
      aside={
        data !== undefined &&
        JOB_CHANGES.filter(({ states }) => states === undefined || states.includes(data.state)).map((each) => (
          <button
            key={each.action}
            type="button"
            class={each.isDestroying ? 'danger' : undefined}
            onClick={() => change(each)}
          >
            {each.verb} …
          </button>
        ))
      }
    >
      {data === undefined ? (
        <Waiting refusal={refusal} />
      ) : (
        <>
          <RefusalLine refusal={refusal} />
          {data.failedReason !== null && data.failedReason !== '' && (
            <p class="reason">
              <strong>{data.state === 'failed' ? 'Failed' : 'Failed before'}:</strong> {data.failedReason}
            </p>
          )}
          <Facts
            facts={[
              ['name', data.name],
              [
                'state',
                <span key="state" class={data.state === 'failed' ? 'bad' : undefined}>
                  {data.state}
                </span>,
              ],
              [
                'tries',
                data.attempts === null || data.attempts === 0
                  ? count(data.attemptsMade)
                  : `${data.attemptsMade} of ${data.attempts}`,
              ],
              ['priority', data.priority === 0 ? undefined : count(data.priority)],
              ['runs at', data.runsAt === null ? undefined : <Time key="runs" at={data.runsAt} />],
              [
                'took',
                data.processedOn === null || data.finishedOn === null
                  ? undefined
                  : duration(data.finishedOn - data.processedOn),
              ],
              ['stalled', data.stalled > 0 ? counted(data.stalled, 'time') : undefined],
              ['worker', data.worker],
              ['lock', data.lock === null ? undefined : `${duration(data.lock.expiresInMs)} left`],
              [
                'progress',
                data.progress === null || data.progress === 0
                  ? undefined
                  : typeof data.progress === 'number'
                    ? `${data.progress} %`
                    : JSON.stringify(data.progress),
              ],
            ]}
          />
          <div class="columns">
            <Section title="Timeline">
              <ol class="timeline">
                {data.timeline.map(({ at, what }, i) => (
                  <li key={`${at} ${what}`} class={/failed|stalled/.test(what) ? 'bad' : undefined}>
                    <Time at={at} /> <span>{what}</span>
                    {i > 0 && <span class="quiet"> {duration(at - (data.timeline[i - 1]?.at ?? at))} later</span>}
                  </li>
                ))}
              </ol>
            </Section>
            <Section title="Family" note={data.childrenTruncated ? 'The first children are shown' : undefined}>
              <Family job={data} queue={queue} db={where.db} />
            </Section>
          </div>
          <Section title="Data">
            <Value text={data.data} label="Data of the job" />
          </Section>
          {data.returnvalue !== null && (
            <Section title="Result">
              <Value text={data.returnvalue} label="Result of the job" />
            </Section>
          )}
          {data.stacktrace.length > 0 && (
            <Section title="Stack" note={`${counted(data.stacktrace.length, 'failure')}, the last first`}>
              {[...data.stacktrace].reverse().map((stack, i) => (
                <section
                  key={`${i} ${stack.length}`}
                  class="stack"
                  tabIndex={0}
                  aria-label={`Stack of failure ${data.stacktrace.length - i}`}
                >
                  <pre>{stack}</pre>
                </section>
              ))}
            </Section>
          )}
          <Section
            title="Logs"
            note={
              data.logsTotal > data.logs.length ? `${count(data.logs.length)} of ${count(data.logsTotal)}` : undefined
            }
          >
            {data.logs.length === 0 ? (
              <Empty command="await job.log('sent to ana')">The job has written no log. A worker writes one so:</Empty>
            ) : (
              <section class="stack" tabIndex={0} aria-label="Logs">
                <pre>{data.logs.join('\n')}</pre>
              </section>
            )}
          </Section>
          <Section title="Options">
            <Json value={data.opts} depth={1} />
          </Section>
        </>
      )}
    </Page>
  )
}

function Family({ job, queue, db }: { job: Whole; queue: string; db: string }) {
  if (job.parent === null && job.children.length === 0) return <p class="note">It has no parent and no children.</p>
  const name = (relative: Relative) => (
    <a
      href={link(['queues', relative.queue, 'jobs', relative.id], {
        prefix: relative.prefix === 'bull' ? '' : relative.prefix,
        db: db === '0' ? '' : db,
      })}
      data-row
    >
      {relative.name ?? relative.queue} {relative.id}
    </a>
  )
  const own = (
    <li>
      <strong>
        {job.name} {job.id}
      </strong>{' '}
      <span class="quiet">
        {queue}, {job.state}
      </span>
      {job.children.length > 0 && (
        <ul>
          {job.children.map((child) => (
            <li key={`${child.queue} ${child.id}`}>
              {name(child)}{' '}
              <span class={child.state === 'failed' ? 'bad' : 'quiet'}>
                {child.queue}, {child.state ?? 'gone'} {child.failedReason ?? ''}
              </span>
            </li>
          ))}
        </ul>
      )}
    </li>
  )
  return (
    <ul class="tree">
      {job.parent === null ? (
        own
      ) : (
        <li>
          {name(job.parent)}{' '}
          <span class="quiet">
            {job.parent.queue}, {job.parent.state ?? 'gone'}
          </span>
          <ul>{own}</ul>
        </li>
      )}
    </ul>
  )
}
