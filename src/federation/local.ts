/** A whole federation on one machine, made once and kept in a folder: for development, demonstration and tests. */
import { existsSync, readFileSync, writeFileSync } from 'node:fs';
import { resolve } from 'node:path';
import { stringify } from 'yaml';
import { z } from 'zod';
import type { AgencyPlanned } from '../config/index.ts';
import { ComityError } from '../errors.ts';
import { hubPlanOf } from '../gateway/index.ts';
import { silentLog } from '../log.ts';
import { type HubPlan, publicKeyOfSeed } from '../transport/index.ts';
import {
  type AuthorityKey,
  createMemoryVersions,
  createTrustBook,
  createTrustList,
  type ListChanges,
  nextTrustList,
  pinTrust,
  readAuthorityKey,
  signTrustList,
  type TrustBook,
  type TrustList,
  withState,
} from '../trust/index.ts';
import type { AgencyId } from '../types.ts';
import { type LocalFederationOptions, listLifeMs, makeWhole } from './make.ts';
import { rollStatement } from './make-agency.ts';
import { type AgencyPlaces, type Places, placesOf } from './places.ts';

export type LocalAgency = Readonly<{ planned: AgencyPlanned; places: AgencyPlaces }>;

export interface LocalFederation {
  readonly directory: string;
  readonly name: string;
  readonly environment: string;
  /** Lower-case hexadecimal. */
  readonly federationId: string;
  readonly places: Places;
  readonly agencies: readonly LocalAgency[];
  /** Throws RECIPIENT_UNKNOWN. */
  agency(agency: AgencyId): LocalAgency;
  list(): TrustList;
  listBytes(): Uint8Array;
  statementOf(agency: AgencyId): string;
  hubPlan(): HubPlan;
  /** Signs the next list by the threshold of authorities, and writes it. Publishing is the hub's: `publishTrust`. */
  signNextList(change: (list: TrustList) => Omit<ListChanges, 'issuedMs' | 'expiresMs'>): Uint8Array;
  /** The next list, in which the agency has the state from `fromMs` on. */
  changeState(agency: AgencyId, state: 'active' | 'suspended' | 'revoked', fromMs: number): Uint8Array;
  /** Draws keys for the weeks ahead and issues the statements that name them, where they are missing. */
  rollKeys(): void;
  /** Writes the agency's configuration for these addresses, and returns the file. */
  writeConfig(agency: AgencyId, o: Readonly<{ hubServer: string; httpPort: number }>): string;
}

const recordShape = z.strictObject({
  format: z.literal('comity-local-1'),
  name: z.string(),
  environment: z.string(),
  federationId: z.string(),
  threshold: z.int(),
  authorities: z.int(),
});

/** Opens the federation in the folder, or makes one by the plan where there is none. */
export async function createLocalFederation(o: LocalFederationOptions): Promise<LocalFederation> {
  const options = { ...o, directory: resolve(o.directory) };
  const places = placesOf(options.directory);
  if (!existsSync(places.recordFile)) await makeWhole(options, places);
  return new Local(options, places);
}

class Local implements LocalFederation {
  readonly directory: string;
  readonly name: string;
  readonly environment: string;
  readonly federationId: string;
  readonly places: Places;
  readonly agencies: readonly LocalAgency[];
  readonly #o: LocalFederationOptions;
  readonly #threshold: number;

  constructor(o: LocalFederationOptions, places: Places) {
    const record = recordShape.parse(JSON.parse(readFileSync(places.recordFile, 'utf8')));
    this.#o = o;
    this.#threshold = record.threshold;
    this.directory = places.folder;
    this.name = record.name;
    this.environment = record.environment;
    this.federationId = record.federationId;
    this.places = places;
    this.agencies = o.plan.agencies.map((planned) => ({ planned, places: places.agency(planned.agency) }));
    const stranger = this.agencies.find((one) => !existsSync(one.places.certificateFile));
    if (stranger !== undefined) {
      throw new ComityError(
        'CONFIG_INVALID',
        `\`${stranger.planned.agency}\` is not in the federation of \`${places.folder}\`: remove the folder to make it anew`,
      );
    }
    this.rollKeys();
  }

  agency(agency: AgencyId): LocalAgency {
    const found = this.agencies.find(({ planned }) => planned.agency === agency);
    if (found === undefined)
      throw new ComityError('RECIPIENT_UNKNOWN', `\`${agency}\` is not in this federation`);
    return found;
  }

  list(): TrustList {
    return this.#book().list();
  }

  listBytes(): Uint8Array {
    return Uint8Array.from(readFileSync(this.places.listFile));
  }

  statementOf(agency: AgencyId): string {
    return readFileSync(this.agency(agency).places.statementFile, 'utf8').trim();
  }

  hubPlan(): HubPlan {
    const book = this.#book();
    for (const { planned } of this.agencies) {
      book.applyStatement(planned.agency, this.statementOf(planned.agency));
    }
    return hubPlanOf(book, this.#o.clock.nowMs());
  }

  signNextList(change: (list: TrustList) => Omit<ListChanges, 'issuedMs' | 'expiresMs'>): Uint8Array {
    const issuedMs = this.#o.clock.nowMs();
    const list = this.list();
    const next = nextTrustList(list, { ...change(list), issuedMs, expiresMs: issuedMs + listLifeMs });
    const bytes = signTrustList(createTrustList(next), this.#signers());
    writeFileSync(this.places.listFile, bytes);
    return bytes;
  }

  changeState(agency: AgencyId, state: 'active' | 'suspended' | 'revoked', fromMs: number): Uint8Array {
    return this.signNextList((list) => ({ members: [withState(list, agency, { state, fromMs })] }));
  }

  rollKeys(): void {
    for (const { planned, places } of this.agencies) {
      const previous = existsSync(places.statementFile)
        ? { previous: readFileSync(places.statementFile, 'utf8').trim() }
        : {};
      rollStatement({
        planned,
        places,
        federationId: this.federationId,
        natsUserKey: publicKeyOfSeed(readFileSync(places.natsSeedFile, 'utf8').trim()),
        nowMs: this.#o.clock.nowMs(),
        random: this.#o.random,
        ...previous,
      });
    }
  }

  writeConfig(agency: AgencyId, o: Readonly<{ hubServer: string; httpPort: number }>): string {
    const { planned, places } = this.agency(agency);
    const content = {
      agency,
      environment: this.environment,
      trust: {
        federationId: this.federationId,
        rootFile: this.places.rootFile,
        listFile: this.places.listFile,
      },
      store: { directory: places.store, key: { file: places.storeKeyFile } },
      keys: { directory: places.keys },
      hub: { servers: [`nats://${o.hubServer}`], natsSeedFile: places.natsSeedFile },
      http: { host: '127.0.0.1', port: o.httpPort },
      officersFile: places.officersFile,
      policy: {
        federation: this.#o.plan.policy,
        ...(planned.policy === undefined ? {} : { agency: planned.policy }),
      },
      statementFile: places.statementFile,
      log: { level: 'info' },
    };
    writeFileSync(places.configFile, stringify(content));
    return places.configFile;
  }

  /** A fresh book on the files: this federation's own record, not a gateway's. */
  #book(): TrustBook {
    const versions = createMemoryVersions();
    const pinned = {
      firstRoot: Uint8Array.from(readFileSync(this.places.rootFile)),
      pinnedFederationId: this.federationId,
    };
    pinTrust({ ...pinned, versions });
    const book = createTrustBook({ ...pinned, versions, clock: this.#o.clock, log: silentLog });
    book.applyList(this.listBytes());
    return book;
  }

  #signers(): AuthorityKey[] {
    return Array.from({ length: this.#threshold }, (_, index) =>
      readAuthorityKey(readFileSync(this.places.authorityFile(index + 1), 'utf8')),
    );
  }
}
