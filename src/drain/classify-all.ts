import type { Connection, TrafficOf } from '../backends/types.ts';
import { type BuildsEvidence, newcomerEndsMs, type StandingRule, standingOf } from './classify.ts';
import {
  isLeftOut,
  newcomersIn,
  noteTraffic,
  type Roster,
  type RosterEntry,
  updateRoster,
} from './tracked.ts';

/** Everybody who is connected, and what each is taken for. All times are in milliseconds. */
export interface Census {
  readonly roster: Roster;
  readonly trafficReadMs: number;
  /** When a standing may change without any connection coming or going. */
  readonly reviewDueMs: number;
}

/** What a census is taken from. */
export interface Sightings {
  readonly nowMs: number;
  readonly connections: readonly Connection[];
  /** Whether these are the very connections of the last census. */
  readonly isUnchanged: boolean;
  /** Whether the look before this one would have shown what is now new. */
  readonly showsArrivals: boolean;
  readonly traffic: () => TrafficOf;
  /** The peers that are this program itself. */
  readonly ownPeers: readonly string[];
  readonly builds: BuildsEvidence | null;
}

const reviewEveryMs = 1000;

export const emptyCensus: Census = { roster: [], trafficReadMs: -Infinity, reviewDueMs: Infinity };

export function takeCensus(before: Census, seen: Sightings, rule: StandingRule): Census {
  const { nowMs } = seen;
  let roster = seen.isUnchanged
    ? before.roster
    : updateRoster(before.roster, seen.connections, nowMs, seen.showsArrivals);
  const judgeAll = (): Roster => roster.map((entry) => judge(entry, seen, rule));
  // Nobody is left out by what was read before: with one more byte it counts. And what a newcomer has
  // sent tells whether it is a probe.
  const isRead = (entry: RosterEntry): boolean => isLeftOut(entry) || entry.standing === 'newcomer';
  const readsTraffic =
    roster.length > 0 && (nowMs - before.trafficReadMs >= reviewEveryMs || judgeAll().some(isRead));
  if (readsTraffic) {
    roster = noteTraffic(roster, seen.traffic(), nowMs);
  }
  roster = judgeAll();
  return {
    roster,
    trafficReadMs: readsTraffic ? nowMs : before.trafficReadMs,
    reviewDueMs: reviewDueMs(roster, nowMs, rule, seen.builds),
  };
}

function judge(entry: RosterEntry, seen: Sightings, rule: StandingRule): RosterEntry {
  const { peer } = entry.connection;
  const isOwn = peer !== null && seen.ownPeers.includes(peer);
  const standing = isOwn ? 'own' : standingOf(entry, seen.nowMs, rule, seen.builds);
  return standing === entry.standing ? entry : { ...entry, standing };
}

function reviewDueMs(
  roster: Roster,
  nowMs: number,
  rule: StandingRule,
  builds: BuildsEvidence | null,
): number {
  if (roster.some(isLeftOut)) {
    return nowMs;
  }
  const ends = newcomersIn(roster).map((entry) => newcomerEndsMs(entry, rule, builds));
  return roster.length === 0 ? Infinity : Math.min(nowMs + reviewEveryMs, ...ends);
}
