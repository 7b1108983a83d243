/** Remote nodes as the configuration describes them: 6.1.5 and 6.2 of the statement. */

import { z } from 'zod';
import { type dicomSchema, maxPduLength, nodeTimeouts, port, tlsFiles } from './config-dicom.js';
import { nodePrintSchema } from './config-print.js';
import { nodeWorklistSchema } from './config-schedule.js';
import { isPlace } from './dicom/services/access.js';

/** PS3.5 6.2, AE: more than 6.1 of the statement allows, which `config-titles` warns of. */
export const aeTitle = z
  .string()
  .regex(/^(?=.*[^ ])[\x20-\x5b\x5d-\x7e]{1,16}$/)
  .meta({ form: 'text, 1 to 16 ASCII characters without backslash, not all blanks' });

/** What a node may offer, or be allowed to ask of us. */
export const NODE_SERVICES = ['storage', 'commitment', 'query', 'retrieve', 'worklist', 'mpps', 'print'] as const;
export type NodeService = (typeof NODE_SERVICES)[number];

const fingerprint = z
  .string()
  .regex(/^([0-9A-Fa-f]{2}:?){31}[0-9A-Fa-f]{2}$/)
  .meta({ form: 'SHA-256 fingerprint of 64 hexadecimal digits' });

const nodeTls = tlsFiles.extend({
  fingerprints: z
    .array(fingerprint)
    .readonly()
    .optional()
    .describe('The certificates that it may show. With an empty `ca` they alone decide.'),
  peerName: z
    .union([z.string().min(1), z.literal(false)])
    .optional()
    .meta({
      fallback: 'its `host`',
      description: 'Name that its certificate must bear; when absent only when we call it; false asks for none.',
    }),
  incoming: z.enum(['tls', 'any']).default('tls').describe('Its associations are taken over TLS only, or either way.'),
});

const send = z
  .strictObject({
    automatic: z.boolean().default(true).describe('Every ended examination goes there.'),
    what: z.enum(['all', 'images']).default('all').describe('Everything, or images only.'),
    archive: z.boolean().default(false).describe('It is the archive: status flag A instead of S.'),
  })
  .prefault({})
  .describe('What goes to it by itself.');

const commitment = z
  .strictObject({
    association: z
      .enum(['same', 'separate'])
      .default('same')
      .describe(
        'The association of the request is kept open for the result, or closed at once; a result on another one is taken either way.',
      ),
    openMinutes: z
      .number()
      .positive()
      .max(14 * 24 * 60)
      .default(60)
      .meta({ unit: 'min', description: 'How long a result is waited for.' }),
  })
  .prefault({})
  .describe('How it is asked to commit to what it was sent: 6.2.1.');

const query = z
  .strictObject({
    models: z
      .array(z.enum(['patient', 'study', 'patientStudy']))
      .min(1)
      .default(['study'])
      .describe('Information models; study root alone serves best where the node has it: 3.4.2.1.2.'),
  })
  .prefault({})
  .describe('How it is searched.');

const node = z.strictObject({
  name: z
    .string()
    .regex(/^[\w .-]{1,32}$/)
    .optional()
    .meta({
      form: 'text, 1 to 32 letters, digits, blanks, dots, dashes or underscores',
      fallback: 'its AE title',
      description: 'What people call it; no two nodes have the same.',
    }),
  aeTitle: aeTitle.meta({ ...aeTitle.meta(), description: 'Its AE title.' }),
  host: z
    .string()
    .min(1)
    .describe('Name or address; also where its associations must come from when `dicom.checkHosts` is set.'),
  port: port.min(1).describe('Its port.'),
  services: z.array(z.enum(NODE_SERVICES)).min(1).describe('What it offers, or may ask of us.'),
  send,
  commitment,
  worklist: nodeWorklistSchema,
  print: nodePrintSchema,
  import: z
    .enum(['statement', 'preserve'])
    .default('statement')
    .describe(
      'What is taken from it: changed as the statement orders, or kept as it came. Nodes that share an AE title are told apart by `from` and `host`.',
    ),
  query,
  compressionTypes: z
    .number()
    .int()
    .min(0)
    .default(0)
    .describe(
      'Syntaxes proposed when it is the destination of a C-MOVE: 0 or above 3 uncompressed, 1 and lossy, 2 and lossless, 3 and both: 3.2.2.1.2. By C-GET it gets such a syntax when it names it first.',
    ),
  from: z
    .array(
      z
        .string()
        .refine(isPlace, 'an address, an address block or a host name')
        .meta({ form: 'an address, an address block (`192.0.2.0/24`) or a host name' }),
    )
    .default([])
    .describe('Where its associations must come from; empty: anywhere, but for `dicom.checkHosts`.'),
  tls: nodeTls
    .optional()
    .describe('How we call it, and how it must come: over TLS. Files that are absent are those of `dicom.tls`.'),
  timeouts: nodeTimeouts,
  maxPduLength: maxPduLength.optional().meta({
    unit: 'bytes',
    fallback: '`dicom.maxPduLength`',
    description: 'Longest PDU that we take from it when we call it.',
  }),
});

export const nodesSchema = z
  .array(node.transform((entry) => ({ ...entry, name: entry.name ?? entry.aeTitle.trim() })))
  .superRefine((nodes, context) => {
    const seen = new Set<string>();
    nodes.forEach(({ name }, index) => {
      if (seen.has(name)) {
        context.addIssue({
          code: 'custom',
          path: [index, 'name'],
          message: `a name of its own; two nodes are called ${name}`,
        });
      }
      seen.add(name);
    });
  })
  .default([])
  .describe('Remote nodes and the services that each offers: 6.1.5.');

/** Nodes with what they do not say themselves taken from our own settings. */
export function withDefaultsOf(dicom: z.infer<typeof dicomSchema>, nodes: z.infer<typeof nodesSchema>) {
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
      implementation: dicom.implementation,
    };
  });
}
