import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import type { Delivery } from '../../runtime/archive/archive.js';
import { entityStates, flagText, instanceStates } from '../../runtime/network/status-flags.js';

const test = suite('status flags');

function delivery(node: string, commitment: Delivery['commitment'], sent: Delivery['sent'] = 'sent'): Delivery {
  return { sopInstanceUid: '1', node, sent, at: 0, commitment, transactionUid: '', reason: 0 };
}
const of = (...deliveries: Delivery[]) => instanceStates(deliveries, (node) => node === 'ARCHIVE');
const flag = (...deliveries: Delivery[]) => flagText(of(...deliveries));

test('an instance shows A for the archive and S for others, and what was said of it', () => {
  assert.is(flag(), '');
  assert.is(flag(delivery('ARCHIVE', 'none')), 'A');
  assert.is(flag(delivery('ARCHIVE', 'committed'), delivery('X', 'pending')), 'AC S?');
  assert.is(flag(delivery('X', 'committed'), delivery('Y', 'failed')), 'Sf', 'a failure is seen');
  assert.is(flag(delivery('X', 'committed'), delivery('Y', 'none')), 'SC');
  assert.is(flag(delivery('X', 'none', 'failed')), '', 'not sent');
});

test('a series shows a failure or a pending one of any image, success only of all', () => {
  const [none, sent, pending] = [of(), of(delivery('X', 'none')), of(delivery('X', 'pending'))];
  const [committed, failed] = [of(delivery('X', 'committed')), of(delivery('X', 'failed'))];
  const text = (...states: (typeof none)[]) => flagText(entityStates(states));
  assert.is(text(), '');
  assert.is(text(committed, committed), 'SC');
  assert.is(text(committed, sent), 'S');
  assert.is(text(committed, none), '', 'in part only');
  assert.is(text(committed, pending), 'S?');
  assert.is(text(committed, pending, failed), 'Sf');
  assert.is(text(failed, none), 'Sf');
});

test.run();
