/** Attributes of a performed procedure step, complete and no more. */

import { type Dataset, dataset } from '../../runtime/dicom/dataset/dataset.js';

const EMPTY = [
  'PatientBirthDate',
  'PatientSex',
  'ReferencedPatientSequence',
  'PerformedStationName',
  'PerformedLocation',
  'PerformedProcedureStepDescription',
  'PerformedProcedureTypeDescription',
  'ProcedureCodeSequence',
  'PerformedProcedureStepEndDate',
  'PerformedProcedureStepEndTime',
  'StudyID',
  'PerformedProtocolCodeSequence',
  'PerformedSeriesSequence',
];

/** For N-CREATE; of the demonstration's first worklist entry unless another study is given. */
export function stepInProgress(studyInstanceUid = '2.25.5'): Dataset {
  return dataset({
    ...Object.fromEntries(EMPTY.map((keyword) => [keyword, null])),
    PatientName: 'A^B',
    PatientID: 'P',
    PerformedProcedureStepID: 'PPS1',
    PerformedStationAETitle: 'PETRIG',
    PerformedProcedureStepStartDate: '20261123',
    PerformedProcedureStepStartTime: '120000',
    PerformedProcedureStepStatus: 'IN PROGRESS',
    Modality: 'PT',
    ScheduledStepAttributesSequence: dataset({
      StudyInstanceUID: studyInstanceUid,
      ReferencedStudySequence: null,
      AccessionNumber: 'A1',
      RequestedProcedureID: 'RP1',
      RequestedProcedureDescription: null,
      ScheduledProcedureStepID: 'SPS1',
      ScheduledProcedureStepDescription: null,
      ScheduledProtocolCodeSequence: null,
    }),
  });
}

/** For the N-SET that ends it. */
export function stepEnded(status: 'COMPLETED' | 'DISCONTINUED' = 'COMPLETED'): Dataset {
  return dataset({
    PerformedProcedureStepStatus: status,
    PerformedProcedureStepEndDate: '20261123',
    PerformedProcedureStepEndTime: '123000',
    PerformedSeriesSequence: dataset({
      PerformingPhysicianName: null,
      ProtocolName: 'wholebody',
      OperatorsName: null,
      SeriesInstanceUID: '2.25.6',
      SeriesDescription: null,
      RetrieveAETitle: null,
      ReferencedImageSequence: null,
      ReferencedNonImageCompositeSOPInstanceSequence: null,
    }),
  });
}
