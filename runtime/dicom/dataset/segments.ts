import { ScannerError } from '../../../hal/base/errors.js';
import type { BulkValue } from './bulk.js';
import type { Dataset } from './dataset.js';
import { encodeElementHeader, UNDEFINED_LENGTH } from './element-header.js';
import { encodeDataset } from './encode.js';
import { type Encoding, encodingOf } from './transfer-syntax.js';

/**
 * The bytes of a dataset in order, with the values of some elements standing elsewhere.
 * @param bulk values by tag; each tag is in `ds` with its VR and an empty Value
 * @throws ScannerError data.missing, data.invalid, data.text, limit.size
 */
export function* datasetSegments<B extends BulkValue>(
  ds: Dataset,
  transferSyntax: string,
  bulk: Readonly<Record<string, B>>,
): Generator<Buffer | { tag: string; value: B }> {
  const terms = ds['00080005']?.Value.map(String).join('\\');
  let after = '';
  for (const tag of Object.keys(bulk).sort()) {
    const element = ds[tag];
    if (!element) throw new ScannerError('data.missing', { what: `element ${tag} of the bulk value` });
    const value = bulk[tag]!;
    yield encodeDataset(between(ds, after, tag), transferSyntax, { terms });
    yield bulkHeader(tag, element.vr, value.length, encodingOf(transferSyntax));
    yield { tag, value };
    if (value.length !== undefined && value.length & 1) yield Buffer.from([0]);
    after = tag;
  }
  yield encodeDataset(between(ds, after, 'G'), transferSyntax, { terms });
}

function between(ds: Dataset, after: string, before: string): Dataset {
  return Object.fromEntries(Object.entries(ds).filter(([tag]) => tag > after && tag < before));
}

function bulkHeader(tag: string, vr: string, length: number | undefined, encoding: Encoding): Buffer {
  if (length === undefined) return encodeElementHeader(tag, vr, UNDEFINED_LENGTH, encoding);
  const padded = length + (length & 1);
  if (padded >= UNDEFINED_LENGTH) {
    throw new ScannerError('limit.size', { what: `value of ${tag}`, value: length, max: UNDEFINED_LENGTH - 1 });
  }
  return encodeElementHeader(tag, vr, padded, encoding);
}
