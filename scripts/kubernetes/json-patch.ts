// The difference of two objects as a JSON patch (RFC 6902), for Kustomize.

import { isDeepStrictEqual } from 'node:util'
import type { Plain } from './tree.ts'

export type PatchStep = { op: 'add' | 'replace'; path: string; value: Plain } | { op: 'remove'; path: string }

/** Arrays may grow at their end, so that patches of several features add up. */
export function differences(from: Plain, to: Plain, path = ''): PatchStep[] {
  if (isDeepStrictEqual(from, to)) return []
  if (Array.isArray(from) && Array.isArray(to) && to.length >= from.length) {
    const inner = from.flatMap((item, i) => differences(item, to[i]!, `${path}/${i}`))
    return [...inner, ...to.slice(from.length).map((item) => ({ op: 'add' as const, path: `${path}/-`, value: item }))]
  }
  if (isMap(from) && isMap(to)) {
    const names = [...new Set([...Object.keys(from), ...Object.keys(to)])]
    return names.flatMap((name): PatchStep[] => {
      const at = `${path}/${name.replaceAll('~', '~0').replaceAll('/', '~1')}`
      const [own, other] = [from[name], to[name]]
      if (other === undefined) return [{ op: 'remove', path: at }]
      return own === undefined ? [{ op: 'add', path: at, value: other }] : differences(own, other, at)
    })
  }
  return [{ op: 'replace', path, value: to }]
}

function isMap(item: Plain): item is { [name: string]: Plain } {
  return typeof item === 'object' && !Array.isArray(item)
}
