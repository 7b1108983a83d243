import type { IndexItem, IndexQuery, IndexRow, QueryLevel } from '../../runtime/archive/query.js';

/** One instance with everything that the levels above say of it, in an order of patients, studies and series. */
export interface IndexedInstance {
  values: IndexItem;
  characterSet?: string;
}

const UNIQUE: Readonly<Record<QueryLevel, string>> = {
  PATIENT: 'PatientID',
  STUDY: 'StudyInstanceUID',
  SERIES: 'SeriesInstanceUID',
  IMAGE: 'SOPInstanceUID',
};

/** An index over a list: it narrows nothing, and counts nothing but instances and modalities. */
export class MemoryIndex {
  readonly instances: IndexedInstance[];
  /** Rows that were taken from it so far. */
  taken = 0;
  /** Called before each row. */
  pace: () => Promise<void> = async () => {};

  constructor(instances: IndexedInstance[]) {
    this.instances = instances;
  }

  async *query({ level, accept }: IndexQuery, signal: AbortSignal): AsyncGenerator<IndexRow> {
    const groups = new Map<string, IndexedInstance[]>();
    for (const instance of this.instances) {
      const key = String(instance.values[UNIQUE[level]]);
      groups.set(key, [...(groups.get(key) ?? []), instance]);
    }
    for (const group of groups.values()) {
      await this.pace();
      if (signal.aborted) return;
      const { values, characterSet = '' } = group[0]!;
      const modalities = [...new Set(group.map((one) => String(one.values.Modality)))];
      const counts = { ModalitiesInStudy: modalities, NumberOfStudyRelatedInstances: [String(group.length)] };
      const row = { values: { ...values, ...counts }, characterSet };
      if (accept && !accept(row)) continue;
      this.taken++;
      yield row;
    }
  }
}

export interface TreeOptions {
  patients: readonly { id: string; name: string; characterSet?: string }[];
  studies?: number;
  series?: number;
  instances?: number;
}

/** Patients with studies of a CT and a PT series each. UIDs tell where they stand: 2.25.<patient>.<study>.<series>.<instance>. */
export function tree({ patients, studies = 2, series = 2, instances = 3 }: TreeOptions): IndexedInstance[] {
  return patients.flatMap(({ id, name, characterSet }, p) =>
    times(studies).flatMap((s) =>
      times(series).flatMap((r) =>
        times(instances).map((i) => ({
          characterSet,
          values: {
            PatientID: [id],
            PatientName: [name],
            PatientSex: ['O'],
            PatientBirthDate: [`19${60 + p}0101`],
            StudyInstanceUID: [`2.25.${p + 1}.${s}`],
            StudyDate: [`202601${10 + s}`],
            StudyTime: ['103000'],
            AccessionNumber: [`A${p + 1}${s}`],
            SeriesInstanceUID: [`2.25.${p + 1}.${s}.${r}`],
            SeriesNumber: [String(r)],
            Modality: [r === 1 ? 'CT' : 'PT'],
            SOPClassUID: ['1.2.840.10008.5.1.4.1.1.2'],
            SOPInstanceUID: [`2.25.${p + 1}.${s}.${r}.${i}`],
            InstanceNumber: [String(i)],
          },
        })),
      ),
    ),
  );
}

function times(count: number): number[] {
  return Array.from({ length: count }, (_, i) => i + 1);
}
