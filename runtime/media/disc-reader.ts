import type { Readable } from 'node:stream';

/** What a reader shows of a file or folder of a disc. Paths are `/`-separated without a leading one, the root is ''. */
export interface DiscEntry {
  path: string;
  /** `link`: a symbolic link. It is shown, and never followed: a file-set has none (PS3.10 8.5). */
  kind: 'file' | 'folder' | 'link';
  /** Bytes; 0 for what is no file. */
  size: number;
}

export type DiscFormat = 'iso9660' | 'udf' | 'folder';

export interface DiscSession {
  /** From 1. */
  number: number;
  startSector: number;
  volumeId: string;
}

/**
 * The newest session of a disc, or the one that was asked for: it shows the whole tree, with what earlier sessions left in it.
 * Names are as the disc has them, without ISO 9660 version numbers, and are compared exactly.
 */
export interface DiscReader {
  readonly format: DiscFormat;
  /** Of UDF, e.g. `2.01`. */
  readonly revision?: string;
  readonly volumeId: string;
  readonly sessions: readonly DiscSession[];
  /** Entries of a folder, by name. @throws ScannerError data.missing, data.media, data.truncated */
  list(path: string): Promise<DiscEntry[]>;
  /** Undefined when there is no such entry. @throws ScannerError data.media, data.truncated */
  stat(path: string): Promise<DiscEntry | undefined>;
  /** The bytes of a file, or `length` of them from `start`. The stream fails with ScannerError data.missing, data.media, data.truncated. */
  read(path: string, part?: { start?: number; length?: number }): Readable;
  /** A small file whole. @throws ScannerError limit.size beyond `limit` bytes, and those of `read` */
  bytes(path: string, limit: number): Promise<Buffer>;
  close(): Promise<void>;
}
