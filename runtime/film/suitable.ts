import { ScannerError } from '../../hal/base/errors.js';
import type { CameraSettings } from './camera-settings.js';
import type { FilmOutline } from './film-job.js';

/** @throws ScannerError data.invalid when the camera does not print such a sheet, naming what it prints */
export function mustSuit(sheet: FilmOutline, { name, color, films, bits }: CameraSettings): void {
  const wrong = (message: string) => {
    throw new ScannerError('data.invalid', { what: `film for ${name}`, message });
  };
  if (sheet.color === 'color' && !color) wrong('colour; expected grey, which is all that the camera prints');
  const size = films.find((film) => film.size === sheet.filmSize);
  if (!size) wrong(`${sheet.filmSize}; expected one of ${films.map((film) => film.size).join(', ')}`);
  const deep = sheet.boxes.find(({ bitsStored }) => bitsStored > bits);
  if (deep) wrong(`${deep.bitsStored} bits; expected at most ${bits}`);
  if (sheet.boxes.length === 0) wrong('no image box; expected at least one');
}
