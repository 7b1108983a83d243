/** A report as one HTML page that needs nothing else. */

import { createRequire } from 'node:module';
import { type Check, type Curve, keeps, type QcReport } from './report.js';

/** What is used of echarts, whose own declarations do not resolve in ES modules. */
interface Echarts {
  init(
    dom: null,
    theme: null,
    options: { renderer: 'svg'; ssr: true; width: number; height: number },
  ): { setOption(option: object): void; renderToSVGString(): string; dispose(): void };
}

const CHART = { width: 760, height: 340 };

export function qcPage(report: QcReport): string {
  const { title, passed, startedAt, aeTitle, stationName, version, examId, studyInstanceUid } = report;
  const about: [string, string][] = [
    ['Scanner', `${stationName} (${aeTitle}), petrig ${version}`],
    ['Started', startedAt],
    ['Examination', examId],
    ['Study Instance UID', studyInstanceUid],
  ];
  return `<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<title>${escaped(title)}: ${verdict(passed)}</title>
<style>
body { font: 15px/1.5 system-ui, sans-serif; max-width: 800px; margin: 2em auto; padding: 0 1em }
table { border-collapse: collapse; margin: 1em 0 }
th, td { border-bottom: 1px solid #ccc; padding: .25em .75em; text-align: left }
td.number { text-align: right; font-variant-numeric: tabular-nums }
.passed { color: #17632b } .failed { color: #a11212; font-weight: bold }
</style>
</head>
<body>
<h1>${escaped(title)}: <span class="${verdict(passed)}">${verdict(passed)}</span></h1>
<table>
${about.map(([name, value]) => `<tr><th>${name}</th><td>${escaped(value)}</td></tr>`).join('\n')}
</table>
<table>
<tr><th>figure</th><th>value</th><th>unit</th><th>limits</th><th></th></tr>
${report.checks.map(row).join('\n')}
</table>
${report.curves.map(chart).join('\n')}
</body>
</html>
`;
}

function row(check: Check): string {
  const { name, value, unit } = check;
  const limits = limitsOf(check);
  const mark = limits === '' ? '' : verdict(keeps(check));
  return `<tr><td>${escaped(name)}</td><td class="number">${rounded(value)}</td><td>${unit}</td><td>${limits}</td><td class="${mark}">${mark}</td></tr>`;
}

export function limitsOf({ min, max }: Check): string {
  if (min !== undefined && max !== undefined) return `${rounded(min)} to ${rounded(max)}`;
  if (min !== undefined) return `at least ${rounded(min)}`;
  return max === undefined ? '' : `at most ${rounded(max)}`;
}

function chart({ title, x, y, lines }: Curve): string {
  // loaded when it is needed: every command of ours would wait for it
  const { init } = createRequire(import.meta.url)('echarts') as Echarts;
  const drawing = init(null, null, { renderer: 'svg', ssr: true, ...CHART });
  try {
    drawing.setOption({
      animation: false,
      title: { text: title, left: 'center' },
      legend: { bottom: 0 },
      grid: { left: 80, right: 30, top: 50, bottom: 80 },
      xAxis: { ...axis(x), nameGap: 28 },
      yAxis: { ...axis(y), nameGap: 55 },
      series: lines.map(({ name, points }) => ({ type: 'line', name, data: points, symbolSize: 5 })),
    });
    return `<figure>${drawing.renderToSVGString()}</figure>`;
  } finally {
    drawing.dispose();
  }
}

function axis({ name, unit }: Curve['x']) {
  return {
    type: 'value' as const,
    scale: true,
    name: unit ? `${name} / ${unit}` : name,
    nameLocation: 'middle' as const,
  };
}

export function rounded(value: number): string {
  return String(Number(value.toPrecision(4)));
}

export function verdict(passed: boolean): 'passed' | 'failed' {
  return passed ? 'passed' : 'failed';
}

function escaped(text: string): string {
  return text.replaceAll('&', '&amp;').replaceAll('<', '&lt;').replaceAll('>', '&gt;');
}
