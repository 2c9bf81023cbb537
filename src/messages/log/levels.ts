export const logFormats = ['json', 'text'] as const;
export type LogFormat = (typeof logFormats)[number];

/** From the most talkative to the most silent. */
export const logLevels = ['debug', 'info', 'warn', 'error'] as const;
export type LogLevel = (typeof logLevels)[number];
