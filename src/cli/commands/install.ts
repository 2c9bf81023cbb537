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
import { parseFrom, UsageError } from '../../options/read.ts';
import { BadValueError } from '../../options/values.ts';
import { exitCodes } from '../exit-codes.ts';
import type { CommandContext } from '../process-context.ts';

const installNotes = `
For images without Node.js: an init container copies the bundle into a volume,
and a hook starts the launcher there. The folder may be missing, empty, or have
a copy of the same bundle, even an incomplete one. The copy is started once, to
see whether that works.
Exit codes: 0 the copy works, 2 it does not, 1 a bug.`;

/** Adds `buildkit-drain install`. */
export function addInstall(command: Command, { version, process, exit }: CommandContext): void {
  command
    .argument('<folder>', 'where to')
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
