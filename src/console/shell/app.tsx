// The frame: who is signed in, the navigation, and the view that the address names.

import { useEffect, useState } from 'preact/hooks'
import { get, post, Refusal, sessionEnd, signOut } from '../data/api.ts'
import { type Figures, overview } from '../data/overview.ts'
import { link, type Route, useRoute } from '../data/route.ts'
import { BrokersPage } from '../pages/brokers.tsx'
import { ChannelPage } from '../pages/channel.tsx'
import { ChannelsPage } from '../pages/channels.tsx'
import { ClientsPage } from '../pages/clients.tsx'
import { ClusterPage } from '../pages/cluster.tsx'
import { DurabilityPage } from '../pages/durability.tsx'
import { JobPage } from '../pages/job.tsx'
import { KeysPage } from '../pages/keys.tsx'
import { OverviewPage } from '../pages/overview.tsx'
import { QueuePage } from '../pages/queue.tsx'
import { QueuesPage } from '../pages/queues.tsx'
import { SlowPage } from '../pages/slow.tsx'
import { ListPage, StreamPage } from '../pages/streams.tsx'
import { TailPage } from '../pages/tail.tsx'
import { Changes } from '../parts/change.tsx'
import { Empty, Page } from '../parts/page.tsx'
import { type Session, SessionContext, type SignedIn } from './broker.ts'
import { Keyboard } from './keyboard.tsx'
import { SignIn } from './sign-in.tsx'
import { VIEWS, type View } from './views.ts'

/** Asks who is signed in, and signs in by a link, or where no password is wanted. */
export async function begin(): Promise<Session> {
  const session = await beginSession()
  // The figures come while the frame is drawn.
  if (session.signedIn && session.broker.features.overview && !document.hidden) overview.open()
  return session
}

async function beginSession(): Promise<Session> {
  const token = /^#link=(.+)$/.exec(location.hash)?.[1]
  if (token !== undefined) {
    history.replaceState(null, '', location.pathname)
    return post<Session>('session', { link: decodeURIComponent(token) })
  }
  const session = await get<Session>('session')
  if (session.signedIn || !session.open) return session
  return post<Session>('session', { user: 'default', password: '' })
}

/** `beginning` is asked before anything is drawn, which saves the time of that. */
export function App({ beginning }: { beginning: Promise<Session> }) {
  const [session, setSession] = useState<Session | undefined>()
  const [note, setNote] = useState('')
  useEffect(() => {
    sessionEnd.onEnd = () => {
      setNote('The session is over.')
      setSession({ signedIn: false, open: false })
    }
    beginning.then(setSession, (error: unknown) => {
      setNote(error instanceof Refusal ? error.message : String(error))
      setSession({ signedIn: false, open: false })
    })
  }, [])
  if (session === undefined) return null
  const signedIn = (begun: SignedIn): void => {
    sessionEnd.signIns++
    setSession(begun)
  }
  if (!session.signedIn) return <SignIn key={note} note={note} onSignedIn={signedIn} />
  return (
    <SessionContext.Provider value={session}>
      <Frame
        session={session}
        onSignOut={() => {
          setNote('')
          setSession({ signedIn: false, open: false })
        }}
      />
    </SessionContext.Provider>
  )
}

function Frame({ session, onSignOut }: { session: SignedIn; onSignOut: () => void }) {
  const route = useRoute()
  const { broker } = session
  const figures = useFigures(broker.features.overview)
  const current = viewOf(route, session)
  const alerts = figures?.alerts?.length ?? 0
  return (
    <div class="frame">
      <button type="button" class="skip" onClick={() => document.querySelector<HTMLElement>('main')?.focus()}>
        To the content
      </button>
      <nav class="rail" aria-label="Views">
        <p class="brand">
          <strong>{broker.name}</strong>
          <span class="quiet">
            {broker.kind === 'respite' ? 'Respite' : broker.kind === 'redis' ? 'Redis' : 'Valkey'} {broker.version}
          </span>
        </p>
        <ul>
          {VIEWS.map((view) => (
            <li key={view.path}>
              <a
                href={link([view.path])}
                aria-current={view.path === current ? 'page' : undefined}
                class={isThere(view, session) ? undefined : 'is-missing'}
              >
                {view.title}
                {view.path === 'overview' && alerts > 0 && (
                  <span class="count" title={`${alerts} alerts`}>
                    {alerts}
                  </span>
                )}
              </a>
            </li>
          ))}
        </ul>
        <p class="who">
          <span>
            <span class="quiet">signed in as</span> {session.user}
          </span>
          {session.how !== 'proxy' && (
            <button
              type="button"
              class="plain"
              onClick={() => {
                sessionEnd.signIns++
                void signOut().then(onSignOut, onSignOut)
              }}
            >
              Sign out
            </button>
          )}
          <span class="quiet keys-hint">
            <kbd>?</kbd> keys
          </span>
        </p>
      </nav>
      <main id="main" tabIndex={-1}>
        {figures?.state === 'lost' && (
          <p class="lost" role="status">
            The connection is lost. The page comes back by itself.
          </p>
        )}
        <Shown route={route} current={current} session={session} figures={figures} />
      </main>
      <Changes />
      <Keyboard />
    </div>
  )
}

function useFigures(isThere: boolean): Figures | undefined {
  const [figures, setFigures] = useState<Figures | undefined>()
  useEffect(() => {
    if (!isThere) return
    const end = overview.listen(setFigures)
    const change = (): void => {
      if (document.hidden) overview.close()
      else overview.open()
    }
    change()
    document.addEventListener('visibilitychange', change)
    return () => {
      document.removeEventListener('visibilitychange', change)
      end()
      overview.close()
    }
  }, [isThere])
  return figures
}

const isThere = ({ needs }: View, { broker }: SignedIn): boolean => needs === undefined || broker.features[needs]

/** Views that stand below another one of the navigation. */
const ABOVE: Readonly<Record<string, string>> = { tail: 'channels', lists: 'queues', streams: 'queues' }

function viewOf({ path }: Route, session: SignedIn): string {
  const [first = session.broker.features.overview ? 'overview' : 'keys'] = path
  return ABOVE[first] ?? first
}

interface ShownProps {
  readonly route: Route
  readonly current: string
  readonly session: SignedIn
  readonly figures: Figures | undefined
}

function Shown({ route: { path, query }, current, session, figures }: ShownProps) {
  const view = VIEWS.find((each) => each.path === current)
  if (view === undefined)
    return (
      <Page title="Nothing here">
        <Empty>There is no view of this name. The ones that there are stand in the navigation.</Empty>
      </Page>
    )
  if (!isThere(view, session)) return <Missing view={view} session={session} />
  const [first, name, more, id] = path
  switch (first) {
    case 'channels':
      return name === undefined ? <ChannelsPage /> : <ChannelPage key={`${name} ${query.get('kind')}`} name={name} />
    case 'tail':
      return <TailPage />
    case 'queues':
      if (name === undefined) return <QueuesPage />
      if (more === 'jobs' && id !== undefined) return <JobPage key={`${name}/${id}`} queue={name} id={id} />
      return <QueuePage key={name} name={name} />
    case 'lists':
      return <ListPage key={name} name={name ?? ''} />
    case 'streams':
      return <StreamPage key={name} name={name ?? ''} />
    case 'keys':
      return <KeysPage />
    case 'clients':
      return <ClientsPage />
    case 'slow':
      return <SlowPage />
    case 'durability':
      return <DurabilityPage />
    case 'cluster':
      return <ClusterPage />
    case 'brokers':
      return <BrokersPage />
    default:
      return <OverviewPage figures={figures} />
  }
}

/** What Respite would show here, for those who look at another broker with this page. */
const OFFERS: Readonly<Record<string, string>> = {
  overview: 'Respite samples itself once a second, keeps an hour of figures, and says in a sentence what is wrong.',
  channels: 'Respite can keep the messages of a channel, and remembers how far each subscriber has heard.',
  queues: 'Respite counts the jobs of BullMQ and Bull, and searches millions of them.',
  brokers: 'Respite shows all brokers of a cluster, and others that are named, on one page.',
  durability: 'Respite says what a crash now would lose, and keeps each pattern of keys as durably as you choose.',
}

function Missing({ view, session: { broker } }: { view: View; session: SignedIn }) {
  return (
    <Page title={view.title}>
      <Empty command={'npx respite --console'}>
        {broker.kind === 'redis' ? 'Redis' : 'Valkey'} {broker.version} has no such figures. {OFFERS[view.path] ?? ''}{' '}
        Try it beside this broker:
      </Empty>
    </Page>
  )
}
