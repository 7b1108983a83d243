import { readdir } from 'node:fs/promises';
import { join } from 'node:path';
import type { Clock } from '../../hal/base/clock.js';
import { asScannerError } from '../../hal/base/errors.js';
import type { Log } from '../../hal/base/log.js';
import { readTable } from '../../hal/base/table.js';
import { text } from '../../runtime/dicom/dataset/dataset.js';
import { readFileMeta } from '../../runtime/dicom/dataset/header.js';
import { TRANSFER_SYNTAXES, UNCOMPRESSED } from '../../runtime/dicom/dataset/transfer-syntax.js';
import type { Service } from '../../runtime/dicom/services/server.js';
import type { Node } from '../../runtime/dicom/services/session.js';
import { storageService } from '../../runtime/dicom/services/store-scp.js';
import { STORAGE_CLASSES } from '../../runtime/dicom/storage-classes.js';
import { Commitment } from './commitment.js';
import { Rulebook } from './rulebook.js';

export interface StoredInstance {
  sopClassUid: string;
  sopInstanceUid: string;
  transferSyntax: string;
  callingAe: string;
  path: string;
  size: number;
}

export interface PacsOptions {
  aeTitle: string;
  /** Objects go to `<folder>/<SOP Instance UID>.dcm`. */
  folder: string;
  clock: Clock;
  log: Log;
  /** Where commitment results go, by the AE title that asked; titles not listed get theirs on the association of the request. */
  callbacks: readonly Node[];
  /** What is done wrong; nothing by default. */
  rules?: Rulebook;
}

const STANDARD: { classes: readonly string[] } = readTable(import.meta.url, './storage-classes.json');

/** Storage and storage commitment SCP over a folder. */
export class Pacs {
  readonly instances = new Map<string, StoredInstance>();
  readonly #options: PacsOptions;
  readonly #commitment: Commitment;

  constructor(options: PacsOptions) {
    this.#options = options;
    this.#commitment = new Commitment({
      ...options,
      rules: options.rules ?? new Rulebook(),
      classOf: (sopInstanceUid) => this.instances.get(sopInstanceUid)?.sopClassUid,
    });
  }

  /** Takes up the objects that a run before left in the folder. */
  async load(): Promise<void> {
    const { folder, log } = this.#options;
    const names = await readdir(folder).catch(() => []);
    for (const name of names.filter((file) => file.endsWith('.dcm'))) {
      const path = join(folder, name);
      try {
        const { meta, sopClassUid, sopInstanceUid, transferSyntax, size } = await readFileMeta(path);
        const callingAe = text(meta, 'SourceApplicationEntityTitle') ?? '';
        this.instances.set(sopInstanceUid, { sopClassUid, sopInstanceUid, transferSyntax, callingAe, path, size });
      } catch (error) {
        log.warn({ path, error: asScannerError(error).message }, 'not an object; left alone');
      }
    }
  }

  services(): Service[] {
    const storage = storageService({
      syntaxes: everySyntax(),
      hash: false,
      pathFor: ({ sopInstanceUid }) => join(this.#options.folder, `${sopInstanceUid}.dcm`),
      onStored: async ({ sopClassUid, sopInstanceUid, transferSyntax, callingAe }, { path, size }) => {
        this.instances.set(sopInstanceUid, { sopClassUid, sopInstanceUid, transferSyntax, callingAe, path, size });
      },
    });
    return [storage, this.#commitment.service()];
  }

  /** Resolves when no commitment result is under way. */
  settled(): Promise<void> {
    return this.#commitment.settled();
  }

  /** Drops commitment results that wait for their time. */
  close(): Promise<void> {
    return this.#commitment.close();
  }
}

/** A PACS takes what comes: every storage class in every transfer syntax, uncompressed ones first. */
function everySyntax(): Record<string, readonly string[]> {
  const syntaxes = [...new Set([...UNCOMPRESSED, ...Object.keys(TRANSFER_SYNTAXES)])];
  const classes = new Set([...STANDARD.classes, ...STORAGE_CLASSES.map(({ uid }) => uid)]);
  return Object.fromEntries([...classes].map((uid) => [uid, syntaxes]));
}
