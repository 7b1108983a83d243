/** The controller killed while it scans. */

import { suite } from 'uvu';
import { crashIn } from '../helpers/crash.js';
import { inStage, killLeftOvers, nextEvent } from '../helpers/petrig.js';
import { closeSites } from '../helpers/site.js';

const test = suite('crash while scanning');
test.after(killLeftOvers);
test.after(closeSites);

test('right after the start of the examination', () =>
  crashIn({
    when: (client) => nextEvent(client, (event) => event.type === 'exam' && event.phase === 'acquiring'),
    repeats: { creations: 1 },
  }));

test('in the topogram', () => crashIn({ when: (client) => inStage(client, 'topogram') }));

test('in the CT scan, and the operator gives up', () =>
  crashIn({ when: (client) => inStage(client, 'CT scan'), operator: 'abort' }));

test('in the PET scan', () => crashIn({ when: (client) => inStage(client, 'PET scan') }));

test.run();
