/** Nothing that the hub stored says anything of what agencies told each other. */
import { randomInt } from 'node:crypto';
import { same } from './sealing.ts';
import { bytesUnder, formsFound, formsOf } from './search-bytes.ts';
import { type Act, customs, type Draft, example, former, heritage, police, type Stage } from './story.ts';
import { seen } from './waiting.ts';

const othersSent = ['seizure-minimal', 'object', 'red-flag', 'shipment'];

export const canaries: Act = {
  name: 'canaries',
  summary: 'no word of any section is in any byte that the hub stored',
  async play(stage, { check }) {
    const words = new Map<string, string>();
    const draft = draftOfWords((section) => {
      const word = randomWord();
      words.set(section, word);
      return word;
    });
    const sent = await stage.desk(customs).send(draft);
    const { id: seizure } = await stage.seizure();
    const others = await Promise.all(
      othersSent.map((name) => stage.desk(customs).send({ ...example(name), to: 'all', lane: 'day' })),
    );
    const desk = stage.desk(police);
    for (const { id } of [...others, { id: seizure }])
      await seen(
        () => desk.message(id),
        () => true,
      );
    const view = await seen(
      () => desk.message(sent.id),
      () => true,
    );
    const shown = view.sections
      .filter(({ name, content }) => JSON.stringify(content ?? '').includes(words.get(name) ?? '\0'))
      .map(({ name }) => name);
    check(
      same(shown, [...words.keys()]) && shown.length === view.sections.length,
      `control: ${police} reads a word of its own in each of ${shown.length} sections of ${sent.reference}`,
    );

    const planted = await plant(stage);
    const { files, bytes } = bytesUnder(stage.running.federation.places.hub);
    const size = `${(bytes.length / 2 ** 20).toFixed(1)} MiB in ${files} files`;
    const forms = formsFound(bytes, planted);
    check(
      forms.length === Object.keys(formsOf(planted)).length,
      `control: a word planted at the hub is found in ${forms.length} forms of ${Object.keys(formsOf(planted)).length} (${size})`,
    );
    const rawId = Buffer.from(sent.id.replaceAll('-', ''), 'hex');
    check(
      bytes.includes(rawId),
      `control: the hub stores the envelope of ${sent.reference}, by its message id`,
    );

    const leaked = [...words].filter(([, word]) => formsFound(bytes, word).length > 0);
    check(
      leaked.length === 0,
      `of ${words.size} words, one a section, the hub stores ${leaked.length}${leaked.map(([name]) => ` ${name}`).join()}`,
    );
    const texts = textsOf([example('seizure'), ...othersSent.map(example)]);
    const found = texts.filter((text) => formsFound(bytes, text).length > 0);
    check(
      found.length === 0,
      `of ${texts.length} texts of the examples, the hub stores ${found.length}${found.map((text) => ` “${text}”`).join()}`,
    );
  },
};

const letters = 'abcdefghijklmnopqrstuvwxyz';

function randomWord(): string {
  return Array.from({ length: 20 }, () => letters[randomInt(letters.length)]).join('');
}

/** A seizure with every section, each with a word of its own. */
function draftOfWords(word: (section: string) => string): Draft {
  const { cover, payload, ...rest } = example('seizure');
  const given = payload as Readonly<Record<string, object>>;
  const text = (section: string) => ({ text: word(section), language: 'en' });
  const person = (section: string, category: string) => ({
    persons: [{ category, names: [{ asWritten: word(section), kind: 'NAME_KIND_LEGAL' }] }],
  });
  return {
    ...rest,
    cover: { ...cover, ownCase: word('cover') },
    payload: {
      situation: { ...given['situation'], office: word('situation') },
      goods: { items: [{ group: 'GOODS_GROUP_CULTURAL_GOODS', description: text('goods') }] },
      route: { legs: [{ role: 'LEG_ROLE_ORIGIN', place: { country: 'LY', name: word('route') } }] },
      conveyance: {
        conveyances: [{ mode: 'TRANSPORT_MODE_MARITIME', vessel: { name: word('conveyance') } }],
      },
      concealment: { description: text('concealment') },
      persons: person('persons', 'PERSON_CATEGORY_SUSPECT'),
      victims: person('victims', 'PERSON_CATEGORY_VICTIM'),
      sources: { sources: [{ pseudonym: word('sources'), kind: 'SOURCE_KIND_HUMAN' }] },
      narrative: { summary: text('narrative') },
      media: { items: [{ digest: Buffer.alloc(32, 7).toString('base64'), caption: text('media') }] },
      outcome: { outcomes: [{ kind: 'OUTCOME_KIND_OTHER', text: text('outcome') }] },
    },
  };
}

/** With HUB's own credentials, where a gateway will refuse it. */
async function plant({ hub }: Stage): Promise<string> {
  const word = randomWord();
  const bytes = Buffer.concat(Object.values(formsOf(word)));
  await hub.hub.hub.jetstream.publish(`comity.${former}.to.${heritage}.bulk.red-flag`, bytes);
  return word;
}

/** What people wrote: no codes, names of enumerated values, or time zones, which every statement says in clear. */
function textsOf(drafts: readonly Draft[]): string[] {
  const found = new Set<string>();
  const walk = (value: unknown): void => {
    if (
      typeof value === 'string' &&
      value.length >= 12 &&
      /\p{L}[\p{L} ,]+\p{L}/u.test(value) &&
      !/^[A-Z_]+$|^Europe\/\w+$/.test(value)
    ) {
      found.add(value);
    } else if (typeof value === 'object' && value !== null) Object.values(value).forEach(walk);
  };
  for (const { cover, payload } of drafts) walk([cover, payload]);
  return [...found];
}
