import { resolve } from 'node:path';
import type { Command } from 'commander';
import { type Bundle, ownBundle } from '../../bundle/bundle.ts';
import { type Installation, install, tryToStart } from '../../bundle/install.ts';
import {
  installedText,
  noBundleText,
  notInstalledText,
  notStartedText,
  occupiedText,
} from '../../messages/install.ts';
import { BadValueError } from '../../options/bad-value.ts';
import { parseFrom, UsageError } from '../../options/read-options.ts';
import { exitCodes } from '../exit-codes.ts';
import type { CommandContext } from '../process-context.ts';

const installNotes = `
For images without Node.js: an init container copies the folder into a volume,
from which a hook starts the launcher in it. The folder may be missing, empty, or
have been filled by this very buildkit-drain, also in part.
It is started there once, to see whether that works.
Exit codes: 0 it is there and can be started, 2 it is not, 1 a bug.`;

/** Adds `buildkit-drain install`. */
export function addInstall(program: Command, { version, process, exit }: CommandContext): void {
  program
    .command('install')
    .argument('<folder>', 'where to')
    .description('Copy the folder that this runs from, with its Node.js, to another path.')
    .addHelpText('after', installNotes)
    .action((path: string) => {
      const target = parseFrom('install', () => parseTarget(path));
      const bundle = ownBundle();
      if (bundle === null) {
        throw new UsageError(noBundleText());
      }
      const { kind } = installTo(bundle, target);
      const failure = tryToStart(target);
      if (failure !== null) {
        throw new UsageError(notStartedText(target, failure));
      }
      process.print(installedText(kind, target, version));
      exit(exitCodes.done);
    });
}

function parseTarget(path: string): string {
  if (path === '') {
    throw new BadValueError('the path of a folder', path);
  }
  return resolve(path);
}

/** @throws UsageError */
function installTo(
  bundle: Bundle,
  target: string,
): Exclude<Installation, { readonly kind: 'occupied' }> {
  const installation = tryInstall(bundle, target);
  if (installation.kind === 'occupied') {
    throw new UsageError(occupiedText(target, installation.by));
  }
  return installation;
}

function tryInstall(bundle: Bundle, target: string): Installation {
  try {
    return install(bundle, target);
  } catch (cause) {
    throw new UsageError(notInstalledText(target, cause as Error), { cause });
  }
}
