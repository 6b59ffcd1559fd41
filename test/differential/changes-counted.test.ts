// `rdb_changes_since_last_save` beside redis-server: what each command counts as changes, for `save` points rest on it.

import { describe, expect, test } from 'vitest'
import { commands } from '../../src/commands/index.ts'
import { redisServerDiffers, redisServerMissing } from '../support/redis-server.ts'
import { CONNECTIONS, Generator } from './generator.ts'
import { readGrammars } from './grammar.ts'
import type { Peer } from './peers.ts'
import { encodeCommand, type Step, showCommand } from './program.ts'
import { usePeers } from './use-peers.ts'
import { waitingProgram } from './waiting-programs.ts'

const PROGRAMS = Number(process.env.DIFFERENTIAL_PROGRAMS ?? 5)

describe.skipIf(redisServerMissing() || redisServerDiffers('counts changes otherwise'))(
  'changes since the last save',
  () => {
    const peers = usePeers()

    /**
     * Runs the steps on both; after each both have counted as many changes. Time passes on its own on either side, and what has expired on
     * one alone changes what a command does: a program that differs is given two more chances.
     */
    async function expectSameCounts(seed: number, steps: readonly Step[]): Promise<void> {
      for (let chances = 2; chances > 0; chances--) {
        try {
          return await expectSameCountsNow(seed, steps)
        } catch (error) {
          if (!(error instanceof Error && error.name === 'AssertionError')) throw error
        }
      }
      await expectSameCountsNow(seed, steps)
    }

    async function expectSameCountsNow(seed: number, steps: readonly Step[]): Promise<void> {
      const { ours, theirs } = peers
      await ours.reset(CONNECTIONS + 1)
      await theirs.reset(CONNECTIONS + 1)
      const before = [await changes(ours), await changes(theirs)]
      for (const { connection, commands } of steps) {
        for (const peer of [ours, theirs]) {
          for (const command of commands)
            peer.send(
              connection,
              encodeCommand(command, (other) => peer.idOf(other)),
            )
        }
        const counted = [(await changes(ours)) - before[0]!, (await changes(theirs)) - before[1]!]
        const shown = `seed ${seed}, [${connection}] ${commands.map(showCommand).join(' ; ')}`
        expect(`${shown}: ${counted[0]}`).toBe(`${shown}: ${counted[1]}`)
        for (let i = 0; i < CONNECTIONS; i++) {
          for (const peer of [ours, theirs]) if (peer.take(i).closed) await peer.reopen(i)
        }
      }
    }

    async function changes(peer: Peer): Promise<number> {
      await peer.settle()
      peer.send(
        CONNECTIONS,
        encodeCommand(['INFO', 'persistence'], () => ''),
      )
      await peer.settle()
      return Number(/rdb_changes_since_last_save:(\d+)/.exec(peer.take(CONNECTIONS).bytes)![1])
    }

    test('are as many after parked clients were served', async () => {
      for (let seed = 1; seed <= PROGRAMS; seed++) await expectSameCounts(seed, waitingProgram(seed).steps)
    })

    test('are as many, whatever the command', async () => {
      const generator = new Generator(await readGrammars(peers.theirs), new Set(commands.map(({ name }) => name)))
      for (let seed = 1; seed <= PROGRAMS; seed++) {
        await expectSameCounts(
          seed,
          generator.program(seed, 500).steps.filter(({ kind }) => kind === 'send'),
        )
      }
    })
  },
)
