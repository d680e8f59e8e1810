// SHA-256 of proto/descriptors.binpb, which describes every message of this release.
export const descriptorsSha256 = '0098ec650705afcedc297143bb7538f82845ebba1d9bc9819a3a85f12f72f067';
