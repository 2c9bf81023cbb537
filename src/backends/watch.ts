import type { EndedConnection, EndpointSnapshot, PollMode, TrafficOf } from './types.ts';

/** What a backend keeps open for one endpoint. Its methods throw what the addon throws. */
export interface EndpointTracker {
  /** The same object as before while nothing has changed. */
  poll(): EndpointSnapshot;
  isUnchanged(): boolean;
  traffic(): TrafficOf;
  endedTraffic(): readonly EndedConnection[];
  onEnd(callback: (() => void) | null): boolean;
  announcesEnds(): boolean;
  seenBetweenPolls(): number;
  degraded(): string | null;
  mode(): PollMode | null;
  close(): void;
}
