import { mkdirSync, mkdtempSync } from 'node:fs';
import { readFile, rename, unlink, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import type { ScannerError } from '../../hal/base/errors.js';
import { CodecPool } from '../../runtime/dicom/codecs/pool.js';
import { readFileMeta } from '../../runtime/dicom/dataset/header.js';
import {
  DicomServer,
  type DicomServerOptions,
  type Service,
  verificationService,
} from '../../runtime/dicom/services/server.js';
import type { Node } from '../../runtime/dicom/services/session.js';
import { type ReceivingOptions, receivingService } from '../../runtime/network/receiving/receiving.js';
import { clock, localNode, log, scratch } from './dicom.js';

/** Our storage SCP with a folder in the archive's place: objects by UID, the first kept. */
export interface Receiver {
  node: Node;
  server: DicomServer;
  /** Paths of what was kept, by SOP Instance UID. */
  kept: Map<string, string>;
  /** What was thrown away because its UID was there before. */
  duplicates: string[];
  /** Objects on their way in. */
  incoming: string;
  states: Map<string, unknown>;
  /** The next import fails so. */
  failWith(error: ScannerError): void;
  /** The dataset's bytes of what was kept. */
  dataset(sopInstanceUid: string): Promise<Buffer>;
  close(): Promise<void>;
}

type ServerLimits = Pick<DicomServerOptions, 'maxAssociations' | 'maxObjectBytes' | 'maxMemoryBytes' | 'timeouts'> & {
  /** Served beside Storage and Verification. */
  others?: readonly Service[];
};
const ROOT = scratch();

export async function startReceiver(more: Partial<ReceivingOptions> & ServerLimits = {}): Promise<Receiver> {
  const folder = mkdtempSync(join(ROOT, 'receiver-'));
  const [incoming, objects] = [join(folder, 'incoming'), join(folder, 'objects')];
  for (const path of [incoming, objects]) mkdirSync(path);
  const kept = new Map<string, string>();
  const duplicates: string[] = [];
  const states = new Map<string, unknown>();
  let smalls = 0;
  let failure: ScannerError | undefined;
  const take = async (path: string) => {
    const error = failure;
    failure = undefined;
    if (error) throw error;
    const { sopInstanceUid } = await readFileMeta(path);
    const isNew = !kept.has(sopInstanceUid);
    if (isNew) kept.set(sopInstanceUid, join(objects, `${sopInstanceUid}.dcm`));
    else duplicates.push(sopInstanceUid);
    if (isNew) await rename(path, kept.get(sopInstanceUid)!);
    else await unlink(path);
  };
  const codecs = new CodecPool({ clock, log });
  const service = receivingService({
    archive: {
      importFile: take,
      importBytes: async (part10) => {
        const path = join(incoming, `small${smalls++}.dcm`);
        await writeFile(path, part10);
        await take(path);
      },
      saveState: async (_owner, key, value) => void states.set(key, value),
    },
    folder: incoming,
    codecs,
    importFrom: () => 'statement',
    reserveBytes: 0,
    clock,
    log,
    ...more,
  });
  const { maxAssociations, maxObjectBytes, maxMemoryBytes, timeouts, others = [] } = more;
  const services = [verificationService(), service, ...others];
  const limits = { maxAssociations, maxObjectBytes, maxMemoryBytes };
  const server = new DicomServer({ port: 0, clock, log, ...limits, timeouts, services });
  const port = await server.listen();
  return {
    node: localNode(port, 'RIG'),
    server,
    kept,
    duplicates,
    incoming,
    states,
    failWith: (error) => {
      failure = error;
    },
    dataset: async (sopInstanceUid) => {
      const path = kept.get(sopInstanceUid)!;
      const { datasetOffset } = await readFileMeta(path);
      return (await readFile(path)).subarray(datasetOffset);
    },
    close: async () => {
      await server.close();
      await codecs.close();
    },
  };
}
