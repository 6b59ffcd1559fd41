// Names that MurmurHash3 files in one bucket whatever its seed is: what clients could choose while it was used here.
//
// Murmur scrambles each word k to k' = rotate(k × c1, 15) × c2, then mixes it in: h = rotate(h ^ k', 13) × 5 + constant. A difference
// in bit 18 of k' is one in bit 31 after the rotation, and stays one: multiplying by an odd number and adding move nothing above bit
// 31. A difference in bit 31 of the next k' takes it away again. So each pair of words can be chosen in two ways (Aumasson and
// Bernstein, "Hash-flooding DoS reloaded", 2012).

const C1 = 0xcc9e2d51
const C2 = 0x1b873593
const C1_INVERSE = inverse(C1)
const C2_INVERSE = inverse(C2)

/** Returns 2^`pairs` names of eight bytes a pair. */
export function murmurCollisions(pairs: number): string[] {
  const choices = [words(0, 0), words(1 << 18, 1 << 31)]
  let names = ['']
  for (let i = 0; i < pairs; i++) names = names.flatMap((name) => choices.map((choice) => name + choice))
  return names
}

/** MurmurHash3 for names of whole words. */
export function murmur3(name: string, seed: number): number {
  const bytes = Buffer.from(name, 'latin1')
  let h = seed
  for (let at = 0; at < bytes.length; at += 4) {
    h = rotate(h ^ Math.imul(rotate(Math.imul(bytes.readInt32LE(at), C1), 15), C2), 13)
    h = (Math.imul(h, 5) + 0xe6546b64) | 0
  }
  h ^= bytes.length
  h = Math.imul(h ^ (h >>> 16), 0x85ebca6b)
  h = Math.imul(h ^ (h >>> 13), 0xc2b2ae35)
  return h ^ (h >>> 16)
}

/** Two words that are scrambled to these, as text. */
function words(first: number, second: number): string {
  const bytes = Buffer.alloc(8)
  bytes.writeInt32LE(unscramble(first), 0)
  bytes.writeInt32LE(unscramble(second), 4)
  return bytes.toString('latin1')
}

function unscramble(word: number): number {
  return Math.imul(rotate(Math.imul(word, C2_INVERSE), 32 - 15), C1_INVERSE)
}

function rotate(word: number, bits: number): number {
  return (word << bits) | (word >>> (32 - bits))
}

/** Of an odd number modulo 2^32, by Newton's iteration. */
function inverse(odd: number): number {
  let x = odd
  for (let i = 0; i < 5; i++) x = Math.imul(x, 2 - Math.imul(odd, x))
  return x
}
