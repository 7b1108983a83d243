import type { Dialect } from './sql.js';

/** The version of the tables below. */
export const SCHEMA_VERSION = 2;

/**
 * The tables of the index. `attributes` is a JSON object of what has no column of its own; `charset` the Specific Character Set of
 * the object that the row was made from. Statements have no semicolon inside.
 */
export function schema({ types, clustered }: Dialect): string[] {
  const { key, text, integer, real } = types;
  const words = (...names: string[]) => names.map((name) => `${name} ${text} NOT NULL`).join(', ');
  return [
    `CREATE TABLE patient (${words('patient_key', 'patient_id', 'name', 'birth_date', 'sex', 'charset', 'attributes')},
       PRIMARY KEY (patient_key)) ${clustered}`,
    'CREATE INDEX patient_id ON patient (patient_id)',
    // what a name may be found by: see person-name.ts
    `CREATE TABLE patient_name (${words('form', 'patient_key')}, PRIMARY KEY (form, patient_key)) ${clustered}`,
    `CREATE TABLE study (${words('study_uid', 'patient_key', 'date', 'time', 'study_id', 'accession', 'description')},
       ${words('charset', 'attributes')}, PRIMARY KEY (study_uid)) ${clustered}`,
    'CREATE INDEX study_patient ON study (patient_key)',
    'CREATE INDEX study_date ON study (date)',
    'CREATE INDEX study_accession ON study (accession)',
    // instances: how many are there whose file is not missing
    `CREATE TABLE series (${words('series_uid', 'study_uid', 'modality', 'number', 'description', 'protocol')},
       ${words('charset', 'attributes')}, sort_number ${integer} NOT NULL, instances ${integer} NOT NULL DEFAULT 0,
       PRIMARY KEY (series_uid)) ${clustered}`,
    'CREATE INDEX series_study ON series (study_uid)',
    `CREATE TABLE instance (instance_key ${key}, ${words('sop_uid', 'series_uid', 'class_uid', 'syntax_uid', 'number')},
       ${words('file', 'checksum', 'origin', 'charset', 'attributes')}, sort_number ${integer} NOT NULL,
       bytes ${integer} NOT NULL, stored_at ${real} NOT NULL, missing ${integer} NOT NULL DEFAULT 0, UNIQUE (sop_uid))`,
    'CREATE INDEX instance_series ON instance (series_uid, sort_number)',
    `CREATE TABLE delivery (${words('sop_uid', 'node', 'sent')}, status ${integer}, at ${real} NOT NULL,
       commitment ${text} NOT NULL DEFAULT 'none', transaction_uid ${text} NOT NULL DEFAULT '',
       reason ${integer} NOT NULL DEFAULT 0, PRIMARY KEY (sop_uid, node)) ${clustered}`,
    'CREATE INDEX delivery_transaction ON delivery (transaction_uid)',
    `CREATE TABLE fact (seq ${key}, at ${real} NOT NULL, body ${text} NOT NULL)`,
    `CREATE TABLE consumer (consumer ${text} NOT NULL, seq ${integer} NOT NULL, seen_at ${real} NOT NULL,
       PRIMARY KEY (consumer)) ${clustered}`,
    `CREATE TABLE ack (consumer ${text} NOT NULL, seq ${integer} NOT NULL, PRIMARY KEY (consumer, seq)) ${clustered}`,
    `CREATE TABLE state (${words('owner', 'key', 'body')}, PRIMARY KEY (owner, key)) ${clustered}`,
  ];
}
