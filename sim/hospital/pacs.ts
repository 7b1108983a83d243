import { readdir } from 'node:fs/promises';
import { join } from 'node:path';
import type { Clock } from '../../hal/base/clock.js';
import { asScannerError } from '../../hal/base/errors.js';
import type { Log } from '../../hal/base/log.js';
import { readTable } from '../../hal/base/table.js';
import { text } from '../../runtime/dicom/dataset/dataset.js';
import { readFileMeta, readHeader } from '../../runtime/dicom/dataset/header.js';
import {
  EXPLICIT_LITTLE_ENDIAN,
  IMPLICIT_LITTLE_ENDIAN,
  TRANSFER_SYNTAXES,
} from '../../runtime/dicom/dataset/transfer-syntax.js';
import { queryService } from '../../runtime/dicom/services/query-scp.js';
import { retrieveService } from '../../runtime/dicom/services/retrieve-scp.js';
import type { Service } from '../../runtime/dicom/services/server.js';
import type { Node } from '../../runtime/dicom/services/session.js';
import { storageService } from '../../runtime/dicom/services/store-scp.js';
import { STORAGE_CLASSES } from '../../runtime/dicom/storage-classes.js';
import { Catalogue } from './catalogue.js';
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
  /**
   * Modalities that listen. Commitment results go there; those who are not listed get theirs on the association of the request.
   * They are the destinations of C-MOVE too.
   */
  callbacks: readonly Node[];
  /** What is done wrong; nothing by default. */
  rules?: Rulebook;
}

const STANDARD: { classes: readonly string[] } = readTable(import.meta.url, './storage-classes.json');

/** Where pixels begin: nothing behind is asked for. */
const PIXELS = '7FE00000';

/** Storage, storage commitment, query and retrieve SCP over a folder. */
export class Pacs {
  readonly instances = new Map<string, StoredInstance>();
  readonly #options: PacsOptions;
  readonly #commitment: Commitment;
  readonly #catalogue = new Catalogue();

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
        await this.#take({ sopClassUid, sopInstanceUid, transferSyntax, callingAe, path, size });
      } catch (error) {
        log.warn({ path, error: asScannerError(error).message }, 'not an object; left alone');
      }
    }
  }

  services(): Service[] {
    const { aeTitle, callbacks, clock, log, folder } = this.#options;
    const storage = storageService({
      syntaxes: everySyntax(),
      hash: false,
      pathFor: ({ sopInstanceUid }) => join(folder, `${sopInstanceUid}.dcm`),
      onStored: ({ sopClassUid, sopInstanceUid, transferSyntax, callingAe }, { path, size }) =>
        this.#take({ sopClassUid, sopInstanceUid, transferSyntax, callingAe, path, size }),
    });
    const query = queryService({
      retrieveAeTitle: aeTitle,
      find: (wanted, signal) => this.#catalogue.find(wanted, signal),
      log,
    });
    const retrieve = retrieveService({
      instances: (path) => this.#catalogue.instances(path),
      destination: (title) => {
        const node = callbacks.find((candidate) => candidate.aeTitle === title);
        return node && { node, callingAe: aeTitle, clock, log };
      },
      clock,
      log,
    });
    // who fetches by C-GET is SCP of the storage classes
    return [{ ...storage, peerMayBeScp: true }, this.#commitment.service(), query, retrieve];
  }

  /** Resolves when no commitment result is under way. */
  settled(): Promise<void> {
    return this.#commitment.settled();
  }

  /** Drops commitment results that wait for their time. */
  close(): Promise<void> {
    return this.#commitment.close();
  }

  async #take(instance: StoredInstance): Promise<void> {
    const { sopInstanceUid, path } = instance;
    this.instances.set(sopInstanceUid, instance);
    try {
      const { dataset } = await readHeader(path, { stopAtTag: PIXELS });
      this.#catalogue.add(sopInstanceUid, path, dataset);
    } catch (error) {
      this.#options.log.warn({ path, error: asScannerError(error).message }, 'kept, but not to be found by queries');
    }
  }
}

/** A PACS takes what comes: every storage class in every transfer syntax, uncompressed little endian first. */
function everySyntax(): Record<string, readonly string[]> {
  const syntaxes = [...new Set([EXPLICIT_LITTLE_ENDIAN, IMPLICIT_LITTLE_ENDIAN, ...Object.keys(TRANSFER_SYNTAXES)])];
  const classes = new Set([...STANDARD.classes, ...STORAGE_CLASSES.map(({ uid }) => uid)]);
  return Object.fromEntries([...classes].map((uid) => [uid, syntaxes]));
}
