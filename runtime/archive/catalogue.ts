import type { InstanceFilter, InstanceRecord } from './archive.js';
import type { IndexedHeader } from './header.js';
import { nameForms } from './person-name.js';
import { type Dialect, row, rows, type SqlParameters, type Statement, type Work, where } from './sql.js';

export interface IndexedFile {
  transferSyntaxUid: string;
  /** Below the archive's folder. */
  file: string;
  bytes: number;
  checksum: string;
  storedAt: number;
  origin: 'made' | 'received';
}

export interface IndexedObject {
  header: IndexedHeader;
  file: IndexedFile;
}

/** An instance as the index has it, also one whose file is gone. */
export interface KnownInstance extends InstanceRecord {
  missing: number;
}

const INSTANCE = `
  i.sop_uid AS "sopInstanceUid", i.class_uid AS "sopClassUid", i.series_uid AS "seriesInstanceUid",
  s.study_uid AS "studyInstanceUid", i.syntax_uid AS "transferSyntaxUid", s.modality AS modality, i.file AS file,
  i.bytes AS bytes, i.checksum AS checksum, i.number AS "instanceNumber", i.stored_at AS "storedAt", i.origin AS origin`;

/** Series that were seen lately: their rows, and those above, need not be written again. */
const KNOWN_SERIES = 10_000;

/** Where a series belongs, as the index has it: the first object of a study or series said so. */
export interface Place {
  studyInstanceUid: string;
  patientKey: string;
}

/** Patient, study, series and instance rows. */
export class Catalogue {
  readonly #known = new Map<string, Place>();

  constructor(private readonly dialect: Dialect) {}

  /** Adds what the index lacks. @returns true when the instance is new, or was missing and is there again */
  *add({ header, file }: IndexedObject): Work<boolean> {
    if (!this.#known.has(header.seriesInstanceUid)) yield* this.#addSeries(header);
    const { sop_uid, class_uid, number, attributes } = header.columns.IMAGE as Record<string, string>;
    const added = yield* rows(
      `INSERT INTO instance (sop_uid, series_uid, class_uid, syntax_uid, number, sort_number, file, bytes, checksum, stored_at,
         origin, charset, attributes)
       VALUES (:sop_uid, :series_uid, :class_uid, :syntax_uid, :number, :sort_number, :file, :bytes, :checksum, :stored_at,
         :origin, :charset, :attributes)
       ON CONFLICT (sop_uid) DO UPDATE SET missing = 0, series_uid = excluded.series_uid, class_uid = excluded.class_uid,
         syntax_uid = excluded.syntax_uid, number = excluded.number, sort_number = excluded.sort_number, file = excluded.file,
         bytes = excluded.bytes, checksum = excluded.checksum, charset = excluded.charset, attributes = excluded.attributes
       WHERE instance.missing = 1 RETURNING 1`,
      {
        ...{ sop_uid: sop_uid!, class_uid: class_uid!, number: number!, attributes: attributes! },
        ...{ series_uid: header.seriesInstanceUid, sort_number: sortNumber(number!), charset: header.characterSet },
        ...{ syntax_uid: file.transferSyntaxUid, file: file.file, bytes: file.bytes, checksum: file.checksum },
        ...{ stored_at: file.storedAt, origin: file.origin },
      },
    );
    return added.length > 0;
  }

  /** Changes the number of instances that a series offers. */
  *count(seriesInstanceUid: string, change: number): Work<void> {
    yield* rows('UPDATE series SET instances = instances + :change WHERE series_uid = :series', {
      series: seriesInstanceUid,
      change,
    });
  }

  /** Adds objects with their counts. @returns those that were new */
  *addAll<T extends IndexedObject>(objects: readonly T[]): Work<T[]> {
    const added: T[] = [];
    const counts = new Map<string, number>();
    for (const object of objects) {
      if (!(yield* this.add(object))) continue;
      added.push(object);
      const { seriesInstanceUid } = object.header;
      counts.set(seriesInstanceUid, (counts.get(seriesInstanceUid) ?? 0) + 1);
    }
    // in one order whoever writes: two hosts never wait for each other's series
    for (const series of [...counts.keys()].sort()) yield* this.count(series, counts.get(series)!);
    return added;
  }

  /** After a transaction that was undone, what was learnt in it is not so. */
  forget(): void {
    this.#known.clear();
  }

  /** Where the index has put the series of `header`. */
  place(header: IndexedHeader): Place | undefined {
    return this.#known.get(header.seriesInstanceUid);
  }

  *find(sopInstanceUid: string): Work<KnownInstance | undefined> {
    return yield* row<KnownInstance>(
      `SELECT ${INSTANCE}, i.missing AS missing FROM instance i JOIN series s ON s.series_uid = i.series_uid WHERE i.sop_uid = :uid`,
      { uid: sopInstanceUid },
    );
  }

  *setMissing(sopInstanceUid: string, missing: boolean): Work<void> {
    const changed = yield* row<{ series: string }>(
      'UPDATE instance SET missing = :missing WHERE sop_uid = :uid AND missing <> :missing RETURNING series_uid AS series',
      { uid: sopInstanceUid, missing: missing ? 1 : 0 },
    );
    if (changed) yield* this.count(changed.series, missing ? -1 : 1);
  }

  patients(): Statement {
    return {
      text: `
        SELECT p.patient_id AS "patientId", p.name AS "patientName", p.birth_date AS "birthDate", p.sex AS sex FROM patient p
        WHERE EXISTS (SELECT 1 FROM study t WHERE t.patient_key = p.patient_key) ORDER BY p.name, p.patient_id`,
      parameters: {},
    };
  }

  studies(filter: { studyInstanceUid?: string; patientId?: string }): Statement {
    const { studyInstanceUid: study, patientId: patient } = filter;
    return {
      text: `
        SELECT t.study_uid AS "studyInstanceUid", t.date AS "studyDate", t.time AS "studyTime", t.study_id AS "studyId",
          t.accession AS "accessionNumber", t.description AS description, p.patient_id AS "patientId", p.name AS "patientName",
          p.birth_date AS "birthDate", p.sex AS sex,
          (SELECT count(*) FROM series s WHERE s.study_uid = t.study_uid) AS "seriesCount",
          (SELECT sum(s.instances) FROM series s WHERE s.study_uid = t.study_uid) AS "instanceCount"
        FROM study t JOIN patient p ON p.patient_key = t.patient_key
        ${where(study !== undefined && 't.study_uid = :study', patient !== undefined && 'p.patient_id = :patient')}
        ORDER BY t.date DESC, t.time DESC, t.study_uid`,
      parameters: { study: study ?? null, patient: patient ?? null },
    };
  }

  series(filter: { studyInstanceUid?: string; seriesInstanceUid?: string }): Statement {
    const { studyInstanceUid: study, seriesInstanceUid: series } = filter;
    return {
      text: `
        SELECT s.series_uid AS "seriesInstanceUid", s.study_uid AS "studyInstanceUid", s.modality AS modality,
          s.number AS "seriesNumber", s.description AS description, s.protocol AS "protocolName", s.instances AS "instanceCount"
        FROM series s
        ${where(study !== undefined && 's.study_uid = :study', series !== undefined && 's.series_uid = :series')}
        ORDER BY s.study_uid, s.sort_number, s.series_uid`,
      parameters: { study: study ?? null, series: series ?? null },
    };
  }

  instances({ studyInstanceUid: study, seriesInstanceUid: series, sopInstanceUids: uids }: InstanceFilter): Statement {
    const conditions = where(
      'i.missing = 0',
      study !== undefined && 's.study_uid = :study',
      series !== undefined && 'i.series_uid = :series',
      uids !== undefined && `i.sop_uid IN (${this.dialect.list('uids')})`,
    );
    return {
      text: `
        SELECT ${INSTANCE} FROM instance i JOIN series s ON s.series_uid = i.series_uid ${conditions}
        ORDER BY s.study_uid, s.sort_number, i.series_uid, i.sort_number, i.instance_key`,
      parameters: { study: study ?? null, series: series ?? null, uids: uids ? JSON.stringify(uids) : null },
    };
  }

  *#addSeries(header: IndexedHeader): Work<void> {
    const { PATIENT, STUDY, SERIES } = header.columns;
    const common = { charset: header.characterSet, patient_key: header.patientKey };
    const patient = yield* insert('patient', { ...PATIENT, ...common }, 'patient_key');
    if (patient.length > 0) {
      for (const form of nameForms(PATIENT.name ?? '')) {
        yield* insert('patient_name', { form, patient_key: header.patientKey }, 'form, patient_key');
      }
    }
    yield* insert('study', { ...STUDY, ...common }, 'study_uid');
    const { studyInstanceUid: study_uid, characterSet: charset } = header;
    const sort_number = sortNumber(SERIES.number ?? '');
    yield* insert('series', { ...SERIES, study_uid, charset, sort_number }, 'series_uid');
    const place = yield* row<Place>(
      `SELECT s.study_uid AS "studyInstanceUid", t.patient_key AS "patientKey"
       FROM series s JOIN study t ON t.study_uid = s.study_uid WHERE s.series_uid = :series`,
      { series: header.seriesInstanceUid },
    );
    if (this.#known.size >= KNOWN_SERIES) this.#known.clear();
    if (place) this.#known.set(header.seriesInstanceUid, place);
  }
}

/** Adds a row unless its key is there: the first object of a patient, study or series describes it. @returns a row when it was added */
function insert(table: string, columns: SqlParameters, key: string): Work<unknown[]> {
  const names = Object.keys(columns);
  const values = names.map((name) => `:${name}`);
  return rows(
    `INSERT INTO ${table} (${names.join(', ')}) VALUES (${values.join(', ')}) ON CONFLICT (${key}) DO NOTHING RETURNING 1`,
    columns,
  );
}

/** A number as text, such as IS has it, as an integer to sort by. */
function sortNumber(text: string): number {
  const number = Number.parseInt(text, 10);
  return Number.isSafeInteger(number) && Math.abs(number) <= 0x7fffffff ? number : 0;
}
