#!/usr/bin/env python3
"""Checks exports of Tenure's journal without Tenure: docs/journal.md describes the format.

Prints a line for each export. Ends with 2 if one of them does not hold, and with 1 if a file cannot be read. Needs Python 3.8 and nothing else.
"""
import argparse
import hashlib
import json
import sys


class Broken(Exception):
    """Where an export does not hold: the number of the first entry, and why."""


def parts(line, seq):
    """Reads number, hash of the entry before, and hash of a line."""
    try:
        entry = json.loads(line.decode("utf-8"))
        found, prev, digest = entry["seq"], entry["prev"], entry["hash"]
    except (ValueError, KeyError, TypeError, RecursionError):
        raise Broken(seq, "what stands in its place is no entry") from None
    if type(found) is not int or type(prev) is not str or type(digest) is not str:
        raise Broken(seq, "what stands in its place is no entry")
    return found, prev, digest


def sealed(line, digest, seq):
    """Takes the hash out of a line; the rest are the bytes that the hash is over."""
    member = b'"hash":"' + digest.encode("utf-8", "surrogatepass") + b'",'
    if line.count(member) != 1:
        raise Broken(seq, "it is not as it was sealed")
    return line.replace(member, b"")


def verify(lines, anchors):
    """Checks an export line by line and returns how many entries it has."""
    count, head, ended, document = 0, "0" * 64, False, False
    for line in lines:
        if count == 0 and line == b'{"entries":[\n':
            document = True
            continue
        if document:
            line = line.replace(b'],"end"', b'{"end"', 1) if line.startswith(b'],"end"') else line.replace(b"},\n", b"}\n")
        seq = count + 1
        if ended:
            raise Broken(seq, "something stands behind the end")
        if not line.endswith(b"\n"):
            raise Broken(seq, "the journal is cut off before it")
        line = line[:-1]
        if line == json.dumps({"end": {"entries": count, "head": head}}, separators=(",", ":")).encode():
            ended = True
            continue
        found, prev, digest = parts(line, seq)
        if found != seq:
            raise Broken(seq, f"entry {found} stands in its place")
        if prev != head:
            raise Broken(seq, "it was sealed on another entry than the one before it")
        if hashlib.sha256(sealed(line, digest, seq)).hexdigest() != digest:
            raise Broken(seq, "it is not as it was sealed")
        if anchors.get(seq, digest) != digest:
            raise Broken(seq, "it is not the one that was anchored")
        count, head = seq, digest
    if not ended or max(anchors, default=0) > count:
        raise Broken(count + 1, "the journal is cut off before it")
    return count


def read_anchors(path):
    """Reads the anchors: number of an entry and its hash."""
    if path is None:
        return {}
    try:
        with open(path, "rb") as file:
            return {int(anchor["seq"]): anchor["hash"] for anchor in map(json.loads, filter(bytes.strip, file))}
    except (ValueError, KeyError, TypeError, RecursionError):
        sys.exit(f"{path}: a line of it is no anchor")


def main():
    parser = argparse.ArgumentParser(description="Checks exports of Tenure's journal.")
    parser.add_argument("exports", nargs="+", metavar="EXPORT")
    parser.add_argument("--anchors", metavar="FILE")
    arguments = parser.parse_args()
    anchors, code = read_anchors(arguments.anchors), 0
    for path in arguments.exports:
        try:
            with open(path, "rb") as file:
                print(f"{path}: {verify(file, anchors)} entries, the chain is whole")
        except Broken as broken:
            code = 2
            print(f"{path}: broken at entry {broken.args[0]}: {broken.args[1]}")
    return code


if __name__ == "__main__":
    try:
        sys.exit(main())
    except OSError as error:
        sys.exit(f"{error.filename}: cannot be read: {error.strerror}")
