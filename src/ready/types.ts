import type { BackendError, Endpoint } from '../backends/types.ts';

/** Whether the daemon serves, which is only said where it was seen to. */
export type Readiness =
  | {
      readonly kind: 'ready';
      /** Where its API has answered. */
      readonly answered: readonly Endpoint[];
      /** Where it has taken a connection and spoken TLS, and wants a certificate for more. */
      readonly wanting: readonly Endpoint[];
    }
  | NotReady;

export type NotReady =
  /** A drain of it has begun, and shows these marks. */
  | { readonly kind: 'draining'; readonly marks: readonly string[] }
  /** Whether a drain has begun can't be told. */
  | { readonly kind: 'drain-unknown'; readonly error: BackendError }
  /** Nothing listens, and no process of it is left. */
  | { readonly kind: 'gone' }
  /** An endpoint could not be seen to be listened on. */
  | { readonly kind: 'failed'; readonly error: BackendError }
  /** It was told to listen there, and does not. */
  | { readonly kind: 'unheard'; readonly addresses: readonly string[] }
  /** Nothing listens there, and the daemon lives on. */
  | { readonly kind: 'silent'; readonly addresses: readonly string[] }
  /** It listens, and not where it can be asked from here. */
  | { readonly kind: 'unreachable'; readonly addresses: readonly string[] }
  | {
      readonly kind: 'unanswered';
      readonly error: BackendError;
      /** Connections there that have not been accepted. */
      readonly queued: number;
    };
