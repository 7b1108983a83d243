/** Remote nodes as the configuration describes them: 6.1.5 and 6.2 of the statement. */

import { z } from 'zod';

export const port = z.number().int().min(0).max(65535);

export const aeTitle = z
  .string()
  .min(1)
  .max(16)
  .regex(/^[\x20-\x5b\x5d-\x7e]+$/, 'an AE title has 1 to 16 characters of the default repertoire without backslash');

/** What a node may offer, or be allowed to ask of us. */
export const NODE_SERVICES = ['storage', 'commitment', 'query', 'retrieve', 'worklist', 'mpps', 'print'] as const;
export type NodeService = (typeof NODE_SERVICES)[number];

const node = z.strictObject({
  /** What people call it; its AE title when absent. */
  name: z
    .string()
    .regex(/^[\w .-]{1,32}$/, 'a name has 1 to 32 letters, digits, blanks, dots, dashes or underscores')
    .optional(),
  aeTitle,
  /** Name or address; also where its associations must come from when access is checked. */
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
  /** What is taken from it: changed as the statement orders, or kept as it came. */
  import: z.enum(['statement', 'preserve']).default('statement'),
  /** Syntaxes proposed when it is the destination of a C-MOVE: 0 or above 3 uncompressed, 1 and lossy, 2 and lossless, 3 and both. */
  compressionTypes: z.number().int().min(0).default(0),
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
