import { readTable } from '../../hal/base/table.js';
import { DOSE_REPORT } from '../objects/dose-report.js';
import type { AttributeRow } from '../objects/fill.js';
import { IMAGE_TYPES } from '../objects/image-type.js';
import { type IodName, iodRows, sopClassOf } from '../objects/modules.js';
import type { ConformanceSection, ConformanceTable } from './document.js';

const { organs }: { organs: Readonly<Record<string, string>> } = readTable(
  import.meta.url,
  '../dicom/tables/body-parts.json',
);

interface Term {
  value: string;
  scheme: string;
  meaning: string;
}

const CODES: Readonly<Record<string, { rows: readonly Term[] }>> = readTable(
  import.meta.url,
  '../dicom/tables/codes.json',
);

/** What is written, and what is known of what others write. */
export function objects(): ConformanceSection {
  return {
    title: 'Information objects',
    paragraphs: [
      'Images carry the attributes below. A type 3 or conditional attribute without value is left out, one of type 2 has zero length. Private elements stand in the block that their creator reserves.',
      'Image types that are made are marked; the others are those of objects of the family.',
    ],
    tables: [
      imageTypes(),
      attributes('CT image attributes', 'ct'),
      attributes('PET image attributes', 'pet'),
      attributes('CSA Non-Image attributes', 'csa'),
      attributes('X-ray radiation dose report attributes', 'doseReport'),
      {
        title: 'X-ray radiation dose report content',
        head: ['Level', 'Relation', 'Type', 'Concept', 'Template'],
        rows: DOSE_REPORT.rows.map(({ level, relation, type, concept, template = '' }) => {
          const [value, scheme, meaning] = concept;
          return ['>'.repeat(level), relation, type, `${meaning} (${value}, ${scheme})`, template];
        }),
      },
      {
        title: 'Body Part Examined (0018,0015) by organ characteristic',
        head: ['Organ characteristic', 'Body Part Examined'],
        rows: Object.entries(organs),
      },
      terms('Purposes of related series', 'relatedSeriesPurposes'),
      terms('Radionuclides', 'radionuclides'),
      terms('Radiopharmaceuticals', 'radiopharmaceuticals'),
    ],
  };
}

function imageTypes(): ConformanceTable {
  const several = (value: string | readonly string[]) => (typeof value === 'string' ? value : value.join(' or '));
  return {
    title: 'Image Type (0008,0008)',
    head: ['Image', 'IOD', 'Values', 'Image text', 'Made'],
    rows: IMAGE_TYPES.map(({ name, iod, values, sameAs, text = '', key }) => {
      const written = sameAs ? `as ${sameAs} images` : values.map(several).join('\\');
      return [name, iod, written, several(text), key ? 'yes' : ''];
    }),
  };
}

function attributes(title: string, iod: IodName): ConformanceTable {
  return {
    title: `${title} (${sopClassOf(iod)})`,
    head: ['Tag', 'Name', 'Private creator', 'VR', 'Type', 'Value'],
    rows: iodRows(iod).map((row) => {
      return [tagOf(row), row.name, row.creator ?? '', row.vr, row.type, saidOf(row)];
    }),
  };
}

function tagOf({ path = [], tag }: AttributeRow): string {
  return `${'>'.repeat(path.length)}(${tag.slice(0, 4)},${tag.slice(4)})`;
}

function saidOf({ rule = '', value, note }: AttributeRow): string {
  const fixed = value && value.length > 0 ? value.join('\\') : '';
  return [fixed, rule === fixed ? '' : rule, note].filter(Boolean).join('; ');
}

function terms(title: string, key: string): ConformanceTable {
  return {
    title,
    head: ['Coding scheme', 'Code value', 'Code meaning'],
    rows: CODES[key]!.rows.map(({ scheme, value, meaning }) => [scheme, value, meaning]),
  };
}
