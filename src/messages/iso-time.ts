/**
 * A time as `toISOString` writes it. That loads the time zones of ICU, though UTC needs none: up to 8 MB of Node's file
 * become resident.
 */
export function isoTime(date: Date): string {
  const year = date.getUTCFullYear();
  if (year < 1000 || year > 9999) {
    return date.toISOString();
  }
  const day = [year, padded(date.getUTCMonth() + 1), padded(date.getUTCDate())];
  const time = [date.getUTCHours(), date.getUTCMinutes(), date.getUTCSeconds()].map(padded);
  return `${day.join('-')}T${time.join(':')}.${String(date.getUTCMilliseconds()).padStart(3, '0')}Z`;
}

function padded(value: number): string {
  return String(value).padStart(2, '0');
}
