import { InspectError } from './types.ts';

/** Of an inspector that is asked to look after its close. */
export function closedError(): InspectError {
  return new InspectError('ERR_CLOSED', 'look', 'the inspector was closed');
}
