/** A process of its own that writes to a store until it is killed; each committed transaction is told on stdout. */
import { systemClock } from '../../../src/clock.ts';
import { systemRandom } from '../../../src/ids.ts';
import { openStore } from '../../../src/store/index.ts';
import { digest, message } from './messages-of-tests.ts';

const [directory = '', count = '0'] = process.argv.slice(2);
const store = openStore({
  directory,
  storeKey: new Uint8Array(32).fill(7),
  clock: systemClock,
  random: systemRandom,
  create: true,
});
process.stdout.write(`open ${store.messages.count()}\n`);
const subject = 'comity.gr.customs.all.day.seizure';
for (let written = 0; written < Number(count); written += 1) {
  store.transaction(() => {
    for (let i = 0; i < 5; i += 1) {
      const sequence = (store.channels.head(subject)?.sequence ?? 0) + 1;
      const own = message({ facts: { direction: 'out', sequence, epoch: store.epoch } });
      store.channels.advance(subject, { sequence, digest: own.facts.digest, createdMs: sequence });
      store.outbox.append({
        stream: 'S',
        lane: 'day',
        subject,
        epoch: store.epoch,
        sequence,
        digest: own.facts.digest,
        messageIdHeader: 'x',
        deliverByMs: Number.MAX_SAFE_INTEGER,
        envelope: own.envelope,
      });
      store.messages.insert(own);
      const index = (store.auditRows.last()?.index ?? 0) + 1;
      store.auditRows.append({ index, record: digest(`${index}`), chain: digest(`c${index}`) });
    }
  });
  process.stdout.write(`committed ${store.messages.count()}\n`);
}
process.stdout.write('waiting\n');
setInterval(() => undefined, 1_000);
