import type { Clock } from '../../../src/drain/clock.ts';

/** A clock that goes forward only when somebody sleeps, or when a test says so. */
export class VirtualClock implements Clock {
  ms = 1_000_000;

  now(): number {
    return this.ms;
  }

  async sleep(durationMs: number): Promise<void> {
    this.ms += durationMs;
  }

  async repeat(intervalMs: number, isDone: () => boolean): Promise<void> {
    do {
      await this.sleep(intervalMs);
    } while (!isDone());
  }

  wake(): void {}
}
