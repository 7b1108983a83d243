import { type Dataset, dataset, setElement } from '../../runtime/dicom/dataset/dataset.js';
import { CT_IMAGE } from './dicom.js';

/** A dataset with values of every kind: text with code extensions, nested items, and numbers that show their byte order. */
export function everyVr(): Dataset {
  const ds = dataset({
    SpecificCharacterSet: ['', 'ISO 2022 IR 87'],
    SOPClassUID: CT_IMAGE,
    SOPInstanceUID: '2.25.44',
    PatientName: '山田^太郎',
    Rows: 258,
    ReferencedSamplePositions: [1, 4_000_000_000],
    FrameReferenceTime: 1500.25,
    TableTopVerticalPosition: -1.25,
    FrameIncrementPointer: '00540010',
    PixelSpacing: ['2', '2.0000'],
    EnergyWindowInformationSequence: dataset({
      EnergyWindowRangeSequence: [dataset({ EnergyWindowLowerLimit: 435 }), dataset({})],
    }),
  });
  setElement(ds, '00280107', 'SS', [-2]);
  setElement(ds, '00720083', 'UV', [2n ** 63n + 5n]);
  setElement(ds, '00720074', 'FD', [0.1]);
  setElement(ds, '00660016', 'OF', [Uint8Array.of(1, 2, 3, 4, 5, 6, 7, 8)]);
  return setElement(ds, 'PixelData', 'OW', [Uint8Array.of(1, 2, 3, 4)]);
}
