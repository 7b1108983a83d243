/** What is done by itself when a commitment has ended: the statement's "auto rules", 2.3.2. */

import { z } from 'zod';

const when = {
  on: z.enum(['commitment.completed', 'commitment.failed']).describe('What has happened.'),
  node: z.string().optional().meta({ fallback: 'any', description: 'Name of the node that was asked.' }),
};

/** `send`: the instances concerned go to another node, those that it has been sent already left out; `log`: the log says it. */
const rule = z.discriminatedUnion('do', [
  z.strictObject({
    ...when,
    do: z
      .literal('send')
      .describe('Send the instances to another node, but for those that it has been sent, or have the log say it.'),
    to: z.string().describe('With `send`: name of a node with the service `storage`.'),
  }),
  z.strictObject({
    ...when,
    do: z.literal('log'),
    message: z.string().max(200).optional().describe('With `log`: what it says.'),
  }),
]);

export const rulesSchema = z
  .array(rule)
  .max(100)
  .default([])
  .describe('What is done by itself when a commitment has ended: 2.3.2.');
