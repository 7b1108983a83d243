/** A process of peers that send mutated messages to a port as fast as they are taken; prints what came of it as JSON. */

import { connect } from 'node:net';
import { ABORT, ASSOCIATE, mutatedFatally, mutatedMessage, mutatedPdus, RELEASE } from './hostile-messages.js';
import { mutate } from './mutations.js';
import { Random } from './random.js';

const [port = 0, seed = 1, wanted = 1000, lanes = 4] = process.argv.slice(2).map(Number);
/** Mutated messages on one connection; the last of them are such as end most associations. */
const BATCH = 48;
/** Messages sent ahead of their answers. */
const AHEAD = 8;
const PATIENCE_MS = 40;

export interface Outcome {
  connections: number;
  /** Mutated messages and PDUs that came to something: an answer, or the end of the association. What is sent after its end does not count. */
  met: number;
  /** PDUs that came back, by type. */
  answers: Record<number, number>;
}

const outcome: Outcome = { connections: 0, met: 0, answers: {} };

async function conversation(random: Random): Promise<void> {
  outcome.connections++;
  const socket = connect({ port, host: '127.0.0.1', noDelay: true });
  let held = Buffer.alloc(0);
  let wake = () => {};
  let closed = false;
  let accepted = false;
  let sent = 0;
  let answered = 0;
  socket.on('error', () => {});
  socket.on('close', () => {
    closed = true;
    wake();
  });
  socket.on('data', (chunk: Buffer) => {
    held = Buffer.concat([held, chunk]);
    while (held.length >= 6 && held.length >= 6 + held.readUInt32BE(2)) {
      const type = held[0]!;
      outcome.answers[type] = (outcome.answers[type] ?? 0) + 1;
      accepted ||= type === 2;
      answered += type === 4 ? 1 : 0;
      held = held.subarray(6 + held.readUInt32BE(2));
    }
    wake();
  });
  const heard = () =>
    new Promise<boolean>((resolve) => {
      const timer = setTimeout(() => resolve(false), PATIENCE_MS);
      wake = () => {
        clearTimeout(timer);
        resolve(true);
      };
      if (closed) wake();
    });
  const broken = random.below(8) === 0;
  socket.write(broken ? mutate(ASSOCIATE, random, RELEASE) : ASSOCIATE);
  sent += broken ? 1 : 0;
  while (!closed && !accepted && (await heard())) {
    // until the answer
  }
  for (let i = 0; i < BATCH && !closed && accepted; i++) {
    if (i < BATCH - 4) socket.write(mutatedMessage(random));
    else socket.write(i % 2 === 0 ? mutatedFatally(random) : mutatedPdus(random));
    sent++;
    while (!closed && sent - answered > AHEAD && (await heard())) {
      // a few under way at a time
    }
  }
  socket.write(random.pick([RELEASE, ABORT, Buffer.alloc(0)]));
  while (!closed && (await heard())) {
    // what still comes
  }
  socket.destroy();
  outcome.met += Math.min(sent, answered + 1);
}

async function lane(number: number): Promise<void> {
  const random = new Random(seed + number);
  while (outcome.met < wanted) await conversation(random);
}

await Promise.all(Array.from({ length: lanes }, (_, i) => lane(i)));
console.log(JSON.stringify(outcome));
