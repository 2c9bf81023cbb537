/** One family of metrics, without the suffix that its type gives to its samples. */
export interface Metric {
  readonly name: string;
  readonly type: 'gauge' | 'counter' | 'info' | 'stateset' | 'histogram';
  readonly unit?: 'seconds' | 'bytes';
  /** Without line feeds, backslashes and quotes. */
  readonly help: string;
  readonly points: readonly Point[];
}

export interface Point {
  /** Of a histogram: which of its numbers it is. */
  readonly part?: 'bucket' | 'count' | 'sum';
  readonly labels?: Readonly<Record<string, string>>;
  readonly value: number;
}

/** The only point of a metric; none for an unknown value. */
export function valuePoints(value: number | null): Point[] {
  return value === null ? [] : [{ value }];
}

/** A text format of metrics. */
export type MetricsFormat = 'openmetrics' | 'prometheus';

export const openMetricsType = 'application/openmetrics-text; version=1.0.0; charset=utf-8';
export const prometheusType = 'text/plain; version=0.0.4; charset=utf-8';

/** OpenMetrics 1.0. A family without points is left out: what is unknown is absent, never 0. */
export function openMetricsText(metrics: readonly Metric[]): string {
  const families = metrics
    .filter(({ points }) => points.length > 0)
    .map((metric) => {
      const { name, type, unit, help } = metric;
      const unitLine = unit === undefined ? '' : `# UNIT ${name} ${unit}\n`;
      return `# TYPE ${name} ${type}\n${unitLine}# HELP ${name} ${help}\n${samples(metric)}`;
    });
  return `${families.join('')}# EOF\n`;
}

/** The text format 0.0.4, which knows neither units, infos nor statesets. */
export function prometheusText(metrics: readonly Metric[]): string {
  return metrics
    .filter(({ points }) => points.length > 0)
    .map((metric) => {
      const name = sampleName(metric);
      const type = metric.type === 'info' || metric.type === 'stateset' ? 'gauge' : metric.type;
      return `# HELP ${name} ${metric.help}\n# TYPE ${name} ${type}\n${samples(metric)}`;
    })
    .join('');
}

const suffixes = {
  gauge: '',
  counter: '_total',
  info: '_info',
  stateset: '',
  histogram: '',
} as const;

function sampleName({ name, type }: Metric): string {
  return `${name}${suffixes[type]}`;
}

function samples(metric: Metric): string {
  const name = sampleName(metric);
  return metric.points
    .map(({ part, labels = {}, value }) => {
      const suffix = part === undefined ? '' : `_${part}`;
      return `${name}${suffix}${labelsText(labels)} ${value}\n`;
    })
    .join('');
}

function labelsText(labels: Readonly<Record<string, string>>): string {
  const pairs = Object.entries(labels).map(([name, value]) => `${name}="${escaped(value)}"`);
  return pairs.length === 0 ? '' : `{${pairs.join(',')}}`;
}

function escaped(value: string): string {
  return value.replaceAll('\\', '\\\\').replaceAll('\n', '\\n').replaceAll('"', '\\"');
}

/**
 * The format that a scraper asks for by its Accept header: OpenMetrics 1.0.0 if it is named and
 * nothing is preferred to it, else the older text format, which all scrapers can read.
 */
export function metricsFormat(accept: string | undefined): MetricsFormat {
  const ranges = (accept ?? '').split(',').map(parseRange);
  const preference = (type: string, version: string): number =>
    Math.max(
      0,
      ...ranges
        .filter((range) => range.type === type && [version, undefined].includes(range.version))
        .map(({ quality }) => quality),
    );
  const openMetrics = preference('application/openmetrics-text', '1.0.0');
  return openMetrics > 0 && openMetrics >= preference('text/plain', '0.0.4')
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
