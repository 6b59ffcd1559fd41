// The broker behind the page, and the user who is signed in.

import { createContext } from 'preact'
import { useContext } from 'preact/hooks'
import { useRoute } from '../data/route.ts'

export interface Broker {
  readonly name: string
  readonly kind: 'respite' | 'redis' | 'valkey'
  readonly version: string
  readonly redisVersion: string
  readonly role: string
  readonly mode: string
  readonly address: string | null
  readonly startedAt: number
  readonly features: Readonly<Record<Feature, boolean>>
  /** Why a feature is not there, in a sentence. */
  readonly missing?: Readonly<Partial<Record<Feature, string>>>
  /** The database that is shown unless the address of the page names another. */
  readonly database?: number
}

export type Feature =
  | 'channels'
  | 'queues'
  | 'overview'
  | 'loopStalls'
  | 'durability'
  | 'tail'
  | 'schedule'
  | 'kept'
  | 'names'
  | 'policies'
  | 'audit'
  | 'leases'
  | 'brokers'

export interface SignedIn {
  readonly signedIn: true
  readonly user: string
  readonly how: string
  readonly expiresAt: number | null
  readonly broker: Broker
}

export type Session = SignedIn | { readonly signedIn: false; readonly open: boolean }

export const SessionContext = createContext<SignedIn | undefined>(undefined)

export function useSession(): SignedIn {
  const session = useContext(SessionContext)
  if (session === undefined) throw new Error('a view is shown to those alone who are signed in')
  return session
}

/** The database that the address of the page names, or that of the broker's own address. */
export function useDatabase(): string {
  const { broker } = useSession()
  return useRoute().query.get('db') ?? String(broker.database ?? 0)
}
