import { readFileSync } from 'node:fs';

export const nobody = 65_534;

/** For `through`: as this user, in no other group. */
export function asUser(uid: number): readonly string[] {
  return ['setpriv', `--reuid=${uid}`, `--regid=${uid}`, '--clear-groups'];
}

export const asNobody = asUser(nobody);

/** For `through`: as the same user, without any capability. */
export const withoutCapabilities: readonly string[] = [
  'setpriv',
  '--bounding-set=-all',
  '--inh-caps=-all',
];

/** Whether there are others: a user namespace of an unprivileged user has that user alone. */
export const hasOtherUsers = /^\s*0\s+0\s+4294967295\s*$/.test(
  readFileSync('/proc/self/uid_map', 'utf8'),
);
