/** Our own DICOM ports, who may come to them, and limits: 6.2.1, 6.3 of the statement, and what makes it safe. */

import { z } from 'zod';
import { DEFAULT_IMPLEMENTATION } from './dicom/implementation.js';
import { SYNTAX_LISTS } from './dicom/storage-classes.js';
import { DEFAULT_TIMEOUTS, TIMEOUT_MEANING, type TimeoutName } from './dicom/upper-layer/settings.js';

export const port = z.number().int().min(0).max(65535);

export const maxPduLength = z.number().int().min(4096).max(262144).meta({ unit: 'bytes' });

const TIMEOUT_NAMES = Object.keys(DEFAULT_TIMEOUTS) as TimeoutName[];
/** Set by `worklistQuery.waitSeconds`, or for a node. */
const OF_NODES: readonly TimeoutName[] = ['worklistMs'];
/** Set by a node's `commitment.openMinutes`. */
const ELSEWHERE: readonly TimeoutName[] = ['commitMs'];

/** A timer's longest, milliseconds: 24 days. */
const MAX_WAIT = 2 ** 31 - 1;

type Waits = Record<TimeoutName, z.ZodOptional<z.ZodNumber>>;

/** Waiting times by the names of `tables/timeouts.json`, wall milliseconds. */
function timeouts(names: readonly TimeoutName[], fallback: (name: TimeoutName) => string) {
  const waits = names.map((name) => {
    const meta = { description: TIMEOUT_MEANING[name], unit: 'ms', fallback: fallback(name) };
    return [name, z.number().positive().max(MAX_WAIT).optional().meta(meta)];
  });
  return z.strictObject(Object.fromEntries(waits) as Waits).prefault({});
}

export const nodeTimeouts = timeouts(
  TIMEOUT_NAMES.filter((name) => !ELSEWHERE.includes(name)),
  (name) => {
    return name === 'worklistMs' ? '`worklistQuery.waitSeconds`' : `\`dicom.timeouts.${name}\``;
  },
).describe('Its own waiting times.');

const file = z.string().min(1);

/** PEM files of one end of TLS. */
export const tlsFiles = z.strictObject({
  ca: z.array(file).readonly().optional().describe('PEM files of the authorities trusted; no others are.'),
  certificate: file.optional().describe('PEM file of the certificate shown, with its chain.'),
  key: file.optional().describe('PEM file of its private key.'),
  crl: z.array(file).readonly().optional().describe('PEM files of the revocation lists of all authorities.'),
});

const syntaxLists = z
  .strictObject({
    uncompressed: z
      .array(z.enum(SYNTAX_LISTS.uncompressed))
      .min(1)
      .default([...SYNTAX_LISTS.uncompressed])
      .describe('UC.'),
    lossless: z
      .array(z.enum(SYNTAX_LISTS.lossless))
      .default([...SYNTAX_LISTS.lossless])
      .describe('LL.'),
    lossy: z
      .array(z.enum(SYNTAX_LISTS.lossy))
      .default([...SYNTAX_LISTS.lossy])
      .describe('LY.'),
  })
  .prefault({})
  .describe('Transfer syntaxes proposed when objects are sent, best first: the lists of 3.2.2.1.2.');

const implementation = z
  .strictObject({
    classUid: z
      .string()
      .max(64)
      .regex(/^[0-2](\.(0|[1-9]\d*))+$/)
      .default(DEFAULT_IMPLEMENTATION.classUid)
      .meta({ form: 'a UID of at most 64 characters', description: 'Implementation Class UID: 3.1.1.4.' }),
    versionName: z
      .string()
      .regex(/^[\x20-\x5b\x5d-\x7e]{1,16}$/)
      .default(DEFAULT_IMPLEMENTATION.versionName)
      .meta({ form: 'text, 1 to 16 ASCII characters without backslash', description: 'Implementation Version Name.' }),
  })
  .prefault({})
  .describe('What we call ourselves in associations and in files.');

const tls = tlsFiles
  .required({ ca: true, certificate: true, key: true })
  .extend({
    port: port.optional().meta({
      description: 'A port of its own beside the plain one; without it the port above speaks TLS only.',
    }),
    clientCertificates: z
      .enum(['required', 'optional'])
      .default('required')
      .describe('Whether a caller must show a certificate.'),
  })
  .optional()
  .describe('DICOM TLS, PS3.15 B.10: our own files, for nodes as well where they have none of their own.');

const QUERY_MODELS = ['patient', 'study', 'patientStudy'] as const;

export const dicomSchema = z.strictObject({
  host: z.string().default('127.0.0.1').describe('Address that the DICOM ports listen on; all of them: `0.0.0.0`.'),
  port: port
    .default(11112)
    .describe('Port of storage, commitment, query/retrieve and verification; the statement’s is 104: 6.1.2.'),
  maxPduLength: maxPduLength.default(28672).meta({ unit: 'bytes', description: 'Longest PDU that we take: 6.3.' }),
  maxAssociations: z
    .number()
    .int()
    .min(1)
    .max(1000)
    .default(10)
    .describe('Associations at a time; the next one is rejected: 3.2.1.2.'),
  maxAssociationsPerPeer: z
    .number()
    .int()
    .min(1)
    .max(1000)
    .optional()
    .meta({ fallback: '`dicom.maxAssociations`', description: 'Of one node, or of one address that is no node’s.' }),
  maxObjectBytes: z
    .number()
    .int()
    .positive()
    .optional()
    .meta({ unit: 'bytes', fallback: 'no limit', description: 'A larger incoming object is refused: A700.' }),
  reserveBytes: z
    .number()
    .int()
    .min(0)
    .default(256 * 1024 * 1024)
    .meta({ unit: 'bytes', description: 'Incoming objects are refused (A700) while less is free on the disk.' }),
  preparedBytes: z
    .number()
    .int()
    .min(0)
    .default(512 * 1024 * 1024)
    .meta({
      unit: 'bytes',
      description:
        'Files that stand ready on the disk for incoming objects, as many as the last burst asked for; 0 makes none.',
    }),
  maxMemoryBytes: z
    .number()
    .int()
    .min(16 * 1024 * 1024)
    .default(256 * 1024 * 1024)
    .meta({ unit: 'bytes', description: 'What came from the network and may wait in memory.' }),
  queryModels: z
    .array(z.enum(QUERY_MODELS))
    .default([...QUERY_MODELS])
    .describe('Query/retrieve information models that we serve: Table 11.'),
  acceptUnknownPeers: z
    .boolean()
    .default(true)
    .describe('Let in AE titles that no node has; else they are rejected: source 1, reason 3.'),
  checkHosts: z.boolean().default(false).describe('A node without `from` must come from its host.'),
  strictApplicationContext: z
    .boolean()
    .default(false)
    .describe('Take no application context name but DICOM’s, as ACCEPT_ANY_CONTEXT_NAME = FALSE does: 6.2.1.'),
  implementation,
  syntaxLists,
  timeouts: timeouts(
    TIMEOUT_NAMES.filter((name) => ![...ELSEWHERE, ...OF_NODES].includes(name)),
    (name) => `\`${DEFAULT_TIMEOUTS[name]}\``,
  ).describe('Waiting times, in real time whatever `speed` says: 6.3.'),
  tls,
});
