/** Our own DICOM ports, who may come to them, and limits: 6.2.1, 6.3 of the statement, and what makes it safe. */

import { z } from 'zod';
import { SYNTAX_LISTS } from './dicom/storage-classes.js';
import { DEFAULT_TIMEOUTS, type Timeouts } from './dicom/upper-layer/settings.js';

export const port = z.number().int().min(0).max(65535);

export const maxPduLength = z.number().int().min(4096).max(262144);

const TIMEOUT_NAMES = Object.keys(DEFAULT_TIMEOUTS) as (keyof Timeouts)[];
/** Set by `worklistQuery.waitSeconds`, or for a node. */
const OF_NODES: readonly (keyof Timeouts)[] = ['worklistMs'];
/** Set by a node's `commitment.openMinutes`. */
const ELSEWHERE: readonly (keyof Timeouts)[] = ['commitMs'];

function timeouts(names: readonly (keyof Timeouts)[]) {
  return z.partialRecord(z.enum(names), z.number().positive()).default({});
}

/** Waiting times by the names of `tables/timeouts.json`, wall milliseconds. */
export const nodeTimeouts = timeouts(TIMEOUT_NAMES.filter((name) => !ELSEWHERE.includes(name)));

/** PEM files of one end of TLS. */
export const tlsFiles = z.strictObject({
  /** Authorities trusted; no others are. */
  ca: z.array(z.string().min(1)).readonly().optional(),
  certificate: z.string().min(1).optional(),
  key: z.string().min(1).optional(),
  /** Revocation lists of all authorities. */
  crl: z.array(z.string().min(1)).readonly().optional(),
});

/** Transfer syntaxes proposed when objects are sent: the lists UC, LL and LY of 3.2.2.1.2, best first. */
const syntaxLists = z
  .strictObject({
    uncompressed: z
      .array(z.enum(SYNTAX_LISTS.uncompressed))
      .min(1)
      .default([...SYNTAX_LISTS.uncompressed]),
    lossless: z.array(z.enum(SYNTAX_LISTS.lossless)).default([...SYNTAX_LISTS.lossless]),
    lossy: z.array(z.enum(SYNTAX_LISTS.lossy)).default([...SYNTAX_LISTS.lossy]),
  })
  .prefault({});

export const dicomSchema = z.strictObject({
  host: z.string().default('127.0.0.1'),
  port: port.default(11112),
  /** Longest PDU that we take, bytes: 28 KB to 256 KB. */
  maxPduLength: maxPduLength.default(28672),
  /** Associations at a time; the next one is rejected: 3.2.1.2. */
  maxAssociations: z.number().int().min(1).max(1000).default(10),
  /** Of one node, or of one address that is no node's. */
  maxAssociationsPerPeer: z.number().int().min(1).max(1000).optional(),
  /** A larger incoming object is refused: A700. */
  maxObjectBytes: z.number().int().positive().optional(),
  /** Incoming objects are refused (A700) while less is free on the disk, bytes. */
  reserveBytes: z
    .number()
    .int()
    .min(0)
    .default(256 * 1024 * 1024),
  /** Bytes from the network that may wait in memory. */
  maxMemoryBytes: z
    .number()
    .int()
    .min(16 * 1024 * 1024)
    .default(256 * 1024 * 1024),
  /** Query/retrieve information models that we serve: Table 11. */
  queryModels: z.array(z.enum(['patient', 'study', 'patientStudy'])).default(['patient', 'study', 'patientStudy']),
  syntaxLists,
  /** Let in AE titles that no node has. */
  acceptUnknownPeers: z.boolean().default(true),
  /** A node without `from` must come from its host. */
  checkHosts: z.boolean().default(false),
  /** Take no application context name but DICOM's: 6.2.1. */
  strictApplicationContext: z.boolean().default(false),
  timeouts: timeouts(TIMEOUT_NAMES.filter((name) => ![...ELSEWHERE, ...OF_NODES].includes(name))),
  /** DICOM TLS, PS3.15 B.10: our own files, for nodes as well where they have none of their own. */
  tls: tlsFiles
    .required({ ca: true, certificate: true, key: true })
    .extend({
      /** Beside the plain port; without it the port above speaks TLS only. */
      port: port.optional(),
      clientCertificates: z.enum(['required', 'optional']).default('required'),
    })
    .optional(),
});
