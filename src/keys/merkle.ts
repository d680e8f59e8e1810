/** Merkle trees as RFC 6962 §2.1 hashes them; leaves are given as their digests (see leafDigest). */
import { sha256 } from './digest.ts';

const nodePrefix = Uint8Array.of(1);

/** A tree whose nodes were hashed once, for signing many leaves together. */
export type MerkleTree = Readonly<{
  root: Uint8Array;
  /** The inclusion path of a leaf, leaf side first (RFC 9162 §2.1.3.1). */
  path(index: number): Uint8Array[];
}>;

/** Throws TypeError for no leaves: an empty tree proves nothing, and its root has a rule of its own. */
export function merkleTree(leaves: readonly Uint8Array[]): MerkleTree {
  if (leaves.length === 0) throw new TypeError('a tree needs a leaf');
  const levels: (readonly Uint8Array[])[] = [leaves];
  for (let level = leaves; level.length > 1; levels.push(level)) level = parents(level);
  return {
    root: at(levels.at(-1) ?? [], 0),
    path(index) {
      if (!Number.isInteger(index) || index < 0 || index >= leaves.length) {
        throw new TypeError('index outside the tree');
      }
      return pathThrough(levels, index);
    },
  };
}

/** The root; SHA-256 of nothing for no leaves. */
export function merkleRoot(leaves: readonly Uint8Array[]): Uint8Array {
  return leaves.length === 0 ? sha256() : merkleTree(leaves).root;
}

export function merklePath(leaves: readonly Uint8Array[], index: number): Uint8Array[] {
  return merkleTree(leaves).path(index);
}

/**
 * The root that a path leads to, by RFC 9162 §2.1.3.2. Undefined where the path is not of exactly the
 * length that this index in a tree of this size has, or the index is outside the tree.
 */
export function rootFromPath(
  o: Readonly<{ leaf: Uint8Array; index: number; size: number; path: readonly Uint8Array[] }>,
): Uint8Array | undefined {
  if (!Number.isSafeInteger(o.index) || !Number.isSafeInteger(o.size)) return undefined;
  if (o.index < 0 || o.index >= o.size) return undefined;
  let node = o.index;
  let last = o.size - 1;
  let digest = o.leaf;
  for (const sibling of o.path) {
    if (last === 0) return undefined;
    if (node % 2 === 1 || node === last) {
      digest = sha256(nodePrefix, sibling, digest);
      // A node without a right sibling is carried up unhashed.
      while (node % 2 === 0 && node !== 0) {
        node /= 2;
        last = Math.floor(last / 2);
      }
    } else {
      digest = sha256(nodePrefix, digest, sibling);
    }
    node = Math.floor(node / 2);
    last = Math.floor(last / 2);
  }
  return last === 0 ? digest : undefined;
}

function parents(level: readonly Uint8Array[]): Uint8Array[] {
  const above: Uint8Array[] = [];
  for (let i = 0; i < level.length; i += 2) {
    const right = level[i + 1];
    above.push(right === undefined ? at(level, i) : sha256(nodePrefix, at(level, i), right));
  }
  return above;
}

function pathThrough(levels: readonly (readonly Uint8Array[])[], index: number): Uint8Array[] {
  const path: Uint8Array[] = [];
  let node = index;
  for (const level of levels) {
    const sibling = level[node % 2 === 0 ? node + 1 : node - 1];
    if (sibling !== undefined) path.push(sibling);
    node = Math.floor(node / 2);
  }
  return path;
}

function at(level: readonly Uint8Array[], index: number): Uint8Array {
  const node = level[index];
  if (node === undefined) throw new TypeError('index outside the tree');
  return node;
}
