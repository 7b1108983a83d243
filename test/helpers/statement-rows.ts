/** Objects as pydicom reads them, beside the rows of the statement's attribute tables. */

import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import * as assert from 'uvu/assert';
import { ScaledClock } from '../../hal/base/clock.js';
import { silentLog } from '../../hal/base/log.js';
import { SqliteArchive } from '../../runtime/archive/sqlite-archive.js';
import type { AttributeRow } from '../../runtime/objects/fill.js';
import type { BuiltObject } from '../../runtime/objects/instance.js';
import { moduleRows } from '../../runtime/objects/modules.js';
import { askPydicom } from './pydicom.js';

/** DICOM JSON model of one element. */
export interface JsonElement {
  vr: string;
  Value?: unknown[];
  InlineBinary?: string;
}
export type JsonDataset = Record<string, JsonElement>;

type Check = string | number | RegExp | object | ((value: unknown) => boolean);
/** Values wanted, [] for zero length; of a private creator its name. */
export type Expectation = readonly Check[] | 'absent';

/** Files of objects in an archive of their own, which goes when the process ends. */
export async function storedFiles(objects: Iterable<BuiltObject>): Promise<string[]> {
  const root = await mkdtemp(join(tmpdir(), 'petrig-rows-'));
  const archive = await SqliteArchive.open({ root, clock: new ScaledClock(), log: silentLog });
  const stored = await archive.store(objects);
  await archive.close();
  process.once('beforeExit', () => void rm(root, { recursive: true, force: true }));
  return stored.map(({ file }) => file);
}

/** Each file with its meta elements, as pydicom makes DICOM JSON of it. */
export function seenByPydicom(files: readonly string[]): JsonDataset[] {
  const script = `
answer = []
for path in data:
    ds = pydicom.dcmread(path)
    seen = ds.to_json_dict(bulk_data_threshold=1 << 30)
    seen.update(ds.file_meta.to_json_dict())
    answer.append(seen)
`;
  return askPydicom<JsonDataset[]>(script, files);
}

/** VR of the standard's dictionary as pydicom has it, of each public tag. */
export function dictionaryVrs(tags: readonly string[]): Record<string, string> {
  return askPydicom(
    'from pydicom.datadict import dictionary_VR\nanswer = {t: dictionary_VR(int(t, 16)) for t in data}',
    tags,
  );
}

/** The path of a row: tags with `/` between them, private ones as `GGGGxxEE:CREATOR`, a creator's own as `GGGGxx:CREATOR`. */
function pathOf(rows: readonly AttributeRow[], row: AttributeRow): string {
  const parents = (row.path ?? []).map((tag) => rows.find((parent) => parent.tag === tag)!);
  return [...parents, row].map(nameOf).join('/');
}

function nameOf({ tag, creator }: AttributeRow): string {
  if (!creator) return tag;
  return tag.endsWith('xx') ? `${tag.slice(0, 4)}xx:${creator}` : `${tag}:${creator}`;
}

const BEYOND = /^beyond|^statement Table/;

/** Paths of the rows which the statement's table has, sorted. */
export function statementPaths(rows: readonly AttributeRow[]): string[] {
  return rows
    .filter(({ rule }) => !BEYOND.test(rule!))
    .map((row) => pathOf(rows, row))
    .sort();
}

/** What is wrong with an object, row by row; every path of `expected` must be a row. */
export function checkRows(
  rows: readonly AttributeRow[],
  object: JsonDataset,
  expected: Readonly<Record<string, Expectation>>,
): string[] {
  const byPath = new Map(rows.map((row) => [pathOf(rows, row), row]));
  const publicTags = rows.filter(({ creator }) => !creator).map(({ tag }) => tag);
  const vrs = dictionaryVrs(publicTags);
  return Object.entries(expected).flatMap(([path, values]) => {
    const row = byPath.get(path);
    if (!row) return [`${path}: no row`];
    const found = elementAt(object, path.split('/'));
    if (values === 'absent') return found ? [`${path} ${row.name}: there`] : [];
    if (!found) return [`${path} ${row.name}: missing`];
    const wrong = [];
    const vr = vrs[row.tag] ?? row.vr;
    if (!vr.split(' or ').includes(found.vr)) wrong.push(`${path} ${row.name}: ${found.vr} for ${vr}`);
    const given = found.InlineBinary === undefined ? (found.Value ?? []) : [found.InlineBinary];
    if (!agrees(given, values)) wrong.push(`${path} ${row.name}: ${JSON.stringify(given)} for ${values.map(String)}`);
    return wrong;
  });
}

/** Where a private element stands is looked up by its creator. */
function elementAt(object: JsonDataset, path: readonly string[]): JsonElement | undefined {
  const [name, ...rest] = path;
  const [tag, creator] = name!.split(':') as [string, string?];
  let found: JsonElement | undefined = object[tag];
  if (creator) {
    const group = tag.slice(0, 4);
    const place = Object.entries(object).find(
      ([at, element]) => at.startsWith(`${group}00`) && element.Value?.[0] === creator,
    );
    const block = place?.[0].slice(6);
    found = tag.length === 6 ? place?.[1] : object[`${group}${block}${tag.slice(6)}`];
  }
  return rest.length === 0 ? found : elementAt((found?.Value?.[0] ?? {}) as JsonDataset, rest);
}

function agrees(given: readonly unknown[], wanted: readonly Check[]): boolean {
  return given.length === wanted.length && given.every((value, i) => oneAgrees(value, wanted[i]!));
}

function oneAgrees(value: unknown, check: Check): boolean {
  if (check instanceof RegExp) return check.test(String(value));
  if (typeof check === 'function') return (check as (value: unknown) => boolean)(value);
  if (typeof check === 'number') return Number(value) === check;
  return JSON.stringify(value) === JSON.stringify(check);
}

/** Checks of bytes: by a function, by what they begin with, by all they say (a NUL at the end aside). */
export const binary = (check: (bytes: Buffer) => boolean) => (value: unknown) =>
  check(Buffer.from(String(value), 'base64'));
export const starting = (text: string) => binary((value) => value.subarray(0, text.length).toString('latin1') === text);
export const said = (text: string) => binary((value) => value.toString('utf8').replace(/\0$/, '') === text);

/** Elements of one creator that are not there. */
export const absent = (prefix: string, creator: string, elements: string[]): Record<string, Expectation> =>
  Object.fromEntries(elements.map((element) => [`${prefix}xx${element}:${creator}`, 'absent' as const]));

/** What stands at every row of a module, and that no row was left out. */
export function checkModule(module: string, object: JsonDataset, expected: Record<string, Expectation>): void {
  const rows = moduleRows(module);
  assert.equal(checkRows(rows, object, expected), [], module);
  assert.is(Object.keys(expected).length, rows.length, `${module}: a row is not looked at`);
}
