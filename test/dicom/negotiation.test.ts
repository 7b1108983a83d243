import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { DEFAULT_IMPLEMENTATION } from '../../runtime/dicom/implementation.js';
import { DicomServer, verificationService } from '../../runtime/dicom/services/server.js';
import { UIDS } from '../../runtime/dicom/uids.js';
import { type AcceptPolicy, answerAssociation, servedContexts } from '../../runtime/dicom/upper-layer/accept.js';
import { decodeAssociateAc, decodeAssociateRq } from '../../runtime/dicom/upper-layer/associate-decode.js';
import { type AssociateRq, encodePdu } from '../../runtime/dicom/upper-layer/pdu.js';
import { requestAssociation } from '../../runtime/dicom/upper-layer/request.js';
import { CT_IMAGE, clock, EXPLICIT, localNode, log, scu } from '../helpers/dicom.js';
import { associateRq, RawPeer, VERIFICATION } from '../helpers/raw-peer.js';

const test = suite('negotiation');
const IMPLICIT = '1.2.840.10008.1.2';

const policy: AcceptPolicy = {
  mayUse: (sopClass) => sopClass !== '1.2.4',
  transferSyntaxesFor: (sopClass) => (sopClass === '1.2.3' ? undefined : [EXPLICIT, IMPLICIT]),
  peerMayBeScp: (sopClass) => sopClass === UIDS.storageCommitment,
  implementation: DEFAULT_IMPLEMENTATION,
  maxPduLength: 28672,
};

test('our best syntax wins whatever order it is proposed in; unknown classes and syntaxes get their own result', () => {
  const rq = associateRq({ 1: VERIFICATION, 3: '1.2.3', 5: VERIFICATION });
  const contexts = rq.contexts.map((context) => ({
    ...context,
    transferSyntaxes: context.id === 5 ? ['1.2.840.10008.1.2.4.90'] : [IMPLICIT, EXPLICIT],
  }));
  const answer = answerAssociation({ ...rq, contexts }, policy);
  assert.equal(
    answer.contexts.map(({ id, result, transferSyntax }) => [id, result, result === 0 ? transferSyntax : '']),
    [
      [1, 0, EXPLICIT],
      [3, 3, ''],
      [5, 4, ''],
    ],
  );
});

test('roles are granted where the service allows them, and the window is one operation', () => {
  const rq = associateRq({ 1: UIDS.storageCommitment, 3: CT_IMAGE });
  const roles = [UIDS.storageCommitment, CT_IMAGE].map((sopClassUid) => ({ sopClassUid, scu: true, scp: true }));
  const user = { ...rq.user, roles, asyncWindow: { invoked: 0, performed: 10 } };
  const answer = answerAssociation({ ...rq, user }, policy);
  assert.equal(
    answer.user.roles.map(({ scu, scp }) => [scu, scp]),
    [
      [true, true],
      [true, false],
    ],
  );
  assert.equal(answer.user.asyncWindow, { invoked: 1, performed: 1 });
  assert.equal(
    servedContexts(rq, answer).map(({ weAreScp, weAreScu }) => [weAreScp, weAreScu]),
    [
      [true, true],
      [true, false],
    ],
  );
  assert.is(answerAssociation(rq, policy).user.asyncWindow, undefined);
});

test('a class that the peer may not use is refused as such, and contexts above 127 as well', () => {
  const results = (contexts: AssociateRq['contexts']) =>
    answerAssociation({ ...associateRq({}), contexts }, policy).contexts.map(({ result }) => result);
  const context = (id: number, abstractSyntax: string) => ({ id, abstractSyntax, transferSyntaxes: [IMPLICIT] });
  assert.equal(results([context(1, '1.2.4'), context(3, CT_IMAGE)]), [1, 0]);
  const many = results(Array.from({ length: 128 }, (_, i) => context(2 * i + 1, i === 5 ? '1.2.3' : CT_IMAGE)));
  assert.equal([many[5], many[126], many[127]], [3, 0, 0]);
  const all = results(Array.from({ length: 128 }, (_, i) => context(2 * i + 1, CT_IMAGE)));
  assert.equal([all.filter((result) => result === 0).length, all[127]], [127, 2]);
});

test('association PDUs read as they were written', () => {
  const rq = associateRq({ 1: VERIFICATION, 3: CT_IMAGE });
  const user = {
    maxPduLength: 0,
    implementationClassUid: '1.2.3',
    implementationVersionName: 'NAME',
    roles: [{ sopClassUid: CT_IMAGE, scu: false, scp: true }],
    asyncWindow: { invoked: 3, performed: 4 },
  };
  const full = { ...rq, user };
  assert.equal(decodeAssociateRq(encodePdu(full).subarray(6)), full);
  const answer = answerAssociation(full, policy);
  assert.equal(decodeAssociateAc(encodePdu(answer).subarray(6)), answer);
});

test('both ends know who they talk to, and idle peers are let go', async () => {
  const implementation = { classUid: '1.2.826.0.1.1', versionName: 'BENCH' };
  const services = [verificationService()];
  const server = new DicomServer({
    port: 0,
    clock,
    log,
    services,
    implementation,
    timeouts: { idleMs: 300, closingMs: 300 },
  });
  const port = await server.listen();
  const proposal = { abstractSyntax: VERIFICATION, transferSyntaxes: [IMPLICIT] };
  const association = await requestAssociation(scu(localNode(port)), [proposal]);
  assert.equal(
    [association.info.implementationClassUid, association.info.implementationVersionName],
    ['1.2.826.0.1.1', 'BENCH'],
  );
  assert.is(association.sendLimit, 28672);
  await association.release();
  const silent = await RawPeer.connect(port);
  silent.send(associateRq({ 1: VERIFICATION }));
  assert.equal(await silent.typesToEnd(), [2, 7]);
  await server.close();
});

test.run();
