import type { Density, Magnification } from '../dicom/film/film.js';
import type { PrinterSets } from '../dicom/services/printer-status.js';
import type { Node } from '../dicom/services/session.js';

/** A sheet format that a camera has, and how many pixels of it the camera prints; from the pixel size where it says nothing. */
export interface CameraFilm {
  /** Film Size ID (2010,0050). */
  size: string;
  columns?: number;
  rows?: number;
}

/** A camera as the configuration describes it: 6.2.2 and 3.5.2.1.3 of the statement. */
export interface CameraSettings {
  name: string;
  node: Node;
  /** Takes the colour meta class. */
  color: boolean;
  /** Of grey films. */
  bits: 8 | 12;
  pixelSizeMicrometre: number;
  films: readonly CameraFilm[];
  /** Hundredths of optical density. */
  minDensity?: number;
  maxDensity?: number;
  borderDensity: Density;
  emptyImageDensity: Density;
  magnification: Magnification;
  mediumType: string;
  filmDestination: string;
  presentationLut?: { illumination: number; reflectedAmbientLight: number };
  /** Vendors' sets of statuses besides the standard's. */
  vendors: PrinterSets;
  /** Films in its queue. */
  maxJobs: number;
  maxCopies: number;
  /** Printed films that are kept to be printed again. */
  keepPrinted: number;
}
