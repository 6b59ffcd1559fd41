// Stops the whole process for a while, so that it serves no client. For tests of how others react.

const nobodyWakes = new Int32Array(new SharedArrayBuffer(4))

export function stopEverything(milliseconds: number): void {
  Atomics.wait(nobodyWakes, 0, 0, milliseconds)
}
