import type { FileHandle } from 'node:fs/promises';
import { ScannerError } from '../../../hal/base/errors.js';

/** A dataset's bytes to send, of known length, read when the socket has room. */
export interface DataSource {
  readonly length: number;
  /** Fills the views with the next bytes, all of them. @throws ScannerError data.truncated */
  read(views: Buffer[]): Promise<void>;
}

export function bufferSource(bytes: Buffer): DataSource {
  let offset = 0;
  return {
    length: bytes.length,
    async read(views) {
      for (const view of views) {
        bytes.copy(view, 0, offset, offset + view.length);
        offset += view.length;
      }
    },
  };
}

/** Bytes of an open file from `start` to its end `size`. */
export function fileSource(handle: FileHandle, start: number, size: number): DataSource {
  let offset = start;
  return {
    length: size - start,
    async read(views) {
      const expected = views.reduce((sum, view) => sum + view.length, 0);
      let got = 0;
      let rest = views;
      while (got < expected) {
        const { bytesRead } = await handle.readv(rest, offset);
        if (bytesRead === 0)
          throw new ScannerError('data.truncated', { what: 'file being sent', got: offset, expected: size });
        got += bytesRead;
        offset += bytesRead;
        rest = remaining(rest, bytesRead);
      }
    },
  };
}

function remaining(views: Buffer[], count: number): Buffer[] {
  let left = count;
  let index = 0;
  while (index < views.length && left >= views[index]!.length) left -= views[index++]!.length;
  const rest = views.slice(index);
  if (left > 0 && rest[0]) rest[0] = rest[0].subarray(left);
  return rest;
}

/** Parts one after another. */
export function joined(parts: readonly (Buffer | DataSource)[]): DataSource {
  let index = 0;
  let used = 0;
  return {
    length: parts.reduce((sum, part) => sum + part.length, 0),
    async read(views) {
      for (const view of views) {
        for (let filled = 0; filled < view.length; ) {
          const part = parts[index]!;
          const length = Math.min(part.length - used, view.length - filled);
          const target = view.subarray(filled, filled + length);
          if (Buffer.isBuffer(part)) part.copy(target, 0, used, used + length);
          else if (length > 0) await part.read([target]);
          filled += length;
          used += length;
          if (used < part.length) continue;
          index++;
          used = 0;
        }
      }
    },
  };
}
