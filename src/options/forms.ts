import { isIP } from 'node:net';
import type { Endpoint } from '../backends/types.ts';
import { parseEndpoint } from './endpoint.ts';
import { BadValueError, parseDuration } from './values.ts';

// The forms of values that one option alone has. Each function throws BadValueError.

/** `auto` is standard error and, in a container, the container's log; else one of them, or a file. */
export type LogTo =
  | { readonly kind: 'auto' | 'stderr' | 'pod' }
  | { readonly kind: 'file'; readonly path: string };

/** Where `serve` listens. */
export interface ListenAddress {
  /** Null for all addresses, of both families where there are two. */
  readonly host: string | null;
  /** 0 for any that is free. */
  readonly port: number;
  /** As it was written. */
  readonly text: string;
}

const namespaceName = /^[A-Za-z0-9]+([._-]+[A-Za-z0-9]+)*$/;
const hostName = /^[\w.:-]{1,253}$/;

/** The deadline of a wait: that of the own pod, if the API server gives that, and otherwise a time or none. */
export function parseTimeout(text: string): {
  readonly isFromPod: boolean;
  readonly ms: number | null;
} {
  const isFromPod = text === 'pod' || text.startsWith('pod,');
  const rest = text === 'pod' ? 'none' : text.replace(/^pod,/, '');
  return { isFromPod, ms: rest === 'none' ? null : parseDuration(rest, 1) };
}

export function parseDurationOrOff(text: string, shortestMs: number): number | null {
  return text === 'off' ? null : parseDuration(text, shortestMs);
}

export function parsePem(text: string): string | null {
  if (text === '' || text.endsWith('/') || text.includes('\0')) {
    throw new BadValueError('the path of a PEM file', text);
  }
  return text === 'none' ? null : text;
}

export function parseName(text: string): string | null {
  if (!hostName.test(text)) {
    throw new BadValueError('a host name such as buildkitd.example.com, or an IP address', text);
  }
  return text === 'none' ? null : text;
}

export function parseLogTo(text: string): LogTo {
  if (text === 'auto' || text === 'stderr' || text === 'pod') {
    return { kind: text };
  }
  // A path has a slash. Anything else is a mistyped word.
  if (!text.includes('/') || text.endsWith('/') || text.includes('\0')) {
    throw new BadValueError('auto, stderr, pod, or the path of a file with a / in it', text);
  }
  return { kind: 'file', path: text };
}

export function parseSocket(text: string): Endpoint | null {
  if (text === 'none') {
    return null;
  }
  if (!/^(unix:\/)?\//.test(text)) {
    throw new BadValueError(
      "the path of containerd's socket, such as /run/containerd/containerd.sock",
      text,
    );
  }
  return parseEndpoint(text.startsWith('/') ? `unix://${text}` : text);
}

export function parseNamespace(text: string): string {
  if (!namespaceName.test(text)) {
    throw new BadValueError("one of containerd's namespaces, such as buildkit or k8s.io", text);
  }
  return text;
}

export function parseListenAddress(text: string): ListenAddress {
  const [, ipv6, ipv4 = '', digits] = /^(?:\[([^\]]*)\]|([^:]*)):(\d{1,5})$/.exec(text) ?? [];
  const port = Number(digits);
  const isAddress = ipv6 === undefined ? ipv4 === '' || isIP(ipv4) === 4 : isIP(ipv6) === 6;
  if (digits === undefined || !isAddress || port > 65535) {
    throw new BadValueError(
      'an IP address and a port such as :9234, 127.0.0.1:9234 or [::1]:9234',
      text,
    );
  }
  return { host: (ipv6 ?? ipv4) || null, port, text };
}
