/** What a daemon was told, by its command line or by its file. Null is what it was not told. */
export interface Settings {
  /** Where to listen, as it was written. */
  readonly addresses: readonly string[];
  /** `host:port`, or an address as the others. */
  readonly debugAddress: string | null;
  readonly otelSocketPath: string | null;
}

export const noSettings: Settings = { addresses: [], debugAddress: null, otelSocketPath: null };

/** buildkitd takes from its file what its command line leaves open; of addresses, all or none. */
export function settingsOf(flags: Settings, file: Settings): Settings {
  return {
    addresses: flags.addresses.length > 0 ? flags.addresses : file.addresses,
    debugAddress: flags.debugAddress ?? file.debugAddress,
    otelSocketPath: flags.otelSocketPath ?? file.otelSocketPath,
  };
}
