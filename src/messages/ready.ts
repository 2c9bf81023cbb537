import type { Endpoint } from '../backends/types.ts';
import type { NotReady, Readiness } from '../ready/readiness.ts';
import { visible } from './words.ts';

/** What `ready` prints: one line. */
export function readyText(readiness: Readiness): string {
  const text =
    readiness.kind === 'ready' ? `Ready: ${ground(readiness)}` : `Not ready: ${reason(readiness)}`;
  return `${visible(text)}.\n`;
}

function ground({ answered, tlsOnly }: Readiness & { kind: 'ready' }): string {
  const parts = [
    answered.length > 0 ? `buildkitd answers at ${listed(answered)}` : '',
    tlsOnly.length > 0
      ? `${listed(tlsOnly)} accepts connections and speaks TLS (its API was not called, since it requires ` +
        'a client certificate: see --tls-cert)'
      : '',
  ];
  return parts.filter((part) => part !== '').join('; ');
}

function reason(why: NotReady): string {
  switch (why.kind) {
    case 'draining':
      return `a drain has begun (${why.markers.join(', ')})`;
    case 'drain-unknown':
      return `whether a drain has begun is unknown: ${why.error.message}`;
    case 'gone':
      return 'nothing listens, and there is no buildkitd process';
    case 'failed':
      return why.error.message;
    case 'not-listening':
      return `buildkitd does not listen on ${why.addresses.join(' and ')}, which is in its settings`;
    case 'no-listener':
      return `nothing listens on ${why.addresses.join(' and ')}, though buildkitd is running`;
    case 'unreachable':
      return (
        `buildkitd listens on ${why.addresses.join(' and ')} in another network namespace, and cannot ` +
        'be called from here: give --addr with an address that can'
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
      return '; 1 connection is waiting to be accepted there';
    default:
      return `; ${queued} connections are waiting to be accepted there`;
  }
}

function listed(endpoints: readonly Endpoint[]): string {
  return endpoints.map(({ address }) => address).join(' and ');
}
