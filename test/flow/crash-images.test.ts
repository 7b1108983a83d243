/** The controller killed while it makes, stores and sends images. */

import { suite } from 'uvu';
import { MOST_UNRECORDED } from '../../runtime/network/sending-answers.js';
import { crashIn, objectsAppear } from '../helpers/crash.js';
import { inStage, killLeftOvers, nextEvent } from '../helpers/petrig.js';
import { closeSites } from '../helpers/site.js';

const test = suite('crash while making images');
test.after(killLeftOvers);
test.after(closeSites);

test('in the CT images', () => crashIn({ when: (client) => inStage(client, 'CT images') }));

test('while objects are stored', () => crashIn({ when: (_client, data) => objectsAppear(data, 8) }));

test('in the PET images', () => crashIn({ when: (client) => inStage(client, 'PET images') }));

test('while objects are sent', () =>
  crashIn({
    when: (client) => nextEvent(client, (event) => event.type === 'delivery' && event.done > 5),
    repeats: { stores: MOST_UNRECORDED },
  }));

test.run();
