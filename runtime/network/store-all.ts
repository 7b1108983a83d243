import { type StoreOptions, type StoreResult, storeFiles } from '../dicom/services/store-scu.js';

/**
 * Sends all files of a job. An object that is refused ends its association, 3.2.2.1.1 of the statement: what follows it goes on a
 * new one, as long as each settles something.
 * @returns one result a path, `unsent` for what a broken association left
 * @throws ScannerError peer.* when an association cannot be opened
 */
export async function storeAll(options: StoreOptions, paths: readonly string[]): Promise<StoreResult[]> {
  const settled: StoreResult[] = [];
  for (let left = paths; left.length > 0; ) {
    const results = await storeFiles(options, left);
    settled.push(...results.filter((result) => result.outcome !== 'unsent'));
    const unsent = results.filter((result) => result.outcome === 'unsent');
    const refused = results.some((result) => result.outcome === 'refused');
    if (!refused || unsent.length === left.length) return [...settled, ...unsent];
    left = unsent.map((result) => result.path);
  }
  return settled;
}
