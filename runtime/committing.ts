/** Sending and storage commitment, as the configuration says. */

import { join } from 'node:path';
import type { Clock } from '../hal/base/clock.js';
import type { Log } from '../hal/base/log.js';
import type { Archive } from './archive/archive.js';
import type { Config } from './config.js';
import type { CodecPool } from './dicom/codecs/pool.js';
import type { Caller, Service } from './dicom/services/server.js';
import type { SyntaxHooks } from './dicom/services/store-scu.js';
import { CommitmentAnswers } from './network/commitment-answers.js';
import type { CommitmentDesk } from './network/commitment-desk.js';
import { syntaxHooks } from './network/syntaxes.js';
import { commitmentNode } from './nodes.js';

/** Both roles of storage commitment: results for us, and requests where an archive system is installed. */
export async function commitmentService(
  config: Config,
  parts: { archive: Archive; commitment: CommitmentDesk; clock: Clock; log: Log },
): Promise<{ service: Service; close(): Promise<void> }> {
  const { archive, commitment, clock, log } = parts;
  const asScu = commitment.service();
  const { archiveInstalled, resultHours } = config.commitment;
  if (!archiveInstalled) return { service: asScu, close: async () => {} };
  const { aeTitle } = config;
  const nodeFor = (caller: Caller) => commitmentNode(config, caller);
  const answers = new CommitmentAnswers({ archive, nodeFor, aeTitle, expiryMs: resultHours * 3600_000, clock, log });
  await answers.start();
  const operations = { ...asScu.operations, ...answers.service().operations };
  return { service: { ...asScu, operations }, close: () => answers.close() };
}

/** Of what a user sends, the quality factor decides: 3.2.2.1.2 of the statement. */
export function userSyntaxes({ qualityFactor, uidRoot, data, dicom }: Config, codecs: CodecPool): SyntaxHooks {
  const lists = dicom.syntaxLists;
  return syntaxHooks({ asked: { qualityFactor }, codecs, folder: join(data, 'incoming'), lists, uidRoot });
}
