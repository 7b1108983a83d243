import { type FileHandle, open } from 'node:fs/promises';
import { asScannerError } from '../../../hal/base/errors.js';
import type { FileMeta } from '../dataset/header.js';
import { TRANSFER_SYNTAXES } from '../dataset/transfer-syntax.js';
import type { DataSource } from '../dimse/source.js';
import { type ByteStore, fileBytes } from './bytes.js';
import { canEncode, decodeFrame, encodeFrame } from './codec.js';
import { lossyChanges } from './derivation.js';
import { elementHeader, itemHeader, shortElement, textElement, unitOf } from './elements.js';
import { frameBytes, type PixelFormat } from './format.js';
import { encapsulatedFrames, nativeFrames } from './frames.js';
import { findPixels, type ImagePixels } from './image.js';
import { type Plan, planSource, swapped } from './plan.js';
import type { CodecPool } from './pool.js';
import { type Rewrite, rewriteDataset } from './rewrite.js';
import { Spool } from './spool.js';
import { type Encoding, encodingOf, UNDEFINED } from './walker.js';

export interface RecodeOptions {
  codecs: CodecPool;
  /** For coded frames that do not fit into memory. */
  folder: string;
  /** 1 to 99, of lossy coding. */
  quality: number;
  /** Root of the UIDs of images that lossy coding derives. */
  uidRoot?: string;
  /** False for pixels that are not to be compressed. */
  mayCompress(format: PixelFormat): boolean;
}

export interface RecodedSource extends DataSource {
  /** Of the image that lossy coding derived; absent where the object is the same. */
  sopInstanceUid?: string;
  close(): Promise<void>;
}

const PIXEL_DATA = 0x7fe00010;
/** Of coded pixels only. */
const EXTENDED_OFFSETS: ReadonlySet<number> = new Set([0x7fe00001, 0x7fe00002]);
const EXPLICIT_LE = { implicit: false, bigEndian: false };

/**
 * A file's dataset in another transfer syntax: between the uncompressed ones and out of lossless compression without loss of a bit,
 * into .70 likewise, into .50 as a derived image with a UID of its own.
 * @returns undefined for what cannot, or must not, be turned into that: lossy pixels into anything, pixels that no codec takes
 * @throws ScannerError data.*, limit.size, timeout.stage
 */
export async function recodeFile(
  path: string,
  meta: FileMeta,
  to: string,
  options: RecodeOptions,
): Promise<RecodedSource | undefined> {
  const [source, target] = [TRANSFER_SYNTAXES[meta.transferSyntax], TRANSFER_SYNTAXES[to]];
  if (!source || !target || source.lossy || source.deflated || target.deflated) return undefined;
  if (source.encapsulated && !source.codec) return undefined;
  const handle = await open(path, 'r');
  const spool = new Spool(options.folder);
  const close = async () => {
    await spool.close();
    await handle.close();
  };
  try {
    const made = await recode(handle, meta, to, spool, options);
    if (made) return { ...planSource(made.plan), sopInstanceUid: made.sopInstanceUid, close };
    await close();
    return undefined;
  } catch (thrown) {
    await close();
    throw asScannerError(thrown, 'data.missing', { what: path });
  }
}

interface Recoded {
  plan: Plan;
  sopInstanceUid?: string;
}

async function recode(
  handle: FileHandle,
  meta: FileMeta,
  to: string,
  spool: Spool,
  options: RecodeOptions,
): Promise<Recoded | undefined> {
  const from = meta.transferSyntax;
  const bytes = fileBytes(handle, meta.datasetOffset, meta.size);
  const rewrite: Rewrite = { from: encodingOf(from), to: encodingOf(to) };
  const isCoded = { from: TRANSFER_SYNTAXES[from]!.encapsulated, to: TRANSFER_SYNTAXES[to]!.encapsulated };
  if (!isCoded.from && !isCoded.to) return { plan: await rewriteDataset(bytes, rewrite) };
  const image = await findImage(bytes, from);
  if (!image) return undefined;
  const frames = framesOf(bytes, from, image, options.codecs);
  rewrite.keeps = ({ tag }) => !EXTENDED_OFFSETS.has(tag);
  if (!isCoded.to) {
    rewrite.pixels = (plan) => writeNative(plan, frames, image.format, rewrite.to);
    return { plan: await rewriteDataset(bytes, rewrite) };
  }
  if (!canEncode(to, image.format) || !options.mayCompress(image.format)) return undefined;
  const coded = await encodeFrames(frames, to, image.format, spool, options);
  rewrite.pixels = (plan) => writeCoded(plan, spool.bytes(), coded.lengths);
  const layout = [
    textElement(0x00280004, 'CS', coded.photometricInterpretation),
    ...(image.format.samplesPerPixel > 1 ? [shortElement(0x00280006, 0)] : []),
  ];
  if (!TRANSFER_SYNTAXES[to]!.lossy) return { plan: await rewriteDataset(bytes, { ...rewrite, set: layout }) };
  const ratio = (frameBytes(image.format) * image.format.frames) / spool.size;
  const derived = lossyChanges(meta, image.attributes, { to, ratio, ...options });
  const { sopInstanceUid, append } = derived;
  return {
    plan: await rewriteDataset(bytes, { ...rewrite, set: [...layout, ...derived.set], append }),
    sopInstanceUid,
  };
}

/** The image, or undefined where there is none that our codecs take. */
async function findImage(bytes: ByteStore, transferSyntax: string): Promise<ImagePixels | undefined> {
  try {
    const image = await findPixels(bytes, transferSyntax);
    // pairs of an odd number of 8-bit pixels are not whole frames in big endian words
    const isSplit = encodingOf(transferSyntax).bigEndian && image.vr === 'OW' && frameBytes(image.format) % 2 === 1;
    const isAsDeclared = image.encapsulated === TRANSFER_SYNTAXES[transferSyntax]!.encapsulated;
    return isAsDeclared && !isSplit ? image : undefined;
  } catch (thrown) {
    const error = asScannerError(thrown);
    if (['data.invalid', 'data.missing', 'limit.size'].includes(error.code)) return undefined;
    throw error;
  }
}

/** The frames as they are uncompressed, little endian. */
async function* framesOf(
  bytes: ByteStore,
  transferSyntax: string,
  { format, place, vr }: ImagePixels,
  codecs: CodecPool,
): AsyncGenerator<Uint8Array> {
  if (TRANSFER_SYNTAXES[transferSyntax]!.encapsulated) {
    for await (const coded of encapsulatedFrames(bytes, place.offset, format.frames)) {
      yield (await decodeFrame(codecs, transferSyntax, format, coded)).bytes;
    }
    return;
  }
  const swap = encodingOf(transferSyntax).bigEndian ? unitOf(vr) : 1;
  for await (const frame of nativeFrames(bytes, place, format)) yield swapped(Buffer.from(frame), swap);
}

function writeNative(plan: Plan, frames: AsyncIterable<Uint8Array>, format: PixelFormat, to: Encoding): void {
  const length = frameBytes(format) * format.frames;
  const vr = format.bitsAllocated > 8 ? 'OW' : 'OB';
  plan.write(elementHeader(PIXEL_DATA, vr, length + (length & 1), to));
  plan.stream(length, turned(frames, to.bigEndian && format.bitsAllocated > 8));
  if (length & 1) plan.write(Buffer.alloc(1));
}

async function* turned(frames: AsyncIterable<Uint8Array>, swap: boolean): AsyncGenerator<Uint8Array> {
  for await (const frame of frames) yield swap ? swapped(Buffer.from(frame), 2) : frame;
}

async function encodeFrames(
  frames: AsyncIterable<Uint8Array>,
  to: string,
  format: PixelFormat,
  spool: Spool,
  { codecs, quality }: RecodeOptions,
): Promise<{ lengths: number[]; photometricInterpretation: string }> {
  const lengths: number[] = [];
  let { photometricInterpretation } = format;
  for await (const frame of frames) {
    const coded = await encodeFrame(codecs, to, format, frame, quality);
    photometricInterpretation = coded.photometricInterpretation;
    lengths.push(coded.bytes.length);
    await spool.write(coded.bytes);
  }
  return { lengths, photometricInterpretation };
}

/** One fragment a frame, with an offset table as long as its 32 bits reach: PS3.5 A.4. */
function writeCoded(plan: Plan, coded: ByteStore, lengths: readonly number[]): void {
  const offsets: number[] = [];
  let end = 0;
  for (const length of lengths) {
    offsets.push(end);
    end += 8 + length + (length & 1);
  }
  const table = Buffer.alloc(end < UNDEFINED ? 4 * offsets.length : 0);
  for (let at = 0; at < table.length; at += 4) table.writeUInt32LE(offsets[at / 4]!, at);
  plan.write(elementHeader(PIXEL_DATA, 'OB', UNDEFINED, EXPLICIT_LE));
  plan.write(itemHeader(0xfffee000, table.length, EXPLICIT_LE));
  plan.write(table);
  let at = 0;
  for (const length of lengths) {
    plan.write(itemHeader(0xfffee000, length + (length & 1), EXPLICIT_LE));
    plan.slice(coded, at, length);
    if (length & 1) plan.write(Buffer.alloc(1));
    at += length;
  }
  plan.write(itemHeader(0xfffee0dd, 0, EXPLICIT_LE));
}
