import { BackendError } from '../backends/types.ts';
import { opensslWords } from './openssl-errors.ts';

const operation = 'ask which builds run';
const longestQuoteChars = 200;

/** Why it is not known which builds run. */
export function askError(code: string, message: string, cause?: unknown): BackendError {
  return new BackendError(code, operation, message, cause === undefined ? {} : { cause });
}

export function malformed(what: string): BackendError {
  return askError(
    'ERR_ANSWER_MALFORMED',
    `the answer is not of buildkitd's form: ${what}; check that this is buildkitd's address`,
  );
}

export function cut(what: string, cause?: unknown): BackendError {
  return askError('ERR_ANSWER_CUT', `the answer was cut off: ${what}`, cause);
}

/** Someone else's words, made fit for a line of a log. */
export function quote(text: string): string {
  const line = text.replaceAll(/\p{Cc}+/gu, ' ').trim();
  return line.length > longestQuoteChars ? `${line.slice(0, longestQuoteChars)}…` : line;
}

export function codeOf(error: unknown): string {
  const code = (error as { code?: unknown } | null)?.code;
  return typeof code === 'string' ? code : '';
}

export function messageOf(error: unknown): string {
  const text = error instanceof Error ? error.message : String(error);
  return quote(opensslWords(text, codeOf(error)) ?? text);
}

export function asBackendError(error: unknown): BackendError {
  return error instanceof BackendError
    ? error
    : askError('ERR_ASK_FAILED', `asking failed: ${messageOf(error)}`, error);
}
