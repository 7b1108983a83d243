/** Film cameras: 6.2.2 and 3.5.2.1.3 of the statement. */

import { z } from 'zod';
import { PRINT } from './dicom/services/print-attributes.js';
import { PRINTER_SETS } from './dicom/services/printer-status.js';

const MEDIA = ['BLUE FILM', 'CLEAR FILM', 'PAPER'] as const;
const DESTINATIONS = ['MAGAZINE', 'PROCESSOR'] as const;
const MAGNIFICATIONS = ['NONE', 'REPLICATE', 'BILINEAR', 'CUBIC'] as const;
const density = z.enum(['BLACK', 'WHITE']);

const filmSize = PRINT.filmBox.find(({ keyword }) => keyword === 'FilmSizeID')!.pattern!;
const pixels = z.number().int().min(1).max(65535).optional();

const film = z.strictObject({
  size: z
    .string()
    .regex(new RegExp(`^(?:${filmSize})$`))
    .meta({ form: 'a term of Film Size ID such as `14INX17IN`, `24CMX30CM` or `A4`', description: 'Sheet format.' }),
  columns: pixels.meta({ fallback: 'from the pixel size', description: 'Pixels across the sheet held upright.' }),
  rows: pixels.meta({ fallback: 'from the pixel size', description: 'Pixels down the sheet held upright.' }),
});

const candela = z.number().int().positive().max(65535);

/** What a node with the service `print` is told of itself. */
export const nodePrintSchema = z
  .strictObject({
    default: z.boolean().default(false).describe('Films go there when nobody says where; else to the first camera.'),
    color: z.boolean().default(false).describe('It takes colour films as well.'),
    bits: z
      .union([z.literal(8), z.literal(12)])
      .default(12)
      .describe('Depth of grey films.'),
    pixelSizeMicrometre: z
      .number()
      .min(10)
      .max(1000)
      .default(78)
      .meta({ unit: 'um', description: 'Size of its pixels.' }),
    films: z
      .array(film)
      .min(1)
      .default([{ size: '14INX17IN' }, { size: '11INX14IN' }, { size: '8INX10IN' }])
      .describe('Sheet formats that it has; the first is taken when nobody asks for another.'),
    minDensity: z
      .number()
      .int()
      .min(1)
      .max(49)
      .optional()
      .meta({ unit: '0.01 OD', fallback: 'the camera’s', description: 'Min Density.' }),
    maxDensity: z
      .number()
      .int()
      .min(1)
      .max(65535)
      .optional()
      .meta({ unit: '0.01 OD', fallback: 'the camera’s', description: 'Max Density.' }),
    borderDensity: density.default('BLACK').describe('Around the images.'),
    emptyImageDensity: density.default('BLACK').describe('Of places without an image.'),
    magnification: z.enum(MAGNIFICATIONS).default('CUBIC').describe('How images are enlarged.'),
    mediumType: z.enum(MEDIA).default('BLUE FILM').describe('Medium Type.'),
    filmDestination: z.enum(DESTINATIONS).default('PROCESSOR').describe('Film Destination.'),
    presentationLut: z
      .strictObject({
        illumination: candela.default(2000).meta({ unit: 'cd/m2', description: 'Of the light box.' }),
        reflectedAmbientLight: candela.default(10).meta({ unit: 'cd/m2', description: 'Of the room.' }),
      })
      .optional()
      .meta({ fallback: 'none is asked for', description: 'The identity presentation LUT, for cameras that take it.' }),
    vendors: z
      .array(z.enum(PRINTER_SETS))
      .default([])
      .describe('Whose statuses it sends besides the standard ones: Tables 52 to 56.'),
    maxJobs: z.number().int().min(1).max(1000).default(50).describe('Films that may wait in its queue.'),
    maxCopies: z.number().int().min(1).max(99).default(9).describe('Copies of a film.'),
    keepPrinted: z
      .number()
      .int()
      .min(0)
      .max(1000)
      .default(10)
      .describe('Printed films that are kept to be printed again.'),
  })
  .prefault({})
  .describe('How films are printed there: 6.2.2.');
