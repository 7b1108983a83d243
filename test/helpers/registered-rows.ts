/** What images of the specimen examination say of patient, study and scanner, whatever they are of, by tag. */

import type { Expectation } from './statement-rows.js';

const day = '20260105';

export const REGISTERED: Readonly<Record<string, Expectation>> = {
  '00020012': ['1.3.12.2.1107.5.1.4'],
  '00020013': ['SIEMENS_S7VA27A'],
  '00080005': ['ISO_IR 100'],
  '00080018': [/^[0-9.]{10,64}$/],
  '00080020': [day],
  '00080030': ['093005.000000'],
  '00080021': [day],
  '00080022': [day],
  '00080023': [day],
  '00080050': ['A1'],
  '00080070': ['SIEMENS'],
  '00080080': ['Test Hospital'],
  '00080081': ['Street 1'],
  '00080090': [{ Alphabetic: 'Ref^Doc' }],
  '00081010': ['RIG1'],
  '00081030': ['CHEST^wholebody-fdg'],
  '00081050': [{ Alphabetic: 'Per^Former' }],
  '00081070': [{ Alphabetic: 'Tech^A' }],
  '00081080': 'absent', // the worklist item has none
  '00081090': ['Biograph64-1104'],
  '00100010': [{ Alphabetic: 'Müller^Jörg' }],
  '00100020': ['PID7'],
  '00100030': ['19610704'],
  '00100040': ['M'],
  '00101010': ['064Y'],
  '00180015': ['CHEST'],
  '00181000': ['1'],
  '00181020': [/^petrig /],
  '00181030': ['wholebody-fdg'],
  '00181200': ['20260104'],
  '00181201': ['093000.000000'],
  '00185100': ['HFS'],
  '0020000D': ['1.2.826.0.1.3680043.9.1234.1'],
  '0020000E': [/^[0-9.]{10,64}$/],
  '00200010': ['RP1'],
  '00201040': [],
  '00280002': [1],
  '00280004': ['MONOCHROME2'],
  '00280100': [16],
};
