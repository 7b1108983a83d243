/** Our storage commitment, both roles, on an archive with objects in it. */

import { SqliteArchive } from '../../runtime/archive/sqlite-archive.js';
import type { InstanceRef } from '../../runtime/dicom/services/commitment-dataset.js';
import { type Caller, DicomServer } from '../../runtime/dicom/services/server.js';
import type { Node } from '../../runtime/dicom/services/session.js';
import { CommitmentAnswers } from '../../runtime/network/commitment-answers.js';
import { CommitmentDesk, type CommitmentEnd, type CommittingNode } from '../../runtime/network/commitment-desk.js';
import { images } from './archive-objects.js';
import { clock, localNode, log, scratch } from './dicom.js';

export interface CommitmentSite {
  archive: SqliteArchive;
  desk: CommitmentDesk;
  answers: CommitmentAnswers;
  /** Where we listen. */
  us: Node;
  /** Nodes that may be asked; more can be put in. */
  nodes: CommittingNode[];
  /** Nodes that results of ours go to, by AE title. */
  peers: Map<string, Node>;
  instances: InstanceRef[];
  /** What became of our requests. */
  ends: CommitmentEnd[];
  close(): Promise<void>;
}

export interface SiteOptions {
  root?: string;
  port?: number;
  count?: number;
  /** The site listens from the start, or when it is told to. */
  listens?: boolean;
  peers?: Map<string, Node>;
  nodes?: CommittingNode[];
  expiryMs?: number;
}

export async function openCommitmentSite(options: SiteOptions = {}): Promise<CommitmentSite> {
  const { root = scratch(), port = 0, count = 4, listens = true, nodes = [], expiryMs = 60_000 } = options;
  const peers = options.peers ?? new Map<string, Node>();
  const archive = await SqliteArchive.open({ root, clock, log });
  if ((await archive.instances()).length === 0) await archive.store(images(count));
  const instances = (await archive.instances()).map(({ sopClassUid, sopInstanceUid }) => {
    return { sopClassUid, sopInstanceUid };
  });
  const backoff = { firstMs: 50, lastMs: 200 };
  const desk = new CommitmentDesk({ archive, nodes, callingAe: 'PETRIG', clock, log, backoff });
  const nodeFor = ({ callingAe }: Caller) => peers.get(callingAe);
  const answers = new CommitmentAnswers({ archive, nodeFor, aeTitle: 'PETRIG', expiryMs, clock, log, backoff });
  const ends: CommitmentEnd[] = [];
  desk.onEnd((end) => ends.push(end));
  const service = desk.service();
  const both = { ...service, operations: { ...service.operations, ...answers.service().operations } };
  const server = new DicomServer({ aeTitles: ['PETRIG'], port, clock, log, services: [both] });
  const us = localNode(listens ? await server.listen() : port, 'PETRIG');
  await desk.start();
  await answers.start();
  const close = async () => {
    if (listens) await server.close();
    await answers.close();
    await desk.close();
    await archive.close();
  };
  return { archive, desk, answers, us, nodes, peers, instances, ends, close };
}

/** Marks all objects of the archive as sent to a node, as a job does. */
export async function markSent({ archive, instances }: CommitmentSite, node: string): Promise<void> {
  const answers = instances.map(({ sopInstanceUid }) => ({ sopInstanceUid, sent: 'sent' as const, status: 0 }));
  await archive.recordDeliveries(node, answers);
}

export function committing(node: Node, association: 'same' | 'separate' = 'separate', openMs = 20_000): CommittingNode {
  return { ...node, name: node.aeTitle, commitment: { association, openMs } };
}
