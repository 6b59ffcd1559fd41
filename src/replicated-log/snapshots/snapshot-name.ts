// The name of a snapshot tells its position. Digits are padded, so names stand in order.

const DIGITS = 16
const NAME = new RegExp(`^snapshot-(\\d{${DIGITS}})\\.rdb$`)

export function snapshotName(position: number): string {
  return `snapshot-${String(position).padStart(DIGITS, '0')}.rdb`
}

/** The position of what bears this name; undefined when that is no snapshot. */
export function snapshotPosition(name: string): number | undefined {
  const digits = NAME.exec(name)?.[1]
  return digits === undefined ? undefined : Number(digits)
}
