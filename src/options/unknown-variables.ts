import { nearest } from './command-line.ts';
import type { Mistake } from './read.ts';
import { type Environment, variableOf } from './read.ts';
import { serveOptions, verifyOptions } from './table.ts';

// Kubernetes sets such variables in every pod of a namespace with a Service called buildkit-drain or
// buildkit-drain-something.
const ofService = /_SERVICE_(HOST|PORT(_\w+)?)$|_PORT_\d+_(TCP|UDP|SCTP)(_(PROTO|PORT|ADDR))?$/;

/** Variables that look like options of this tool and are not. */
export function findUnknown(env: Environment): Mistake[] {
  const prefix = variableOf('');
  const options = Object.keys({ ...serveOptions, ...verifyOptions }).map((name) =>
    variableOf(name).slice(prefix.length),
  );
  return Object.entries(env).flatMap(([name, value]) => {
    const option = name.slice(prefix.length);
    if (!name.startsWith(prefix) || options.includes(option) || isOfService(name, value)) {
      return [];
    }
    const meant = nearest(option, options);
    const hint = meant === null ? '' : ` (did you mean ${prefix}${meant}?)`;
    const message = `${name} is not a setting of buildkit-drain${hint}`;
    return [{ level: 'warn', message, instead: 'going on without it', isOurs: true }];
  });
}

function isOfService(name: string, value = ''): boolean {
  return ofService.test(name) || (name.endsWith('_PORT') && value.includes('://'));
}
