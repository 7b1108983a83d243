import { UNCOMPRESSED } from '../dicom/dataset/transfer-syntax.js';
import { PRINT } from '../dicom/services/print-attributes.js';
import type { ConformanceSection, ConformanceTable } from './document.js';
import { statuses } from './schedule.js';
import { contextTable } from './storage.js';

const ATTRIBUTES = ['filmSession', 'filmBox', 'presentationLut'] as const;

export function print(): ConformanceSection {
  const proposed = {
    ...PRINT.metaClasses,
    presentationLut: PRINT.classes.presentationLut,
    printJob: PRINT.classes.printJob,
  };
  return {
    title: 'Print management',
    paragraphs: [
      'As SCU of the grayscale or the color meta SOP class. Events of the printer and of print jobs are taken at any time.',
    ],
    tables: [
      contextTable(
        'Print as SCU',
        'SCU',
        Object.entries(proposed).map(([name, uid]) => ({ name, uid, syntaxes: UNCOMPRESSED })),
      ),
      ...ATTRIBUTES.map(attributes),
      {
        title: 'Images',
        head: ['Meta class', 'Samples', 'Photometric interpretation', 'Bits stored'],
        rows: Object.entries(PRINT.images).map(([color, { samples, photometric, stored }]) => [
          color,
          String(samples),
          photometric,
          stored.join(', '),
        ]),
      },
      ...Object.entries(PRINT.statuses).map(([of, codes]) => statuses(`Statuses: ${of}`, Object.entries(codes))),
    ],
  };
}

function attributes(of: (typeof ATTRIBUTES)[number]): ConformanceTable {
  return {
    title: `Attributes of the N-CREATE: ${of}`,
    head: ['Attribute', 'Needed', 'Values'],
    rows: PRINT[of].map(({ keyword, required, withLut, terms, pattern, above, below, atMost }) => [
      keyword,
      required ? 'always' : withLut ? 'with a presentation LUT' : 'no',
      terms?.join(', ') ??
        pattern ??
        [above !== undefined && `> ${above}`, below !== undefined && `< ${below}`, atMost && `at most ${atMost}`]
          .filter(Boolean)
          .join(', '),
    ]),
  };
}
