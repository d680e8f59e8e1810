"""Verifies and opens an envelope by the recipe of docs/wire.md, sharing no code with the gateway.

usage: verify_envelope.py KEYS.json CASE.json

KEYS.json and CASE.json are of the form of test/vectors/v1/keys.json and .../valid/*.json.
Needs python3-cryptography; where python3-jwcrypto is installed too, every JOSE object is read by both.
Prints what it found as JSON; exits with 1 and a sentence if anything does not hold.
"""

import base64
import hashlib
import hmac
import json
import struct
import sys

from cryptography.exceptions import InvalidSignature, InvalidTag
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec, utils
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from cryptography.hazmat.primitives.kdf.hkdf import HKDF
from cryptography.hazmat.primitives.keywrap import InvalidUnwrap, aes_key_unwrap

try:
    from jwcrypto import jwe as jw_jwe, jwk as jw_jwk, jws as jw_jws
except ImportError:
    jw_jws = None


class Refused(Exception):
    pass


def require(holds, what):
    if not holds:
        raise Refused(what)


def sha256(*parts):
    return hashlib.sha256(b"".join(parts)).digest()


def b64u(data):
    return base64.urlsafe_b64encode(data).rstrip(b"=").decode()


def b64u_decode(text):
    return base64.urlsafe_b64decode(text + "=" * (-len(text) % 4))


# --- protobuf, as much as is needed ---------------------------------------------------------------------

def varint(data, at):
    value = shift = 0
    while True:
        require(at < len(data), "a number is cut")
        byte = data[at]
        at += 1
        value |= (byte & 0x7F) << shift
        shift += 7
        if byte < 0x80:
            return value, at


def fields(data):
    """[(number, value)]: bytes for wire type 2, a number for wire type 0."""
    at, found = 0, []
    while at < len(data):
        tag, at = varint(data, at)
        value, at = varint(data, at)
        if tag & 7 == 2:
            require(at + value <= len(data), "a field is cut")
            value, at = data[at:at + value], at + value
        else:
            require(tag & 7 == 0, "an unexpected wire type")
        found.append((tag >> 3, value))
    return found


def one(message, number, default=b""):
    return dict(message).get(number, default)


def every(message, number):
    return [value for field, value in message if field == number]


# --- keys -------------------------------------------------------------------------------------------------

def public_key(jwk):
    x, y = (int.from_bytes(b64u_decode(jwk[name]), "big") for name in ("x", "y"))
    return ec.EllipticCurvePublicNumbers(x, y, ec.SECP256R1()).public_key()


def private_key(jwk):
    return ec.derive_private_key(int.from_bytes(b64u_decode(jwk["d"]), "big"), ec.SECP256R1())


def thumbprint(jwk):
    canonical = '{"crv":"P-256","kty":"EC","x":"%s","y":"%s"}' % (jwk["x"], jwk["y"])
    return b64u(sha256(canonical.encode()))


def key_id(key):
    return sha256(b"comity/audience/1", key)


def pairwise_key(keys):
    sender, recipient = keys["sender"]["sealing"], keys["recipient"]["sealing"]
    secret = private_key(recipient["jwk"]).exchange(ec.ECDH(), public_key(sender["jwk"]))
    kids = thumbprint(sender["jwk"]), thumbprint(recipient["jwk"])
    info = "comity/pair/1\n%s\n%s\n%s\n" % (keys["federationId"], *kids)
    return HKDF(hashes.SHA256(), 32, b"", info.encode()).derive(secret)


# --- JOSE -------------------------------------------------------------------------------------------------

def verify_jws(jwk, protected, text, signature):
    signing_input = b64u(protected).encode() + b"." + text
    r, s = (int.from_bytes(half, "big") for half in (signature[:32], signature[32:]))
    try:
        der = utils.encode_dss_signature(r, s)
        public_key(jwk).verify(der, signing_input, ec.ECDSA(hashes.SHA256()))
    except InvalidSignature:
        raise Refused("the signature does not verify")
    if jw_jws is None:
        return
    # jwcrypto has no detached payload: it is given the text as the payload of a flattened JSON.
    flattened = {"protected": b64u(protected), "payload": text.decode(), "signature": b64u(signature)}
    public = {name: jwk[name] for name in ("kty", "crv", "x", "y")}
    token = jw_jws.JWS()
    try:
        token.deserialize(json.dumps(flattened), jw_jwk.JWK(**public))
    except jw_jws.InvalidJWSSignature:
        raise Refused("the signature does not verify with jwcrypto")


def open_jwe(part, key, aad):
    protected, encrypted_key, iv, ciphertext, tag = (one(part, n) for n in range(2, 7))
    header = json.loads(protected)
    require((header["alg"], header["enc"]) == ("A256KW", "A256GCM"), "the part names another algorithm")
    require(key_id(key) == one(part, 1), "the part names another key")
    try:
        content_key = aes_key_unwrap(key, encrypted_key)
        additional = (b64u(protected) + "." + b64u(aad)).encode()
        plaintext = AESGCM(content_key).decrypt(iv, ciphertext + tag, additional)
    except (InvalidUnwrap, InvalidTag):
        raise Refused("a sealed part does not open")
    if jw_jws is not None:
        names = ("protected", "encrypted_key", "iv", "ciphertext", "tag", "aad")
        values = (protected, encrypted_key, iv, ciphertext, tag, aad)
        flattened = {name: b64u(value) for name, value in zip(names, values)}
        token = jw_jwe.JWE(algs=["A256KW", "A256GCM"])
        token.deserialize(json.dumps(flattened), jw_jwk.JWK(kty="oct", k=b64u(key)))
        require(token.payload == plaintext, "jwcrypto opens a sealed part to something else")
    return plaintext


# --- the recipe -------------------------------------------------------------------------------------------

def root_from_path(leaf, index, size, path):
    node, last, digest = index, size - 1, leaf
    for sibling in path:
        require(last != 0, "the path is too long")
        if node & 1 or node == last:
            digest = sha256(b"\x01", sibling, digest)
            while not node & 1 and node:
                node, last = node >> 1, last >> 1
        else:
            digest = sha256(b"\x01", digest, sibling)
        node, last = node >> 1, last >> 1
    require(last == 0, "the path is too short")
    return digest


def verify(envelope, keys, delivered_on):
    header_bytes = one(envelope, 1)
    header, proof = fields(header_bytes), fields(one(envelope, 2))
    text, index, path = one(proof, 1), one(proof, 2, 0), every(proof, 3)
    require(one(header, 2) == bytes.fromhex(keys["federationId"]), "another federation")
    require(one(header, 3).decode() == keys["environment"], "another environment")
    require(one(header, 4).decode() == delivered_on, "another subject")
    sender = ".".join(delivered_on.split(".")[1:3])
    require(sender == keys["sender"]["agency"], "another sender")

    digest = sha256(b"\x00", header_bytes)
    first, size, root, end = text.decode().split("\n")
    require(first == "comity/1/%s/batch" % sender and end == "", "the signed text is none")
    require(index < int(size) <= 256, "the index is outside the batch")
    reached = root_from_path(digest, index, int(size), path)
    require(base64.b64encode(reached).decode() == root, "the path leads elsewhere")

    signatures = every(envelope, 3)
    require(len(signatures) == 1, "there is not exactly one signature")
    protected, signature = (one(fields(signatures[0]), n) for n in (1, 2))
    signing = keys["sender"]["signing"]
    kid = thumbprint(signing["jwk"])
    expected = '{"alg":"ES256","b64":false,"crit":["b64"],"kid":"%s","typ":"comity-batch+jws"}' % kid
    require(protected == expected.encode(), "the protected header is another")
    require(signing["notBeforeMs"] <= one(header, 9, 0) < signing["notAfterMs"], "the key was not in force")
    verify_jws(signing["jwk"], protected, text, signature)
    return header, digest


def additional_data(header):
    commitments = [fields(commitment) for commitment in every(header, 16)]
    listed = b"".join(struct.pack(">I", one(c, 1, 0)) + one(c, 2) for c in commitments)
    return sha256(b"comity/seal/1", one(header, 2), one(header, 4), one(header, 5), listed)


def audience_key(keys, pairwise):
    """The audience key, from the AudienceKey message that announced it."""
    announced = keys["audience"]
    body = fields(base64.b64decode(announced["body"]))
    identity = one(body, 1)
    tag = hmac.new(pairwise, identity, hashlib.sha256).digest()[:16]
    wraps = [fields(wrap) for wrap in every(body, 4)]
    mine = [one(wrap, 2) for wrap in wraps if one(wrap, 1) == tag]
    require(len(mine) == 1, "the audience key is not wrapped for this recipient")
    key = aes_key_unwrap(pairwise, mine[0])
    require(key_id(key) == identity, "the audience key is another than was announced")
    federation, subject = bytes.fromhex(keys["federationId"]), announced["subject"].encode()
    inner = sha256(b"comity/seal/1", federation, subject, bytes.fromhex(announced["messageId"]))
    members = every(fields(open_jwe(fields(one(body, 5)), key, inner)), 1)
    require([name.decode() for name in members] == announced["members"], "other members")
    return key


def unframe(plaintext):
    require(len(plaintext) // 1024 in (1, 4, 16, 64, 256, 320), "no bucket")
    at, found = 0, []
    while len(plaintext) - at >= 8:
        number, length = struct.unpack_from(">II", plaintext, at)
        if number == 0:
            break
        found.append((number, plaintext[at + 8:at + 8 + length]))
        at += 8 + length
    require(not any(plaintext[at:]), "the padding is not zero")
    return found


def section(salted, commitments, number=None):
    digest, field = sha256(salted), salted[32:]
    if number is None:
        number = varint(field, 0)[0] >> 3 if field else commitments_by_digest(commitments)[digest]
    require(commitments.get(number) == digest, "a section is not the one that was committed to")
    require(not field or varint(field, 0)[0] == number << 3 | 2, "a section is of another field")
    return number, {"salt": salted[:32].hex(), "bytes": field.hex()}


def commitments_by_digest(commitments):
    return {digest: number for number, digest in commitments.items()}


def open_sections(envelope, header, keys):
    pairwise = pairwise_key(keys)
    known = [pairwise, audience_key(keys, pairwise)]
    by_id = {key_id(key): key for key in known}
    commitments = {one(fields(c), 1): one(fields(c), 2) for c in every(header, 16)}
    references = [one(fields(reference), 2) for reference in every(header, 17)]
    parts = every(envelope, 5)
    require([sha256(part) for part in parts] == references, "a part is not the one that was signed for")
    found = dict(section(salted, commitments) for salted in every(envelope, 4))
    for part in map(fields, parts):
        plaintext = open_jwe(part, by_id[one(part, 1)], additional_data(header))
        for number, salted in unframe(plaintext):
            if salted:
                found.update([section(salted, commitments, number)])
    return found


def main(keys_path, case_path):
    with open(keys_path) as file:
        keys = json.load(file)
    with open(case_path) as file:
        case = json.load(file)
    envelope = fields(base64.b64decode(case["envelope"]))
    header, digest = verify(envelope, keys, case["deliveredOn"])
    found = open_sections(envelope, header, keys)
    named = {str(number): found[number] for number in sorted(found)}
    print(json.dumps({"digest": digest.hex(), "sections": named, "jwcrypto": jw_jws is not None}))


if __name__ == "__main__":
    try:
        main(*sys.argv[1:])
    except (Refused, ValueError, KeyError) as error:
        sys.exit("refused: %s" % error)
