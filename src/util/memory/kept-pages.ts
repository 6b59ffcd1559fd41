// Pages of a growing structure, of which earlier states may be kept.
//
// `keep` returns the present pages, which no one writes to from then on. A writer asks for a page
// by `writable`, which first replaces a kept page by a copy. So a state costs the pages that are
// written to after it.

import { itemAt } from '../array-reads.ts'
import { CHECKED } from '../invariant.ts'
import { happened } from '../restless.ts'

export class KeptPages<Page extends { slice(): Page }> {
  /** The pages, for reading; always the same array. */
  readonly list: Page[] = []
  /**
   * For each page, whether an earlier state has it too. Null while no state is kept, so that
   * writers have one check.
   */
  #kept: boolean[] | null = null

  /** Returns a page that may be written to. */
  writable(index: number): Page {
    if (this.#kept !== null && itemAt(this.#kept, index)) {
      if (CHECKED) happened('page copied for an era')
      this.#kept[index] = false
      this.list[index] = this.list[index]!.slice()
    }
    return this.list[index]!
  }

  push(page: Page): void {
    this.list.push(page)
    this.#kept?.push(false)
  }

  /** Replaces a page by another. */
  replace(index: number, page: Page): void {
    this.list[index] = page
    if (this.#kept !== null) this.#kept[index] = false
  }

  /** Drops the pages from `length` on. */
  truncate(length: number): void {
    if (this.list.length <= length) return
    this.list.length = length
    if (this.#kept !== null) this.#kept.length = length
  }

  /** Returns the present pages, which are not written to any more. */
  keep(): readonly Page[] {
    this.#kept = this.list.map(() => true)
    return this.list.slice()
  }

  /** Replaces all pages by kept ones, which stay kept. */
  restore(pages: readonly Page[]): void {
    this.list.length = 0
    for (const page of pages) this.list.push(page)
    this.#kept = pages.map(() => true)
  }

  /** Must be called when no earlier state is kept any more: all pages may be written to. */
  forget(): void {
    this.#kept = null
  }
}
