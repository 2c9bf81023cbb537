const passingCodes = ['EAGAIN', 'EINTR', 'EIO', 'EMFILE', 'ENFILE', 'ENOBUFS', 'ENOMEM'];

/**
 * Whether a failed call says nothing of what it was asked about, and may do better the next time:
 * unlike a refusal, or that there is no such thing.
 */
export function isTransient(error: unknown): boolean {
  return passingCodes.includes((error as NodeJS.ErrnoException).code ?? '');
}
