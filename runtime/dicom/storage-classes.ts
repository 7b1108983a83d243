import { readTable } from '../../hal/base/table.js';

interface StorageContexts {
  /**
   * Transfer syntaxes taken, best first, by kind of object: the nine steps of 3.2.3.1.5, the second of which is both lossless JPEGs.
   * Any context with one of them is accepted, so the order decides within a context; of several contexts the peer chooses.
   */
  syntaxes: Readonly<Record<'image' | 'data', readonly string[]>>;
  /** Transfer syntaxes proposed, best first: the lists UC, LL and LY of 3.2.2.1.2. */
  lists: SyntaxLists;
  classes: readonly StorageClass[];
}

export interface SyntaxLists {
  uncompressed: readonly string[];
  lossless: readonly string[];
  lossy: readonly string[];
}

export interface StorageClass {
  uid: string;
  name: string;
  kind: 'image' | 'data';
  scu: boolean;
  scp: boolean;
  /** A retired class becomes this one on import: note 1 of Table 6. */
  importAs?: string;
}

const TABLE: StorageContexts = readTable(import.meta.url, './tables/contexts-storage.json');

/** Storage SOP classes of the statement: its tables 3 to 6. */
export const STORAGE_CLASSES: readonly StorageClass[] = TABLE.classes;

const BY_UID = new Map(TABLE.classes.map((row) => [row.uid, row]));

export function storageClass(uid: string): StorageClass | undefined {
  return BY_UID.get(uid);
}

/** What is proposed where nothing else is configured. */
export const SYNTAX_LISTS: SyntaxLists = TABLE.lists;

/** Transfer syntaxes accepted, best first, by storage SOP class. */
export function storageSyntaxes(): Record<string, readonly string[]> {
  return Object.fromEntries(TABLE.classes.filter(({ scp }) => scp).map(({ uid, kind }) => [uid, TABLE.syntaxes[kind]]));
}
