// A broker on the log of the example. An acknowledged write is on most of the log's disks.

import { startServer } from 'respite'

const { dir, log, port, snapshots } = JSON.parse(process.argv[2])
await startServer({
  port: Number(port),
  dir,
  appendfsync: 'always',
  config: {
    log,
    'log-snapshots': snapshots,
    'shard-name': 'orders',
    channel: 'orders.* keep 1h dedupe 1h',
    redeliver: 1000,
  },
})
