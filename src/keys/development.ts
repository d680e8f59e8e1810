/** The door to the development PKI, which is loaded at the first call: a gateway never loads `node-forge`. */
type DevelopmentPki = typeof import('./development-pki.ts');

export function loadDevelopmentPki(): Promise<DevelopmentPki> {
  return import('./development-pki.ts');
}

export const issueRoot: DevelopmentPki['issueRoot'] = async (o) => (await loadDevelopmentPki()).issueRoot(o);

export const issueJurisdictionCa: DevelopmentPki['issueJurisdictionCa'] = async (o) =>
  (await loadDevelopmentPki()).issueJurisdictionCa(o);

export const issueAgencyCertificate: DevelopmentPki['issueAgencyCertificate'] = async (o) =>
  (await loadDevelopmentPki()).issueAgencyCertificate(o);

export const issueServerCertificate: DevelopmentPki['issueServerCertificate'] = async (o) =>
  (await loadDevelopmentPki()).issueServerCertificate(o);

export const issueHubTls: DevelopmentPki['issueHubTls'] = async (o) =>
  (await loadDevelopmentPki()).issueHubTls(o);

/** As `exportPkcs12` of the development PKI, once that is loaded. */
export const exportPkcs12 = async (o: Parameters<DevelopmentPki['exportPkcs12']>[0]): Promise<Uint8Array> =>
  (await loadDevelopmentPki()).exportPkcs12(o);
