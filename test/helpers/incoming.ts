import { type Dataset, dataset, setElement } from '../../runtime/dicom/dataset/dataset.js';
import { makeUid } from '../../runtime/dicom/dataset/uid.js';
import { CT_IMAGE } from './dicom.js';

/** A CT image with registered and unknown private elements, at the top and in an item. */
export function ctObject(sopClassUid = CT_IMAGE): Dataset {
  const ds = dataset({
    SOPClassUID: sopClassUid,
    SOPInstanceUID: makeUid(),
    StudyInstanceUID: '2.25.7',
    SeriesInstanceUID: '2.25.8',
    PatientID: 'P1',
    Modality: 'CT',
    InstanceNumber: '1',
    PatientName: 'In^Coming',
  });
  setElement(ds, '00290010', 'LO', ['SIEMENS CSA HEADER']);
  setElement(ds, '00291008', 'CS', ['IMAGE NUM 4']);
  setElement(ds, '00291077', 'LO', ['not registered']);
  setElement(ds, '00310010', 'LO', ['NOBODY']);
  setElement(ds, '00311001', 'LO', ['secret']);
  setElement(ds, 'PixelData', 'OW', [Buffer.alloc(100_000, 7)]);
  return ds;
}

export function withPrivateItem(ds: Dataset): Dataset {
  const inner = dataset({ CodeValue: 'DEEP' });
  setElement(inner, '00290010', 'LO', ['SIEMENS CSA HEADER']);
  setElement(inner, '00291008', 'CS', ['NESTED']);
  const item = dataset({ ReferencedSOPInstanceUID: '1.2.3', PurposeOfReferenceCodeSequence: inner });
  setElement(item, '00310010', 'LO', ['NOBODY']);
  setElement(ds, 'ReferencedImageSequence', 'SQ', [item]);
  return ds;
}
