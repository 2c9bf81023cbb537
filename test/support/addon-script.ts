import { expect } from 'vitest';
import { addonPath } from '../../src/backends/addon-path.ts';
import { type Ended, run } from './running.ts';

const scenario = JSON.stringify(new URL('addon-scenario.mjs', import.meta.url).href);

/**
 * Runs a script in a Node.js of its own, with all of addon-scenario.mjs. What is asked of the addon here
 * may well end it.
 *
 * @param through a command that runs the Node.js.
 */
export function runScript(script: string, through: readonly string[] = []): Promise<Ended> {
  const source = `
    import {
      descriptors, loadAddon, messagesOf, openFixture, startEndpoints, startWorker, waitFor,
    } from ${scenario};
    ${script}`;
  const flags = ['--expose-gc', '--input-type=module', '--eval', source];
  return run([...through, process.execPath, ...flags], { env: { ADDON: addonPath() } }).ended;
}

/** What a script printed that has to end well. */
export async function printedBy(script: Promise<Ended>): Promise<string> {
  const { code, signal, stdout, stderr } = await script;
  expect({ code, signal, stderr }).toEqual({ code: 0, signal: null, stderr: '' });
  return stdout.trim();
}
