// Bugs that a cluster could have. The simulation must find each of them: that proves that it works.

import type { LogEntry } from '../../src/replicated-log/log.ts'
import { decodeRecord, encodeRecord } from '../../src/replicated-log/record.ts'
import type { SimNode, SimulationOptions } from './simulation.ts'

export const SABOTAGES: Readonly<Record<string, Omit<SimulationOptions, 'seed'>>> = {
  'a leader that answers without a lease': {
    sabotage: ({ process }) => {
      const node = process!.node!
      node.onChange(() => node.journal && Object.defineProperty(node.journal, 'answers', { value: true }))
    },
  },
  'a leader that answers before the quorum has its record': {
    sabotage: ({ process }) => process!.engine.config.set('appendfsync', 'everysec'),
  },
  'readers that take what an earlier leader had under way': {
    // A record of a lower epoch is made to look like one of this epoch.
    sabotage: ({ process }: SimNode) => {
      const { chain } = process!.node!
      const take = chain.take.bind(chain)
      chain.take = (entry: LogEntry) => {
        const record = decodeRecord(entry.batch)
        if (record.epoch >= chain.epoch) return take(entry)
        const { epoch, hash } = chain
        const { batch } = encodeRecord({ ...record, epoch, previous: hash })
        const counted = take({ ...entry, batch })
        chain.hash = hash
        return counted
      }
    },
  },
  'a leader with clocks that all stand still while it is suspended': {
    sabotage: ({ process }) => {
      const {
        environment: { workClock },
      } = process!.engine
      const aheadMs = workClock.now() - workClock.monotonic()
      workClock.now = () => workClock.monotonic() + aheadMs
    },
  },
  'a former leader that leaves connections open for a while': {
    sabotage: ({ process }) => {
      const {
        clients: { connected: clients },
        environment: { workClock },
      } = process!.engine
      const close = clients.close.bind(clients)
      clients.close = (client, when) => {
        if (when === 'now') close(client, when)
        else workClock.after(20, () => close(client, when))
      }
    },
  },
  'a follower that takes messages which its leader would keep': {
    sabotage: ({ process }) => {
      process!.engine.clients.pubSub.rules = null
    },
  },
  'a node that forgets effects': {
    sabotage: ({ process }: SimNode) => {
      const { chain } = process!.node!
      const count = chain.count.bind(chain)
      chain.count = (record) => {
        const counted = count(record)
        return counted !== undefined && record.position % 50 === 0 ? { ...counted, effects: undefined } : counted
      }
    },
  },
}
