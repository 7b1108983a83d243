/** The registry of private elements: each with its VR, whoever writes it. */

import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { isKnownPrivate, privateVr } from '../../runtime/dicom/codecs/private.js';
import type { AttributeRow } from '../../runtime/objects/fill.js';
import { iodRows } from '../../runtime/objects/modules.js';

const test = suite('private registry');

/** Objects of others carry these; none is made here: element and VR, Tables 84 and 85, and the registry of CT. */
const OTHERS: Record<string, [group: string, elements: Record<string, string>]> = {
  'SIEMENS MEDCOM OOG': ['0029', { '08': 'CS', '09': 'LO', '10': 'OB' }],
  'SIEMENS CSA REPORT': ['0029', { '08': 'CS', '09': 'LO', '15': 'US', '17': 'UI' }],
  'SIEMENS CSA ENVELOPE': ['0029', { '10': 'OB', '11': 'OB' }],
  'SIEMENS CT VA0 COAD': [
    '0019',
    {
      90: 'DS',
      92: 'DS',
      93: 'DS',
      96: 'IS',
      B0: 'DS',
      BD: 'IS',
      BE: 'DS',
      BF: 'DS',
      C0: 'DS',
      C1: 'DS',
      C2: 'DA',
      C3: 'TM',
    },
  ],
  'SIEMENS MED': ['0021', { 11: 'DS' }],
};

test('every private element is registered with its VR, also those that only others write', () => {
  const vrOf = (creator: string, group: string, element: string) => {
    const tag = Number.parseInt(`${group}12${element}`, 16); // in whichever block
    return isKnownPrivate({ tag, creator }) ? privateVr(creator, tag) : undefined;
  };
  for (const [creator, [group, elements]] of Object.entries(OTHERS)) {
    for (const [element, vr] of Object.entries(elements))
      assert.is(vrOf(creator, group, element), vr, creator + element);
    assert.ok(isKnownPrivate({ tag: Number.parseInt(`${group}0012`, 16), creator }));
  }
  const rows = (['ct', 'pet', 'csa'] as const).flatMap((iod) => [...iodRows(iod)]);
  const own = rows.filter((row): row is AttributeRow & { creator: string } => !!row.creator && !row.tag.endsWith('xx'));
  for (const { creator, tag, vr } of own)
    assert.is(vrOf(creator, tag.slice(0, 4), tag.slice(6)), vr, `${creator} ${tag}`);
});

test.run();
