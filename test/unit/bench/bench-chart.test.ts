import { describe, expect, it } from 'vitest';
import { renderChart } from '../../../bench/cost/chart.ts';
import { emptyCost } from '../../../bench/cost/results.ts';
import { drawDotPlot } from '../../../bench/render/dot-plot.ts';
import { costResults } from '../support/cost-results.ts';

const chart = renderChart(costResults);

function circlesOf(svg: string, kind: string): number[] {
  const found = svg.matchAll(new RegExp(`<circle class="${kind}" cx="([\\d.]+)"`, 'g'));
  return [...found].map(([, x]) => Number(x));
}

describe('the chart of a run', () => {
  it('says every value and every name in words', () => {
    for (const words of ['sock_diag dump', 'netstat pipeline', '120× sock_diag dump', '240 ms']) {
      expect(chart).toContain(words);
    }
    expect(chart).toContain('<desc>CPU of one poll for 3 clients: sock_diag dump 2.00 ms,');
  });

  it('is XML, whatever the CPU is called', () => {
    expect(chart).toContain('A CPU &lt;fast &amp; cheap&gt;');
    const tags = [...chart.matchAll(/<(\/?)([a-z]+)[^<>]*?(\/?)>/g)];
    const open: string[] = [];
    for (const [, closes, name = '', isEmpty] of tags) {
      if (closes) {
        expect(open.pop()).toBe(name);
      } else if (!isEmpty) {
        open.push(name);
      }
    }
    expect(open).toEqual([]);
  });

  it('loads nothing, and has colours for light and dark', () => {
    expect(chart).toContain('prefers-color-scheme: dark');
    expect(chart.match(/https?:\S+/g)).toEqual(['http://www.w3.org/2000/svg"']);
    expect(chart).not.toMatch(/@import|url\(|<image|<script/);
  });

  it('has no hollow dot for a timer whose CPU is too little to be seen', () => {
    const [, processes = ''] = chart.split('CPU of the whole process, of one core</text>');
    expect(circlesOf(processes, 'filled')).toHaveLength(2 + 1);
    expect(circlesOf(processes, 'hollow')).toHaveLength(1 + 1);
  });

  it('can be drawn of a run that measured nothing', () => {
    const { plan, date, host } = costResults;
    const nothing = renderChart(emptyCost({ plan, date, host, isPrivate: true }));
    expect(nothing).toContain('</svg>');
    expect(nothing).not.toMatch(/NaN|Infinity|undefined/);
  });
});

describe('a dot plot', () => {
  const plot = {
    title: 'title',
    hollowMeaning: null,
    filledMeaning: 'filled',
    text: (value: number) => `${value.toFixed(2)} s`,
  };
  const row = (filled: number) => ({ name: 'name', aside: '', hollow: null, filled });

  it('has the same distance between all powers of ten', () => {
    const { svg } = drawDotPlot({ ...plot, rows: [row(1), row(10), row(100)] }, 0);
    const [, one = 0, ten = 0, hundred = 0] = circlesOf(svg, 'filled');
    expect(ten - one).toBeGreaterThan(50);
    expect(hundred - ten).toBeCloseTo(ten - one);
    expect(svg).toContain('>10 s<');
  });

  it('can show a single value, and a zero at its edge', () => {
    const { svg } = drawDotPlot({ ...plot, rows: [row(10), row(0)] }, 0);
    const [, ten = 0, zero = 0] = circlesOf(svg, 'filled');
    expect(zero).toBeLessThanOrEqual(ten);
    expect(svg).not.toMatch(/NaN|Infinity/);
  });
});
