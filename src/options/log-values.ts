export const logFormats = ['json', 'text'] as const;
export type LogFormat = (typeof logFormats)[number];

/** From the most talkative to the most silent. */
export const logLevels = ['debug', 'info', 'warn', 'error'] as const;
export type LogLevel = (typeof logLevels)[number];

/** `auto` is standard error and, in a container, the container's log; else one of them, or a file. */
export type LogTo =
  | { readonly kind: 'auto' | 'stderr' | 'pod' }
  | { readonly kind: 'file'; readonly path: string };
