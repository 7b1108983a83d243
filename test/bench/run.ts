/**
 * Runs the benchmarks of `*.bench.ts` and prints one JSON line each: name, value, unit, peer, ratio, runs, parts.
 *   npm run bench                        all
 *   npm run bench -- --only NAME[,NAME]  these
 *   npm run bench -- --runs 7            median of so many runs (default 5)
 * Value and peer are measured in the same run, one after the other, and each is the median over the runs.
 */
import { readdirSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { parseArgs } from 'node:util';
import type { Benchmark, Measurement } from './benchmark.js';

const { values } = parseArgs({ options: { only: { type: 'string' }, runs: { type: 'string', default: '5' } } });
const only = values.only?.split(',');
const runs = Math.max(1, Number(values.runs));

function median(numbers: number[]): number {
  const sorted = [...numbers].sort((a, b) => a - b);
  const middle = Math.floor(sorted.length / 2);
  return sorted.length % 2 ? sorted[middle]! : (sorted[middle - 1]! + sorted[middle]!) / 2;
}

async function measure({ name, unit, peer, run, runs: most = runs }: Benchmark): Promise<void> {
  const results: Measurement[] = [];
  for (let i = 0; i < Math.min(runs, most); i++) results.push(await run());
  const value = median(results.map((result) => result.value));
  const theirs = results.flatMap((result) => result.peer ?? []);
  const peerValue = theirs.length ? median(theirs) : null;
  const line = {
    name,
    value: shown(value),
    unit,
    peer: peer ? { name: peer, value: peerValue && shown(peerValue) } : null,
    ratio: peerValue && Number((value / peerValue).toPrecision(3)),
    runs: results.length,
    ...(results[0]?.parts && { parts: medians(results.map(({ parts }) => parts ?? {})) }),
  };
  console.log(JSON.stringify(line));
}

function medians(all: Readonly<Record<string, number>>[]): Record<string, number> {
  const names = Object.keys(all[0] ?? {});
  return Object.fromEntries(names.map((name) => [name, shown(median(all.flatMap((parts) => parts[name] ?? [])))]));
}

function shown(value: number): number {
  return Number(value.toPrecision(4));
}

const here = fileURLToPath(new URL('.', import.meta.url));
let found = 0;
for (const file of readdirSync(here)
  .filter((name) => name.endsWith('.bench.ts'))
  .sort()) {
  const { benchmarks } = (await import(`./${file}`)) as { benchmarks: Benchmark[] };
  for (const benchmark of benchmarks) {
    if (only && !only.includes(benchmark.name)) continue;
    found++;
    await measure(benchmark);
  }
}
if (found === 0) {
  console.error(`no benchmark named ${only?.join(', ')}`);
  process.exitCode = 2;
}
process.exit();
