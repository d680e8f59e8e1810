// SHA-256 of proto/descriptors.binpb, which describes every message of this release.
export const descriptorsSha256 = '8c51c73444950852ba405e0f713de7c0a5e8431669562c7e6cf4d12e8f176978';
