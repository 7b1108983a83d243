import { type FileHandle, open } from 'node:fs/promises';
import { ScannerError } from '../../../hal/base/errors.js';
import { type ByteStore, fileBytes, headedBytes, memoryBytes } from '../../dicom/codecs/bytes.js';

/** The dataset of a Part 10 object that we received, and so gave its meta header. */
export interface ReceivedDataset {
  bytes: ByteStore;
  close(): Promise<void>;
}

/** Preamble, DICM and the group length with its value: PS3.10 7.1. */
const META_START = 144;

export function datasetInMemory(part10: Buffer): ReceivedDataset {
  return { bytes: memoryBytes(part10.subarray(datasetOffset(part10))), close: async () => {} };
}

/**
 * @param head the file's first bytes, when they are at hand: a file whose headers are all in them is not even opened
 * @throws ScannerError data.dicom
 */
export async function datasetInFile(path: string, size: number, head?: Buffer): Promise<ReceivedDataset> {
  let handle: FileHandle | undefined;
  const opened = async () => {
    handle ??= await open(path, 'r');
    return handle;
  };
  const first = head ?? (await firstBytes(await opened()));
  const offset = datasetOffset(first);
  const rest = async () => fileBytes(await opened(), offset, size);
  return {
    bytes: headedBytes(first.subarray(offset), size - offset, rest),
    close: async () => handle?.close(),
  };
}

async function firstBytes(handle: FileHandle): Promise<Buffer> {
  const buffer = Buffer.allocUnsafe(64 * 1024);
  const { bytesRead } = await handle.read(buffer, 0, buffer.length, 0);
  return buffer.subarray(0, bytesRead);
}

function datasetOffset(part10: Buffer): number {
  if (part10.length >= META_START) return META_START + part10.readUInt32LE(META_START - 4);
  throw new ScannerError('data.dicom', { where: 'meta header', message: `${part10.length} bytes` });
}
