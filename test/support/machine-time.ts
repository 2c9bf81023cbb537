/** The time that all processes of the machine share, in milliseconds: CLOCK_MONOTONIC. */
export function machineMs(): number {
  return Number(process.hrtime.bigint()) / 1e6;
}
