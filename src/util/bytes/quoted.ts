// Bytes as Redis prints them for people, and reads them in config files: in quotes, with all but
// printable ASCII escaped.

const ESCAPES: Readonly<Record<string, string>> = {
  '\\': '\\\\',
  '"': '\\"',
  '\n': '\\n',
  '\r': '\\r',
  '\t': '\\t',
  '\x07': '\\a',
  '\b': '\\b',
}

/** Returns a latin1 text (one character for each byte) in quotes, with escapes. */
export function quoted(text: string): string {
  return `"${text.replace(/[\0-\x1f\x7f-\xff"\\]/g, escaped)}"`
}

function escaped(byte: string): string {
  return ESCAPES[byte] ?? `\\x${byte.charCodeAt(0).toString(16).padStart(2, '0')}`
}
