// The name of a snapshot contains its position. Positions are padded with zeros, so names sort in
// order.

const DIGITS = 16
const NAME = new RegExp(`^snapshot-(\\d{${DIGITS}})\\.rdb$`)

export function snapshotName(position: number): string {
  return `snapshot-${String(position).padStart(DIGITS, '0')}.rdb`
}

/** The position in a name; undefined when it is not the name of a snapshot. */
export function snapshotPosition(name: string): number | undefined {
  const digits = NAME.exec(name)?.[1]
  return digits === undefined ? undefined : Number(digits)
}
