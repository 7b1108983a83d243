import type { Database, Statement } from 'better-sqlite3';
import type { InstanceFilter, InstanceRecord, PatientRecord, SeriesRecord, StudyRecord } from './archive.js';
import type { IndexedHeader } from './header.js';

export interface IndexedFile {
  transferSyntaxUid: string;
  /** Below the archive's folder. */
  file: string;
  bytes: number;
  checksum: string;
  storedAt: number;
  origin: 'made' | 'received';
}

const INSTANCE_COLUMNS = `
  i.sop_uid AS sopInstanceUid, i.class_uid AS sopClassUid, i.series_uid AS seriesInstanceUid, s.study_uid AS studyInstanceUid,
  i.syntax_uid AS transferSyntaxUid, s.modality AS modality, i.file AS file, i.bytes AS bytes, i.checksum AS checksum,
  i.number AS instanceNumber, i.stored_at AS storedAt, i.origin AS origin`;

type Parameters = Record<string, string | number | null>;

/** Patient, study, series and instance rows. Writing methods belong inside a transaction. */
export class Catalogue {
  readonly #db: Database;
  readonly #writes: Statement<Parameters>[];
  readonly #find: Statement<[string], InstanceRecord>;

  constructor(db: Database) {
    this.#db = db;
    this.#writes = [
      `INSERT OR IGNORE INTO patient (patient_id, name, birth_date, sex) VALUES (:patientId, :patientName, :birthDate, :sex)`,
      `INSERT OR IGNORE INTO study (study_uid, patient_key, date, time, study_id, accession, description)
       SELECT :studyInstanceUid, patient_key, :studyDate, :studyTime, :studyId, :accessionNumber, :studyDescription
       FROM patient WHERE patient_id = :patientId AND name = :patientName AND birth_date = :birthDate`,
      `INSERT OR IGNORE INTO series (series_uid, study_uid, modality, number, description, protocol)
       VALUES (:seriesInstanceUid, :studyInstanceUid, :modality, :seriesNumber, :seriesDescription, :protocolName)`,
      `INSERT INTO instance (sop_uid, series_uid, class_uid, syntax_uid, number, file, bytes, checksum, stored_at, origin)
       VALUES (:sopInstanceUid, :seriesInstanceUid, :sopClassUid, :transferSyntaxUid, :instanceNumber, :file, :bytes, :checksum,
         :storedAt, :origin)
       ON CONFLICT (sop_uid) DO UPDATE SET missing = 0, file = excluded.file, bytes = excluded.bytes,
         checksum = excluded.checksum, syntax_uid = excluded.syntax_uid`,
    ].map((sql) => db.prepare<Parameters>(sql));
    this.#find = db.prepare(
      `SELECT ${INSTANCE_COLUMNS} FROM instance i JOIN series s USING (series_uid) WHERE i.sop_uid = ? AND i.missing = 0`,
    );
  }

  add(header: IndexedHeader, file: IndexedFile): void {
    for (const statement of this.#writes) statement.run({ ...header, ...file });
  }

  find(sopInstanceUid: string): InstanceRecord | undefined {
    return this.#find.get(sopInstanceUid);
  }

  setMissing(sopInstanceUid: string, missing: boolean): void {
    this.#db.prepare('UPDATE instance SET missing = ? WHERE sop_uid = ?').run(missing ? 1 : 0, sopInstanceUid);
  }

  /** Every file that the index holds, also those marked missing. */
  files(): { sopInstanceUid: string; file: string; missing: number }[] {
    return this.#db
      .prepare<[], { sopInstanceUid: string; file: string; missing: number }>(
        'SELECT sop_uid AS sopInstanceUid, file, missing FROM instance',
      )
      .all();
  }

  patients(): PatientRecord[] {
    return this.#db
      .prepare<[], PatientRecord>(
        `SELECT patient_id AS patientId, name AS patientName, birth_date AS birthDate, sex FROM patient ORDER BY name, patient_id`,
      )
      .all();
  }

  studies(filter: { studyInstanceUid?: string; patientId?: string }): StudyRecord[] {
    return this.#db
      .prepare<Parameters, StudyRecord>(`
        SELECT t.study_uid AS studyInstanceUid, t.date AS studyDate, t.time AS studyTime, t.study_id AS studyId,
          t.accession AS accessionNumber, t.description AS description, p.patient_id AS patientId, p.name AS patientName,
          p.birth_date AS birthDate, p.sex AS sex, count(DISTINCT s.series_uid) AS seriesCount, count(i.sop_uid) AS instanceCount
        FROM study t JOIN patient p USING (patient_key) LEFT JOIN series s USING (study_uid)
          LEFT JOIN instance i ON i.series_uid = s.series_uid AND i.missing = 0
        WHERE (:study IS NULL OR t.study_uid = :study) AND (:patient IS NULL OR p.patient_id = :patient)
        GROUP BY t.study_uid ORDER BY t.date DESC, t.time DESC`)
      .all({ study: filter.studyInstanceUid ?? null, patient: filter.patientId ?? null });
  }

  series(filter: { studyInstanceUid?: string; seriesInstanceUid?: string }): SeriesRecord[] {
    return this.#db
      .prepare<Parameters, SeriesRecord>(`
        SELECT s.series_uid AS seriesInstanceUid, s.study_uid AS studyInstanceUid, s.modality AS modality, s.number AS seriesNumber,
          s.description AS description, s.protocol AS protocolName, count(i.sop_uid) AS instanceCount
        FROM series s LEFT JOIN instance i ON i.series_uid = s.series_uid AND i.missing = 0
        WHERE (:study IS NULL OR s.study_uid = :study) AND (:series IS NULL OR s.series_uid = :series)
        GROUP BY s.series_uid ORDER BY s.study_uid, CAST(s.number AS INTEGER)`)
      .all({ study: filter.studyInstanceUid ?? null, series: filter.seriesInstanceUid ?? null });
  }

  instances(filter: InstanceFilter): InstanceRecord[] {
    const uids = filter.sopInstanceUids;
    return this.#db
      .prepare<Parameters, InstanceRecord>(`
        SELECT ${INSTANCE_COLUMNS} FROM instance i JOIN series s USING (series_uid)
        WHERE i.missing = 0 AND (:study IS NULL OR s.study_uid = :study) AND (:series IS NULL OR i.series_uid = :series)
          AND (:uids IS NULL OR i.sop_uid IN (SELECT value FROM json_each(:uids)))
        ORDER BY s.study_uid, CAST(s.number AS INTEGER), i.series_uid, CAST(i.number AS INTEGER)`)
      .all({
        study: filter.studyInstanceUid ?? null,
        series: filter.seriesInstanceUid ?? null,
        uids: uids ? JSON.stringify(uids) : null,
      });
  }
}
