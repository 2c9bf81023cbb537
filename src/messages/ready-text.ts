import type { Endpoint } from '../backends/types.ts';
import type { NotReady, Readiness } from '../ready/types.ts';
import { visible } from './words.ts';

/** What `ready` prints: one line. */
export function readyText(readiness: Readiness): string {
  const text =
    readiness.kind === 'ready' ? `Ready: ${ground(readiness)}` : `Not ready: ${reason(readiness)}`;
  return `${visible(text)}.\n`;
}

function ground({ answered, wanting }: Readiness & { kind: 'ready' }): string {
  const parts = [
    answered.length > 0 ? `buildkitd answers at ${listed(answered)}` : '',
    wanting.length > 0
      ? `connections to ${listed(wanting)} are taken, and what takes them speaks TLS (its API was ` +
        'not asked, for which it wants a certificate: see --tls-cert)'
      : '',
  ];
  return parts.filter((part) => part !== '').join('; ');
}

function reason(why: NotReady): string {
  switch (why.kind) {
    case 'draining':
      return `a drain has begun (${why.marks.join(', ')})`;
    case 'drain-unknown':
      return `whether a drain has begun can't be told: ${why.error.message}`;
    case 'gone':
      return 'nothing listens, and no process of buildkitd is there';
    case 'failed':
      return why.error.message;
    case 'unheard':
      return `buildkitd was told to listen on ${why.addresses.join(' and ')}, and does not`;
    case 'silent':
      return `nothing listens on ${why.addresses.join(' and ')}, though buildkitd runs`;
    case 'unreachable':
      return (
        `buildkitd listens on ${why.addresses.join(' and ')} in another network namespace, and can't ` +
        'be asked from here: give --addr for an address by which it can'
      );
    case 'unanswered':
      return `${why.error.message}${queueText(why.queued)}`;
  }
}

function queueText(queued: number): string {
  switch (queued) {
    case 0:
      return '';
    case 1:
      return '; 1 connection waits there to be accepted';
    default:
      return `; ${queued} connections wait there to be accepted`;
  }
}

function listed(endpoints: readonly Endpoint[]): string {
  return endpoints.map(({ address }) => address).join(' and ');
}
