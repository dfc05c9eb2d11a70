"""Checks an audit log with nothing but the Python standard library: the recipe of main/audit/record.ts."""
import hashlib
import json
import sys

prev, seq = "0" * 64, 0
for name in sorted(sys.argv[1:]):
    for line in open(name, "rb"):
        body, tail = line[:-76], line[-76:]
        record = json.loads(line)
        digest = hashlib.sha256(body).hexdigest()
        assert tail == b',"hash":"%s"}\n' % digest.encode(), (name, seq + 1, "hash")
        assert (record["prev"], record["seq"]) == (prev, seq + 1), (name, seq + 1, "chain")
        prev, seq = digest, record["seq"]
print(seq, prev)
