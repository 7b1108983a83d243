import { ScannerError } from '../../hal/base/errors.js';
import { text } from '../dicom/dataset/dataset.js';
import { type PlainDataset, toPlain } from '../dicom/dataset/plain.js';
import { UNCOMPRESSED } from '../dicom/dataset/transfer-syntax.js';
import type { DimseChannel } from '../dicom/dimse/channel.js';
import { matchesOn } from '../dicom/services/find-scu.js';
import { querySopClass, UNIQUE_KEYS } from '../dicom/services/query-scp-model.js';
import { type ScuOptions, withChannel } from '../dicom/services/session.js';
import {
  depthOf,
  INPUTS,
  identifierFor,
  LEVELS,
  type Level,
  levelsOf,
  modelFor,
  type QueryModel,
  SEARCH_KEYS,
} from './query-model.js';

export interface SearchOptions extends ScuOptions {
  /** Information models that the node offers. */
  models: readonly QueryModel[];
  /** What is searched for, by the `input` names of the table; dates may be ranges. */
  inputs: Readonly<Record<string, string>>;
  /** The lowest level to list; default the lowest with a key entered, at least STUDY. */
  depth?: Level;
  /** Ends the search after so many entries of all levels. */
  limit?: number;
  /** Told after each entry how many there are. */
  onFound?(count: number): void;
  /** Ends the search with C-CANCEL; what was found stays. */
  cancel?: AbortSignal;
}

/** A patient, study, series or instance at the node, with what lies below it. */
export interface Found {
  level: Level;
  /** Attributes by keyword. */
  values: PlainDataset;
  children: Found[];
}

export interface SearchResult {
  found: Found[];
  /** True when a limit or the user ended it: there may be more. */
  cut: boolean;
  /** C-FIND requests that it took. */
  queries: number;
  notes: string[];
}

/** Entries kept at most when the caller sets no limit. */
const DEFAULT_LIMIT = 10_000;

/**
 * Searches a node from the top level down: a query for each entry of the level above, one after another over one association
 * (statement 3.4.2.1.3). Entries with nothing below them are left out where keys of a lower level were entered.
 * @throws ScannerError operator.usage for a key or level that the models do not have, peer.*
 */
export async function search(options: SearchOptions): Promise<SearchResult> {
  const unknown = Object.keys(options.inputs).find((input) => !INPUTS.has(input));
  if (unknown) {
    const message = `no search key ${unknown}; there are ${[...INPUTS].join(', ')}`;
    throw new ScannerError('operator.usage', { message });
  }
  const models = [...new Set(LEVELS.flatMap((level) => modelFor(level, options.models) ?? []))];
  const proposals = models.map((model) => {
    return { abstractSyntax: querySopClass('FIND', model), transferSyntaxes: UNCOMPRESSED };
  });
  return withChannel(options, proposals, (channel) => {
    const accepted = models.filter((model) => channel.association.contextFor(querySopClass('FIND', model)));
    return new Search(channel, options, accepted.length > 0 ? accepted : models).run();
  });
}

class Search {
  readonly #channel: DimseChannel;
  readonly #options: SearchOptions;
  readonly #models: readonly QueryModel[];
  readonly #levels: readonly Level[];
  readonly #needed: number;
  readonly #notes = new Set<string>();
  #left: number;
  #count = 0;
  #queries = 0;
  #cut = false;

  constructor(channel: DimseChannel, options: SearchOptions, models: readonly QueryModel[]) {
    this.#channel = channel;
    this.#options = options;
    this.#models = models;
    this.#left = options.limit ?? DEFAULT_LIMIT;
    const { inputs, depth } = options;
    const there = levelsOf(models);
    const deepest = depthOf(inputs, there);
    const last = depth ?? lower(deepest, there.includes('STUDY') ? 'STUDY' : there[0]!);
    if (!there.includes(last)) {
      const message = `the node's query models have no ${last} level; they have ${there.join(', ')}`;
      throw new ScannerError('operator.usage', { message });
    }
    this.#levels = there.slice(there.indexOf(this.#first(there, last)), there.indexOf(last) + 1);
    this.#needed = deepest ? LEVELS.indexOf(deepest) : -1;
  }

  async run(): Promise<SearchResult> {
    const found = await this.#below(0, {});
    return { found, cut: this.#cut, queries: this.#queries, notes: [...this.#notes] };
  }

  /** Listing every patient to find a study is left out where studies can be asked for by themselves. */
  #first(there: readonly Level[], last: Level): Level {
    const [top] = there;
    const studies = this.#models.includes('study') && last !== 'PATIENT';
    const byPatient = SEARCH_KEYS.some(
      ({ input, levels }) => input && this.#options.inputs[input] && levels.includes('PATIENT'),
    );
    return top === 'PATIENT' && studies && !byPatient ? 'STUDY' : top!;
  }

  async #below(depth: number, above: Record<string, string>): Promise<Found[]> {
    const level = this.#levels[depth];
    if (level === undefined) return [];
    const kept: Found[] = [];
    for (const { entry, uid } of await this.#ask(level, above)) {
      if (uid !== undefined) entry.children = await this.#below(depth + 1, { ...above, [UNIQUE_KEYS[level]]: uid });
      const empty = entry.children.length === 0 && LEVELS.indexOf(level) < this.#needed;
      if (!empty || this.#cut) kept.push(entry);
    }
    return kept;
  }

  async #ask(level: Level, above: Record<string, string>): Promise<{ entry: Found; uid: string | undefined }[]> {
    const { inputs, cancel, onFound } = this.#options;
    const model = modelFor(level, this.#models)!;
    const entries: { entry: Found; uid: string | undefined }[] = [];
    if (this.#stopped(cancel)) return entries;
    this.#queries++;
    const query = identifierFor(level, model, inputs, above);
    for await (const match of matchesOn(this.#channel, { sopClass: querySopClass('FIND', model), query })) {
      if (match.unsupportedKeys) this.#notes.add(`the node does not support every key at ${level} level`);
      if (!match.dataset) {
        this.#notes.add(`an answer at ${level} level cannot be read: ${match.unreadable?.message}`);
        continue;
      }
      const uid = text(match.dataset, UNIQUE_KEYS[level]);
      entries.push({ entry: { level, values: toPlain(match.dataset), children: [] }, uid });
      this.#left--;
      onFound?.(++this.#count);
      if (this.#stopped(cancel)) break;
    }
    return entries;
  }

  #stopped(cancel: AbortSignal | undefined): boolean {
    if (this.#left <= 0 || cancel?.aborted) this.#cut = true;
    return this.#cut;
  }
}

function lower(one: Level | undefined, other: Level): Level {
  return LEVELS[Math.max(one ? LEVELS.indexOf(one) : -1, LEVELS.indexOf(other))]!;
}
