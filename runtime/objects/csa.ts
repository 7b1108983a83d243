import { readTable } from '../../hal/base/table.js';
import type { Millisecond } from '../../hal/base/units.js';
import type { BulkValue } from '../dicom/dataset/bulk.js';
import { bulkOf, fileSlice } from '../dicom/dataset/bulk.js';
import { setPrivate } from '../dicom/dataset/dataset.js';
import type { ScanPlan } from '../protocol/plan.js';
import type { RawSet } from '../raw/rawset.js';
import {
  commonScope,
  finishObject,
  type ObjectContext,
  type Reference,
  referenceScope,
  type SeriesIdentity,
  timesScope,
} from './context.js';
import type { Scope } from './fill.js';
import { type ImageTypeKey, imageType } from './image-type.js';
import { sopClassOf } from './modules.js';
import { type SeriesObjects, seriesOf } from './series.js';
import { medcomHeader } from './syngo-headers.js';

export type CsaKind = 'listmode' | 'ct' | 'topogram' | 'protocol' | 'physio';

interface CsaRow {
  modality: string;
  /** Key of its image type, and of that of gated data. */
  type: ImageTypeKey;
  gated?: Record<'ecg' | 'respiration', ImageTypeKey>;
  dataType: string;
  version: string;
  /** Type of a second block that carries the header text too. */
  header?: string;
  comment: string;
}

const { kinds: KINDS }: { kinds: Readonly<Record<CsaKind, CsaRow>> } = readTable(
  import.meta.url,
  '../dicom/tables/csa.json',
);

/** One non-image object: what it is, its text, and its bytes where they are. */
export interface CsaPart {
  kind: CsaKind;
  /** Text header, e.g. Interfile-like. */
  header: string;
  data: BulkValue;
  startedAt: Millisecond;
  acquisitionNumber: number;
  gating?: 'ecg' | 'respiration';
  /** e.g. `Bed 1`. */
  label?: string;
  /** Images that belong to it: the topogram that it was planned on. */
  references?: readonly Reference[];
}

/** A series of CSA Non-Image objects. Their bulk is streamed from where it is when the archive writes it. */
export function csaInstances(
  context: ObjectContext,
  identity: SeriesIdentity,
  parts: readonly CsaPart[],
): SeriesObjects {
  const { modality } = KINDS[parts[0]!.kind];
  const startedAt = Math.min(...parts.map((part) => part.startedAt));
  const series = { modality, sopClassUid: sopClassOf('csa'), description: identity.description, count: parts.length };
  const common = commonScope(context, { ...identity, modality, startedAt });
  return seriesOf(context, series, identity, (place) => {
    const part = parts[place.index]!;
    const row = KINDS[part.kind];
    const dataset = finishObject(context, 'csa', {
      ...common,
      ...place.scope,
      ...timesScope('acquisition', part.startedAt),
      ...dataScope(row, part),
      ...medcomHeader(common, part.data.length, 'CREATED'),
      imageType: imageType((part.gating && row.gated?.[part.gating]) || row.type),
      acquisitionNumber: part.acquisitionNumber,
      referencedImages: part.references?.map(referenceScope),
      imageComments: [`${row.comment}${part.label ? ` ${part.label}` : ''}`, common.imageComments]
        .filter(Boolean)
        .join('^'),
    });
    setPrivate(dataset, 'SIEMENS CSA NON-IMAGE', '7FE1', '10', 'OB', []);
    return { dataset, bulk: { '7FE11010': part.data } };
  });
}

/** What its data are; list mode has the text once more in a second block. */
function dataScope({ dataType, version, header }: CsaRow, part: CsaPart): Scope {
  const text = part.header ? Buffer.from(part.header, 'utf8') : undefined;
  return {
    dataType,
    dataVersion: version,
    dataInfo: text,
    ...(header ? { imageHeaderType: header, imageHeaderVersion: version, imageHeaderInfo: text } : {}),
  };
}

/** Raw data of one range, bed or frame as a part. The trace of CT readings follows the words in the same value. */
export function rawPart(
  raw: RawSet,
  options: { acquisitionNumber: number; topogram?: boolean; gating?: 'ecg' | 'respiration' },
): CsaPart {
  const { acquisitionNumber, gating } = options;
  const base = { startedAt: raw.startedAt, acquisitionNumber, gating };
  const words = fileSlice(raw.file, 0, raw.bytes);
  if (raw.kind !== 'ct' || !raw.ct) {
    const label =
      raw.kind === 'listmode' ? `Bed ${raw.bed + 1}${raw.frame > 0 ? ` Frame ${raw.frame + 1}` : ''}` : undefined;
    return { ...base, kind: raw.kind === 'physio' ? 'physio' : 'listmode', header: raw.header, data: words, label };
  }
  const traceBytes = raw.ct.readings * TRACE_RECORD_BYTES;
  const trace = fileSlice(raw.ct.indexFile, 0, traceBytes);
  const data = { length: raw.bytes + traceBytes, chunks: joined(words, trace) };
  const header = `${raw.header}${raw.header.endsWith('\n') ? '' : '\n'}${traceHeader(raw.bytes, traceBytes)}`;
  return { ...base, kind: options.topogram ? 'topogram' : 'ct', header, data };
}

/** Tube angle (rad), source plane (patient mm), tube current (mA), each Float64. */
const TRACE_RECORD_BYTES = 24;

function traceHeader(offset: number, bytes: number): string {
  return `%readings offset (bytes):=0\n%readings size (bytes):=${offset}\n%trace offset (bytes):=${offset}\n%trace size (bytes):=${bytes}\n`;
}

function joined(...parts: BulkValue[]): AsyncIterable<Uint8Array> {
  return {
    async *[Symbol.asyncIterator]() {
      for (const part of parts) yield* part.chunks;
    },
  };
}

/** The plan that was run, as JSON. */
export function protocolPart(plan: ScanPlan, options: { acquisitionNumber: number; startedAt: Millisecond }): CsaPart {
  const text = Buffer.from(JSON.stringify(plan, undefined, 1), 'utf8');
  const header = `%content:=scan plan\n%encoding:=JSON, UTF-8\n%size (bytes):=${text.length}\n`;
  return { ...options, kind: 'protocol', header, data: bulkOf(text) };
}
