/** Remote nodes as the configuration describes them: 6.1.5 and 6.2 of the statement. */

import { z } from 'zod';
import { type dicomSchema, maxPduLength, nodeTimeouts, port, tlsFiles } from './config-dicom.js';
import { nodeWorklistSchema } from './config-schedule.js';
import { isPlace } from './dicom/services/access.js';

export const aeTitle = z
  .string()
  .min(1)
  .max(16)
  .regex(/^[\x20-\x5b\x5d-\x7e]+$/, 'an AE title has 1 to 16 characters of the default repertoire without backslash');

/** What a node may offer, or be allowed to ask of us. */
export const NODE_SERVICES = ['storage', 'commitment', 'query', 'retrieve', 'worklist', 'mpps', 'print'] as const;
export type NodeService = (typeof NODE_SERVICES)[number];

const fingerprint = z
  .string()
  .regex(/^([0-9A-Fa-f]{2}:?){31}[0-9A-Fa-f]{2}$/, 'a SHA-256 fingerprint has 64 hexadecimal digits');

/** Files that are absent are those of `dicom.tls`. */
const nodeTls = tlsFiles.extend({
  /** SHA-256 fingerprints of the certificates that it may show. With an empty `ca` they alone decide. */
  fingerprints: z.array(fingerprint).readonly().optional(),
  /** Name that its certificate must bear: its host when absent, and only when we call; false asks for none. */
  peerName: z.union([z.string().min(1), z.literal(false)]).optional(),
  /** Its associations are taken over TLS only, or either way. */
  incoming: z.enum(['tls', 'any']).default('tls'),
});

const node = z.strictObject({
  /** What people call it; its AE title when absent. */
  name: z
    .string()
    .regex(/^[\w .-]{1,32}$/, 'a name has 1 to 32 letters, digits, blanks, dots, dashes or underscores')
    .optional(),
  aeTitle,
  /** Name or address; also where its associations must come from when `dicom.checkHosts` is set. */
  host: z.string().min(1),
  port,
  services: z.array(z.enum(NODE_SERVICES)).min(1),
  /** What goes to it by itself. */
  send: z
    .strictObject({
      /** Every ended examination goes there. */
      automatic: z.boolean().default(true),
      /** Everything, or images only. */
      what: z.enum(['all', 'images']).default('all'),
      /** It is the archive: status flag A instead of S. */
      archive: z.boolean().default(false),
    })
    .prefault({}),
  /** How it is asked to commit to what it was sent: 6.2.1. */
  commitment: z
    .strictObject({
      /** The association of the request is kept open for the result, or closed at once; a result on another one is taken either way. */
      association: z.enum(['same', 'separate']).default('same'),
      /** How long a result is waited for. */
      openMinutes: z
        .number()
        .positive()
        .max(14 * 24 * 60)
        .default(60),
    })
    .prefault({}),
  /** How its worklist is asked. */
  worklist: nodeWorklistSchema,
  /** What is taken from it: changed as the statement orders, or kept as it came. */
  import: z.enum(['statement', 'preserve']).default('statement'),
  /** How it is searched. Study root alone serves best where the node has it: 3.4.2.1.2. */
  query: z
    .strictObject({
      models: z
        .array(z.enum(['patient', 'study', 'patientStudy']))
        .min(1)
        .default(['study']),
    })
    .prefault({}),
  /** Syntaxes proposed when it is the destination of a C-MOVE: 0 or above 3 uncompressed, 1 and lossy, 2 and lossless, 3 and both. */
  compressionTypes: z.number().int().min(0).default(0),
  /** Addresses, blocks (192.0.2.0/24) and names that its associations must come from. */
  from: z.array(z.string().refine(isPlace, 'an address, an address block or a host name')).default([]),
  /** How we call it, and how it must come: over TLS. */
  tls: nodeTls.optional(),
  /** Its own waiting times, before those of `dicom.timeouts`. */
  timeouts: nodeTimeouts,
  /** Longest PDU that we take from it when we call it, bytes. */
  maxPduLength: maxPduLength.optional(),
});

export const nodesSchema = z
  .array(node.transform((entry) => ({ ...entry, name: entry.name ?? entry.aeTitle.trim() })))
  .superRefine((nodes, context) => {
    const seen = new Set<string>();
    nodes.forEach(({ name }, index) => {
      if (seen.has(name)) {
        context.addIssue({ code: 'custom', path: [index, 'name'], message: `two nodes are called ${name}` });
      }
      seen.add(name);
    });
  })
  .default([]);

/** Nodes with what they do not say themselves taken from our own settings. */
export function withDefaultsOf(
  dicom: z.infer<typeof dicomSchema>,
  nodes: z.infer<typeof nodesSchema>,
): z.infer<typeof nodesSchema> {
  const { ca, certificate, key, crl } = dicom.tls ?? {};
  return nodes.map((entry) => {
    const { certificate: own, key: ownKey } = entry.tls ?? {};
    const identity = own === undefined && ownKey === undefined ? { certificate, key } : {};
    const revoked = entry.tls?.ca ? {} : { crl }; // the lists belong to the authorities
    return {
      ...entry,
      tls: entry.tls && { ca, ...identity, ...revoked, ...entry.tls },
      timeouts: { ...dicom.timeouts, ...entry.timeouts },
      maxPduLength: entry.maxPduLength ?? dicom.maxPduLength,
    };
  });
}
