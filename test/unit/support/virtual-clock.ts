import type { Clock } from '../../../src/drain/clock.ts';

// What is answered without any time passing is answered after this many turns.
const turns = 8;

/** A clock that goes forward only in a sleep that is not woken, or when a test says so. */
export class VirtualClock implements Clock {
  ms = 1_000_000;
  private isWoken = false;
  private ticks: [intervalMs: number, isOver: () => boolean] | null = null;

  now(): number {
    return this.ms;
  }

  wall(): number {
    return this.ms;
  }

  async sleep(durationMs: number): Promise<void> {
    if (!(await this.wakesAtOnce())) {
      this.ms += durationMs;
    }
  }

  async repeat(intervalMs: number, isDone: () => boolean): Promise<void> {
    do {
      await this.sleep(intervalMs);
    } while (!this.isWoken && !isDone());
  }

  /** Sets what is to repeat during the next pause that only a wake ends, and ends it as well. */
  tick(intervalMs: number, isOver: () => boolean): void {
    this.ticks = [intervalMs, isOver];
  }

  async untilWoken(): Promise<void> {
    if (this.ticks === null) {
      throw new Error('Nothing would ever end this pause');
    }
    await this.repeat(...this.ticks);
    this.ticks = null;
  }

  wake(): void {
    this.isWoken = true;
  }

  private async wakesAtOnce(): Promise<boolean> {
    this.isWoken = false;
    for (let turn = 0; turn < turns && !this.isWoken; turn += 1) {
      await Promise.resolve();
    }
    return this.isWoken;
  }
}
