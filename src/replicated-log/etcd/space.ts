// An etcd that has filled up takes no writes any more, even after keys were deleted, until somebody has had every member defragment its file
// and has withdrawn the alarm. This does it, once there is room again.

import type { EtcdGateway } from './gateway.ts'

/** A member rewrites its file meanwhile: seconds for each gigabyte. */
const DEFRAGMENT_TIMEOUT_MS = 120_000

interface Alarms {
  readonly alarms?: readonly { readonly memberID: string; readonly alarm: string }[]
}

/**
 * Makes a full etcd take writes again, as far as what it holds leaves room. Members are defragmented one after the other, because none answers
 * meanwhile. Does nothing where nobody has raised the alarm.
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
