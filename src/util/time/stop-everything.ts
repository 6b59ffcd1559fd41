// Stops the whole process for a while: nobody is served meanwhile. For tests of what others do
// then.

const nobodyWakes = new Int32Array(new SharedArrayBuffer(4))

export function stopEverything(milliseconds: number): void {
  Atomics.wait(nobodyWakes, 0, 0, milliseconds)
}
