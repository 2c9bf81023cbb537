import { didYouMean } from '../options/command-line.ts';

/** Every command, with its sentence in the help. */
export const commands = {
  wait: 'Wait until builds and clients have been gone for a while.',
  status: 'Poll once, and show the connections and the builds.',
  watch: 'Show connections and builds as they come and go.',
  doctor: 'Check what a wait needs here, and say what to change.',
  ready: 'Check whether buildkitd serves, for readiness probes.',
  verify: 'Check that the stored content is there, after a restart.',
  run: 'Run buildkitd, and wait before it is stopped.',
  serve: 'Serve the wait over HTTP for preStop.httpGet, and metrics.',
  bench: 'Measure the cost and the accuracy of polling on this node.',
  install: 'Copy this program and its Node.js to a folder.',
} as const;

export type CommandName = keyof typeof commands;

/** `unknown command "stat" (did you mean status?)` */
export function unknownCommand(name: string): string {
  const names = [...Object.keys(commands), 'help'];
  return `unknown command ${JSON.stringify(name)}${didYouMean(name, names)}`;
}
