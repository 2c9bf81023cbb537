import type { EndedConnection, LookMode, Sight, TrafficOf } from './types.ts';

/** What an inspector keeps open for one endpoint. Its methods throw what the addon throws. */
export interface Watch {
  /** The same object as before while nothing has changed. */
  look(): Sight;
  isUnchanged(): boolean;
  traffic(): TrafficOf;
  endedTraffic(): readonly EndedConnection[];
  onEnd(callback: (() => void) | null): boolean;
  announcesEnds(): boolean;
  seenBetweenLooks(): number;
  handicap(): string | null;
  mode(): LookMode | null;
  close(): void;
}
