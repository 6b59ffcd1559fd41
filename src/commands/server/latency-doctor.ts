// LATENCY DOCTOR: what was slow, and how to mend it, for people.
//
// It uses Redis's words where they are true here, because tools know them. The advice about fork,
// expiry by sampling and the allocator is replaced by advice about Respite.

import type { LatencyEvent, LatencySeries } from '../../engine/figures/latency-monitor.ts'
import { itemAt } from '../../util/array-reads.ts'
import type { Call } from '../call.ts'
import { defineCommand } from '../define-command.ts'
import { latencyReport } from './latency-spec.ts'

const DISABLED =
  "I'm sorry, Dave, I can't do that. Latency monitoring is disabled in this Redis instance. You may use \"CONFIG SET " +
  "latency-monitor-threshold <milliseconds>.\" in order to enable it. If we weren't in a deep space mission I'd suggest to " +
  'take a look at https://redis.io/topics/latency-monitor.\n'
const NOTHING =
  'Dave, no latency spike was observed during the lifetime of this Redis instance, not in the slightest bit. I honestly think ' +
  'you ought to sit down calmly, take a stress pill, and think things over.\n'
const SPIKES =
  "Dave, I have observed latency spikes in this Redis instance. You don't mind talking about it, do you Dave?\n\n"

/**
 * All advice, in the order of the report. `%` stands for the threshold of LATENCY in microseconds.
 */
const ADVICE = {
  slowlogEnabled:
    "- There are latency issues with potentially slow commands you are using. Try to enable the Slow Log Redis feature using the command 'CONFIG SET slowlog-log-slower-than %'. If the Slow log is disabled Redis is not able to log slow commands execution for you.\n",
  slowlogTuning:
    "- Your current Slow Log configuration only logs events that are slower than your configured latency monitor threshold. Please use 'CONFIG SET slowlog-log-slower-than %'.\n",
  slowlogInspect:
    '- Check your Slow Log to understand what are the commands you are running which are too slow to execute. Please check https://redis.io/commands/slowlog for more information.\n',
  scheduler:
    '- The system is slow to execute Redis code paths not containing system calls. This usually means the system does not provide Redis CPU time to run for long periods. You should try to:\n  1) Lower the system load.\n  2) Use a computer / VM just for Redis if you are running other software in the same system.\n  3) Check if you have a "noisy neighbour" problem.\n  4) Check with \'redis-cli --intrinsic-latency 100\' what is the intrinsic latency in your system.\n',
  localDisk:
    '- It is strongly advised to use local disks for persistence, especially if you are using AOF. Remote disks provided by platform-as-a-service providers are known to be slow.\n',
  ssd: '- SSD disks are able to reduce fsync latency, and total time needed for snapshotting and AOF log rewriting (resulting in smaller memory usage). With extremely high write load SSD disks can be a good option. However Redis should perform reasonably with high load using normal disks. Use this advice as a last resort.\n',
  dataWriteback:
    '- Mounting ext3/4 filesystems with data=writeback can provide a performance boost compared to data=ordered, however this mode of operation provides less guarantees, and sometimes it can happen that after a hard crash the AOF file will have a half-written command at the end and will require to be repaired before Redis restarts.\n',
  diskContention:
    '- Try to lower the disk contention. This is often caused by other disk intensive processes running in the same computer (including other Redis instances).\n',
  savingMeanwhile:
    '- A snapshot or a rewrite of the append-only file kept the disk busy while commands were written. Let them happen more rarely, or at a quiet hour (save, auto-aof-rewrite-percentage).\n',
  relaxFsync:
    "- Your fsync policy is set to 'always'. It is very hard to get good performances with such a setup, if possible try to relax the fsync policy to 'onesec'.\n",
  expiry:
    '- Very many keys expire in the same moment. They are removed in steps of a millisecond; if that is too long for you, give them times to live that differ by some seconds.\n',
  largeObjects:
    '- Deleting, expiring or evicting (because of maxmemory policy) large objects is a blocking operation. If you have very large objects that are often deleted, expired, or evicted, try to fragment those objects into multiple smaller objects.\n',
  massEviction:
    "- Sudden changes to the 'maxmemory' setting via 'CONFIG SET', or allocation of large objects via sets or sorted sets intersections, STORE option of SORT, Redis Cluster large keys migrations (RESTORE command), may create sudden memory pressure forcing the server to block trying to evict keys. \n",
  snapshots:
    '- Snapshots and rewrites of the append-only file are made between commands, a millisecond or two at a time. Slices that take longer mean very large single elements, a slow disk, or a machine that is busy otherwise: save more rarely, or at a quiet hour.\n',
  garbage:
    '- The runtime collects garbage while nobody is served. Data does not lie on its heap, but requests, replies, scripts and connections do: large scripts and replies of many megabytes are what makes it grow. A larger --max-semi-space-size makes collections rarer.\n',
  eventLoop:
    '- The event loop was held up. Where no command was slow in the same second, the cause is the machine (see above), garbage, or, in a program that holds Respite inside itself, the rest of that program.\n',
} as const

type Advice = keyof typeof ADVICE

/** For `command` more of the advice depends on the settings. */
const ADVICE_FOR: Readonly<Record<LatencyEvent, readonly Advice[]>> = {
  command: ['slowlogInspect', 'largeObjects'],
  'fast-command': ['scheduler'],
  'aof-write': [],
  'aof-write-pending-fsync': ['localDisk', 'diskContention', 'ssd', 'dataWriteback'],
  'aof-write-active-child': ['savingMeanwhile', 'dataWriteback', 'ssd'],
  'aof-write-alone': ['localDisk', 'dataWriteback', 'ssd'],
  'aof-fsync-always': ['relaxFsync'],
  'expire-cycle': ['expiry', 'largeObjects'],
  'eviction-cycle': ['massEviction'],
  'snapshot-slice': ['snapshots'],
  'garbage-collection': ['garbage'],
  'event-loop': ['scheduler', 'eventLoop'],
}

export const latencyDoctor = defineCommand({
  ...latencyReport,
  name: 'LATENCY DOCTOR',
  summary: 'Says in words what was slow and what can be done about it.',
  arity: 2,
  reply: 'verbatim string: the report',
  run: (call) => call.reply.verbatim(report(call)),
})

function report(call: Call): string {
  const {
    config,
    figures: { latency },
  } = call.engine
  const thresholdMs = config.get('latency-monitor-threshold')
  if (latency.events.size === 0) return thresholdMs === 0 ? DISABLED : NOTHING
  let text = SPIKES
  let number = 0
  const advice = new Set<Advice>()
  for (const [event, series] of latency.events) {
    text += `${++number}. ${event}: ${describe(series, Math.floor(call.now() / 1000))}\n`
    for (const word of ADVICE_FOR[event]) advice.add(word)
    if (event === 'command') {
      const slowerThan = config.get('slowlog-log-slower-than')
      if (slowerThan < 0 || config.get('slowlog-max-len') === 0) advice.add('slowlogEnabled')
      else if (Math.trunc(slowerThan / 1000) > thresholdMs) advice.add('slowlogTuning')
    }
  }
  if (advice.size === 0) {
    return `${text}\nWhile there are latency events logged, I'm not able to suggest any easy fix. Please use the Redis community to get some help, providing this report in your help request.\n`
  }
  text += '\nI have a few advices for you:\n\n'
  for (const word of Object.keys(ADVICE) as Advice[]) {
    if (advice.has(word)) text += ADVICE[word].replace('%', String(thresholdMs * 1000))
  }
  return text
}

function describe({ max, samples }: LatencySeries, nowSeconds: number): string {
  const count = samples.length
  let sum = 0
  for (const { milliseconds } of samples) sum += milliseconds
  const average = Math.floor(sum / count)
  let deviations = 0
  for (const { milliseconds } of samples) deviations += Math.abs(average - milliseconds)
  const period = nowSeconds - itemAt(samples, 0).seconds || 1
  return (
    `${count} latency spikes (average ${average}ms, mean deviation ${Math.floor(deviations / count)}ms, ` +
    `period ${(period / count).toFixed(2)} sec). Worst all time event ${max}ms.`
  )
}
