"""Make a Chroma directory as its users have them, with whichever chromadb this Python has (0.4 to the newest).

    make_directory.py <directory> <delta.jsonl>

Three collections, one per space, and one more whose words must not come along with an import; all kinds of metadata,
records without document or metadata, upserts over records, updates and deletes. Beside it a delta for each of the three
to be compacted on top, in the product's own format. The same bytes of input every time.
"""

import json
import random
import sys

import chromadb
from chromadb.config import Settings

SPACES = ["l2", "cosine", "ip"]
DIMENSION = 8
# More than Chroma's sync threshold of 1,000, so that a part is in the index's files and a part in the log only.
RECORDS = 1_300
BATCH = 100
VERSION = tuple(int(part) for part in chromadb.__version__.split(".")[:2])

TEXTS = ["cat", "a dog", "", 'quote " and \\', "snowman \u2603", "emoji \U0001f40e", "line\nbreak", "5"]
INTEGERS = [0, 1, -1, 5, 4_000_000_000, 2**53 - 1, 2**53 + 1, -(2**53) - 1, 2**63 - 1, -(2**63)]
FLOATS = [5.0, 4.5, -0.0, 0.1, 1e300, -2.5e-300, 1e3, 1 / 3]


def create(client, name, space):
    if VERSION >= (1, 0):
        return client.create_collection(name, configuration={"hnsw": {"space": space}}, metadata={"made": "by python"})
    # Before 1.0 the distance was kept nowhere else.
    return client.create_collection(name, metadata={"hnsw:space": space, "made": "by python"})


def embedding(rng):
    return [rng.uniform(-2, 2) for _ in range(DIMENSION)]


def metadata(n):
    """None for some: a record may have no metadata at all."""
    if n % 11 == 0:
        return None
    made = {"n": n, "even": n % 2 == 0, "text": TEXTS[n % len(TEXTS)]}
    if n % 3 == 0:
        made["whole"] = INTEGERS[n // 3 % len(INTEGERS)]
    if n % 4 == 0:
        made["real"] = FLOATS[n // 4 % len(FLOATS)]
    # One key with values of every kind.
    if n % 5 == 0:
        made["mixed"] = [5, 5.0, "5", True][n // 5 % 4]
    return made


def document(n):
    return None if n % 7 == 0 else f"document {n}: {TEXTS[n % len(TEXTS)]} number{n % 10}"


def send(call, numbers, rng, prefix="r"):
    """In calls that have documents and metadata for all of their records, or for none: older clients take no others."""
    shapes = {}
    for n in numbers:
        shapes.setdefault((document(n) is None, metadata(n) is None), []).append((n, embedding(rng)))
    for (bare, plain), rows in sorted(shapes.items()):
        for at in range(0, len(rows), BATCH):
            part = rows[at : at + BATCH]
            columns = dict(ids=[f"{prefix}{n}" for n, _ in part], embeddings=[vector for _, vector in part])
            if not bare:
                columns["documents"] = [document(n) for n, _ in part]
            if not plain:
                columns["metadatas"] = [metadata(n) for n, _ in part]
            call(**columns)


def fill(collection, seed):
    rng = random.Random(seed)
    send(collection.add, range(RECORDS), rng)
    # Over records that are there (with other words, since 40 is no multiple of anything above), and new ones.
    for n in range(40, 80):
        collection.upsert(ids=[f"r{n}"], embeddings=[embedding(rng)], metadatas=[{"n": -n, "again": 0.5}], documents=[f"upserted {n}"])
    collection.update(ids=[f"r{n}" for n in range(100, 130)], metadatas=[{"n": n + 0.5} for n in range(100, 130)])
    collection.update(ids=["r131"], embeddings=[embedding(rng)])
    collection.update(ids=["r132"], embeddings=[embedding(rng)], documents=["a text of its own"])
    collection.delete(ids=[f"r{n}" for n in range(200, 400)])
    collection.delete(where={"text": "a dog"})
    # An id that was deleted comes back.
    collection.add(ids=["r200"], embeddings=[embedding(rng)], metadatas=[{"n": 200, "back": True}], documents=["r200 is back"])


def fill_newest(collection):
    """What only newer versions take; whoever does not is left without."""
    try:
        collection.upsert(ids=["lists"], embeddings=[[0.5] * DIMENSION], metadatas=[{"tags": ["a", "b"], "scores": [5.0, 0.5], "counts": [1, 2]}])
    except Exception as error:  # Each version refuses in its own way.
        print(f"no lists in metadata: {type(error).__name__}", file=sys.stderr)


def operations(seed):
    rng = random.Random(seed)
    for n in range(2_000, 2_040):
        yield {"op": "upsert", "id": f"d{n}", "embedding": embedding(rng), "metadata": metadata(n) or {}, "document": document(n) or "d"}
    # Patches of what the directory brings: a key changes its kind, goes, comes.
    yield {"op": "upsert", "id": "r1", "embedding": embedding(rng), "metadata": {"n": 1.0, "text": None, "new": "\u2603"}}
    yield {"op": "update", "id": "r2", "metadata": {"real": 5.0, "whole": 2**53 + 1}}
    yield {"op": "update", "id": "r3", "document": "another text of r3"}
    yield {"op": "update", "id": "r4", "embedding": embedding(rng)}
    for n in [5, 6, 50, 110, 1_299]:
        yield {"op": "delete", "id": f"r{n}"}


def main(directory, delta):
    client = chromadb.PersistentClient(directory, settings=Settings(anonymized_telemetry=False))
    for seed, space in enumerate(SPACES):
        collection = create(client, f"{space}-pets", space)
        fill(collection, seed)
        fill_newest(collection)
    others = create(client, "secret-others", "l2")
    others.add(
        ids=[f"secret-id-{n}" for n in range(50)],
        embeddings=[[float(n)] * 3 for n in range(50)],
        documents=[f"secret-document zyxwvut {n}" for n in range(50)],
        metadatas=[{"secret-key": f"secret-value {n}"} for n in range(50)],
    )
    gone = create(client, "secret-gone", "l2")
    gone.add(ids=["secret-gone-id"], embeddings=[[1.0, 2.0]], documents=["secret-gone-document zyxwvut"])
    client.delete_collection("secret-gone")
    with open(delta, "w", encoding="utf8") as lines:
        for operation in operations(99):
            lines.write(json.dumps({key: value for key, value in operation.items() if value != {}}) + "\n")
    print(json.dumps({"version": chromadb.__version__}))


main(*sys.argv[1:])
