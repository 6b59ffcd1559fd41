// The part of @sinonjs/fake-timers (a package without types) that this project uses.

declare module '@sinonjs/fake-timers' {
  export interface FakeClock {
    uninstall(): void
  }

  export function install(config?: { now?: number }): FakeClock
}
