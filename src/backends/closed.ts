import { BackendError } from './types.ts';

/** Of a backend that is asked to look after its close. */
export function closedError(): BackendError {
  return new BackendError('ERR_CLOSED', 'look', 'the backend was closed');
}
