import type { Bytes } from '../util/bytes.ts'
export class Broker {
  publish(_c: string, _m: Bytes): number {
    return 0
  }
  remove(_c: unknown): void {}
  recycle(): void {}
  abandon(): void {}
}
