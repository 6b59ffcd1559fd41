// The views of the navigation, in its order, with the letter that goes there behind `g`.

import type { Feature } from './broker.ts'

export interface View {
  readonly path: string
  readonly title: string
  readonly letter: string
  readonly needs?: Feature
}

export const VIEWS: readonly View[] = [
  { path: 'overview', title: 'Overview', letter: 'o', needs: 'overview' },
  { path: 'channels', title: 'Channels', letter: 'c', needs: 'channels' },
  { path: 'queues', title: 'Queues', letter: 'q', needs: 'queues' },
  { path: 'keys', title: 'Keys', letter: 'k' },
  { path: 'clients', title: 'Clients', letter: 'l' },
  { path: 'slow', title: 'Slow', letter: 's' },
  { path: 'durability', title: 'Durability', letter: 'd', needs: 'durability' },
  { path: 'cluster', title: 'Cluster', letter: 'u' },
  { path: 'brokers', title: 'Brokers', letter: 'b', needs: 'brokers' },
]
