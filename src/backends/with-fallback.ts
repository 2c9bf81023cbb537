import {
  type EndedConnection,
  type Endpoint,
  type EndpointLook,
  InspectError,
  type Inspector,
  type InspectorName,
  type TrafficOf,
} from './types.ts';

/** Which means of looking is used for an endpoint, and why not the one that comes first. */
export type ChoiceNotice =
  | {
      readonly kind: 'inspector-chosen';
      readonly endpoint: Endpoint;
      readonly inspector: InspectorName;
      readonly passedOver: PassedOver | null;
    }
  | {
      readonly kind: 'inspector-switched';
      readonly endpoint: Endpoint;
      readonly inspector: InspectorName;
      readonly passedOver: PassedOver;
    }
  | {
      readonly kind: 'inspector-handicapped';
      readonly endpoint: Endpoint;
      readonly inspector: InspectorName;
      /** Why its looks cost more than they have to; null when they no longer do. */
      readonly handicap: string | null;
    };

/** Looks at one endpoint. Nothing of it throws. */
export interface Looker {
  readonly look: () => EndpointLook;
  /** Whether a look now would return the very look of the last time, its listener included. */
  readonly isUnchanged: () => boolean;
  /** The traffic of the latest look's connections, as far as it is to be had. */
  readonly traffic: () => TrafficOf;
  /** The connections that have ended since the last call, as far as they are told. */
  readonly endedTraffic: () => readonly EndedConnection[];
  /** Whether the ends of the latest look's connections will be told without any look. */
  readonly announcesEnds: () => boolean;
}

export interface PassedOver {
  readonly inspector: InspectorName;
  readonly reason: string;
}

// A failure is often over at the next look. An answer without a listener is an answer: it is
// only checked against the other means now and then.
const looksBeforeTrial = { unseen: 5, 'no listener': 50 } as const;

const looksPerHandicap = 50;

/**
 * Looks at one endpoint by the first inspector that sees its listener, and changes to another one
 * when the chosen one has failed several times in a row. While nothing changes, the same look is
 * handed back.
 *
 * @param inspectors in order of preference, at least one.
 */
export function lookByBest(
  endpoint: Endpoint,
  inspectors: readonly Inspector[],
  notify: (notice: ChoiceNotice) => void,
): Looker {
  let chosen: Inspector | undefined;
  let unvouchedInARow = 0;
  let last: EndpointLook | undefined;
  let looks = 0;
  let handicap: string | null = null;

  const choose = (): EndpointLook => {
    const tried = tryInTurn(inspectors, endpoint);
    const best = bestOf(tried);
    if (best.look.kind === 'unseen') {
      return { kind: 'unseen', endpoint, error: combinedError(tried, best.look.error) };
    }
    chosen = best.inspector;
    const [first] = tried;
    const passedOver = first === undefined || first === best ? null : passOver(first);
    notify({ kind: 'inspector-chosen', endpoint, inspector: chosen.name, passedOver });
    return best.look;
  };

  const tellHandicap = (current: Inspector): void => {
    const now = current.handicap?.(endpoint) ?? null;
    if (now !== handicap) {
      handicap = now;
      notify({ kind: 'inspector-handicapped', endpoint, inspector: current.name, handicap });
    }
  };

  const lookAgain = (current: Inspector): EndpointLook => {
    const look = lookOnce(current, endpoint, last);
    last = look;
    looks += 1;
    if (looks % looksPerHandicap === 1) {
      tellHandicap(current);
    }
    if (vouches(look)) {
      unvouchedInARow = 0;
      return look;
    }
    unvouchedInARow += 1;
    const patience = looksBeforeTrial[look.kind === 'unseen' ? 'unseen' : 'no listener'];
    return unvouchedInARow % patience === 0 ? trial({ inspector: current, look }) : look;
  };

  const trial = (current: Attempt): EndpointLook => {
    const others = inspectors.filter((inspector) => inspector !== current.inspector);
    const best = bestOf([current, ...tryInTurn(others, endpoint)]);
    if (best !== current) {
      chosen = best.inspector;
      unvouchedInARow = 0;
      // It was the other one's: that it is over is not this one's to tell.
      handicap = null;
      const passedOver = passOver(current);
      notify({ kind: 'inspector-switched', endpoint, inspector: chosen.name, passedOver });
    }
    return best.look;
  };

  return {
    look: () => (chosen === undefined ? choose() : lookAgain(chosen)),
    isUnchanged() {
      return last !== undefined && vouches(last) && hasNothingNew(chosen, endpoint);
    },
    traffic() {
      return trafficOf(chosen, endpoint);
    },
    endedTraffic() {
      return endedTrafficOf(chosen, endpoint);
    },
    announcesEnds() {
      return chosen?.announcesEnds?.(endpoint) ?? false;
    },
  };
}

// Where it fails, the look that follows does so as well, and tells why.
function hasNothingNew(inspector: Inspector | undefined, endpoint: Endpoint): boolean {
  try {
    return inspector?.isUnchanged?.(endpoint) ?? false;
  } catch {
    return false;
  }
}

// Traffic only ever takes connections out of the count: unknown, they stay in it.
function trafficOf(inspector: Inspector | undefined, endpoint: Endpoint): TrafficOf {
  try {
    return inspector?.traffic?.(endpoint) ?? new Map();
  } catch {
    return new Map();
  }
}

// As good as a kernel that does not tell.
function endedTrafficOf(
  inspector: Inspector | undefined,
  endpoint: Endpoint,
): readonly EndedConnection[] {
  try {
    return inspector?.endedTraffic?.(endpoint) ?? [];
  } catch {
    return [];
  }
}

interface Attempt {
  readonly inspector: Inspector;
  readonly look: EndpointLook;
}

function tryInTurn(inspectors: readonly Inspector[], endpoint: Endpoint): Attempt[] {
  const tried: Attempt[] = [];
  for (const inspector of inspectors) {
    const look = lookOnce(inspector, endpoint);
    tried.push({ inspector, look });
    if (vouches(look)) {
      break;
    }
  }
  return tried;
}

/** @param known an earlier look, handed back where it is the same. */
function lookOnce(inspector: Inspector, endpoint: Endpoint, known?: EndpointLook): EndpointLook {
  try {
    const sight = inspector.look(endpoint);
    if (known?.kind === 'seen' && known.sight === sight && known.inspector === inspector.name) {
      return known;
    }
    return { kind: 'seen', endpoint, inspector: inspector.name, sight };
  } catch (error) {
    return { kind: 'unseen', endpoint, error: asInspectError(error) };
  }
}

// What an inspector throws beside its own errors is a bug of ours. It must not end the wait.
function asInspectError(error: unknown): InspectError {
  if (error instanceof InspectError) {
    return error;
  }
  const message = `a bug in buildkit-drain: ${error instanceof Error ? error.message : error}`;
  return new InspectError('ERR_BUG', 'look', message, { cause: error });
}

function vouches(look: EndpointLook): boolean {
  return look.kind === 'seen' && look.sight.listenerInodes.length > 0;
}

function bestOf(tried: readonly Attempt[]): Attempt {
  const best =
    tried.find(({ look }) => vouches(look)) ??
    tried.find(({ look }) => look.kind === 'seen') ??
    tried[0];
  if (best === undefined) {
    throw new RangeError('Expected at least one inspector but received none');
  }
  return best;
}

function passOver({ inspector, look }: Attempt): PassedOver {
  const reason = look.kind === 'unseen' ? look.error.message : 'it sees no listener';
  return { inspector: inspector.name, reason };
}

function combinedError(tried: readonly Attempt[], first: InspectError): InspectError {
  const reasons = tried.map((attempt) => {
    const { inspector, reason } = passOver(attempt);
    return `${inspector}: ${reason}`;
  });
  return new InspectError(first.code, first.operation, reasons.join('; '), { cause: first });
}
