import { readTable } from '../../hal/base/table.js';

/** What a scan looks at, as protocols say it: statement Table 74. */
export const ORGANS = [
  'Head',
  'Neck',
  'Shoulder',
  'Thorax',
  'Abdomen',
  'Spine',
  'Pelvis',
  'Extremities',
  'Cardio',
  'Service',
  'n. a.',
] as const;
export type Organ = (typeof ORGANS)[number];

const { organs, unpaired }: { organs: Readonly<Record<Organ, string>>; unpaired: readonly string[] } = readTable(
  import.meta.url,
  '../dicom/tables/body-parts.json',
);

/** Body Part Examined (0018,0015) of a scan: what the operator would enter comes before what the organ says. */
export function bodyPartOf(plan: { bodyPart?: string }, range: { organ?: Organ } = {}): string {
  return plan.bodyPart ?? organs[range.organ ?? 'n. a.'];
}

/** True of a body part that there may be two of, one on each side. */
export function mayBePaired(bodyPart: string): boolean {
  return !unpaired.includes(bodyPart);
}
