/** A form in which metrics are told. */
export type MetricsFormat = 'openmetrics' | 'prometheus';

/**
 * The form that a scraper asks for by its Accept header: OpenMetrics 1.0.0 where it is named and
 * nothing is liked better, else the older text format, which all can read.
 */
export function metricsFormat(accept: string | undefined): MetricsFormat {
  const ranges = (accept ?? '').split(',').map(parseRange);
  const liking = (type: string, version: string): number =>
    Math.max(
      0,
      ...ranges
        .filter((range) => range.type === type && [version, undefined].includes(range.version))
        .map(({ quality }) => quality),
    );
  const openMetrics = liking('application/openmetrics-text', '1.0.0');
  return openMetrics > 0 && openMetrics >= liking('text/plain', '0.0.4')
    ? 'openmetrics'
    : 'prometheus';
}

interface MediaRange {
  readonly type: string;
  readonly version: string | undefined;
  readonly quality: number;
}

function parseRange(text: string): MediaRange {
  const [type = '', ...parameters] = text.split(';').map((part) => part.trim().toLowerCase());
  const values = new Map(
    parameters.map((parameter) => {
      const [name = '', value = ''] = parameter.split('=').map((part) => part.trim());
      return [name, value.replace(/^"(.*)"$/, '$1')] as const;
    }),
  );
  const quality = Number(values.get('q') ?? 1);
  return { type, version: values.get('version'), quality: quality > 0 ? quality : 0 };
}
