/** The modality worklist: the scheduler database, its updates, and the entries that an examination is for. */

import type { Clock } from '../../hal/base/clock.js';
import { ScannerError } from '../../hal/base/errors.js';
import type { Log } from '../../hal/base/log.js';
import type { Archive } from '../archive/archive.js';
import type { Config } from '../config.js';
import { daOf } from '../exam/datetime.js';
import { WorklistMarks } from '../network/worklist-marks.js';
import { nodeFor, type RemoteNode } from '../nodes.js';
import type { StartRange, WorklistOperations } from '../service/operations.js';
import { askWorklist } from '../worklist/client.js';
import { broadQuery, type PatientQuery, patientQuery } from '../worklist/query.js';
import type { ScheduledStep, WorklistStore } from '../worklist/store.js';
import { type UpdateResult, WorklistUpdates } from '../worklist/updates.js';

export interface WorklistDeskOptions {
  config: Config;
  store: WorklistStore;
  archive: Archive;
  clock: Clock;
  log: Log;
}

const DAY_MS = 86_400_000;

export class WorklistDesk implements WorklistOperations {
  readonly #options: WorklistDeskOptions;
  readonly #marks: WorklistMarks;
  /** Absent: no node offers a worklist. */
  readonly #updates: WorklistUpdates | undefined;

  constructor(options: WorklistDeskOptions) {
    const { config, store, archive, clock, log } = options;
    this.#options = options;
    this.#marks = new WorklistMarks({ store, archive, clock: clock.wall, log });
    const node = nodeFor(config, 'worklist');
    if (!node) return;
    const { limit, waitSeconds, intervalMinutes, keepDays } = config.worklistQuery;
    const callingAe = config.aeTitles.worklist ?? config.aeTitle;
    const { timeouts, maxPduLength } = node;
    const client = { node, callingAe, clock, log, timeouts, maxPduLength, limit, waitSeconds };
    this.#updates = new WorklistUpdates({
      store,
      ask: (identifier, signal) => askWorklist(identifier, { ...client, signal }),
      broad: () => this.#broad(node, {}),
      intervalMs: intervalMinutes * 60_000,
      removeCancelled: node.worklist.removeCancelled,
      forgetBefore: () => this.#day(-keepDays),
      clock: clock.wall,
      log,
    });
  }

  /** Starts the timer and follows examinations. */
  start(): void {
    this.#marks.start();
    this.#updates?.start();
  }

  async close(): Promise<void> {
    await this.#updates?.stop();
    await this.#marks.stop();
  }

  list(): Promise<ScheduledStep[]> {
    return this.#options.store.items();
  }

  async update(range: StartRange): Promise<UpdateResult> {
    const { node, updates } = this.#needNode();
    return updates.broad(this.#broad(node, range));
  }

  async query({ range, ...keys }: Omit<PatientQuery, 'startDate'> & { range?: StartRange }): Promise<UpdateResult> {
    const { node, updates } = this.#needNode();
    const startDate = range && rangeOf(range.fromDate, range.toDate);
    return updates.narrow(patientQuery({ ...keys, startDate }, node.worklist));
  }

  /**
   * The scheduled steps that an examination of this accession number performs: those of the first day on which any is not yet
   * done, or of the first day of all. The worklist node is asked when none is at hand, and what it has scheduled is named when it
   * knows none either.
   * @param stepIds chooses among them
   * @throws ScannerError operator.unknown, peer.*
   */
  async forAccession(accession: string, stepIds?: readonly string[]): Promise<ScheduledStep[]> {
    const { store } = this.#options;
    let found = await store.byAccession(accession);
    if (found.length === 0 && this.#updates) {
      await this.query({ accessionNumber: accession });
      found = await store.byAccession(accession);
      if (found.length === 0) await this.#refresh();
    }
    // in the order that was asked for: images stand in the study of the first
    const chosen = stepIds ? inOrder(found, stepIds) : ofOneDay(found);
    const lacking = stepIds?.find((id) => !found.some(({ stepId }) => stepId === id));
    if (chosen.length > 0 && lacking === undefined) return chosen;
    const known = (await store.items()).map((entry) => entry.accessionNumber);
    throw new ScannerError('operator.unknown', {
      what: 'worklist entry with accession number',
      name: lacking === undefined ? accession : `${accession} and step ${lacking}`,
      known: [...new Set(known)].join(', ') || 'none: update the worklist',
    });
  }

  /** So that what is named does not depend on when the timer asked last. The entries at hand do when the node breaks off. */
  async #refresh(): Promise<void> {
    await this.update({}).catch((error: Error) => {
      this.#options.log.warn({ message: error.message }, 'worklist not updated; the entries at hand stay');
    });
  }

  #broad({ worklist }: RemoteNode, { fromDate, toDate, fromTime, toTime }: StartRange) {
    const { by, modality, daysBefore, daysAfter } = this.#options.config.worklistQuery;
    const { aeTitles, aeTitle } = this.#options.config;
    const own = aeTitles.worklist ?? aeTitle;
    const station = by === 'aeTitle' ? { stationAeTitle: own, modality: '*' } : { stationAeTitle: '*', modality };
    const startDate = rangeOf(fromDate, toDate) ?? `${this.#day(-daysBefore)}-${this.#day(daysAfter)}`;
    return broadQuery({ ...station, startDate, startTime: rangeOf(fromTime, toTime) }, worklist);
  }

  /** DA of today and so many days; the hospital's day is the wall's whatever the scanner's speed. */
  #day(offset: number): string {
    return daOf(this.#options.clock.wall.now() + offset * DAY_MS);
  }

  #needNode(): { node: RemoteNode; updates: WorklistUpdates } {
    const node = nodeFor(this.#options.config, 'worklist');
    if (node && this.#updates) return { node, updates: this.#updates };
    throw new ScannerError('operator.usage', { message: 'no configured node offers the service worklist' });
  }
}

function rangeOf(from: string | undefined, to: string | undefined): string | undefined {
  return from || to ? `${from ?? ''}-${to ?? ''}` : undefined;
}

function inOrder(found: readonly ScheduledStep[], stepIds: readonly string[]): ScheduledStep[] {
  return [...new Set(stepIds)].flatMap((id) => found.filter(({ stepId }) => stepId === id));
}

function ofOneDay(found: readonly ScheduledStep[]): ScheduledStep[] {
  const open = found.filter(({ progress }) => progress === 'scheduled' || progress === 'discontinued');
  const candidates = open.length > 0 ? open : found;
  return candidates.filter(({ startDate }) => startDate === candidates[0]?.startDate);
}
