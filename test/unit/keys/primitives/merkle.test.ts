import * as fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { fromHex, hex } from '../../../../src/bytes.ts';
import { leafDigest, merklePath, merkleRoot, merkleTree, rootFromPath } from '../../../../src/keys/index.ts';

// The leaves and roots of the tests that Certificate Transparency logs share (RFC 6962).
const leaves = [
  '',
  '00',
  '10',
  '2021',
  '3031',
  '40414243',
  '5051525354555657',
  '606162636465666768696a6b6c6d6e6f',
].map((text) => leafDigest(fromHex(text)));
const roots = [
  '6e340b9cffb37a989ca544e6bb780a2c78901d3fb33738768511a30617afa01d',
  'fac54203e7cc696cf0dfcb42c92a1d9dbaf70ad9e621f4bd8d98662f00e3c125',
  'aeb6bcfe274b70a14fb067a5e5578264db0fa9b51af5e0ba159158f329e06e77',
  'd37ee418976dd95753c1c73862b9398fa2a2cf9b4ff0fdfe8b30cd95209614b7',
  '4e3bbb1f7b478dcfe71fb631631519a3bca12c9aefca1612bfce4c13a86264d4',
  '76e67dadbcdf1e10e1b74ddc608abd2f98dfb16fbce75277b5232a127f2087ef',
  'ddb89be403809e325750d3d263cd78929c2942b7942a34b77e122c9594a74c8c',
  '5dc9da79a70659a9ad559cb701ded9a2ab9d823aad2f4960cfe370eff4604328',
];

describe('merkleRoot', () => {
  it.each(roots.map((root, i) => ({ size: i + 1, root })))('of $size leaves', ({ size, root }) => {
    expect(hex(merkleRoot(leaves.slice(0, size)))).toBe(root);
  });

  it('of no leaves is SHA-256 of nothing', () => {
    expect(hex(merkleRoot([]))).toBe('e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855');
    expect(() => merkleTree([])).toThrow(TypeError);
  });

  it('tells a leaf from a node', () => {
    const [a, b] = leaves as [Uint8Array, Uint8Array];
    expect(hex(merkleRoot([leafDigest(Buffer.concat([a, b]))]))).not.toBe(hex(merkleRoot([a, b])));
  });
});

describe('rootFromPath', () => {
  const many = Array.from({ length: 256 }, (_, i) => leafDigest(Uint8Array.of(i)));

  it('leads every leaf of every size up to 64 and of 256 to the root', () => {
    for (const size of [...Array.from({ length: 64 }, (_, i) => i + 1), 256]) {
      const tree = merkleTree(many.slice(0, size));
      for (let index = 0; index < size; index += 1) {
        const reached = rootFromPath({ leaf: many[index]!, index, size, path: tree.path(index) });
        expect(reached && hex(reached)).toBe(hex(tree.root));
      }
    }
  });

  it('refuses every path length but the right one', () => {
    fc.assert(
      fc.property(fc.integer({ min: 1, max: 256 }), fc.nat(255), fc.nat(9), (size, at, length) => {
        const index = at % size;
        const right = merklePath(many.slice(0, size), index);
        const path = Array.from({ length }, (_, i) => right[i] ?? many[i]!);
        const reached = rootFromPath({ leaf: many[index]!, index, size, path });
        expect(reached !== undefined).toBe(length === right.length);
      }),
    );
  });

  it.each([
    { index: -1, size: 3 },
    { index: 3, size: 3 },
    { index: 0, size: 0 },
    { index: 0.5, size: 3 },
    { index: Number.NaN, size: 3 },
    { index: 0, size: Number.POSITIVE_INFINITY },
  ])('refuses index $index of $size', ({ index, size }) => {
    expect(rootFromPath({ leaf: many[0]!, index, size, path: [] })).toBeUndefined();
  });

  it('leads another leaf or index elsewhere', () => {
    const path = merklePath(many.slice(0, 5), 2);
    const root = hex(merkleRoot(many.slice(0, 5)));
    expect(hex(rootFromPath({ leaf: many[3]!, index: 2, size: 5, path })!)).not.toBe(root);
    expect(hex(rootFromPath({ leaf: many[2]!, index: 3, size: 5, path })!)).not.toBe(root);
  });

  it('throws for a path of a leaf that is not there', () => {
    expect(() => merklePath(many.slice(0, 3), 3)).toThrow(TypeError);
  });
});
