// Figures for people, with three digits: the measurements are no more precise.

const units = [
  [1_000_000, 's'],
  [1000, 'ms'],
  [1, 'µs'],
] as const;

export function timeText(microseconds: number): string {
  const [size, unit] = units.find(([least]) => microseconds >= least) ?? units[2];
  return `${digits(microseconds / size)} ${unit}`;
}

/** `2.1×`; below one as a fraction, `1/48`, like the aims. */
export function ratioText(ratio: number): string {
  if (ratio >= 0.9 || ratio <= 0) {
    return ratio >= 100 ? `${countText(ratio)}×` : `${digits(ratio)}×`;
  }
  return ratio > 0.1 ? `1/${(1 / ratio).toFixed(1)}` : `1/${countText(1 / ratio)}`;
}

export function rangeText({ low, high }: { readonly low: number; readonly high: number }): string {
  return `${ratioText(low)} to ${ratioText(high)}`;
}

export function percentText(percent: number): string {
  return `${digits(percent)} %`;
}

export function mebibyteText(kibibytes: number): string {
  return `${digits(kibibytes / 1024)} MiB`;
}

export function spreadText(fraction: number): string {
  return `±${Math.round(fraction * 100)} %`;
}

export function countText(count: number): string {
  return String(Math.round(count)).replace(/\B(?=(\d{3})+$)/g, ',');
}

/** `1 run`, `15 runs`. */
export function timesText(count: number, noun: string): string {
  return `${countText(count)} ${noun}${count === 1 ? '' : 's'}`;
}

function digits(value: number): string {
  if (value >= 100) {
    return String(Math.round(value));
  }
  return value >= 10 ? value.toFixed(1) : value.toFixed(2);
}
