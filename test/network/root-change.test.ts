/** New federation authorities: the root that names them ends the old line of lists, and the next list follows at once. */
import { afterAll, beforeAll, test } from 'vitest';
import { publishTrust } from '../../src/transport/index.ts';
import {
  createAuthorityKey,
  createRoot,
  createTrustList,
  nextTrustList,
  signRoot,
  signTrustList,
} from '../../src/trust/index.ts';
import { exampleJson } from '../support/forge.ts';
import { type Network, officer, startNetwork } from '../support/network.ts';
import { seededRandom } from '../support/random.ts';

let network: Network;
beforeAll(async () => {
  network = await startNetwork();
});
afterAll(async () => {
  await network.stop();
});

test('a list that encloses the root of other authorities is applied, and messages go on', async () => {
  const { federation } = network;
  const police = network.node('it.police');
  const successors = [1, 2, 3].map((n) => createAuthorityKey(seededRandom(`successor ${n}`)));
  const signers = {
    threshold: 2,
    authorities: successors.map(({ jwk }, index) => ({ name: `Successor ${index + 1}`, jwk })),
  };
  const payload = createRoot({
    version: 2,
    name: 'Test federation',
    environment: federation.environment,
    issuedMs: federation.nowMs,
    root: signers,
    list: signers,
  });
  const root = signRoot(payload, [...federation.authorities, ...successors]);
  const { issuedMs, expiresMs } = federation.trustList;
  const list = signTrustList(
    createTrustList(nextTrustList(federation.trustList, { issuedMs, expiresMs })),
    successors,
    [root],
  );
  await publishTrust(network.hub.hub, list);
  await Promise.all(
    [...network.nodes.values()].map((node) =>
      node.until(() => node.trust.hasList() && node.trust.list().version === 2),
    ),
  );
  const sent = await network.node('gr.customs').gateway.submit(exampleJson('seizure-minimal'), officer);
  await police.event(({ message }) => message === sent.id);
});
