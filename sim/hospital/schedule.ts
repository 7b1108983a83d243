import { type Dataset, dataset, items, set, text } from '../../runtime/dicom/dataset/dataset.js';
import type { MppsRecord } from './mpps.js';
import type { StepStatus } from './mpps-rules.js';

/** What tells one scheduled step from the others. */
export interface StepKey {
  accessionNumber: string;
  scheduledProcedureStepId: string;
}

/** New times for a scheduled step; what is absent stays. */
export interface Appointment {
  /** YYYYMMDD */
  date?: string;
  /** HHMMSS */
  time?: string;
  stationAeTitle?: string;
}

export interface ListingOptions {
  /** Steps in progress are not listed any more. */
  hideStarted?: boolean;
  /** Steps that are completed or discontinued are not listed any more. */
  hideEnded?: boolean;
}

/** Scheduled Procedure Step Status (0040,0020): PS3.3 C.4.10. */
const STATUS_TERMS = {
  'IN PROGRESS': 'STARTED',
  COMPLETED: 'COMPLETED',
  DISCONTINUED: 'DISCONTINUED',
} as const satisfies Record<StepStatus, string>;
const NOT_STARTED = 'SCHEDULED';

/** What the RIS knows of the scheduled steps beside their entries: cancelled, put off, performed. */
export class Schedule {
  readonly #options: ListingOptions;
  readonly #performed: ReadonlyMap<string, MppsRecord>;
  readonly #cancelled = new Set<string>();
  readonly #appointments = new Map<string, Appointment>();

  constructor(performed: ReadonlyMap<string, MppsRecord>, options: ListingOptions = {}) {
    this.#performed = performed;
    this.#options = options;
  }

  cancel(key: StepKey): void {
    this.#cancelled.add(nameOf(key));
  }

  reschedule(key: StepKey, appointment: Appointment): void {
    const name = nameOf(key);
    this.#cancelled.delete(name);
    this.#appointments.set(name, { ...this.#appointments.get(name), ...appointment });
  }

  /** The entries as they stand: their steps with status and times, without those that are not listed any more. */
  asTheyStand(entries: readonly Dataset[]): Dataset[] {
    const statuses = this.#statuses();
    return entries.flatMap((entry) => {
      const steps = items(entry, 'ScheduledProcedureStepSequence');
      if (steps.length === 0) return [entry];
      const left = steps.flatMap((step) => this.#stepOf(entry, step, statuses));
      return left.length > 0 ? [set({ ...entry }, 'ScheduledProcedureStepSequence', ...left)] : [];
    });
  }

  #stepOf(entry: Dataset, step: Dataset, statuses: ReadonlyMap<string, StepStatus>): Dataset[] {
    const key = keyOf(entry, step);
    const name = nameOf(key);
    const status = statuses.get(performedName(text(entry, 'StudyInstanceUID'), key));
    if (this.#cancelled.has(name)) return [];
    if (this.#options.hideStarted && status === 'IN PROGRESS') return [];
    if (this.#options.hideEnded && status !== undefined && status !== 'IN PROGRESS') return [];
    const { date, time, stationAeTitle } = this.#appointments.get(name) ?? {};
    const own = text(step, 'ScheduledProcedureStepStatus') ?? NOT_STARTED;
    const now = { ...step, ...dataset({ ScheduledProcedureStepStatus: status ? STATUS_TERMS[status] : own }) };
    if (date !== undefined) set(now, 'ScheduledProcedureStepStartDate', date);
    if (time !== undefined) set(now, 'ScheduledProcedureStepStartTime', time);
    if (stationAeTitle !== undefined) set(now, 'ScheduledStationAETitle', stationAeTitle);
    return [now];
  }

  /** Status of each scheduled step that a performed one refers to; a step that was begun again counts as begun. */
  #statuses(): Map<string, StepStatus> {
    const statuses = new Map<string, StepStatus>();
    for (const { status, attributes } of this.#performed.values()) {
      for (const item of items(attributes, 'ScheduledStepAttributesSequence')) {
        const name = performedName(text(item, 'StudyInstanceUID'), keyOf(item, item));
        if (statuses.get(name) !== 'IN PROGRESS') statuses.set(name, status);
      }
    }
    return statuses;
  }
}

/** The key of an entry's step. */
export function keyOf(entry: Dataset, step: Dataset): StepKey {
  return {
    accessionNumber: text(entry, 'AccessionNumber') ?? '',
    scheduledProcedureStepId: text(step, 'ScheduledProcedureStepID') ?? '',
  };
}

function nameOf({ accessionNumber, scheduledProcedureStepId }: StepKey): string {
  return `${accessionNumber}\\${scheduledProcedureStepId}`;
}

/** Performed steps name their study as well: accession numbers may be empty. */
function performedName(study: string | undefined, key: StepKey): string {
  return `${study ?? ''}\\${nameOf(key)}`;
}
