import { readTable } from '../../hal/base/table.js';

/** One combination of Image Type (0008,0008). */
export interface ImageTypeRow {
  /** Of those that are made. */
  key?: string;
  /** Of the statement. */
  table: number;
  name: string;
  /** CT, SC, SR, PT, or CSA for what is no image. */
  iod: string;
  /** Value by value; several where any of them may stand. */
  values: (string | string[])[];
  /** The values are those of images of that IOD. */
  sameAs?: string;
  /** What stands in images and lists. */
  text?: string | string[];
}

const TABLE: { rows: readonly ImageTypeRow[] } = readTable(import.meta.url, '../dicom/tables/image-types.json');

export const IMAGE_TYPES = TABLE.rows;

const MADE = new Map(TABLE.rows.flatMap((row) => (row.key ? [[row.key, row] as const] : [])));

export type ImageTypeKey =
  | 'spiral'
  | 'topogram'
  | 'pet'
  | 'listmode'
  | 'listmodeCardiac'
  | 'listmodeRespiratory'
  | 'protocol'
  | 'physio'
  | 'physioCardiac'
  | 'physioRespiratory';

/** Values of Image Type of what is made here; of alternatives the first. */
export function imageType(key: ImageTypeKey): string[] {
  return MADE.get(key)!.values.map((value) => (typeof value === 'string' ? value : value[0]!));
}

/** Values that may follow those of a row: energies and detectors of two tubes, statement Table 69. */
const MORE = ['DNRG', 'SNRG', 'DET_A', 'DET_B', 'DET_AB'];

/** What kind of image of the family an object is, whoever made it; undefined for other makers' combinations. */
export function recogniseImageType(sopClassUid: string, values: readonly string[]): ImageTypeRow | undefined {
  const iod = IODS[sopClassUid];
  const own = values.filter((value, i) => i < 5 || !MORE.includes(value));
  const among = (rows: string | undefined) =>
    TABLE.rows.find((row) => row.iod === rows && row.values.length === own.length && row.values.every(matches(own)));
  const found = own.length > 0 ? among(iod) : undefined;
  if (found || !iod) return found;
  const other = TABLE.rows.find((row) => row.iod === iod && row.sameAs);
  const image = other && among(other.sameAs);
  return image && { ...other, name: `${other.name}: ${image.name}`, values: image.values };
}

function matches(values: readonly string[]) {
  return (allowed: string | string[], i: number) => [allowed].flat().includes(values[i]!);
}

const IODS: Readonly<Record<string, string>> = {
  '1.2.840.10008.5.1.4.1.1.2': 'CT',
  '1.2.840.10008.5.1.4.1.1.7': 'SC',
  '1.2.840.10008.5.1.4.1.1.88.33': 'SR',
  '1.2.840.10008.5.1.4.1.1.128': 'PT',
  '1.3.12.2.1107.5.9.1': 'CSA',
};
