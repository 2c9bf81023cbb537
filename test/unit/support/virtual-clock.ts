import type { Clock } from '../../../src/drain/clock.ts';

/** A clock that goes forward only when somebody sleeps, or when a test says so. */
export class VirtualClock implements Clock {
  ms = 1_000_000;
  private isWoken = false;

  now(): number {
    return this.ms;
  }

  async sleep(durationMs: number): Promise<void> {
    this.ms += durationMs;
  }

  async repeat(intervalMs: number, isDone: () => boolean): Promise<void> {
    this.isWoken = false;
    do {
      await this.sleep(intervalMs);
    } while (!this.isWoken && !isDone());
  }

  wake(): void {
    this.isWoken = true;
  }
}
