// Amounts of bytes for people.

/** Prints bytes as Redis does for people: 991.23K. */
export function readableSize(bytes: number): string {
  if (bytes < 1024) return `${bytes}B`
  let value = bytes
  for (const unit of ['K', 'M', 'G', 'T', 'P']) {
    value /= 1024
    if (value < 1024 || unit === 'P') return `${value.toFixed(2)}${unit}`
  }
  return `${bytes}B`
}
