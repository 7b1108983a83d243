/** What is done by itself when a commitment has ended: the statement's "auto rules", 2.3.2. */

import { z } from 'zod';

const when = {
  on: z.enum(['commitment.completed', 'commitment.failed']),
  /** Name of the node that was asked; any when absent. */
  node: z.string().optional(),
};

/** `send`: the instances concerned go to another node, those that it has been sent already left out; `log`: the log says it. */
const rule = z.discriminatedUnion('do', [
  z.strictObject({ ...when, do: z.literal('send'), to: z.string() }),
  z.strictObject({ ...when, do: z.literal('log'), message: z.string().max(200).optional() }),
]);

export const rulesSchema = z.array(rule).max(100).default([]);
