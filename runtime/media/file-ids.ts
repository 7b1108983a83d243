/** Names of files on a disc: eight characters a component, as ISO 9660 level 1 and PS3.10 8.2 have them. */

/** Which folders an object stands in: equal keys, equal folders. */
export interface Place {
  patient: string;
  study: string;
  series: string;
}

const DIGITS = 6;
const PREFIXES = ['PA', 'ST', 'SE'] as const;

/** Hands out file IDs: DICOM/PA000001/ST000001/SE000001/IM000001. */
export class FileIds {
  readonly #base: string;
  readonly #folders = new Map<string, string[]>();
  readonly #last = new Map<string, number>();

  /**
   * @param inRoot names of files in the root of the disc that is updated
   * @param inBase names in its folder DICOM: what comes is put beside them, never among them
   */
  constructor(inRoot: readonly string[] = [], inBase: readonly string[] = []) {
    const files = new Set(inRoot.map((name) => name.toUpperCase()));
    this.#base = ['DICOM', 'DICOM1', 'DICOM2'].find((name) => !files.has(name)) ?? 'PETRIG';
    const numbers = inBase.map((name) => Number(/^PA(\d{6})$/i.exec(name)?.[1] ?? 0));
    this.#last.set(
      `${this.#base}/PA`,
      numbers.reduce((most, number) => Math.max(most, number), 0),
    );
  }

  next({ patient, study, series }: Place): string[] {
    let folder = [this.#base];
    let key = '';
    for (const [i, part] of [patient, study, series].entries()) {
      key = JSON.stringify([key, part]);
      const known = this.#folders.get(key) ?? [...folder, this.#number(folder, PREFIXES[i]!)];
      this.#folders.set(key, known);
      folder = known;
    }
    return [...folder, this.#number(folder, 'IM')];
  }

  #number(folder: readonly string[], prefix: string): string {
    const key = `${folder.join('/')}/${prefix}`;
    const number = (this.#last.get(key) ?? 0) + 1;
    this.#last.set(key, number);
    return prefix + String(number).padStart(DIGITS, '0');
  }
}
