/** What people and scripts see: text and progress on stderr, one JSON document on stdout with `--json`. */

import { asScannerError, type ErrorKind } from '../../hal/base/errors.js';
import type { ExamReport } from '../service/operations.js';

export const EXIT = { done: 0, failed: 1, usage: 2, refused: 3, peer: 4 } as const;

const EXIT_OF_KIND: Partial<Record<ErrorKind, number>> = {
  operator: EXIT.usage,
  config: EXIT.usage,
  limit: EXIT.refused,
  interlock: EXIT.refused,
  peer: EXIT.peer,
};

export function say(text: string): void {
  process.stderr.write(`${text}\n`);
}

export function printJson(document: unknown): void {
  process.stdout.write(`${JSON.stringify(document, null, 2)}\n`);
}

/** Reports a failure the way that was asked for and sets the exit code of its kind. */
export function fail(thrown: unknown, json: boolean): void {
  const error = asScannerError(thrown);
  if (json) printJson({ error: error.toJSON() });
  say(`petrig: ${error.message} [${error.code}]`);
  if (error.kind === 'bug' && error.cause instanceof Error && error.cause.stack) say(error.cause.stack);
  process.exitCode = EXIT_OF_KIND[error.kind] ?? EXIT.failed;
}

/** Lines of columns, each as wide as its widest cell; numbers to the right. */
export function table(head: readonly string[], rows: readonly (readonly (string | number)[])[]): string {
  const cells = [head, ...rows].map((row) => row.map(String));
  const widths = head.map((_, column) => Math.max(...cells.map((row) => row[column]?.length ?? 0)));
  const numeric = head.map((_, column) => rows.every((row) => typeof row[column] === 'number'));
  const pad = (cell: string, i: number) => (numeric[i] ? cell.padStart(widths[i]!) : cell.padEnd(widths[i]!));
  return cells.map((row) => row.map(pad).join('  ').trimEnd()).join('\n');
}

/** The summary that ends an examination. */
export function summary(report: ExamReport): string {
  const seconds = report.stages.reduce((sum, stage) => sum + stage.seconds, 0);
  const reason = report.reason ? `: ${report.reason}` : '';
  const who = `${report.patientName} (${report.patientId})  accession ${report.accession || 'none'}`;
  return [
    `${who}  ${report.outcome ?? report.phase}${reason}`,
    table(
      ['series', 'modality', 'SOP class', 'instances'],
      report.series.map((s) => [s.description, s.modality, s.sopClass, s.count]),
    ),
    table(
      ['exposure', 'kV', 'mAs', 'CTDIvol mGy', 'DLP mGy cm'],
      report.dose.exposures.map((e) => [e.label, e.kv, round(e.mas), round(e.ctdiVol), round(e.dlp)]),
    ),
    table(
      ['bed', 'prompts kcps', 'randoms kcps', 'singles Mcps'],
      report.countRates.map((r) => [
        r.bed,
        round(r.promptsPerSecond / 1e3),
        round(r.randomsPerSecond / 1e3),
        round(r.singlesPerSecond / 1e6),
      ]),
    ),
    table(['stage', 'seconds'], [...report.stages.map((s) => [s.name, round(s.seconds)]), ['all', round(seconds)]]),
    table(
      ['sent to', 'instances', 'failed', 'committed'],
      report.deliveries.map((d) => [d.node, d.sent, d.failed, d.committed ?? 'not asked']),
    ),
    `MPPS: ${report.mpps}`,
    ...report.deviations.map((deviation) => `note: ${deviation}`),
    report.previews.map((file) => `preview: ${file}`).join('\n'),
  ].join('\n\n');
}

function round(value: number): number {
  return Number(value.toPrecision(3));
}
