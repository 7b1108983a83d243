import { readTable } from '../../hal/base/table.js';

interface StorageContexts {
  /** Transfer syntaxes, best first, by kind of object. */
  syntaxes: Readonly<Record<'image' | 'data', readonly string[]>>;
  classes: readonly StorageClass[];
}

export interface StorageClass {
  uid: string;
  name: string;
  kind: 'image' | 'data';
  scu: boolean;
  scp: boolean;
}

const TABLE: StorageContexts = readTable(import.meta.url, './tables/contexts-storage.json');

/** Storage SOP classes of the statement: its tables 3 to 6. */
export const STORAGE_CLASSES: readonly StorageClass[] = TABLE.classes;

/** Transfer syntaxes accepted, best first, by storage SOP class. */
export function storageSyntaxes(): Record<string, readonly string[]> {
  return Object.fromEntries(TABLE.classes.filter(({ scp }) => scp).map(({ uid, kind }) => [uid, TABLE.syntaxes[kind]]));
}
