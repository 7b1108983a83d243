import type { PrintAttributes, PrintColor } from '../services/print-attributes.js';
import type { PrintImage } from '../services/print-image.js';

export type FilmOrientation = 'PORTRAIT' | 'LANDSCAPE';
export type Magnification = 'NONE' | 'REPLICATE' | 'BILINEAR' | 'CUBIC';
export type Density = 'BLACK' | 'WHITE';

/** The picture of one image box. */
export interface FilmImageBox extends PrintImage {
  /** Image Box Position: from 1 at the upper left, row by row. */
  position: number;
}

/** One sheet as it stands at a camera: film box and image boxes of Tables 38, 41 and 43. */
export interface Film {
  /** Grey films hold one sample a pixel, MONOCHROME2; colour films R, G, B of 8 bits. */
  color: PrintColor;
  /** Image Display Format: `STANDARD\C,R`, columns first. */
  displayFormat: string;
  /** Film Size ID, e.g. `14INX17IN`. */
  filmSize: string;
  orientation: FilmOrientation;
  magnification: Magnification;
  /** Around the image boxes. */
  borderDensity: Density;
  /** Of image boxes without an image; the statement's SCU does not send it. */
  emptyImageDensity: Density;
  /** Hundredths of optical density; absent: the printer's own. */
  minDensity?: number;
  maxDensity?: number;
  /** By position; positions without an image stay empty. */
  boxes: readonly FilmImageBox[];
}

/** What the N-CREATE of the film box says of it: Table 38, without what belongs to presentation LUTs. */
export function filmBoxAttributes(film: Film): PrintAttributes {
  return {
    ImageDisplayFormat: film.displayFormat,
    FilmOrientation: film.orientation,
    FilmSizeID: film.filmSize,
    MagnificationType: film.magnification,
    BorderDensity: film.borderDensity,
    MinDensity: film.minDensity,
    MaxDensity: film.maxDensity,
  };
}
