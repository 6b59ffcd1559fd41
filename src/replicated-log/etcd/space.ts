// An etcd that has reached its quota accepts no writes, even after keys were deleted, until an
// operator has defragmented every member and withdrawn the alarm. This does both, once there is
// room again.

import type { EtcdGateway } from './gateway.ts'

/** A member rewrites its file meanwhile, which takes seconds for each gigabyte. */
const DEFRAGMENT_TIMEOUT_MS = 120_000

interface Alarms {
  readonly alarms?: readonly { readonly memberID: string; readonly alarm: string }[]
}

/**
 * Makes a full etcd accept writes again, if what it holds leaves room. Members are defragmented one
 * after the other, because a member does not answer meanwhile. Does nothing when no alarm is
 * raised.
 */
export async function withdrawSpaceAlarm(gateway: EtcdGateway): Promise<void> {
  const { alarms = [] } = await gateway.ask<Alarms>('maintenance/alarm', { action: 'GET' })
  const raised = alarms.filter(({ alarm }) => alarm === 'NOSPACE')
  if (raised.length === 0) return
  for (let member = 0; member < gateway.endpointCount; member++) {
    await gateway.askMember(member, 'maintenance/defragment', {}, DEFRAGMENT_TIMEOUT_MS)
  }
  for (const { memberID } of raised) {
    await gateway.ask('maintenance/alarm', { action: 'DEACTIVATE', alarm: 'NOSPACE', memberID })
  }
}
